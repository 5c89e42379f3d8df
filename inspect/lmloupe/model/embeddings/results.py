"""What an engine says about its embedding matrices: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Indicator",
    "Matrix",
    "Metric",
    "Neighbours",
    "Projection",
    "ProjectionMethod",
    "Undertrained",
]

Metric: TypeAlias = Literal["cosine", "dot"]
Matrix: TypeAlias = Literal["input", "output"]
ProjectionMethod: TypeAlias = Literal["pca", "tsne"]
Indicator: TypeAlias = Literal["auto", "output_cosine", "input_norm"]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The rows of an embedding matrix nearest to a vector.

    Attributes:
        ids: int32 (k,), nearest first.
        similarities: float32 (k,), cosine (-1 to 1) or dot product.
    """

    ids: NDArray[np.int32]
    similarities: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Rows of an embedding matrix as points of a plane or of space.

    Attributes:
        ids: int32 (m,), the token of each point.
        points: float32 (m, d), d is 2 or 3. In the unit of the matrix for PCA; without one for t-SNE, where only who
            is near whom means something.
        explained_variance_ratio: float32 (d,), share of the rows' variance along each axis, 0 to 1, for PCA; else None.
        method: ``"pca"`` or ``"tsne"``.
        matrix: ``"input"`` or ``"output"``.
    """

    ids: NDArray[np.int32]
    points: NDArray[np.float32] = field(repr=False)
    explained_variance_ratio: NDArray[np.float32] | None
    method: ProjectionMethod
    matrix: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Undertrained:
    """Tokens that training has hardly touched, by their rows alone: candidates to try, not proofs.

    Attributes:
        ids: int32 (k,), most suspect first.
        scores: float32 (k,), the indicator; the lower, the more suspect. For ``"output_cosine"`` 0 (the same direction
            as the unused rows) to 2, for ``"input_norm"`` the length of the row.
        kinds: k names of `lmloupe.vocabulary.table.TOKEN_KINDS`: ``"special"``, ``"byte"``, ``"partial"`` ...
        unreachable: bool (k,), no text ever becomes this token.
        is_reference: bool (k,), it was taken as known to be unused.
        indicator: ``"output_cosine"`` or ``"input_norm"``.
        threshold: the indicator's second percentile over all tokens of the vocabulary; the paper tests those below it.
        mean, std: of the indicator over all tokens of the vocabulary.
        reference_ids: int32 (m,), rows taken as known to be unused, those without a token among them; empty for
            ``"input_norm"``.
        reference: in words, why those.
    """

    ids: NDArray[np.int32]
    scores: NDArray[np.float32]
    kinds: tuple[str, ...] = field(repr=False)
    unreachable: NDArray[np.bool_] = field(repr=False)
    is_reference: NDArray[np.bool_] = field(repr=False)
    indicator: Indicator
    threshold: float
    mean: float
    std: float
    reference_ids: NDArray[np.int32] = field(repr=False)
    reference: str
