"""What each step of a normalizer changed, and where in the source text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import NormalizedRun
from lmloupe.offsets.rules import PipelineStep, normalizer_steps
from lmloupe.offsets.step_alignment import align_step, behind, identity
from lmloupe.tokens.backend import Question
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["NormalizationChange", "changes_of", "normalization_changes"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NormalizationChange:
    """One place that one step of the normalizer changed.

    Attributes:
        step: number of the step.
        step_name: its name, ``"NFC"``.
        start: first character of the source text; equal to ``end`` where something was put in.
        end: character after the last one.
        before: what stood there before this step.
        after: what it became; empty where it was removed.
    """

    step: int
    step_name: str
    start: int
    end: int
    before: str
    after: str


@dataclass(slots=True, eq=False)
class _Progress:
    """A run on its way through the steps: what it is now, and the characters of the source text behind each character.

    Attributes:
        text: the string before the next step.
        origin: int32 (len(text), 2), half-open pairs.
    """

    text: str
    origin: Ints


def normalization_changes(
    steps: Sequence[PipelineStep], runs: Sequence[NormalizedRun], source: str, limit: int | None = None
) -> tuple[NormalizationChange, ...]:
    """The changes of every step, in the order of the steps, then of the text.

    Args:
        steps: the normalizer's, from `lmloupe.offsets.rules.normalizer_steps`.
        runs: the strings that it saw, with what they were after each step.
        source: the text that the runs are parts of.
        limit: no more than this many, the first ones.
    """
    begun = [_Progress(source[run.start : run.end], identity(run.start, run.end)) for run in runs]
    found = (
        change
        for number, step in enumerate(steps)
        for run, now in zip(runs, begun, strict=True)
        for change in _step_changes(number, step, run, now)
    )
    return tuple(islice(found, limit))


def _step_changes(number: int, step: PipelineStep, run: NormalizedRun, now: _Progress) -> Iterator[NormalizationChange]:
    """What one step changed in one run; brings ``now`` behind the step."""
    before, after, origin = now.text, run.after[number], now.origin
    if after == before:
        return
    local = align_step(step, before, after)
    for b0, b1, a0, a1 in _blocks(before, after, local):
        if b0 == b1:
            start = end = int(origin[b0, 0]) if b0 < len(origin) else run.end
        else:
            start, end = int(origin[b0, 0]), int(origin[b1 - 1, 1])
        yield NormalizationChange(number, step.name, start, end, before[b0:b1], after[a0:a1])
    now.text, now.origin = after, behind(origin, local)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _stretches(before: str, after: str, local: Ints) -> Iterator[tuple[int, int, int, int]]:
    """Stretches that differ, cut as fine as the alignment allows: half-open pairs in ``before`` and in ``after``."""
    # A stretch ends where the next character comes from behind everything so far.
    reach = np.maximum.accumulate(local[:, 1])
    inner = np.flatnonzero(local[1:, 0] >= reach[:-1]) + 1
    ends_a = np.append(inner, len(local))
    ends_b = np.append(local[inner, 0], len(before))
    starts_a, starts_b = np.append(0, ends_a[:-1]), np.append(0, ends_b[:-1])
    single = (ends_a - starts_a == 1) & (ends_b - starts_b == 1)
    same = np.zeros(len(single), np.bool_)
    same[single] = _codes(before)[starts_b[single]] == _codes(after)[starts_a[single]]
    other = np.flatnonzero(~same)
    for b0, b1, a0, a1 in np.stack([starts_b, ends_b, starts_a, ends_a], axis=1)[other].tolist():
        if before[b0:b1] != after[a0:a1]:
            yield b0, b1, a0, a1


def _blocks(before: str, after: str, local: Ints) -> Iterator[tuple[int, int, int, int]]:
    """Smallest stretches that differ, neighbours joined: half-open pairs in ``before`` and in ``after``."""
    if not after:
        yield 0, len(before), 0, 0
        return
    pending: tuple[int, int, int, int] | None = None
    for b0, b1, a0, a1 in _stretches(before, after, local):
        if pending is not None and pending[1] == b0 and pending[3] == a0:
            pending = pending[0], b1, pending[2], a1
            continue
        if pending is not None:
            yield _trim(before, after, *pending)
        pending = b0, b1, a0, a1
    if pending is not None:
        yield _trim(before, after, *pending)


def _trim(before: str, after: str, b0: int, b1: int, a0: int, a1: int) -> tuple[int, int, int, int]:
    """Without what both stretches have in common at their ends: ``▁H`` for ``H`` is ``▁`` put in."""
    while b0 < b1 and a0 < a1 and before[b0] == after[a0]:
        b0, a0 = b0 + 1, a0 + 1
    while b0 < b1 and a0 < a1 and before[b1 - 1] == after[a1 - 1]:
        b1, a1 = b1 - 1, a1 - 1
    return b0, b1, a0, a1


def changes_of(
    tok: Tokenizer, text: str, runs: Sequence[NormalizedRun], limit: int | None
) -> tuple[NormalizationChange, ...]:
    """`normalization_changes`, worked out where the tokenizer's rules are."""
    if not runs:
        return ()
    return tok.rules.ask(_CHANGES, tok, text, runs=[astuple(run) for run in runs], limit=limit)


def _work(
    tok: Tokenizer, text: str, runs: Sequence[Sequence[Any]], limit: int | None
) -> tuple[NormalizationChange, ...]:
    seen = [NormalizedRun(start, end, tuple(after)) for start, end, after in runs]
    return normalization_changes(normalizer_steps(tok), seen, text, limit)


def _pack(changes: Sequence[NormalizationChange]) -> bytes:
    return json.dumps([astuple(change) for change in changes], ensure_ascii=False).encode()


def _unpack(_tok: Tokenizer, _text: str, data: bytes, **_: Any) -> tuple[NormalizationChange, ...]:
    found: Sequence[Sequence[Any]] = json.loads(data)
    return tuple(NormalizationChange(*change) for change in found)


_CHANGES = Question("lmloupe.pipeline.changes:_CHANGES", _work, _pack, _unpack, parts=("normalizer",))
