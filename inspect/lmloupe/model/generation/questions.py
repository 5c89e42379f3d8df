"""The questions about what a model writes, a part of `lmloupe.Engine`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.constrained.constraint import Constraint
from lmloupe.model.generation.results import Generation, NextToken, Serving
from lmloupe.model.sampling.pipeline import Sampling

__all__ = ["GenerationQuestions"]


class GenerationQuestions(Protocol):
    """What comes next; texts, ids and errors as `lmloupe.Engine` says."""

    def next_token(self, text_or_ids: TextOrIds) -> NextToken:
        """Scores of every possible next token, from one forward pass."""

    def generate(
        self,
        text_or_ids: TextOrIds,
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        lens: bool = False,
        stop_ids: Collection[int] | None = None,
        constraint: Constraint | None = None,
        written: Sequence[int] = (),
    ) -> Generation:
        """Generate token by token, until an end token, ``max_new_tokens`` or the end of the context.

        Several at once are written together, one pass of the model a step, where it can (`serving`); an equal one that
        has not ended is joined. A prompt that begins as a text that was read or written before goes on from what was
        kept of it, and only the rest is read (`Generation.reused_tokens`). All of that changes the last digits of
        scores by rounding, and so a token only where two are as good as equally probable.

        Args:
            text_or_ids: the prompt; the ids of a rendered chat rather than its text.
            sampling: how to draw; None is the model's own distribution.
            max_new_tokens: at least 1.
            seed: of NumPy's PCG64, at least 0; the same seed gives the same tokens on the same machine and settings,
                up to that rounding.
            lens: also record what each layer would have said at each step, from the same pass. On a CPU the steps
                after the first then come four at a time.
            stop_ids: tokens that end it; None for the model's own (`ModelDescription.stop_ids` and the tokenizer's
                end token), an empty collection for none.
            constraint: what the text has to be: tokens with which it could not become so are struck out before the
                draw, and each step says what that did (`Step.constrained`). Special tokens never come, and stop tokens
                only where the text satisfies the constraint.
            written: the first tokens of this very generation, where it was interrupted: prompt and tokens are read at
                once, and only the steps after them come, from the draws that they would have had. Not with mirostat,
                whose draws depend on all scores before.

        Returns:
            An iterator of `Step` that starts at once, or as soon as there is room where as many are served as can be
            (`Generation.ahead`), and can be polled and closed. NotFiniteError comes out of it, and
            NotAvailableError where a constraint leaves no token.
        """

    def serving(self) -> Serving:
        """How many are having this model write now, and how many wait. Asks no model: the answer comes at once."""
