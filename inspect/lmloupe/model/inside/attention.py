"""Attention weights of one block, and a pass that takes those of all blocks.

The fast attention kernels never form the weights; transformers' eager attention does. The pass that is asked for them
runs eagerly, and the model then goes on with what it had. One worker owns the model, so no other pass is in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotAvailableError, NotFiniteError
from lmloupe.model.inside.results import AttentionWeights
from lmloupe.model.passes.parts import path_of
from lmloupe.model.passes.worker import is_out_of_memory

__all__ = ["attention_pass", "numbers_of", "weights_of_block"]

Take = Callable[[int, nn.Module, torch.Tensor], None]
"""Is given a block's number, its attention and its weights, (n_heads, n, n), as they are computed."""

_ROUNDING = 1e-2
"""More than rows in 16 bits are off from a sum of 1."""


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    """Every module reads in its config, in each pass, which kernel to take."""
    configs = list({id(c): c for m in model.modules() if (c := getattr(m, "config", None)) is not None}.values())
    before = [config._attn_implementation for config in configs if hasattr(config, "_attn_implementation")]
    model.config._attn_implementation = "eager"  # and so in the configs of its parts
    try:
        yield
    finally:
        for config, name in zip(configs, before, strict=True):
            config._attn_implementation = name


def weights_of_block(
    model: Any, blocks: nn.ModuleList | None, input_ids: NDArray[np.int32], layer: int
) -> AttentionWeights:
    """Weights of one block, (n_heads, n, n), and its sink's; no others are kept. Run in the worker's thread.

    Args:
        model: a ``transformers`` causal LM.
        blocks: its blocks, from `lmloupe.model.passes.blocks.find_blocks`.
        input_ids: int32 (n,), the text.
        layer: which block, from 0.

    Raises:
        NotAvailableError: the block has no attention, or none that hands out its weights.
        NotFiniteError: the weights are not numbers.
    """
    found: list[tuple[nn.Module, torch.Tensor]] = []

    def keep(number: int, module: nn.Module, weights: torch.Tensor) -> None:
        if number == layer:
            found.append((module, weights))

    with_weights = attention_pass(model, blocks, input_ids, keep)
    if not found:
        raise NotAvailableError(_why_none(model, blocks, layer, with_weights))
    return numbers_of(model, input_ids, layer, *found[0], with_weights)


def numbers_of(
    model: Any, input_ids: NDArray[np.int32], layer: int, module: nn.Module, tensor: torch.Tensor, layers: list[int]
) -> AttentionWeights:
    """A block's weights as NumPy arrays, with its sink's.

    Raises:
        NotFiniteError: they are not numbers.
    """
    weights: NDArray[np.float32] = tensor.float().cpu().numpy()
    if not np.isfinite(weights).all():
        raise NotFiniteError(
            f"The attention weights of block {layer + 1} are not numbers, as after a broken quantization: "
            "nothing is shown of them. Choose another quantization or another model."
        )
    path = path_of(model, module)
    return AttentionWeights(input_ids, layer, weights, _sink(module, weights), path, tuple(layers))


def attention_pass(model: Any, blocks: nn.ModuleList | None, input_ids: NDArray[np.int32], take: Take) -> list[int]:
    """Run a text with eager attention, hand each block's weights to ``take``, and say which blocks have some.

    The first attention of a block counts. Run in the worker's thread.

    Raises:
        NotAvailableError: transformers has no such pass for this model.
    """
    kind = type(model).__name__
    if blocks is None:
        raise NotAvailableError(f"{kind} has no list of blocks that LM Loupe can find: attention is not available.")
    device = model.get_input_embeddings().weight.device
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    try:
        with _eager(model):
            return _pass(model, blocks, rows, take) or _pass(model, blocks, rows, take, output_attentions=True)
    except (RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise NotAvailableError(
            f"transformers cannot run {kind} with the attention that gives its weights ({str(error).splitlines()[0]}): "
            "attention is not available for this model."
        ) from error


def _pass(model: Any, blocks: nn.ModuleList, rows: torch.Tensor, take: Take, **options: Any) -> list[int]:
    """A pass: every block's weights are handed on, and which blocks have some."""
    with_weights: set[int] = set()
    n = rows.shape[1]

    def keep(number: int, module: nn.Module, output: Any) -> None:
        for item in output[1:] if isinstance(output, tuple | list) else ():
            if isinstance(item, torch.Tensor) and item.is_floating_point() and item.ndim == 4:
                weights = item[:1] if item.shape[2:] == (n, n) else item.permute(2, 3, 0, 1)[:1]  # XLNet's (n, n, 1, h)
                if weights.shape[2:] == (n, n) and number not in with_weights:
                    with_weights.add(number)
                    take(number, module, weights[0])

    handles = []
    for number, block in enumerate(blocks):
        for name, module in list(block.named_modules())[1:]:
            label = f"{name} {type(module).__name__}".lower()
            if "attn" in label or "attention" in label:
                handles.append(module.register_forward_hook(lambda m, _, out, i=number: keep(i, m, out)))
    try:
        model(input_ids=rows, use_cache=False, logits_to_keep=1, **options)
    finally:
        for handle in handles:
            handle.remove()
    return sorted(with_weights)


def _sink(attention: nn.Module, weights: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """What each row lacks, where the attention has one more logit in its softmax that stands for no token."""
    if not any("sink" in name for name, _ in attention.named_parameters()):
        return None
    lacking = np.clip(1 - weights.sum(-1), 0, 1)
    # Granite SWA applies its sink after the weights that it hands out.
    return lacking if lacking.max() > _ROUNDING else None


def _why_none(model: Any, blocks: nn.ModuleList | None, layer: int, with_weights: list[int]) -> str:
    kind, blocks = type(model).__name__, blocks or nn.ModuleList()
    children = [
        type(module).__name__
        for name, module in blocks[layer].named_children()
        if "norm" not in name and not name.startswith("ln") and any(True for _ in module.parameters())
    ]
    what = f"Block {layer + 1} of {kind} ({', '.join(children)})"
    if not with_weights:
        return f"{what} gives no attention weights, and no other block does: attention is not available for this model."
    others = ", ".join(str(number + 1) for number in with_weights[:20])
    more = ", and more" if len(with_weights) > 20 else ""
    return f"{what} has no attention from token to token, so there are no weights. Blocks that have: {others}{more}."
