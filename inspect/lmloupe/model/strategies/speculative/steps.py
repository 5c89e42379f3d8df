"""Draft, verify in one pass, go back to the last accepted token; in the worker's thread."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.generation.results import Step
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.continuation import CannotContinueError, Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.reading import probe_ids
from lmloupe.model.passes.worker import Stopwatch
from lmloupe.model.strategies.speculative.early import EarlyLayer
from lmloupe.model.strategies.speculative.judge import Judge, Proposal
from lmloupe.model.strategies.speculative.lookup import lookup
from lmloupe.model.strategies.speculative.plain import Plain, read_but_last
from lmloupe.model.strategies.speculative.results import SpeculationStep

__all__ = ["Drafting", "Speculating"]


@dataclass(frozen=True, slots=True)
class Drafting:
    """How tokens are drafted, and how far.

    Attributes:
        n_draft: most tokens at once.
        max_ngram: of prompt lookup.
        early: the early layer that drafts; None for prompt lookup.
        most: most tokens that the text may get.
        stop_ids: tokens that end it: nothing is drafted after one.
    """

    n_draft: int
    max_ngram: int
    early: EarlyLayer | None
    most: int
    stop_ids: frozenset[int]


@dataclass(slots=True)
class _Drafted:
    """The draft of one pass."""

    proposals: list[Proposal]
    match: tuple[int, int] | None = None


class Speculating:
    """One speculation; its `passes` are to be run by the worker.

    Args:
        loaded: the model.
        ids: int32 (n,), the prompt.
        writer: of the text; it draws with ``judge``.
        judge: what accepts and rejects.
        drafting: how tokens are drafted.
        plain: the same text decoded plainly between the passes, where its time is wanted.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        ids: NDArray[np.int32],
        writer: Writer,
        judge: Judge,
        drafting: Drafting,
        plain: Plain | None,
    ) -> None:
        self._loaded, self._ids, self._writer, self._judge = loaded, ids, writer, judge
        self._drafting, self._plain = drafting, plain
        self._text = Continuation(loaded.model, loaded.model, loaded.reading)

    def passes(self) -> Iterator[SpeculationStep | None]:
        """The passes of `Engine.speculate`; None after a piece of a prompt, a drafted or a plainly decoded token."""
        early, plain, writer = self._drafting.early, self._plain, self._writer
        require_going_back(self._loaded, len(self._ids) + self._drafting.most)
        if early is not None:
            early.check()
        yield None
        writer.begin()
        yield from read_but_last(self._loaded, self._text, self._ids)
        if early is not None:
            yield from early.begin(self._ids)
        if plain is not None:
            yield from plain.begin()
        while not writer.ended:
            n_before = len(writer.ids)
            drafter, verifier, alone = (Stopwatch(self._loaded.device) for _ in range(3))
            drafted = yield from self._draft(drafter)
            proposals = drafted.proposals
            tokens, target_probs = verifier.timed(lambda: self._verify(proposals))  # noqa: B023 - called at once
            if early is not None:
                n_accepted = _agreeing(tokens, proposals)
                drafter.timed(lambda: early.keep(n_before + n_accepted))  # noqa: B023
            if plain is not None:
                yield from plain.follow(tokens, alone)
            yield SpeculationStep(
                drafted_ids=np.array([one.token_id for one in proposals], np.int32),
                draft_probs=np.array([one.prob for one in proposals], np.float64),
                target_probs=target_probs,
                n_accepted=_agreeing(tokens, proposals),
                tokens=tokens,
                n_read=1 + len(proposals),
                match=drafted.match,
                draft_s=drafter.seconds,
                verify_s=verifier.seconds,
                plain_s=None if plain is None else alone.seconds,
            )

    def _draft(self, clock: Stopwatch) -> Generator[None, None, _Drafted]:
        """Tokens that may come next, pausing after each that an early layer makes. One is left for the model itself."""
        drafting, text = self._drafting, list(self._writer.ids)
        wanted = min(drafting.n_draft, drafting.most - (len(text) - len(self._ids)) - 1)
        if drafting.early is None:
            ids, match = clock.timed(lambda: lookup(text, wanted, drafting.max_ngram))
            ends = [i for i, token_id in enumerate(ids) if token_id in drafting.stop_ids]
            return _Drafted([Proposal(token_id) for token_id in ids[: ends[0] + 1 if ends else None]], match)
        proposals: list[Proposal] = []
        sampler = copy.copy(self._judge)  # what it would remember if all were accepted
        while len(proposals) < wanted and not (proposals and text[-1] in drafting.stop_ids):
            proposals.append(clock.timed(lambda: drafting.early.propose(text, sampler)))  # type: ignore[union-attr]
            text.append(proposals[-1].token_id)
            yield
        return _Drafted(proposals)

    def _verify(self, proposals: list[Proposal]) -> tuple[tuple[Step, ...], NDArray[np.float64]]:
        """Read the last token and what was drafted after it in one pass, judge the draft, forget what was rejected."""
        writer, judge = self._writer, self._judge
        piece = torch.tensor([writer.ids[-1:] + [one.token_id for one in proposals]], device=self._loaded.device)
        n_before, n_rows = len(writer.ids), len(proposals) + 1
        logits = self._text.read(piece, logits_to_keep=n_rows).logits[0, -n_rows:]
        tokens: list[Step] = []
        probs = np.full(len(proposals), np.nan)
        for i in range(n_rows):
            judge.expect(proposals[i] if i < len(proposals) else None)
            tokens.append(writer.take(logits[i : i + 1]))
            if i == len(proposals):
                break
            accepted = tokens[-1].token_id == proposals[i].token_id
            probs[i] = float(accepted) if judge.takes_the_best else judge.target_prob
            if writer.ended or not accepted:
                break
        self._text.keep(n_before + _agreeing(tuple(tokens), proposals))
        return tuple(tokens), probs


def _agreeing(tokens: tuple[Step, ...], proposals: list[Proposal]) -> int:
    return sum(step.token_id == one.token_id for step, one in zip(tokens, proposals, strict=False))


def require_going_back(loaded: LoadedModel, n: int) -> None:
    """Try on two tokens whether one can be taken back, and see whether it can be in a text that grows to ``n``.

    Raises:
        NotAvailableError: it cannot, with the reason.
    """
    text = Continuation(loaded.model, loaded.model, loaded.reading)
    text.read(probe_ids(loaded.model, 2), logits_to_keep=1)
    kind = type(loaded.model).__name__
    try:
        text.keep(1)
    except CannotContinueError as error:
        raise NotAvailableError(
            f"{kind} cannot take back tokens that were drafted and rejected: {error}. Decode it plainly."
        ) from error
    for i, layer in enumerate(getattr(text.cache, "layers", ())):
        window = getattr(layer, "sliding_window", None) if getattr(layer, "is_sliding", False) else None
        if window is not None and n > window:
            raise NotAvailableError(
                f"Layer {i + 1} of {kind} keeps a window of {window:,} tokens, and beyond it no drafted token can be "
                f"taken back: the text could grow to {n:,}. Shorten it, ask for fewer new tokens, or decode plainly."
            )
