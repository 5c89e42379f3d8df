"""One generation without its passes: from the scores after a text to the token that is written, and when to end."""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.constrained.guide import Guide
from lmloupe.model.generation.results import EndedBy, Step
from lmloupe.model.passes.logit_facts import LogitFacts, logit_facts, require_finite
from lmloupe.model.sampling.sampler import Sampler
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Writer"]

N_TOP = 10


class Writer:
    """One text as it is written: given the model's scores, it draws a token and records the step.

    Whoever runs the model calls `take` once for each pass: one generation by itself, or several in one batch.

    Args:
        tokenizer: of the model.
        ids: the prompt.
        sampler: what draws.
        most: most tokens to write, at least 1.
        most_is_context: whether that is where the context ends, and not what was asked for.
        stop_ids: tokens that end it.
        guide: what says which tokens may come, where there is a constraint.

    Attributes:
        ids: the prompt and all that has been written.
        ended: whether the last step was the last one.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        ids: list[int],
        sampler: Sampler,
        most: int,
        *,
        most_is_context: bool = False,
        stop_ids: Collection[int] = (),
        guide: Guide | None = None,
    ) -> None:
        self.ids, self.ended = ids, False
        self._text, self._sampler = _Text(tokenizer), sampler
        self._most, self._written = most, 0
        self._most_is_context, self._stop_ids, self._guide = most_is_context, stop_ids, guide
        self._began = time.perf_counter()

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
        logits = logits.float()
        require_finite(logits.max(1).values)
        allowed = None if self._guide is None else self._guide.allowed(logits.shape[1])
        scores = logits if allowed is None else _struck(logits, allowed)
        if self._sampler.takes_the_best:
            token_id = int(scores[0].argmax())
        else:
            token_id = self._sampler.choose(scores[0].cpu().numpy(), self.ids)
        self.ids.append(token_id)
        self._written += 1
        chosen = torch.tensor([token_id], device=logits.device)
        step = _record(logit_facts(logits, chosen, min(N_TOP, logits.shape[1])), token_id)
        if self._guide is not None and allowed is not None:
            constrained = self._guide.take(token_id, logits[0].cpu().numpy(), allowed, step.top_ids)
            step = replace(step, constrained=constrained)
        ended_by = self._ended_by(token_id)
        self.ended = ended_by != ""
        text = self._text.add(token_id, last=self.ended)
        return replace(step, text=text, elapsed_s=time.perf_counter() - self._began, ended_by=ended_by)

    def _ended_by(self, token_id: int) -> EndedBy:
        if token_id in self._stop_ids:
            return "stop"
        if self._guide is not None and self._guide.complete:
            return "grammar"
        if self._written < self._most:
            return ""
        return "context" if self._most_is_context else "length"


class _Text:
    """Bytes of tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, *, last: bool) -> str:
        return self._decoder.decode(self._tokenizer.token_bytes(token_id), last)


def _struck(logits: torch.Tensor, allowed: NDArray[np.bool_]) -> torch.Tensor:
    """The scores with minus infinity where a token may not come."""
    scores = logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -math.inf)
    if not bool(torch.isfinite(scores.max())):
        raise NotAvailableError(
            "The model itself rules out every token that the grammar allows here: choose another grammar."
        )
    return scores


def _record(facts: LogitFacts, token_id: int) -> Step:
    """What the model's own distribution says of the token that was drawn; what the text makes of it comes later."""
    # One transfer of a few numbers, not of the vocabulary.
    chosen, bits = torch.cat((facts.target_log_probs, facts.entropy_bits)).tolist()
    return Step(
        token_id=token_id,
        text="",
        log_prob=chosen,
        top_ids=facts.ids[0].cpu().numpy().astype("int32"),
        top_log_probs=facts.log_probs[0].cpu().numpy(),
        entropy_bits=bits,
        elapsed_s=0.0,
    )
