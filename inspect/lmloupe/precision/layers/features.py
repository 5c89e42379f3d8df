"""Outlier features: the few dimensions of the residual stream that are far larger than all others on a text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import NotFiniteError
from lmloupe.model.local import LocalEngine

__all__ = ["OutlierFeature", "OutlierFeatures", "outlier_features"]

# Sun et al. (2024), section 2.
_LEAST, _TIMES = 100.0, 1000.0


@dataclass(frozen=True, slots=True)
class OutlierFeature:
    """One dimension of the residual stream, where it is largest.

    Attributes:
        dimension: from 0.
        value: its largest activation in magnitude, with its sign.
        layer: the block that reads it, from 0.
        token: position in the text, from 0.
        times_median: its magnitude over the median magnitude of what this block reads.
        n_layers: how many blocks read a massive activation in this dimension.
        is_massive: by the definition in `outlier_features`.
    """

    dimension: int
    value: float
    layer: int
    token: int
    times_median: float
    n_layers: int
    is_massive: bool


@dataclass(frozen=True, slots=True, eq=False)
class OutlierFeatures:
    """The largest activations of a text in the stream that the blocks read.

    Attributes:
        input_ids: int32 (n,), the text as the model reads it.
        median: float32 (n_layers,), the median magnitude of what each block reads.
        largest: float32 (n_layers, width), of each dimension the activation of greatest magnitude over all tokens,
            with its sign.
        tokens: int32 (n_layers, width), where that is, from 0.
    """

    input_ids: NDArray[np.int32]
    median: NDArray[np.float32] = field(repr=False)
    largest: NDArray[np.float32] = field(repr=False)
    tokens: NDArray[np.int32] = field(repr=False)

    def top(self, k: int = 10) -> tuple[OutlierFeature, ...]:
        """The k dimensions with the largest activations, the largest first."""
        size = np.abs(self.largest)
        times = size / np.maximum(self.median, np.finfo(np.float32).tiny)[:, None]
        massive = (size > _LEAST) & (times >= _TIMES)
        found = []
        for dimension in np.argsort(-size.max(0), kind="stable")[:k].tolist():
            layer = int(size[:, dimension].argmax())
            found.append(
                OutlierFeature(
                    dimension=dimension,
                    value=float(self.largest[layer, dimension]),
                    layer=layer,
                    token=int(self.tokens[layer, dimension]),
                    times_median=float(times[layer, dimension]),
                    n_layers=int(massive[:, dimension].sum()),
                    is_massive=bool(massive[layer, dimension]),
                )
            )
        return tuple(found)


def outlier_features(engine: LocalEngine, text_or_ids: TextOrIds) -> OutlierFeatures:
    """The dimensions of the residual stream with the largest activations on a text, from one pass.

    Massive is an activation above 100 in magnitude that is at least 1,000 times the median magnitude of what its block
    reads (Sun et al., "Massive Activations in Large Language Models", 2024). The matrices read this stream normed:
    `lmloupe.activation_outliers` says which columns LLM.int8() takes out of their products.

    Args:
        engine: a model in this process, in any precision.
        text_or_ids: the text.

    Raises:
        NotAvailableError: the model has no single stream between its blocks.
        NotFiniteError: a state holds NaN or infinite numbers.
        InputError: as for every question about a text; see `lmloupe.Engine`.

    >>> import lmloupe as lm
    >>> largest = lm.outlier_features(lm.load_engine("smollm2-135m-instruct"), "The capital of France is").top(1)[0]
    >>> largest.dimension, largest.token, largest.is_massive
    (507, 0, True)
    """
    ids = engine.input_ids(text_or_ids)
    states = engine.hidden_states(ids)[:-1]  # what comes after the last block is normed in most models
    if not np.isfinite(states).all():
        raise NotFiniteError("The model's states hold NaN or infinite numbers on this text: load another precision.")
    size = np.abs(states)
    tokens = size.argmax(1)
    return OutlierFeatures(
        input_ids=ids,
        median=np.median(size, axis=(1, 2)).astype(np.float32),
        largest=np.take_along_axis(states, tokens[:, None], 1)[:, 0],
        tokens=tokens.astype(np.int32),
    )
