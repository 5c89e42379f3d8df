"""One precision of a model reads the text and writes on: the work of the model's thread, in short steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import rows_at_once
from lmloupe.model.passes.parts import ModelParts, path_of
from lmloupe.model.passes.residual import pieces_of, stream_of
from lmloupe.precision.comparison.kept import Kept
from lmloupe.precision.comparison.measures import RowFacts, apart, joined_rows, row_facts

__all__ = ["Measured", "PartPaths", "read_and_write_on"]


@dataclass(frozen=True, slots=True)
class PartPaths:
    """Where the parts of a model are, to be found again in another copy of it: names stay when weights are quantized.

    Attributes:
        base, layers, norm, head: paths.
        soft_cap, scale: as in `ModelParts`.
    """

    base: str
    layers: str
    norm: str
    head: str
    soft_cap: float | None
    scale: float

    @classmethod
    def of(cls, model: Any, parts: ModelParts) -> PartPaths:
        """Those of a model."""
        base, layers, norm, head = (path_of(model, one) for one in (parts.base, parts.layers, parts.norm, parts.head))
        return cls(base, layers, norm, head, parts.soft_cap, parts.scale)

    def within(self, model: Any) -> ModelParts:
        """The same parts of a copy."""
        base, layers, norm, head = (model.get_submodule(p) for p in (self.base, self.layers, self.norm, self.head))
        return ModelParts(base, layers, norm, head, self.soft_cap, self.scale)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What came of one precision; names and shapes as in `PrecisionResult`, but tensors on the CPU."""

    rows: RowFacts
    state_cosine: torch.Tensor
    state_error: torch.Tensor
    continuation_ids: list[int]
    continuation_log_probs: list[float]
    pass_s: float


class _Clock:
    """Seconds that the model itself takes, others' work between its steps left out."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._began, self.total = device, 0.0, 0.0

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def __enter__(self) -> None:
        self._began = self._now()

    def __exit__(self, *_: object) -> None:
        self.total += self._now() - self._began


def read_and_write_on(
    loaded: LoadedModel,
    paths: PartPaths | None,
    ids: NDArray[np.int32],
    kept: Kept,
    *,
    first: bool,
    max_new_tokens: int,
) -> Iterator[int | Measured | None]:
    """Read the text piece by piece, then write on greedily from the same cache; to be run by the worker.

    Logits exist for a few rows at a time. Yields how many tokens are read or written so far, and last what was found.

    Args:
        loaded: the model in this precision.
        paths: its parts; None where they are not known: then the model's own logits are taken, and no states.
        ids: int32 (n,), the text.
        kept: the baseline's numbers; filled in where ``first``.
        first: this is the baseline.
        max_new_tokens: of the continuation; 0 for none.
    """
    parts = None if paths is None else paths.within(loaded.model)
    clock = _Clock(loaded.device)
    text = Continuation(loaded.model, loaded.model if parts is None else parts.base, loaded.reading)
    facts: list[RowFacts] = []
    states: list[tuple[torch.Tensor, torch.Tensor]] = []
    after = torch.from_numpy(np.append(ids[1:], ids[:1]).astype(np.int64)).to(loaded.device)  # the last one is not used
    last, at = torch.empty(0), 0
    for piece in pieces_of(ids, loaded.device, loaded.reading):
        with clock, _watched(parts) as stream:
            answers = text.read(piece)[0][0]
        if parts is not None:
            states.append(_compared(stream, answers, kept.states[:, at : at + len(answers)], first=first))
        yield None
        for block in torch.split(answers, rows_at_once(loaded.vocab_rows, loaded.device.type)):
            with clock:
                logits = block.float() if parts is None else parts.logits(block)
            end = at + len(block)
            facts.append(row_facts(logits, after[at:end], kept.log_probs[at:end], kept.top_ids[at:end], first=first))
            last, at = logits[-1], end
            yield at
    new_ids: list[int] = []
    new_log_probs: list[float] = []
    for token, log_prob in _greedy(loaded, parts, text, last, max_new_tokens):
        new_ids.append(token)
        new_log_probs.append(log_prob)
        yield at + len(new_ids)
    cosine, error = (torch.cat(part, 1) for part in zip(*states, strict=True)) if states else (torch.empty(0, at),) * 2
    yield Measured(joined_rows(facts), cosine, error, new_ids, new_log_probs, clock.total)


def _watched(parts: ModelParts | None) -> AbstractContextManager[list[torch.Tensor]]:
    return nullcontext([]) if parts is None else stream_of(parts, slice(None))


def _compared(
    stream: list[torch.Tensor], normed: torch.Tensor, kept: torch.Tensor, *, first: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and error at each depth, (depths, piece) each; a depth at a time, so that no copy of all is made."""
    found = []
    last = normed if normed.shape == stream[-1].shape else stream[-1]  # OPT-350M's output is narrower than its blocks
    for depth, rows in enumerate((*stream[:-1], last)):
        own = rows.float().cpu()
        if first:
            kept[depth].copy_(own)
        found.append(apart(own, kept[depth]))
    return torch.stack([cosine for cosine, _ in found]), torch.stack([error for _, error in found])


def _greedy(
    loaded: LoadedModel, parts: ModelParts | None, text: Continuation, logits: torch.Tensor, most: int
) -> Iterator[tuple[int, float]]:
    """The most probable token, read in turn, until one ends the text."""
    for left in range(most, 0, -1):
        token = int(logits.argmax())
        yield token, float(logits[token] - logits.logsumexp(0))
        if token in loaded.eos_ids or left == 1:
            return
        output = text.read(torch.tensor([[token]], device=loaded.device), **({} if parts else {"logits_to_keep": 1}))
        rows = output[0][0, -1:]
        logits = (rows.float() if parts is None else parts.logits(rows))[0]
