"""The blocks of a causal LM, and what each of them wrote for a token.

The blocks are the outermost list of as many modules as the config says that a text goes through. What they write is
read by hooks, and not from transformers' ``hidden_states``: those begin after the first block in state-space models,
hold the last block's output twice there, and are of several shapes in models that project before and after the blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.config_sizes import layer_count, setting

__all__ = ["base_of", "block_states", "find_blocks", "layer_input", "rows_of", "why_no_state", "written_by"]

_OTHER_SENSES = ("vision", "image", "visual", "audio", "speech")


def find_blocks(model: Any) -> nn.ModuleList | None:
    """The blocks that a text goes through, in order; None where there is no such list."""
    config = model.config.get_text_config()
    lists = [
        (path, module)
        for path, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) and not any(sense in path for sense in _OTHER_SENSES)
    ]
    # A list inside a block (experts) may happen to have the same length; the outermost comes first.
    # LongCat counts two layers in each of its blocks.
    for size in (layer_count(config), setting(config, "num_layers")):
        for _, module in lists:
            if len(module) == size:
                return module
    return None


def base_of(model: Any, blocks: nn.ModuleList | None) -> Any:
    """The model without its output matrix; None where that is not a module of its own."""
    if model.base_model is not model:
        return model.base_model
    # Llama 4 names its base otherwise than its class says.
    return next((child for child in model.children() if any(module is blocks for module in child.modules())), None)


def layer_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """The residual stream among what a block or a norm was called with."""
    value: torch.Tensor = args[0] if args else kwargs["hidden_states"]
    return value


def written_by(output: Any) -> torch.Tensor:
    """The residual stream among what a block gave back."""
    value: torch.Tensor = output if isinstance(output, torch.Tensor) else output[0]
    return value


def rows_of(stream: torch.Tensor) -> torch.Tensor:
    """The stream of a pass over one text, (n, width), of (1, n, width), or of (n, 1, width) as XLNet keeps it."""
    return stream[0] if len(stream) == 1 else stream[:, 0]


def block_states(
    model: Any, blocks: nn.ModuleList | None, ids: NDArray[np.int32], positions: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """What the first block reads, what each block writes, and after the last the final norm; in the worker's thread.

    Args:
        model: a ``transformers`` causal LM.
        blocks: its blocks, from `find_blocks`.
        ids: int32 (n,), the text.
        positions: which tokens; None for all.

    Returns:
        float32 (n_layers + 1, len(positions), width). The last row is transformers' last hidden state, normed in most
        models; where that has another width than the blocks (OPT-350M), it is what the last block wrote.

    Raises:
        NotAvailableError: the model has no single stream between its blocks.
    """
    kind = type(model).__name__
    if blocks is None:
        raise NotAvailableError(
            f"{kind} has no list of blocks that LM Loupe can find, so the states between them are not available: "
            "next token and generation are."
        )
    config = model.config.get_text_config()
    n, width, lane = len(ids), config.hidden_size, setting(config, "altup_active_idx")
    chosen = slice(None) if positions is None else torch.tensor(positions)
    rows: dict[int, torch.Tensor] = {}
    calls: Counter[int] = Counter()
    odd: list[torch.Tensor] = []

    def keep(depth: int, stream: torch.Tensor) -> None:
        calls[depth] += 1
        one = stream[lane] if lane is not None and stream.ndim == 4 else stream
        if one.shape in ((1, n, width), (n, 1, width)):
            rows[depth] = rows_of(one)[chosen].float().cpu()
        else:
            odd.append(one)

    handles = [blocks[0].register_forward_pre_hook(lambda _, a, k: keep(0, layer_input(a, k)), with_kwargs=True)]
    for i, block in enumerate(blocks):
        handles.append(block.register_forward_hook(lambda _, __, output, i=i: keep(i + 1, written_by(output))))
    device = model.get_input_embeddings().weight.device
    base = base_of(model, blocks) or model
    try:
        output = base(input_ids=torch.from_numpy(ids.astype(np.int64)).to(device).unsqueeze(0), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    if odd:
        raise NotAvailableError(f"{kind} {why_no_state(odd[0], n, width)}: its hidden states are not available.")
    depths = len(blocks) + 1
    if any(calls[depth] != 1 for depth in range(depths)):
        raise NotAvailableError(
            f"{kind} does not go through its {len(blocks)} blocks once each, one after another, so the states between "
            "them are not available: next token and generation are."
        )
    last = written_by(output)
    if base is not model and last.shape == (1, n, width):
        rows[depths - 1] = last[0, chosen].float().cpu()
    result: NDArray[np.float32] = torch.stack([rows[depth] for depth in range(depths)]).numpy()
    return result


def why_no_state(stream: torch.Tensor, n: int, width: int) -> str:
    """Why what passes between two blocks is not one vector a token, as the end of a sentence about the model."""
    shape = tuple(stream.shape)
    lanes = shape[-1] // width
    if stream.ndim == 4:
        lanes = shape[2] if shape[0] == 1 else shape[0]
    if lanes > 1:
        why = f"keeps {lanes} streams side by side between its blocks, which every block mixes anew"
    elif n not in shape:
        why = f"reads {n} tokens at {max(shape[:-1])} places"
    else:
        why = f"passes something of shape {shape} between its blocks"
    return f"{why}, so no single vector is a token's state"
