"""Hidden states of a few tokens at every depth, and nothing else of a forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["states_at"]


def states_at(model: Any, ids: NDArray[np.int32], positions: list[int]) -> NDArray[np.float32]:
    """States of chosen positions, float32 (n_layers + 1, len(positions), width); in the worker's thread.

    What comes after the last of them is not read, because a causal model's state cannot depend on it.

    Args:
        model: a ``transformers`` causal LM.
        ids: int32 (n,), the text.
        positions: which tokens, each below n.
    """
    device = model.get_input_embeddings().weight.device
    rows = torch.from_numpy(ids[: max(positions) + 1].astype(np.int64)).to(device).unsqueeze(0)
    out = model(input_ids=rows, use_cache=False, output_hidden_states=True, logits_to_keep=1)
    kept = torch.stack([state[0, positions].float() for state in out.hidden_states])
    result: NDArray[np.float32] = kept.cpu().numpy()
    return result
