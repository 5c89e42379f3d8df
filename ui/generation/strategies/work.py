"""The texts of the strategies, one job each, one after another, shared by all sessions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

import lmloupe as lm
from ui.base.jobs import Job, job, watch
from ui.base.kept.finished import Finished
from ui.base.kept.folder import machine
from ui.base.loaders import engine, kept_name
from ui.base.words import counted
from ui.generation.strategies.asked import Asked

__all__ = ["Row", "Written", "ask", "watch_rows", "write"]

KEPT = 96


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A text as far as a strategy has written it.

    Attributes:
        token_ids: without the prompt; of a beam search the best text so far.
        log_probs: natural logs of their probabilities in the model's own distribution.
        seconds: between the first step and the last; of a speculation, of drafting and verifying.
        n_timed: tokens that were written in these seconds.
        ended_by: what ended the text: ``"stop"``, ``"length"`` or ``"context"``; empty where it goes on.
        steps: what the library said of each step.
    """

    token_ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    seconds: float
    n_timed: int
    ended_by: str
    steps: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A strategy on the page: what is written so far, whether it has begun and that is all, and what went wrong."""

    asked: Asked
    written: Written | None
    finished: bool = False
    error: Exception | None = None
    begun: bool = True


@st.cache_resource(show_spinner=False)
def _finished() -> OrderedDict[Asked, Written]:
    """Finished texts, the oldest let go first."""
    return OrderedDict()


def ask(wanted: Sequence[Asked]) -> tuple[tuple[Row, ...], Job[Written] | None]:
    """What there is of each strategy, and the job that runs, was stopped or waits; None where all have ended.

    The jobs are started one after another: the next one when the one before has ended.
    """
    rows: list[Row] = []
    current: Job[Written] | None = None
    for asked in wanted:
        written = _finished().get(asked)
        if written is not None:
            _finished().move_to_end(asked)
            rows.append(Row(asked, written, finished=True))
            continue
        work = (lambda asked=asked: write(asked)) if current is None else None
        one = job(("strategy", asked), work, _kept(asked))
        if one is None:
            rows.append(Row(asked, None, begun=False))
            continue
        error = one.error
        finished = one.ended and not one.stopped and error is None and one.latest is not None
        if finished and one.latest is not None:
            _finished()[asked] = one.latest
            while len(_finished()) > KEPT:
                _finished().popitem(last=False)
        elif error is None and current is None:
            current = one
        rows.append(Row(asked, one.latest, finished=finished, error=error))
    return tuple(rows), current


def watch_rows(rows: Sequence[Row], current: Job[Written] | None) -> None:
    """Draw how far the strategies are, with a Stop; the page runs again when there is something new."""
    if current is None:
        return
    at = next(row for row in rows if not row.finished and row.error is None)
    done = sum(row.finished for row in rows)

    def progress(found: Written | None) -> tuple[float, str]:
        n = len(found.steps) if found is not None else 0
        share = (done + min(1.0, n / at.asked.n)) / len(rows)
        return share, f"{at.asked.name}: {counted(n, 'step')}" + (" …" if n else ", the prompt is read …")

    watch(current, progress, lambda found: len(found.steps) // 3 if found is not None else -1)


def write(asked: Asked) -> Iterator[Written]:
    """Write the text of a strategy; what there is after each step."""
    # The engine is asked for when the turn has come: a job that is kept must keep no model.
    loaded = engine(asked.model, asked.quantization)
    running, said = _started(asked, loaded), _said(asked)
    steps: list[Any] = []
    try:
        for step in running:
            steps.append(step)
            yield said(tuple(steps))
    finally:
        running.close()


def _started(asked: Asked, loaded: lm.Engine) -> Any:
    ids, n = asked.ids, asked.n
    if asked.strategy == "beam":
        return loaded.beam_search(
            ids, asked.num_beams, n, length_penalty=asked.length_penalty, early_stopping=asked.early_stopping
        )
    if asked.strategy == "contrastive":
        return loaded.contrastive_search(ids, asked.penalty_alpha, asked.top_k, n)
    sampling = asked.sampling or lm.Sampling()
    if asked.drafting is not None:
        return asked.drafting.run(loaded, ids, sampling, n, asked.seed)
    return loaded.generate(ids, sampling, n, asked.seed)


def _kept(asked: Asked) -> Finished[Written]:
    """Its steps, which are the library's, and from which its text is told again; their times are of this machine."""
    name = kept_name(asked.model, asked.quantization, "strategy", asked, machine())
    return Finished(name, tuple, out=lambda written: written.steps, back=lambda steps: _said(asked)(steps))


def _said(asked: Asked) -> Callable[[tuple[Any, ...]], Written]:
    if asked.strategy == "beam":
        return _of_beams
    return _of_passes if asked.drafting is not None else _one_by_one


def _one_by_one(steps: tuple[Any, ...]) -> Written:
    return Written(
        tuple(step.token_id for step in steps),
        tuple(step.log_prob for step in steps),
        steps[-1].elapsed_s - steps[0].elapsed_s,
        len(steps) - 1,
        steps[-1].ended_by,
        steps,
    )


def _of_passes(steps: tuple[lm.SpeculationStep, ...]) -> Written:
    tokens = tuple(token for step in steps for token in step.tokens)
    seconds = sum(step.draft_s + step.verify_s for step in steps)
    return Written(
        tuple(token.token_id for token in tokens),
        tuple(token.log_prob for token in tokens),
        seconds,
        len(tokens),
        tokens[-1].ended_by if tokens else "",
        steps,
    )


def _of_beams(steps: tuple[lm.BeamStep, ...]) -> Written:
    last, seconds = steps[-1], steps[-1].elapsed_s - steps[0].elapsed_s
    if last.ended_by and last.finished:
        best = last.finished[0]
        ids, log_probs, ended_by = best.token_ids.tolist(), best.log_probs.tolist(), str(best.ended_by)
    else:
        ids, log_probs, ended_by = [], [], ""
        at = int(last.kept[0])
        for i, step in reversed(list(enumerate(steps))):
            ids.insert(0, int(step.token_ids[at]))
            log_probs.insert(0, float(step.log_probs[at]))
            at = int(steps[i - 1].kept[step.parents[at]]) if i else 0
    return Written(tuple(ids), tuple(log_probs), seconds, len(ids) - 1, ended_by, steps)
