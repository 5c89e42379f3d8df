"""Give the memory of a model back when it is let go, so that the next one finds it."""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from typing import Any

import torch

__all__ = ["let_go"]


def let_go(model: weakref.ref[Any] | None) -> None:
    """Give a model's memory back to the system, once nobody refers to it.

    The numbers of a model that was quantized while it was loaded come from the heap, which glibc keeps for later: five
    loads of a model of 538 MB, one after another, then take 1.1 GB.

    Args:
        model: what was used last; None for none.
    """
    if model is not None and model() is not None:
        gc.collect()  # its parts may refer to each other in circles; it may be somebody else's too
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)
