"""The local engine's answers about a pass over a text; see `lmloupe.model.inside.results`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.embeddings.cosine import layer_cosines
from lmloupe.model.embeddings.results import TextOrIds
from lmloupe.model.inside.attention import attention_weights
from lmloupe.model.inside.attribution import attribute
from lmloupe.model.inside.lens import KeptStream, LocalLensRows, assemble, lens_steps
from lmloupe.model.inside.results import AttentionWeights, Attribution, LensParts, LogitLens, Scored
from lmloupe.model.inside.scoring import score_steps
from lmloupe.model.passes.blocks import block_states, find_blocks
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.parts import ModelParts, find_parts, path_of
from lmloupe.model.passes.worker import Worker

if TYPE_CHECKING:
    from lmloupe.model.engine import ModelDescription

__all__ = ["InsideAnswers"]


class InsideAnswers:
    """The part of `lmloupe.model.local.LocalEngine` that looks into a pass."""

    _model: Any
    _worker: Worker
    _description: ModelDescription
    _kept_stream: KeptStream
    _found_parts: ModelParts | NotAvailableError | None
    _reading: Reading

    if TYPE_CHECKING:

        def input_ids(self, text_or_ids: TextOrIds) -> NDArray[np.int32]: ...  # noqa: D102 - the engine's
        def _checked(self, ids: NDArray[Any]) -> NDArray[np.int32]: ...

    def score(self, text_or_ids: TextOrIds, top_k: int = 5) -> Scored:
        """Every token of the text under the model's prediction for its place: one pass.

        Args:
            text_or_ids: the text; of a single token come arrays of length 0.
            top_k: how many expected tokens to keep at each place, at least 1.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            InvalidSettingError: ``top_k`` below 1.
            NotFiniteError: the model's scores are no numbers.
        """
        ids = self.input_ids(text_or_ids)
        _check_top_k(top_k)
        try:
            parts = self._parts()
        except NotAvailableError:
            parts = None  # scores need no layers: the model's own logits, a piece of the text at a time
        work = score_steps(self._model, parts, self._reading, ids, top_k, self._description.vocab_rows)
        answer = self._worker.submit(work).take()
        assert answer is not None  # noqa: S101 - without a time limit `take` waits
        return answer

    def hidden_states(self, text_or_ids: TextOrIds) -> NDArray[np.float32]:
        """Vectors before the first block and after each one, float32 (n_layers + 1, n, width).

        Row 0 is what the first block reads (the embedding), row i what block i wrote. The last is what transformers
        gives as the last hidden state: in many models what the final norm wrote; the others are not normed. Of the
        streams side by side of Gemma 3n it is the one that its blocks read. In memory all at once; `logit_lens` is not.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            NotAvailableError: a model without one stream from block to block, such as DeepSeek-V4.
        """
        ids = self.input_ids(text_or_ids)
        return self._worker.call(lambda: block_states(self._model, find_blocks(self._model), ids))

    def contextual_similarity(
        self, text_a: TextOrIds, position_a: int, text_b: TextOrIds, position_b: int
    ) -> NDArray[np.float32]:
        """Cosine of two tokens' hidden states at every depth, float32 (n_layers + 1,).

        First the embeddings, the same for the same token in any text, then the residual stream after each layer; the
        last is what the output matrix reads, after the final norm. `lmloupe.word_positions` finds the tokens of a word.

        One forward pass a text, and one in all for twice the same text; what follows a token is not read.

        Args:
            text_a: a text or ids.
            position_a: which of its tokens, from 0, with what the tokenizer adds by itself.
            text_b: another, or the same.
            position_b: which of its tokens.

        Raises:
            InvalidSettingError: a position that the text does not have.
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            NotAvailableError: a model without one stream from block to block.
        """
        ids_a, ids_b = self.input_ids(text_a), self.input_ids(text_b)
        for ids, position in ((ids_a, position_a), (ids_b, position_b)):
            if not 0 <= position < len(ids):
                raise InvalidSettingError(
                    f"Position {position} is not in the text: its {len(ids)} tokens are 0 to {len(ids) - 1}."
                )
        if np.array_equal(ids_a, ids_b):
            both = self._states_at(ids_a, [position_a, position_b])
            return layer_cosines(both[:, 0], both[:, 1])
        a, b = self._states_at(ids_a, [position_a]), self._states_at(ids_b, [position_b])
        return layer_cosines(a[:, 0], b[:, 0])

    def _states_at(self, ids: NDArray[np.int32], positions: list[int]) -> NDArray[np.float32]:
        # What comes after the last of them is not read, where a state does not depend on it.
        read = ids[: self._reading.needed(len(ids), max(positions))]
        return self._worker.call(lambda: block_states(self._model, find_blocks(self._model), read, positions))

    def logit_lens(self, text_or_ids: TextOrIds, top_k: int = 10) -> LogitLens:
        """What each depth would answer at each position; see `lmloupe.model.inside.lens`.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            InvalidSettingError: ``top_k`` below 1.
            NotAvailableError: a model whose layers or final norm cannot be found.
            NotFiniteError: scores that are no numbers.
        """
        ids = self.input_ids(text_or_ids)
        return assemble(ids, list(self.lens_rows(ids, top_k=top_k)))

    def lens_rows(
        self,
        text_or_ids: TextOrIds,
        layers: Sequence[int] | None = None,
        positions: Sequence[int] | None = None,
        top_k: int = 10,
        *,
        background: bool = False,
    ) -> LocalLensRows:
        """Chosen rows and positions of the lens, as they are computed.

        Args:
            text_or_ids: the text.
            layers: which rows, in the order in which they are wanted, 0 to ``n_layers``; None for all from 0 up.
            positions: which tokens, counted from 0; None for all. They come back in rising order.
            top_k: how many tokens to keep in each cell, at least 1.
            background: let every other question of anybody go ahead, after the product at hand.

        Returns:
            An iterator of `LensRow` that starts at once and can be polled and closed. The pass over the text is kept
            (in 256 MB): asking for other rows and positions of the same text does not run the layers again.

        Raises:
            InvalidSettingError: a layer or position that is not there, or ``top_k`` below 1.
            Otherwise as `logit_lens`; NotFiniteError comes out of the iterator.
        """
        ids = self.input_ids(text_or_ids)
        _check_top_k(top_k)
        n_layers = self._description.n_layers
        wanted = list(range(n_layers + 1)) if layers is None else [int(layer) for layer in layers]
        places = np.arange(len(ids), dtype=np.int32) if positions is None else np.unique(positions).astype(np.int32)
        _check_inside("Layer", wanted, n_layers + 1)
        _check_inside("Position", places.tolist(), len(ids))
        if len(places) == 0:
            raise InvalidSettingError("No positions are given: choose at least one token of the text.")
        work = lens_steps(
            self._model,
            self._parts(),
            self._reading,
            self._kept_stream,
            ids,
            wanted,
            places,
            top_k,
            self._description.vocab_rows,
        )
        return LocalLensRows(ids, self._worker.submit(work, background=background))

    def lens_parts(self) -> LensParts:
        """Where in the model the lens' final norm and output matrix are, and what is done to its logits.

        Found by what they do, not by their names; see `lmloupe.model.passes.parts`.

        Raises:
            NotAvailableError: a model whose layers or final norm cannot be found.
        """
        parts = self._parts()
        norm, head = (path_of(self._model, module) for module in (parts.norm, parts.head))
        return LensParts(norm, head, parts.scale, parts.soft_cap)

    def attention(self, text_or_ids: TextOrIds, layer: int) -> NDArray[np.float32]:
        """Attention weights of one layer, float32 (n_heads, n, n): query head, token that reads, token that is read.

        From a pass with transformers' eager attention; the other implementations give no weights. Each row sums to 1,
        or to less where the model has an attention sink: `attention_weights` gives its share too.

        Args:
            text_or_ids: the text.
            layer: 0 to ``n_layers`` - 1, as in transformers' ``attentions``: 0 is the first block, which row 1 of
                `hidden_states` and of `logit_lens` comes out of. The pages call it layer 1.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            InvalidSettingError: a layer that is not there.
            NotAvailableError: a layer that is not attention (Jamba), or a model that gives no weights.
            NotFiniteError: weights that are no numbers.
        """
        return self.attention_weights(text_or_ids, layer).weights

    def attention_weights(self, text_or_ids: TextOrIds, layer: int) -> AttentionWeights:
        """Attention weights of one layer, with the share that goes to an attention sink where the model has one.

        Args:
            text_or_ids: the text.
            layer: 0 to ``n_layers`` - 1.

        Raises:
            LoupeError: as `attention`.
        """
        ids = self.input_ids(text_or_ids)
        _check_inside("Layer", [layer], self._description.n_layers)
        return self._worker.call(lambda: attention_weights(self._model, find_blocks(self._model), ids, layer))

    def attribution(self, text_or_ids: TextOrIds, token_id: int, position: int = -1) -> Attribution:
        """What the embedding and each layer's attention and MLP add to a token's logit; see
        `lmloupe.model.inside.attribution`.

        Args:
            text_or_ids: the text.
            token_id: whose logit.
            position: after which token of the text; negative ones count from the end.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            InvalidSettingError: a position that is not there.
            NotAvailableError: a model whose parts do not add up in a way that is known.
            NotFiniteError: logits that are no numbers.
        """
        ids = self.input_ids(text_or_ids)
        token = int(self._checked(np.asarray([token_id]))[0])
        place = position + len(ids) if position < 0 else position
        _check_inside("Position", [place], len(ids))
        parts = self._parts()
        return self._worker.call(lambda: attribute(self._model, parts, ids, token, place))

    def _parts(self) -> ModelParts:
        if self._found_parts is None:
            try:
                self._found_parts = self._worker.call(lambda: find_parts(self._model))
            except NotAvailableError as error:
                self._found_parts = error
        if isinstance(self._found_parts, NotAvailableError):
            raise NotAvailableError(str(self._found_parts))
        return self._found_parts


def _check_top_k(top_k: int) -> None:
    if top_k < 1:
        raise InvalidSettingError(f"top_k is {top_k}; it must be at least 1.")


def _check_inside(what: str, values: Sequence[int], size: int) -> None:
    outside = [value for value in values if not 0 <= value < size]
    if outside:
        raise InvalidSettingError(f"{what} {outside[0]} is not there: they go from 0 to {size - 1}.")
