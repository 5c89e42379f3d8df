"""Answers about the rows of the embedding matrices, in this process; the questions are in `lmloupe.model.engine`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.embeddings.matrix import Matrices
from lmloupe.model.embeddings.projection import require_tsne_size, tsne_points
from lmloupe.model.embeddings.results import (
    Indicator,
    Matrix,
    Metric,
    Neighbours,
    Projection,
    ProjectionMethod,
    Undertrained,
)
from lmloupe.model.embeddings.undertrained import listed, no_reference, output_cosine_distances, unused_reference
from lmloupe.model.passes.loaded import LoadedModel, checked_ids
from lmloupe.vocabulary.table import vocabulary_table

__all__ = ["analogy", "embed", "embedding_norms", "neighbours", "project", "undertrained_tokens"]

_Ids = Sequence[int] | NDArray[np.integer]


def embed(loaded: LoadedModel, matrices: Matrices, ids: _Ids) -> NDArray[np.float32]:
    """The answer to `Engine.embed`."""
    checked, matrix = checked_ids(loaded, np.asarray(ids)), matrices.of("input")
    return loaded.worker.call(lambda: np.asarray(matrix.rows(checked).cpu().numpy(), np.float32))


def embedding_norms(loaded: LoadedModel, matrices: Matrices, which: Matrix) -> NDArray[np.float32]:
    """The answer to `Engine.embedding_norms`."""
    matrix = matrices.of(which)
    return loaded.worker.call(lambda: matrix.norms().cpu().numpy().copy())


def neighbours(
    loaded: LoadedModel,
    matrices: Matrices,
    id_or_vector: int | NDArray[np.floating],
    k: int,
    metric: Metric,
    which: Matrix,
    exclude: Sequence[int],
) -> Neighbours:
    """The answer to `Engine.neighbours`."""
    if k < 1 or metric not in get_args(Metric):
        raise InvalidSettingError(f"k is {k} and metric {metric!r}; k must be at least 1, metric 'cosine' or 'dot'.")
    matrix = matrices.of(which)
    left_out = checked_ids(loaded, np.asarray([*exclude], np.int64)).tolist()
    if isinstance(id_or_vector, int | np.integer):
        own = checked_ids(loaded, np.asarray([id_or_vector]))
        return loaded.worker.call(lambda: matrix.nearest(matrix.rows(own)[0], k, metric, [*left_out, int(own[0])]))
    vector = np.asarray(id_or_vector)
    if vector.shape != (matrix.width,) or not np.isfinite(vector).all():
        raise InvalidSettingError(
            f"A vector of shape {vector.shape} cannot be compared with the embedding rows: "
            f"it must hold {matrix.width} finite numbers."
        )
    plain = torch.from_numpy(vector.astype(np.float32))
    return loaded.worker.call(lambda: matrix.nearest(plain, k, metric, left_out))


def analogy(
    loaded: LoadedModel, matrices: Matrices, ids: tuple[int, int, int], k: int, metric: Metric, which: Matrix
) -> Neighbours:
    """The answer to `Engine.analogy`, for a, b and c."""
    checked, matrix = checked_ids(loaded, np.asarray(ids)), matrices.of(which)
    a, b, c = loaded.worker.call(lambda: matrix.rows(checked).cpu().numpy())
    return neighbours(loaded, matrices, a - b + c, k, metric, which, checked.tolist())


def project(
    loaded: LoadedModel,
    matrices: Matrices,
    ids: _Ids | None,
    method: ProjectionMethod,
    n_dimensions: int,
    which: Matrix,
    seed: int,
) -> Projection:
    """The answer to `Engine.project`."""
    if method not in get_args(ProjectionMethod) or n_dimensions not in (2, 3) or not 0 <= seed < 2**32:
        raise InvalidSettingError(
            f"method is {method!r}, n_dimensions {n_dimensions} and seed {seed}; they must be 'pca' or 'tsne', "
            "2 or 3, and a whole number from 0."
        )
    matrix = matrices.of(which)
    if matrix.width < n_dimensions:
        raise InvalidSettingError(f"Rows of {matrix.width} numbers have no {n_dimensions} dimensions.")
    if ids is None:
        table_ids = vocabulary_table(loaded.tokenizer).ids
        chosen = table_ids[table_ids < matrix.n_tokens]
    else:
        chosen = checked_ids(loaded, np.asarray(ids))
    if method == "tsne":
        require_tsne_size(len(chosen))
        rows = loaded.worker.call(lambda: matrix.rows(chosen).cpu().numpy())
        return Projection(chosen, tsne_points(rows, n_dimensions, seed), None, method, which)

    def points() -> Iterator[NDArray[np.float32] | None]:
        yield from matrix.find_axes()
        yield matrix.coordinates(chosen, n_dimensions)

    placed = loaded.worker.last(points())
    shares = loaded.worker.call(lambda: matrix.axes()[2].numpy()[:n_dimensions].copy())
    return Projection(chosen, placed, shares, method, which)


def undertrained_tokens(
    loaded: LoadedModel,
    matrices: Matrices,
    k: int,
    indicator: Indicator,
    kinds: Sequence[str] | None,
    known_unused: Sequence[int] | None,
) -> Undertrained:
    """The answer to `Engine.undertrained_tokens`."""
    if k < 1 or indicator not in get_args(Indicator):
        raise InvalidSettingError(
            f"k is {k} and indicator {indicator!r}; k must be at least 1, indicator one of "
            f"{', '.join(get_args(Indicator))}."
        )
    reference, why = np.empty(0, np.int32), "the length of a row needs no other row to compare with"
    if indicator != "input_norm":
        given = None if known_unused is None else checked_ids(loaded, np.asarray([*known_unused], np.int64))
        output = matrices.of("output")
        reference, why = loaded.worker.call(
            lambda: unused_reference(loaded.tokenizer, output, loaded.vocab_rows, given)
        )
        if len(reference) == 0 and (indicator == "output_cosine" or matrices.tied):
            raise no_reference(loaded.name)
    if len(reference) == 0:
        scores = embedding_norms(loaded, matrices, "input")[: matrices.of("input").n_tokens]
    else:

        def distances() -> Iterator[NDArray[np.float32] | None]:
            yield from output.find_axes()
            yield output_cosine_distances(output, reference)

        scores = loaded.worker.last(distances())
    used: Indicator = "output_cosine" if len(reference) else "input_norm"
    return listed(loaded.tokenizer, scores, used, k=k, kinds=kinds, reference=reference, why=why)
