"""Attention weights of one layer.

The fast attention kernels never form the weights; transformers' eager attention does. The pass that is asked for them
runs eagerly, and the model then goes on with what it had. One worker owns the model, so no other pass is in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotAvailableError, NotFiniteError
from lmloupe.model_parts import ModelParts, sublayers

__all__ = ["attention_weights"]


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    before = model.config._attn_implementation
    if before == "eager":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        if model.config._attn_implementation != "eager":
            raise NotAvailableError(
                f"{type(model).__name__} cannot be run with eager attention, and its other kernels give no weights: "
                "attention is not available for it."
            )
        yield
    finally:
        model.set_attn_implementation(before)


def attention_weights(model: Any, parts: ModelParts, input_ids: NDArray[np.int32], layer: int) -> NDArray[np.float32]:
    """Weights of one layer, float32 (n_heads, n, n); only that layer's are kept. Run in the worker's thread.

    Raises:
        NotAvailableError: the model has no eager attention, or no weights come out of it.
        NotFiniteError: the weights are no numbers.
    """
    found: list[torch.Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        if isinstance(output, tuple):
            n = len(input_ids)
            found.extend(item[0] for item in output[1:] if isinstance(item, torch.Tensor) and item.shape[2:] == (n, n))

    device = model.get_input_embeddings().weight.device
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    attention, _ = sublayers(parts.layers[layer], layer)
    handle = attention.register_forward_hook(keep)
    try:
        with _eager(model):
            model(input_ids=rows, use_cache=False, logits_to_keep=1)
    finally:
        handle.remove()
    if not found:
        raise NotAvailableError(
            f"The attention of layer {layer} ({type(attention).__name__}) hands out no weights: "
            "attention is not available for this model."
        )
    weights: NDArray[np.float32] = found[0].float().cpu().numpy()
    if not np.isfinite(weights).all():
        raise NotFiniteError(
            f"The attention weights of layer {layer} are not numbers, as after a broken quantization: "
            "nothing is shown of them. Choose another quantization or another model."
        )
    return weights
