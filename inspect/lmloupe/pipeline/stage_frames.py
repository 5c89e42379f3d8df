"""Stages as bytes, for tokenizers whose rules run in a process of their own: made there, read here.

The process runs the same `lmloupe.pipeline.stage_run` as this one does for the embedded tokenizers; what comes back
is data.
"""

from __future__ import annotations

import json
import struct
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import NormalizedRun, Segment
from lmloupe.offsets.rules import normalizer_steps, pre_tokenizer_steps
from lmloupe.pipeline.pieces import PreTokenizerStep, SplitString
from lmloupe.pipeline.stage_data import Stages
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["pack", "unpack"]

_SIZE = struct.Struct("<Q")
_ARRAYS = ("piece_segments", "input_ids", "offsets", "token_pieces", "post_processed_ids", "post_processed_offsets")


def pack(shown: Stages) -> bytes:
    """Everything in ``shown`` but its tokenizer and its text: parts, each behind its length (uint64)."""
    table = {
        "segments": [astuple(segment) for segment in shown.segments],
        "runs": [astuple(run) for run in shown.runs],
    }
    parts = [json.dumps(table, ensure_ascii=False).encode()]
    for pieces in (*(step.pieces for step in shown.pre_tokenizer), shown.spelled):
        parts += [pieces.joined.encode(), pieces.ends.tobytes(), pieces.offsets.tobytes()]
    parts += [step.cuts.tobytes() for step in shown.pre_tokenizer]
    parts += [getattr(shown, name).tobytes() for name in _ARRAYS]
    parts.append(shown.added_mask.tobytes())
    return b"".join(part for each in parts for part in (_SIZE.pack(len(each)), each))


class _Parts:
    """Reads what `pack` wrote, part after part."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = memoryview(data), 0

    def take(self) -> memoryview:
        start = self._place + _SIZE.size
        (size,) = _SIZE.unpack(self._data[self._place : start])
        self._place = start + size
        return self._data[start : self._place]

    def text(self) -> str:
        return bytes(self.take()).decode()

    def numbers(self) -> NDArray[np.int32]:
        return np.frombuffer(self.take(), np.int32)

    def pieces(self) -> SplitString:
        return SplitString(self.text(), self.numbers(), self.numbers().reshape(-1, 2))


def unpack(tok: Tokenizer, text: str, data: bytes, *, parse_special_tokens: bool, **_: bool) -> Stages:
    """The stages that `pack` wrote, as those of ``tok`` and ``text``."""
    parts = _Parts(data)
    table = json.loads(parts.text())
    steps = pre_tokenizer_steps(tok)
    after = [parts.pieces() for _ in steps]
    spelled = parts.pieces()
    cuts = [parts.numbers() for _ in steps]
    arrays = {name: parts.numbers() for name in _ARRAYS}
    for name in ("offsets", "post_processed_offsets"):
        arrays[name] = arrays[name].reshape(-1, 2)
    return Stages(
        tokenizer=tok,
        text=text,
        segments=tuple(Segment(*segment) for segment in table["segments"]),
        normalizer=normalizer_steps(tok),
        runs=tuple(NormalizedRun(start, end, tuple(after)) for start, end, after in table["runs"]),
        pre_tokenizer=tuple(map(PreTokenizerStep, steps, after, cuts)),
        spelled=spelled,
        added_mask=np.frombuffer(parts.take(), np.bool_),
        parse_special_tokens=parse_special_tokens,
        **arrays,
    )
