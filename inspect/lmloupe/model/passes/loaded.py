"""The record of one loaded model that every question is answered from, and the check of the texts put to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.encodings.encoding import TextOrIds, encode
from lmloupe.errors import ContextLengthError, InvalidIdError, InvalidSettingError, InvalidTextError, NotAvailableError
from lmloupe.model.passes.blocks import find_blocks
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.parts import ModelParts, find_parts
from lmloupe.model.passes.worker import Worker
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["LoadedModel", "OfLoaded", "checked_ids", "input_ids", "require_inside", "require_top_k"]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A loaded model with what was found out about it at load.

    Attributes:
        name: embedded key, hub id or folder.
        model: the ``transformers`` causal LM in eval mode, on its device.
        tokenizer: the tokenizer that goes with it.
        worker: the thread that runs it.
        reading: how texts are read with it.
        n_layers: blocks that a text goes through.
        vocab_rows: rows of the input matrix.
        context_length: most tokens that it reads at once; None without a limit.
        eos_ids: tokens that end a generation.
    """

    name: str
    model: Any
    tokenizer: Tokenizer
    worker: Worker
    reading: Reading
    n_layers: int
    vocab_rows: int
    context_length: int | None
    eos_ids: frozenset[int]

    @property
    def device(self) -> torch.device:
        """Where the model reads ids."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    @cached_property
    def blocks(self) -> nn.ModuleList | None:
        """The blocks that a text goes through; None where they are not found."""
        return find_blocks(self.model)

    @property
    def parts(self) -> ModelParts:
        """Layers, final norm and output matrix, found at first use. Not for the worker's own thread.

        Raises:
            NotAvailableError: they cannot be found.
        """
        if isinstance(self._parts, NotAvailableError):
            raise NotAvailableError(str(self._parts))  # a new one each time: a raised error keeps its frames
        return self._parts

    @cached_property
    def _parts(self) -> ModelParts | NotAvailableError:
        try:
            return self.worker.call(lambda: find_parts(self.model))
        except NotAvailableError as error:
            return error


def input_ids(loaded: LoadedModel, text_or_ids: TextOrIds) -> NDArray[np.int32]:
    """The ids that the model reads for a text or for ids, int32 (n,), checked.

    Raises:
        InvalidTextError: no token at all, or a lone surrogate.
        InvalidIdError: an id beyond the embedding matrix.
        ContextLengthError: more tokens than the context has room for.
    """
    if isinstance(text_or_ids, str):
        text_or_ids = encode(loaded.tokenizer, text_or_ids, add_special_tokens=True).input_ids
    ids = checked_ids(loaded, np.asarray(text_or_ids))
    if len(ids) == 0:
        raise InvalidTextError("The text has no tokens: write at least one character for the model to read.")
    limit = loaded.context_length
    if limit is not None and len(ids) > limit:
        raise ContextLengthError(
            f"The text has {len(ids):,} tokens, but {loaded.name} reads at most {limit:,} at once: "
            f"shorten it by {len(ids) - limit:,} {'token' if len(ids) - limit == 1 else 'tokens'}."
        )
    return ids


class OfLoaded:
    """What the answers of all rooms share: the model that they are asked of, and the check of what they are asked."""

    loaded: LoadedModel

    def input_ids(self, text_or_ids: TextOrIds) -> NDArray[np.int32]:
        """The ids that the model reads for a text or for ids, int32 (n,), checked as every question checks them."""
        return input_ids(self.loaded, text_or_ids)


def checked_ids(loaded: LoadedModel, ids: NDArray[Any]) -> NDArray[np.int32]:
    """One row of ids as int32 (n,), which may be empty.

    Raises:
        InvalidIdError: not whole numbers, or an id beyond the embedding matrix.
    """
    rows = loaded.vocab_rows
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


def require_top_k(top_k: int) -> None:
    """Raise InvalidSettingError for a ``top_k`` below 1."""
    if top_k < 1:
        raise InvalidSettingError(f"top_k is {top_k}; it must be at least 1.")


def require_inside(what: str, values: list[int], size: int) -> None:
    """Raise InvalidSettingError where a layer or position is not among 0 to ``size`` - 1."""
    outside = [value for value in values if not 0 <= value < size]
    if outside:
        raise InvalidSettingError(f"{what} {outside[0]} is not there: they go from 0 to {size - 1}.")
