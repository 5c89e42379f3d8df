"""What each step of a normalizer changed, and where in the source text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmloupe.pipeline import PipelineStep
from lmloupe.segments import NormalizedRun

__all__ = ["NormalizationChange", "normalization_changes"]

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


def normalization_changes(
    steps: Sequence[PipelineStep], runs: Sequence[NormalizedRun], source: str
) -> tuple[NormalizationChange, ...]:
    """The changes of every step, in the order of the steps, then of the text.

    Args:
        steps: the normalizer's, from `lmloupe.pipeline.normalizer_steps`.
        runs: the strings that it saw, with what they were after each step.
        source: the text that the runs are parts of.
    """
    found = [change for run in runs for change in _run_changes(steps, run, source)]
    return tuple(sorted(found, key=lambda change: change.step))


def _run_changes(steps: Sequence[PipelineStep], run: NormalizedRun, source: str) -> Iterator[NormalizationChange]:
    before = source[run.start : run.end]
    # Characters of the source text behind each character of `before`.
    origin = np.arange(run.start, run.end, dtype=np.int32)[:, None] + np.array([0, 1], np.int32)
    for number, (step, after) in enumerate(zip(steps, run.after, strict=True)):
        if after == before:
            continue
        local = _align(step, before)
        for b0, b1, a0, a1 in _blocks(before, after, local):
            if b0 == b1:
                start = end = int(origin[b0, 0]) if b0 < len(origin) else run.end
            else:
                start, end = int(origin[b0, 0]), int(origin[b1 - 1, 1])
            yield NormalizationChange(number, step.name, start, end, before[b0:b1], after[a0:a1])
        first = np.minimum(local[:, 0], len(before) - 1)
        last = np.maximum(local[:, 1] - 1, first)
        origin = np.stack([origin[first, 0], origin[last, 1]], axis=1)
        before = after


def _align(step: PipelineStep, text: str) -> Ints:
    """Characters of ``text`` behind each character that the step makes of it, int32 (n, 2)."""
    string = tokenizers.PreTokenizedString(text)
    string.normalize(step.component.normalize)
    each = tokenizers.Regex(r"[\s\S]")
    string.split(lambda _, whole: whole.split(each, "isolated"))
    return np.array([pair for _, pair, _ in string.get_splits("original", "char")], np.int32).reshape(-1, 2)


def _blocks(before: str, after: str, local: Ints) -> Iterator[tuple[int, int, int, int]]:
    """Smallest stretches that differ: half-open pairs in ``before`` and in ``after``."""
    start_b = start_a = reach = 0
    pending: tuple[int, int, int, int] | None = None
    pairs = local.tolist()
    for a, (_, seen) in enumerate(pairs, 1):
        reach = max(reach, seen)
        # A stretch ends where the next character comes from behind everything so far.
        if a < len(pairs) and pairs[a][0] < reach:
            continue
        end_b = pairs[a][0] if a < len(pairs) else len(before)
        if before[start_b:end_b] != after[start_a:a]:
            touches = pending is not None and pending[1] == start_b and pending[3] == start_a
            pending_start = pending if touches and pending else (start_b, start_b, start_a, start_a)
            if pending is not None and not touches:
                yield _trim(before, after, *pending)
            pending = (pending_start[0], end_b, pending_start[2], a)
        start_b, start_a = end_b, a
    if not after and before:
        pending = (0, len(before), 0, 0)
    if pending is not None:
        yield _trim(before, after, *pending)


def _trim(before: str, after: str, b0: int, b1: int, a0: int, a1: int) -> tuple[int, int, int, int]:
    """Without what both stretches have in common at their ends: ``▁H`` for ``H`` is ``▁`` put in."""
    while b0 < b1 and a0 < a1 and before[b0] == after[a0]:
        b0, a0 = b0 + 1, a0 + 1
    while b0 < b1 and a0 < a1 and before[b1 - 1] == after[a1 - 1]:
        b1, a1 = b1 - 1, a1 - 1
    return b0, b1, a0, a1
