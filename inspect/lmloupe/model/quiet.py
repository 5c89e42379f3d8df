"""The library prints nothing: bars and remarks of transformers and bitsandbytes are held back while they load."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transformers.utils.logging

__all__ = ["one_at_a_time", "quiet_transformers", "without_remarks"]

hf_logging: Any = transformers.utils.logging

one_at_a_time = threading.RLock()
"""Held while transformers builds a model, with its numbers or without: it changes its own classes meanwhile (a model
that is built beside another's load had its output matrix counted apart from the input matrix that it is)."""

_lock = threading.Lock()
_loads = 0
_level: int = logging.WARNING
_hook_before: Any = None


def _no_bar(_factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return hf_logging.EmptyTqdm(*args, **kwargs)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no remarks below errors inside the block; afterwards all is as it was.

    What matters in those remarks (missing tensors) reaches people as an error. Threads may be inside at once:
    the first that enters switches off, the last that leaves restores.
    """
    global _loads, _level, _hook_before
    with _lock:
        if _loads == 0:
            _level = hf_logging.get_verbosity()
            hf_logging.set_verbosity_error()
            _hook_before = hf_logging.set_tqdm_hook(_no_bar)
        _loads += 1
    try:
        yield
    finally:
        with _lock:
            _loads -= 1
            if _loads == 0:
                hf_logging.set_verbosity(_level)
                hf_logging.set_tqdm_hook(_hook_before)


def _keep(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("MatMul8bitLt: inputs will be cast")


def without_remarks() -> None:
    """Hold back two remarks of bitsandbytes: int8 on float32 activations casts them at every product, as it must; and
    a matrix whose rows are no whole number of blocks is multiplied by a slower kernel on CUDA.
    """
    warnings.filterwarnings("ignore", r"inner dimension \(\d+\) is not aligned for fast kernel", UserWarning)
    # `addFilter` keeps one copy of the same function however often it is called.
    logging.getLogger("bitsandbytes.autograd._functions").addFilter(_keep)
