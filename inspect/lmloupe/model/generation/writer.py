"""One generation without its passes: from the scores after a text to the token that is written, and when to end."""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.constrained.guide import Guide
from lmloupe.model.generation.ending import Ending
from lmloupe.model.generation.results import EndedBy, Step
from lmloupe.model.passes.logit_facts import LogitFacts, logit_facts, require_finite
from lmloupe.model.sampling.sampler import Sampler
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["TextOfTokens", "Writer", "take_rows"]

N_TOP = 10


class Writer:
    """One text as it is written: given the model's scores, it draws a token and records the step.

    Whoever runs the model calls `take` once for each pass of one text, or `take_rows` for several in one batch.

    Args:
        tokenizer: of the model.
        ids: the prompt.
        sampler: what draws.
        until: what ends it.
        guide: what says which tokens may come, where there is a constraint.
        written: tokens that this generation has drawn already: it goes on after them.

    Attributes:
        ids: the prompt and all that has been written.
        ended: whether the last step was the last one.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        ids: list[int],
        sampler: Sampler,
        until: Ending,
        *,
        guide: Guide | None = None,
        written: Sequence[int] = (),
    ) -> None:
        self.ids, self.ended = [*ids, *written], False
        self._text, self._sampler = TextOfTokens(tokenizer), sampler
        self._until, self._written, self._guide = until, len(written), guide
        self._before: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None  # scores and mask of the last draw
        self._began = time.perf_counter()
        sampler.resume(len(written))
        for token_id in written:
            self._text.add(token_id, last=False)
        if guide is not None and written:
            guide.follow(written)

    def begin(self) -> None:
        """Start the clock: the prefill begins."""
        self._began = time.perf_counter()

    def take(self, logits: torch.Tensor) -> Step:
        """The step from the scores after the text.

        Args:
            logits: float (1, vocab), on any device.

        Raises:
            NotFiniteError: the scores hold NaN or infinity.
            NotAvailableError: no token may come next, or the constraint's grammar grew beyond a limit.
        """
        step = take_rows([self], logits)[0]
        if isinstance(step, Exception):
            raise step
        return step

    def choose(self, logits: torch.Tensor) -> int:
        """Draw the next token from scores, float32 (1, vocab); it is written."""
        require_finite(logits.max(1).values)
        scores = logits
        if self._guide is not None:
            allowed = self._guide.allowed(logits.shape[1])
            scores, self._before = _struck(logits, allowed), (logits[0].cpu().numpy(), allowed)
        if self._sampler.takes_the_best:
            token_id = int(scores[0].argmax())
        else:
            token_id = self._sampler.choose(scores[0].cpu().numpy(), self.ids)
        self.ids.append(token_id)
        self._written += 1
        return token_id

    def finish(self, step: Step) -> Step:
        """A step with what the grammar did and what the text makes of its token."""
        if self._guide is not None and self._before is not None:
            step = replace(step, constrained=self._guide.take(step.token_id, *self._before, step.top_ids))
        ended_by = self._ended_by(step.token_id)
        self.ended = ended_by != ""
        text = self._text.add(step.token_id, last=self.ended)
        return replace(step, text=text, elapsed_s=time.perf_counter() - self._began, ended_by=ended_by)

    def _ended_by(self, token_id: int) -> EndedBy:
        ended_by = self._until.ended_by(token_id, self._written)
        complete = self._guide is not None and self._guide.complete
        return "grammar" if complete and ended_by != "stop" else ended_by


class TextOfTokens:
    """Bytes of tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, *, last: bool) -> str:
        """The characters that a further token completes; with the last one, also what stays incomplete."""
        return self._decoder.decode(self._tokenizer.token_bytes(token_id), last)


def _struck(logits: torch.Tensor, allowed: NDArray[np.bool_]) -> torch.Tensor:
    """The scores with minus infinity where a token may not come."""
    scores = logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -math.inf)
    if not bool(torch.isfinite(scores.max())):
        raise NotAvailableError(
            "The model itself rules out every token that the grammar allows here: choose another grammar."
        )
    return scores


def take_rows(writers: Sequence[Writer], logits: torch.Tensor) -> list[Step | Exception]:
    """A step of each of several texts, or the error that ends that one alone.

    Args:
        writers: of r texts.
        logits: float (r, vocab), the scores after each.
    """
    logits = logits.float()
    chosen: dict[int, int] = {}
    found: dict[int, Step | Exception] = {}
    for row, writer in enumerate(writers):
        try:
            chosen[row] = writer.choose(logits[row : row + 1])
        except Exception as error:  # not swallowed: its owner is told, and the other texts go on
            found[row] = error
    if chosen:
        rows, token_ids = list(chosen), list(chosen.values())
        kept = logits if len(rows) == len(logits) else logits[rows]
        facts = logit_facts(kept, torch.tensor(token_ids, device=logits.device), min(N_TOP, logits.shape[1]))
        for row, step in zip(rows, _steps(facts, token_ids), strict=True):
            try:
                found[row] = writers[row].finish(step)
            except Exception as error:  # not swallowed: as above
                found[row] = error
    return [found[row] for row in range(len(writers))]


def _steps(facts: LogitFacts, token_ids: Sequence[int]) -> Iterator[Step]:
    """What the model's own distribution says of each token; what its text makes of it comes later."""
    # One transfer of a few numbers, not of the vocabulary.
    columns = (facts.log_probs, facts.target_log_probs[:, None], facts.entropy_bits[:, None])
    numbers = torch.cat(columns, 1).cpu().numpy()
    top_ids = facts.ids.cpu().numpy().astype("int32")
    for token_id, ids, row in zip(token_ids, top_ids, numbers, strict=True):
        yield Step(
            token_id=token_id,
            text="",
            log_prob=float(row[-2]),
            top_ids=ids,
            top_log_probs=row[:-2],
            entropy_bits=float(row[-1]),
            elapsed_s=0.0,
        )
