"""Answers by a strategy, in this process; the questions are in `lmloupe.model.strategies.questions`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.generation.ending import ending
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.worker import Results
from lmloupe.model.strategies.beams import BeamRules
from lmloupe.model.strategies.contrastive import contrastive_steps
from lmloupe.model.strategies.results import BeamStep, ContrastiveStep, EarlyStopping
from lmloupe.model.strategies.search import beam_steps

__all__ = ["LocalBeamSearch", "LocalContrastiveSearch", "beam_search", "contrastive_search"]

MOST_ROWS = 64


class LocalBeamSearch(Results[BeamStep]):
    """A beam search running in this process's worker; see `lmloupe.model.strategies.results.BeamSearch`."""


class LocalContrastiveSearch(Results[ContrastiveStep]):
    """A contrastive search running in this process's worker; see `results.ContrastiveSearch`."""


def beam_search(
    loaded: LoadedModel,
    ids: NDArray[np.int32],
    num_beams: int,
    max_new_tokens: int,
    *,
    length_penalty: float,
    early_stopping: EarlyStopping,
    stop_ids: Collection[int] | None,
) -> LocalBeamSearch:
    """The answer to `Engine.beam_search`."""
    _require_rows("num_beams", num_beams)
    if not (isinstance(length_penalty, numbers.Real) and -10 <= length_penalty <= 10):
        raise InvalidSettingError(f"length_penalty is {length_penalty}, but it must lie between -10 and 10.")
    if not (isinstance(early_stopping, bool) or early_stopping == "never"):
        raise InvalidSettingError(f'early_stopping is {early_stopping!r}, but it must be True, False or "never".')
    until = ending(loaded, len(ids), max_new_tokens, stop_ids)
    rules = BeamRules(num_beams, float(length_penalty), early_stopping, until)
    return LocalBeamSearch(ids, loaded.worker.submit(beam_steps(loaded, ids, rules)))


def contrastive_search(
    loaded: LoadedModel,
    ids: NDArray[np.int32],
    penalty_alpha: float,
    top_k: int,
    max_new_tokens: int,
    *,
    stop_ids: Collection[int] | None,
) -> LocalContrastiveSearch:
    """The answer to `Engine.contrastive_search`."""
    if not (isinstance(penalty_alpha, numbers.Real) and math.isfinite(penalty_alpha) and 0 <= penalty_alpha <= 1):
        raise InvalidSettingError(f"penalty_alpha is {penalty_alpha}, but it must lie between 0 and 1.")
    _require_rows("top_k", top_k)
    until = ending(loaded, len(ids), max_new_tokens, stop_ids)
    work = contrastive_steps(loaded, ids, float(penalty_alpha), min(top_k, loaded.vocab_rows), until)
    return LocalContrastiveSearch(ids, loaded.worker.submit(work))


def _require_rows(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= MOST_ROWS:
        raise InvalidSettingError(f"{name} is {value}, but it must be a whole number from 1 to {MOST_ROWS}.")
