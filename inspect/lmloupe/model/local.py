"""The engine that runs in this process: a transformers model behind the `Engine` face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.encodings.encoding import encode
from lmloupe.errors import ContextLengthError, InvalidIdError, InvalidSettingError, InvalidTextError
from lmloupe.model.architecture.answers import ArchitectureAnswers
from lmloupe.model.architecture.describe import describe_model
from lmloupe.model.embeddings.answers import EmbeddingAnswers
from lmloupe.model.embeddings.matrix import vocabulary_matrices
from lmloupe.model.embeddings.results import TextOrIds
from lmloupe.model.engine import ModelDescription, NextToken, Quantization
from lmloupe.model.generation import LocalGeneration, steps
from lmloupe.model.inside.answers import InsideAnswers
from lmloupe.model.inside.lens import KeptStream
from lmloupe.model.passes.config_sizes import context_length
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.quantized_products import require_products
from lmloupe.model.passes.reading import find_reading, notes_on
from lmloupe.model.passes.worker import worker_for
from lmloupe.model.sampling import Sampling
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["LocalEngine"]


class LocalEngine(EmbeddingAnswers, ArchitectureAnswers, InsideAnswers):
    """A causal LM of transformers in this process. Made by `lmloupe.load_engine`; safe to share between threads.

    Args:
        model: a ``transformers`` causal LM in eval mode, on its device.
        tokenizer: the tokenizer that goes with it.
        name: embedded key, hub id or folder.
        revision: hub revision that was asked for, else None.
        quantization: as loaded.
        published_as: what the weights were published as; empty where unknown.

    Raises:
        UnsupportedError: a model that does not read a text of ids alone, or not from left to right only.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        *,
        name: str,
        revision: str | None,
        quantization: Quantization,
        published_as: str = "",
    ) -> None:
        self._model = model
        self.tokenizer = tokenizer.for_matrix(model.get_input_embeddings().weight.shape[0])
        self._context_length = context_length(model.config.get_text_config())
        self._embedding: torch.Tensor = model.get_input_embeddings().weight
        self._worker = worker_for(self._embedding.device.type)
        # Before any pass: some CPUs have bitsandbytes lay its weights out anew in the first one.
        described = describe_model(model, name, revision, quantization, published_as)
        limit = self._context_length
        self._worker.call(lambda: require_products(name, model, quantization))
        self._reading = self._worker.call(lambda: find_reading(model, quantization, limit))
        self._description = replace(described, notes=(*described.notes, *notes_on(self._reading)))
        self._matrices = vocabulary_matrices(model, tokenizer.vocab_size)
        self._eos_ids = _eos_ids(self._description.stop_ids, tokenizer)
        self._kept_stream = KeptStream()
        self._found_parts = None

    def describe(self) -> ModelDescription:
        """What is loaded: modules, shapes, dtypes, bytes."""
        return self._description

    def input_ids(self, text_or_ids: TextOrIds) -> NDArray[np.int32]:
        """The ids that the model would read for a text or for ids, int32 (n,), checked.

        Raises:
            InvalidTextError: no token at all, or a lone surrogate.
            InvalidIdError: an id beyond the embedding matrix.
            ContextLengthError: more tokens than the context holds.
        """
        if isinstance(text_or_ids, str):
            text_or_ids = encode(self.tokenizer, text_or_ids, add_special_tokens=True).input_ids
        ids = self._checked(np.asarray(text_or_ids))
        if len(ids) == 0:
            raise InvalidTextError("The text has no tokens: write at least one character for the model to read.")
        limit = self._context_length
        if limit is not None and len(ids) > limit:
            raise ContextLengthError(
                f"The text has {len(ids):,} tokens, but {self._description.name} reads at most {limit:,} at once: "
                f"shorten it by {len(ids) - limit:,} tokens."
            )
        return ids

    def next_token(self, text_or_ids: TextOrIds) -> NextToken:
        """Scores of every possible next token, from one forward pass.

        Raises:
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
            NotFiniteError: the model's scores are no numbers.
        """
        ids = self.input_ids(text_or_ids)

        def forward() -> NDArray[np.float32]:
            rows = torch.from_numpy(ids.astype(np.int64)).to(self._embedding.device).unsqueeze(0)
            # Scores of the last position alone: the rest of (n, vocab) would be computed for nothing.
            logits = self._model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[0, -1]
            require_finite(logits.max()[None])
            result: NDArray[np.float32] = logits.float().cpu().numpy()
            return result

        return NextToken(ids, self._worker.call(forward))

    def generate(
        self,
        text_or_ids: TextOrIds,
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        lens: bool = False,
    ) -> LocalGeneration:
        """Generate token by token, until an end token, ``max_new_tokens`` or the end of the context.

        Args:
            text_or_ids: the prompt; the ids of a rendered chat rather than its text.
            sampling: how to draw; None is the model's own distribution.
            max_new_tokens: at least 1.
            seed: of NumPy's PCG64; the same seed gives the same tokens.
            lens: also record what every layer would have said at each step, from the same pass; on a CPU the
                steps after the first then come four at a time.

        Returns:
            An iterator of `Step` that starts at once and can be polled and closed.

        Raises:
            InvalidSettingError: ``max_new_tokens`` below 1 or a negative seed.
            NotAvailableError: ``lens`` of a model whose layers or final norm cannot be found.
            NotFiniteError: out of the iterator, where the model's scores are no numbers.
            InvalidTextError, InvalidIdError, ContextLengthError: see `input_ids`.
        """
        if max_new_tokens < 1 or seed < 0:
            raise InvalidSettingError(
                f"max_new_tokens is {max_new_tokens} and seed {seed}; they must be at least 1 and 0."
            )
        ids = self.input_ids(text_or_ids)
        if self._context_length is not None:
            room = self._context_length - len(ids)
            if room < 1:
                raise ContextLengthError(
                    f"The prompt fills all {self._context_length:,} tokens of the context: shorten it."
                )
            max_new_tokens = min(max_new_tokens, room)
        work = steps(
            self._model,
            self.tokenizer,
            ids,
            sampling or Sampling(),
            max_new_tokens=max_new_tokens,
            seed=seed,
            eos_ids=self._eos_ids,
            lens_parts=self._parts() if lens else None,
            reading=self._reading,
        )
        return LocalGeneration(ids, self._worker.submit(work))

    def _checked(self, ids: NDArray[Any]) -> NDArray[np.int32]:
        rows = self._description.vocab_rows
        if ids.size == 0:
            return np.empty(0, np.int32)
        if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
            raise InvalidIdError(f"Token ids must be one row of whole numbers, not {ids.dtype} of shape {ids.shape}.")
        outside = np.flatnonzero((ids < 0) | (ids >= rows))
        if len(outside):
            raise InvalidIdError(
                f"Id {ids[outside[0]]} (number {outside[0] + 1} of {len(ids)}) is beyond the model's embedding matrix: "
                f"its rows go from 0 to {rows - 1}."
            )
        return ids.astype(np.int32)


def _eos_ids(stop_ids: tuple[int, ...], tokenizer: Tokenizer) -> frozenset[int]:
    eos = tokenizer.special_tokens.get(tokenizer.eos_token or "")
    return frozenset(stop_ids if eos is None else (*stop_ids, eos))
