"""The questions about texts that are found otherwise than by one draw after another, a part of `lmloupe.Engine`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.model.sampling.pipeline import Sampling
from lmloupe.model.strategies.results import BeamSearch, ContrastiveSearch, EarlyStopping
from lmloupe.model.strategies.speculative.results import Draft, Speculation

__all__ = ["StrategyQuestions"]


class StrategyQuestions(Protocol):
    """Whole texts by a strategy; texts, ids and errors as `lmloupe.Engine` says."""

    def beam_search(
        self,
        text_or_ids: TextOrIds,
        num_beams: int = 4,
        max_new_tokens: int = 128,
        *,
        length_penalty: float = 1.0,
        early_stopping: EarlyStopping = False,
        stop_ids: Collection[int] | None = None,
    ) -> BeamSearch:
        """Search for a probable text with several beams, as transformers' ``num_beams`` does, one pass a step for all.

        At every step each beam is continued by every token, and the best ``num_beams`` of all continuations that do
        not end go on. Texts that end are ranked by the sum of their log probabilities divided by
        ``length ** length_penalty``, their end token counted. No sampling setting applies.

        Args:
            text_or_ids: the prompt.
            num_beams: 1 to 64. One beam is greedy: the text ends with its first end token.
            max_new_tokens: at least 1.
            length_penalty: -10 to 10; 0 ranks by probability alone, more than 0 favours longer texts.
            early_stopping: True ends with ``num_beams`` finished texts. False goes on while the best beam would be
                ranked before the worst of them if it ended now; ``"never"`` while it could be at any length.
            stop_ids: tokens that end a text, as in `generate`.

        Returns:
            An iterator of `BeamStep` that starts at once and can be polled and closed. The texts found are ``finished``
            of the last one. NotAvailableError comes out of it for a model whose cache cannot be copied and reordered,
            and NotFiniteError.

        Raises:
            InvalidSettingError: a value out of its range.
            ContextLengthError: the prompt fills the context.
        """

    def contrastive_search(
        self,
        text_or_ids: TextOrIds,
        penalty_alpha: float = 0.6,
        top_k: int = 4,
        max_new_tokens: int = 128,
        *,
        stop_ids: Collection[int] | None = None,
    ) -> ContrastiveSearch:
        """Take at each step the probable token that is least like what is written already.

        Of the ``top_k`` most probable tokens the one with the largest ``(1 - penalty_alpha) * probability -
        penalty_alpha * largest cosine`` is taken: the cosine of its last hidden state with those of all tokens before.
        All candidates are read in one pass. Source: Su et al., "A Contrastive Framework for Neural Text Generation"
        (2022), equation 5.

        Args:
            text_or_ids: the prompt.
            penalty_alpha: 0 (greedy) to 1.
            top_k: 1 (greedy) to 64.
            max_new_tokens: at least 1.
            stop_ids: tokens that end it, as in `generate`.

        Returns:
            An iterator of `ContrastiveStep` that starts at once and can be polled and closed; the errors that come
            out of it are those of `beam_search`.

        Raises:
            InvalidSettingError: a value out of its range.
            ContextLengthError: the prompt fills the context.
        """

    def speculate(
        self,
        text_or_ids: TextOrIds,
        draft: Draft = "prompt_lookup",
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        n_draft: int = 5,
        max_ngram: int = 3,
        layer: int | None = None,
        compare: bool = False,
        stop_ids: Collection[int] | None = None,
    ) -> Speculation:
        """Speculative decoding without a second model: draft several tokens cheaply, verify them in one pass.

        What is written is distributed as what `generate` writes. Where the draft proposes one token and no other (by
        prompt lookup, and at temperature 0) it is the very text of `generate` with this seed, but for rounding: a pass
        over several tokens adds the same products in another order.

        Sources: Leviathan et al. (2023) and Chen et al. (2023) for the rule, Saxena, "Prompt Lookup Decoding" (2023),
        Elhoushi et al., "LayerSkip" (2024) for drafts from the same model's early layers; that model was trained for
        it, most are not.

        Args:
            text_or_ids: the prompt.
            draft: ``"prompt_lookup"`` proposes what followed the last tokens of the text where they stood in it first.
                ``"early_layer"`` drafts token by token with the first ``layer`` blocks, the final norm and the output
                matrix: what row ``layer`` of `logit_lens` says.
            sampling: how to draw, for the model and the early layer; None is the model's own distribution.
            max_new_tokens: at least 1.
            seed: of the draws, at least 0.
            n_draft: most tokens to draft for one pass, 1 to 64.
            max_ngram: of prompt lookup, how many last tokens to look for first, 1 to 64; then fewer, down to one.
            layer: 1 to ``n_layers`` - 1; None for half of the blocks.
            compare: also decode the same text one token at a time, in turn with the passes, and say how long that took.
            stop_ids: tokens that end it, as in `generate`.

        Returns:
            An iterator of `SpeculationStep` that starts at once and can be polled and closed; `speculation_totals`
            counts. NotAvailableError comes out of it where the model cannot take back what it has read, and
            NotFiniteError.

        Raises:
            InvalidSettingError: a value out of its range.
            ContextLengthError: the prompt fills the context.
            NotAvailableError: the model reads no several tokens from its cache, or its layers, final norm and output
                matrix are not found.
        """
