"""One generation without its passes: from the scores after a text to the token that is written, and when to end."""

from __future__ import annotations

import codecs
import time
from collections.abc import Collection
from typing import Literal

import torch

from lmloupe.model.generation.results import Step
from lmloupe.model.passes.logit_facts import LogitFacts, logit_facts, require_finite
from lmloupe.model.sampling.sampler import Sampler
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["TextOfTokens", "Writer"]

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
    ) -> None:
        self.ids, self.ended = ids, False
        self._text, self._sampler = TextOfTokens(tokenizer), sampler
        self._most, self._written = most, 0
        self._most_is_context, self._stop_ids = most_is_context, stop_ids
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
        """
        logits = logits.float()
        require_finite(logits.max(1).values)
        if self._sampler.takes_the_best:
            token_id = int(logits[0].argmax())
        else:
            token_id = self._sampler.choose(logits[0].cpu().numpy(), self.ids)
        self.ids.append(token_id)
        self._written += 1
        ended_by = self._ended_by(token_id)
        self.ended = ended_by != ""
        chosen = torch.tensor([token_id], device=logits.device)
        facts = logit_facts(logits, chosen, min(N_TOP, logits.shape[1]))
        text = self._text.add(token_id, last=self.ended)
        return _record(facts, token_id, text, time.perf_counter() - self._began, ended_by)

    def _ended_by(self, token_id: int) -> Literal["", "stop", "length", "context"]:
        if token_id in self._stop_ids:
            return "stop"
        if self._written < self._most:
            return ""
        return "context" if self._most_is_context else "length"


class TextOfTokens:
    """Bytes of tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, *, last: bool) -> str:
        """The characters that a further token completes; with the last one, also what stays incomplete."""
        return self._decoder.decode(self._tokenizer.token_bytes(token_id), last)


def _record(
    facts: LogitFacts, token_id: int, text: str, elapsed_s: float, ended_by: Literal["", "stop", "length", "context"]
) -> Step:
    # One transfer of a few numbers, not of the vocabulary.
    chosen, bits = torch.cat((facts.target_log_probs, facts.entropy_bits)).tolist()
    return Step(
        token_id=token_id,
        text=text,
        log_prob=chosen,
        top_ids=facts.ids[0].cpu().numpy().astype("int32"),
        top_log_probs=facts.log_probs[0].cpu().numpy(),
        entropy_bits=bits,
        elapsed_s=elapsed_s,
        ended_by=ended_by,
    )
