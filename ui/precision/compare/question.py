"""One comparison as the sessions share it: the job that measures, and what is known from earlier ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

import streamlit as st

import lmloupe as lm
from ui.base.jobs import Job, job
from ui.base.kept.finished import Finished
from ui.base.kept.folder import machine
from ui.base.loaders import kept_name, local_engine

__all__ = ["Question", "news", "progress"]

KEPT = 12


@st.cache_resource(show_spinner=False)
def _known() -> OrderedDict[Hashable, lm.QuantizationReport]:
    """Reports by what their results depend on, with the results of all precisions that anybody has asked for."""
    return OrderedDict()


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared.

    Attributes:
        model: its name.
        ids: what it reads.
        baseline: ``"auto"`` or a dtype.
        precisions: specs, without the baseline.
        n_tokens: of the continuation.
    """

    model: str
    ids: tuple[int, ...]
    baseline: lm.Dtype
    precisions: tuple[str, ...]
    n_tokens: int

    @property
    def _key(self) -> Hashable:
        return ("precision", self.model, self.ids, self.baseline, self.n_tokens)

    def ask(self) -> Job[lm.ComparisonStep] | None:
        """The job that measures what is not known yet, started where there is none; None where all is known."""
        known = _known().get(self._key)
        if known is not None and {one.precision.spec for one in known.results}.issuperset(self.precisions):
            return None
        # What was refused may be had on another day, with more memory free: it is asked for again.
        kept = Finished[lm.ComparisonStep](
            kept_name(self.model, "none", "precision", self, machine()),
            lm.ComparisonStep,
            lasts=lambda step: step.report is not None and not step.report.refused,
        )
        return job((self._key, self.precisions), self._steps, kept)

    def _steps(self) -> Iterator[lm.ComparisonStep]:
        # The engine is asked for when the turn has come: a job that is kept must keep no model.
        return lm.comparison_steps(
            local_engine(self.model, "none"), self.ids, self.precisions, baseline=self.baseline,
            max_new_tokens=self.n_tokens, known=_known().get(self._key),
        )  # fmt: skip

    def report(self, running: Job[lm.ComparisonStep] | None) -> lm.QuantizationReport | None:
        """All that is known, of the precisions that are asked for; None before the baseline is."""
        newest = running.latest.report if running is not None and running.latest is not None else None
        held = _known().get(self._key)
        if newest is not None:
            ours = {one.precision: one for one in held.results} if held is not None else {}
            ours |= {one.precision: one for one in newest.results if one.precision not in ours}
            held = replace(newest, results=tuple(ours.values()))
            _known()[self._key] = held
        if held is None:
            return None
        _known().move_to_end(self._key)
        while len(_known()) > KEPT:
            _known().popitem(last=False)
        by_spec = {one.precision.spec: one for one in held.others}
        results = tuple(by_spec[spec] for spec in self.precisions if spec in by_spec)
        refused = tuple(one for one in held.refused if one[0].spec in self.precisions and one[0].spec not in by_spec)
        return replace(held, results=(held.baseline, *results), refused=refused)


def progress(newest: lm.ComparisonStep | None) -> tuple[float, str]:
    """How far a job is, for `ui.base.jobs.watch`."""
    return (0.0, "Starting …") if newest is None else (newest.done, f"{newest.doing} …")


def news(newest: lm.ComparisonStep | None) -> object:
    """What of a job's result the page draws: which precisions are there."""
    if newest is None or newest.report is None:
        return None
    return len(newest.report.results), len(newest.report.refused)
