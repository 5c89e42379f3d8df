"""Passes over a text, in pieces that let others have their turn, and the residual stream that they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.model.passes.blocks import layer_input, rows_of
from lmloupe.model.passes.continuation import Continuation, Reading
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.pieces import PREFILL_CHUNK

__all__ = ["pieces_of", "read_in_pieces", "residual_stream", "stream_of"]


def pieces_of(input_ids: NDArray[np.int32], device: torch.device, reading: Reading) -> tuple[torch.Tensor, ...]:
    """The ids as int64 (1, m) pieces on the device; one where pieces would be read otherwise than the whole."""
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    in_pieces = reading.in_pieces and not reading.turns(len(input_ids))
    return torch.split(rows, PREFILL_CHUNK.get(device.type, 256), dim=1) if in_pieces else (rows,)


@contextmanager
def stream_of(parts: ModelParts, positions: slice | torch.Tensor) -> Iterator[list[torch.Tensor]]:
    """While it is open, one pass leaves in the list what each layer reads and then what the final norm reads.

    Each is (p, width): the ``positions`` of the pass's only row. Hooks fire for every pass of a shared model, so a
    worker's step opens and closes it around its own pass.
    """
    found: list[torch.Tensor] = []

    def keep(module: nn.Module, args: Any, kwargs: Any) -> None:
        # NanoChat calls its final norm before the first layer too.
        if module is not parts.norm or len(found) == len(parts.layers):
            found.append(rows_of(layer_input(args, kwargs))[positions])

    handles = [m.register_forward_pre_hook(keep, with_kwargs=True) for m in (*parts.layers, parts.norm)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def read_in_pieces(
    model: Any, module: nn.Module, reading: Reading, input_ids: NDArray[np.int32]
) -> Iterator[tuple[int, Any]]:
    """Run ``module`` (the model, or its base) over a text piece by piece; where each piece begins, and the output."""
    pieces = pieces_of(input_ids, model.get_input_embeddings().weight.device, reading)
    read = _reader(model, module, reading, len(pieces))
    at = 0
    for piece in pieces:
        yield at, read(piece)
        at += piece.shape[1]


def _reader(model: Any, module: nn.Module, reading: Reading, n_pieces: int) -> Callable[[torch.Tensor], Any]:
    if n_pieces == 1:
        return lambda piece: module(input_ids=piece, use_cache=False)
    return Continuation(model, module, reading).read


def residual_stream(
    model: Any, parts: ModelParts, reading: Reading, input_ids: NDArray[np.int32], positions: NDArray[np.int32]
) -> Generator[None, None, torch.Tensor]:
    """Read a text, pausing after each piece; the stream, (n_layers + 1, p, width), at rising ``positions``.

    What comes after the last of them is not read, where it changes nothing before it. Row l is what layer l reads; the
    last row is what the final norm reads.
    """
    device = model.get_input_embeddings().weight.device
    pieces = pieces_of(input_ids[: reading.needed(len(input_ids), int(positions[-1]))], device, reading)
    read = _reader(model, parts.base, reading, len(pieces))
    kept: list[torch.Tensor] = []
    at = 0
    for piece in pieces:
        size = piece.shape[1]
        here = positions[(positions >= at) & (positions < at + size)] - at
        with stream_of(parts, torch.from_numpy(here.astype(np.int64)).to(device)) as found:
            read(piece)
        kept.append(torch.stack(found))
        at += size
        yield
    return torch.cat(kept, 1)
