"""Time one model's passes: reading a prompt, then one token at a time, each a step of the model's own thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.nn.modules import Linear4bit
from numpy.typing import NDArray

from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.residual import pieces_of

__all__ = ["Timing", "dequantizing", "passes"]

T = TypeVar("T")
Timing: TypeAlias = tuple[Literal["prefill", "decode", "dequantize"], float]
"""What was done, and the seconds that it took."""


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """Do it, and the seconds until the device had done it too: by events on CUDA, by this machine's clock elsewhere."""
    if device.type == "cuda":
        event: Any = torch.cuda.Event
        began, ended = event(enable_timing=True), event(enable_timing=True)
        torch.cuda.synchronize(device)
        began.record()
        found = work()
        ended.record()
        ended.synchronize()
        return found, float(began.elapsed_time(ended)) / 1000
    _finish(device)
    start = time.perf_counter()
    found = work()
    _finish(device)
    return found, time.perf_counter() - start


def _finish(device: torch.device) -> None:
    if device.type == "mps":
        torch.mps.synchronize()


def passes(loaded: LoadedModel, ids: NDArray[np.int32], prompt_tokens: int) -> Iterator[Timing | None]:
    """Read the first ``prompt_tokens`` ids at once and each further one by itself, from the cache.

    The tokens are given and not chosen, so that every precision does the same work. To be run by the worker: each pass
    is a step, others come in between, and their time is not counted. None after a piece of a long prompt.
    """
    device = loaded.device
    text = Continuation(loaded.model, loaded.model, loaded.reading)
    pieces = pieces_of(ids[:prompt_tokens], device, loaded.reading)
    rest = torch.from_numpy(ids[prompt_tokens:].astype(np.int64)).to(device)
    total = 0.0
    for piece in pieces[:-1]:
        total += _read(text, piece, device)
        yield None
    yield "prefill", total + _read(text, pieces[-1], device)
    for i in range(len(rest)):
        yield "decode", _read(text, rest[i : i + 1][None], device)


def _read(text: Continuation, piece: torch.Tensor, device: torch.device) -> float:
    # The next token is asked for as a greedy reply asks: one number comes back from the device.
    return timed(device, lambda: int(text.read(piece, logits_to_keep=1).logits[0, -1].argmax()))[1]


def dequantizing(loaded: LoadedModel) -> Iterator[Timing | None]:
    """Turn every 4-bit matrix back into plain numbers once, as its product does; nothing where none is so stored.

    On a CPU with a kernel that multiplies packed numbers this is not what a product does, so it is left out there.
    """
    device, total = loaded.device, 0.0
    functional: Any = bnb
    weights: list[Any] = [module.weight for module in loaded.model.modules() if isinstance(module, Linear4bit)]
    if not weights or any(getattr(one.quant_state, "packing_format_for_cpu", False) for one in weights):
        return
    for weight in weights:
        total += timed(device, partial(functional.dequantize_4bit, weight.data, weight.quant_state))[1]
        yield None
    yield "dequantize", total
