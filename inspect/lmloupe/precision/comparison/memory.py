"""Give the memory of a model back when it is let go, so that the next one finds it."""

from __future__ import annotations

import ctypes
import gc
import sys

import torch

__all__ = ["let_go"]


def let_go() -> None:
    """Free what nobody refers to any more, and give it back to the system.

    Modules of a model refer to each other in circles, so that it stays until Python looks for such. The numbers of a
    model that was quantized while it was loaded come from the heap, which glibc keeps for later: five loads of a model
    of 538 MB, one after another, then take 1.1 GB.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)
