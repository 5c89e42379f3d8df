"""A grammar followed along one text, token by token: what may come next, and when the text is complete."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from llguidance import LLMatcher
from numpy.typing import NDArray

from lmloupe.errors import InvalidConstraintError, NotAvailableError
from lmloupe.model.constrained.constraint import Constraint
from lmloupe.model.constrained.grammar import grammar, reason
from lmloupe.model.constrained.results import ConstrainedStep
from lmloupe.model.constrained.vocabulary import vocabulary
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Guide"]

N_TOP = 10


class Guide:
    """Where a text stands in its grammar. Each generation has its own; it is no part of the prompt.

    Args:
        tokenizer: of the model.
        constraint: the rule.
        stop_ids: tokens that end the text; they may come where the grammar may end, and nowhere else.

    Attributes:
        complete: whether the text satisfies the grammar and cannot go on.

    Raises:
        InvalidConstraintError: the grammar is beyond llguidance's limits for a vocabulary of this size.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("qwen2")
    >>> guide = Guide(tok, Constraint.choices(["yes", "no"]), ())
    >>> [tok.piece(int(i)) for i in np.flatnonzero(guide.allowed(tok.vocab_size))]
    ['n', 'y', 'no', 'ye', 'yes']
    """

    def __init__(self, tokenizer: Tokenizer, constraint: Constraint, stop_ids: Collection[int] = ()) -> None:
        rule = grammar(constraint.kind, constraint.source, any_whitespace=constraint.any_whitespace)
        known = vocabulary(tokenizer)
        self._matcher, self._n_tokens = LLMatcher(known, rule, log_level=0), known.vocab_size - 1
        if self._matcher.is_error():
            raise InvalidConstraintError(f"The constraint is too large for this vocabulary: {reason(self._matcher)}.")
        self._stop_ids = frozenset(stop_ids)
        self.complete = False
        self._look()

    def allowed(self, rows: int) -> NDArray[np.bool_]:
        """Which tokens may come, bool (rows,); rows that no token names never may.

        Raises:
            NotAvailableError: none may, or the grammar grew beyond llguidance's limits.
        """
        self._require()
        mask = np.zeros(rows, np.bool_)
        n = min(rows, len(self._text_tokens))
        mask[:n] = self._text_tokens[:n]
        for i in self._stop_ids:
            if 0 <= i < rows:
                mask[i] = self._may_end
        if not mask.any():
            raise NotAvailableError(
                "No token of this tokenizer can go on with what the grammar demands here: choose another grammar or "
                "another model."
            )
        return mask

    def take(
        self, token_id: int, logits: NDArray[np.floating], allowed: NDArray[np.bool_], top_ids: NDArray[np.integer]
    ) -> ConstrainedStep:
        """Go on with the token that was drawn, and say what the grammar did at this step.

        Args:
            token_id: an allowed one.
            logits: (vocab,), the model's own scores.
            allowed: bool (vocab,), what `allowed` gave for this step.
            top_ids: the most probable tokens of the model's own distribution, best first.
        """
        scores = np.asarray(logits, np.float64)
        shifted = scores - scores.max()
        log_probs = shifted - np.log(np.exp(shifted).sum())
        probs = np.exp(log_probs)
        candidates = np.flatnonzero(allowed)
        kept = log_probs[candidates]
        top = np.argpartition(-kept, N_TOP)[:N_TOP] if len(kept) > N_TOP else np.arange(len(kept))
        best = candidates[top[np.argsort(-kept[top], kind="stable")]]
        log_allowed = kept.max() + np.log(np.exp(kept - kept.max()).sum())
        top_allowed = allowed[top_ids]
        if token_id in self._stop_ids:
            complete = True
        else:
            # Where that ends in an error, `allowed` raises it when the next token is asked for.
            self._matcher.consume_token(token_id)
            self._look()
            complete = self._may_end
        return ConstrainedStep(
            n_allowed=len(candidates),
            struck_out=float(probs[~allowed].sum()),
            log_prob=float(log_probs[token_id] - log_allowed),
            overruled=not bool(top_allowed[0]),
            top_allowed=top_allowed,
            allowed_ids=best.astype(np.int32),
            allowed_log_probs=log_probs[best],
            complete=complete,
        )

    def follow(self, token_ids: Sequence[int]) -> None:
        """Go on with tokens that were drawn before; where that ends in an error, `allowed` raises it."""
        for token_id in token_ids:
            self._matcher.consume_token(token_id)
        self._look()

    def _look(self) -> None:
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        self._may_end = self._matcher.is_accepting()
        # The end that llguidance knows is the last of its tokens, and no token of the model.
        self._text_tokens = bits[: self._n_tokens].astype(np.bool_)
        self.complete = self._may_end and not self._text_tokens.any()

    def _require(self) -> None:
        if self._matcher.is_error():
            raise NotAvailableError(
                f"The grammar cannot be followed further here ({reason(self._matcher)}): choose a simpler one."
            )
