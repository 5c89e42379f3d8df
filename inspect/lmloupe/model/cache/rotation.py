"""Which dimensions of a key are turned together by its position, and how far: asked of the model's own functions."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["is_rotated", "key_rotation"]


def is_rotated(model: Any, layer: int | None = None) -> bool:
    """Whether the model turns keys by their positions; of one layer, where some layers do not (SmolLM3)."""
    rotary = any("rotary" in type(module).__name__.lower() for module in model.modules())
    turned = getattr(model.config.get_text_config(), "no_rope_layers", None)  # 1 where a layer turns them
    if layer is None or not isinstance(turned, list) or layer >= len(turned):
        return rotary
    return rotary and bool(turned[layer])


def key_rotation(model: Any, layer: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """For each dimension of a key the one that it is turned with, and by how many radians from token to token.

    The pairs are what the model's own ``rotate_half`` does to the numbers 1, 2, 3 ...: halves of the key in Llama and
    most others, neighbours in some. The angles are the rotary module's ``inv_freq``, as the last pass left them.

    Returns:
        int32 (width,), -1 for a dimension that is not turned, and float32 (width,). Empty where that cannot be asked:
        no rotation, or other angles for some layers.
    """
    nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    halves = getattr(sys.modules[type(model).__module__], "rotate_half", None)
    found = [
        module.inv_freq
        for module in model.modules()
        if "rotary" in type(module).__name__.lower() and isinstance(getattr(module, "inv_freq", None), torch.Tensor)
    ]
    if halves is None or not found or not is_rotated(model, layer):
        return nothing
    angles = found[0].float().cpu().numpy()
    n = 2 * len(angles)
    if n > width or any(not torch.equal(one.cpu(), found[0].cpu()) for one in found[1:]):
        return nothing
    swapped = halves(torch.arange(1, n + 1, dtype=torch.float32)[None])[0].numpy()
    pair_of = np.full(width, -1, np.int32)
    pair_of[:n] = np.abs(swapped).astype(np.int32) - 1
    first = np.minimum(np.arange(n), pair_of[:n])
    radians = np.zeros(width, np.float32)
    radians[:n] = angles[np.unique(first, return_inverse=True)[1]]
    return pair_of, radians
