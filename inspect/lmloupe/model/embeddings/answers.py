"""The local engine's answers about its embedding matrices; see `lmloupe.model.embeddings.results`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.embeddings.matrix import VocabularyMatrix
from lmloupe.model.embeddings.projection import MAX_TSNE, MIN_TSNE, tsne_points
from lmloupe.model.embeddings.results import (
    Indicator,
    Matrix,
    Metric,
    Neighbours,
    Projection,
    ProjectionMethod,
    TextOrIds,
    Undertrained,
)
from lmloupe.model.embeddings.undertrained import listed, no_reference, output_cosine_distances, unused_reference
from lmloupe.model.passes.worker import Worker
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.table import vocabulary_table

if TYPE_CHECKING:
    from lmloupe.model.engine import ModelDescription

__all__ = ["EmbeddingAnswers"]


class EmbeddingAnswers:
    """The part of `lmloupe.model.local.LocalEngine` that reads the input and the output matrix."""

    tokenizer: Tokenizer
    _model: Any
    _worker: Worker
    _description: ModelDescription
    _matrices: dict[Matrix, VocabularyMatrix]

    if TYPE_CHECKING:

        def input_ids(self, text_or_ids: TextOrIds) -> NDArray[np.int32]: ...  # noqa: D102 - the engine's
        def _checked(self, ids: NDArray[Any]) -> NDArray[np.int32]: ...

    def embed(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Rows of the input embedding matrix, float32 (n, embedding_width).

        Raises:
            InvalidIdError: an id beyond the matrix.
        """
        checked = self._checked(np.asarray(ids))
        matrix = self._matrix("input")
        return self._worker.call(lambda: np.asarray(matrix.rows(checked).cpu().numpy(), np.float32))

    def neighbours(
        self,
        id_or_vector: int | NDArray[np.floating],
        k: int = 10,
        metric: Metric = "cosine",
        matrix: Matrix = "input",
        exclude: Sequence[int] = (),
    ) -> Neighbours:
        """The k tokens whose rows are nearest; a token is not its own neighbour.

        Rows that no token uses are left out. One scan of the matrix, exact, no index.

        Args:
            id_or_vector: a token id, or any vector as wide as the rows.
            k: how many, at least 1; fewer come back where the vocabulary is smaller.
            metric: ``"cosine"``, or ``"dot"`` for the plain product.
            matrix: ``"input"``, or ``"output"`` for the rows that the last state is multiplied with; the same rows
                where the two are tied.
            exclude: ids to leave out.

        Raises:
            InvalidIdError: an id beyond the matrix.
            InvalidSettingError: k below 1, another metric or matrix, a vector of another width.
            NotFiniteError: rows with NaN or infinite values.
            NotAvailableError: no output matrix of plain numbers.
        """
        if k < 1 or metric not in get_args(Metric):
            raise InvalidSettingError(
                f"k is {k} and metric {metric!r}; k must be at least 1, metric 'cosine' or 'dot'."
            )
        asked = self._matrix(matrix)
        left_out = self._checked(np.asarray([*exclude], np.int64)).tolist()
        if isinstance(id_or_vector, int | np.integer):
            own = self._checked(np.asarray([id_or_vector]))
            return self._worker.call(lambda: asked.nearest(asked.rows(own)[0], k, metric, [*left_out, int(own[0])]))
        vector = np.asarray(id_or_vector)
        width = self._description.embedding_width
        if vector.shape != (width,) or not np.isfinite(vector).all():
            raise InvalidSettingError(
                f"A vector of shape {vector.shape} cannot be compared with the embedding rows: "
                f"it must hold {width} finite numbers."
            )
        plain = torch.from_numpy(vector.astype(np.float32))
        return self._worker.call(lambda: asked.nearest(plain, k, metric, left_out))

    def analogy(
        self, a_id: int, b_id: int, c_id: int, k: int = 10, metric: Metric = "cosine", matrix: Matrix = "input"
    ) -> Neighbours:
        """Neighbours of row a - row b + row c: "a is to b as ? is to c", with " king", " man", " woman".

        The three are left out of the answer, as is usual, and that flatters the method: c itself, or a, is most often
        the nearest of all. It fails for most relations beyond those that show in grammar and names (Linzen, "Issues in
        evaluating semantic spaces using word analogies", 2016), and for any word of several tokens, whose parts mean
        little alone. A language model's rows were trained to serve its layers, not for this.

        Source: Mikolov et al., "Linguistic Regularities in Continuous Space Word Representations" (2013), here with the
        rows at their own length.

        Args:
            a_id: token to start from.
            b_id: token whose row is taken away.
            c_id: token whose row is added.
            k: how many.
            metric: see `neighbours`.
            matrix: see `neighbours`.

        Raises:
            InvalidIdError, InvalidSettingError, NotAvailableError: see `neighbours`.
        """
        asked = self._matrix(matrix)
        ids = self._checked(np.asarray([a_id, b_id, c_id]))
        a, b, c = self._worker.call(lambda: asked.rows(ids).cpu().numpy())
        return self.neighbours(a - b + c, k, metric, matrix, exclude=ids.tolist())

    def embedding_norms(self, matrix: Matrix = "input") -> NDArray[np.float32]:
        """Euclidean length of every row, those without a token too, float32 (vocab_rows,).

        Raises:
            InvalidSettingError: another matrix than ``"input"`` or ``"output"``.
            NotAvailableError: no output matrix of plain numbers.
        """
        asked = self._matrix(matrix)
        return self._worker.call(lambda: asked.norms().cpu().numpy().copy())

    def project(
        self,
        ids: Sequence[int] | NDArray[np.integer] | None = None,
        method: ProjectionMethod = "pca",
        n_dimensions: Literal[2, 3] = 2,
        matrix: Matrix = "input",
        seed: int = 0,
    ) -> Projection:
        """The vocabulary, or chosen tokens of it, in two or three dimensions.

        PCA finds the axes along which the rows of all tokens differ most, exactly, from their covariance; chosen ids
        are then points in the same picture. t-SNE is made for the chosen tokens alone, see
        `lmloupe.model.embeddings.projection`.

        Args:
            ids: tokens to place, 5 to 2,000 for t-SNE; None for the whole vocabulary.
            method: ``"pca"`` or ``"tsne"``.
            n_dimensions: 2 or 3.
            matrix: see `neighbours`.
            seed: of t-SNE; PCA draws nothing.

        Raises:
            InvalidIdError: an id beyond the matrix.
            InvalidSettingError: another method or number of dimensions, a negative seed, too few or too many tokens for
                t-SNE, a model narrower than the picture.
            NotAvailableError: no output matrix of plain numbers.
        """
        if method not in get_args(ProjectionMethod) or n_dimensions not in (2, 3) or not 0 <= seed < 2**32:
            raise InvalidSettingError(
                f"method is {method!r}, n_dimensions {n_dimensions} and seed {seed}; they must be 'pca' or 'tsne', "
                "2 or 3, and a whole number from 0."
            )
        asked = self._matrix(matrix)
        if self._description.embedding_width < n_dimensions:
            raise InvalidSettingError(
                f"Rows of {self._description.embedding_width} numbers have no {n_dimensions} dimensions."
            )
        if ids is None:
            table_ids = vocabulary_table(self.tokenizer).ids
            chosen = table_ids[table_ids < asked.n_tokens]
        else:
            chosen = self._checked(np.asarray(ids))
        if method == "tsne":
            if not MIN_TSNE <= len(chosen) <= MAX_TSNE:
                tsne_points(np.empty((len(chosen), 0), np.float32), n_dimensions, seed)  # says what is wrong
            rows = self._worker.call(lambda: asked.rows(chosen).cpu().numpy())
            return Projection(chosen, tsne_points(rows, n_dimensions, seed), None, method, matrix)
        points = self._in_steps(asked.find_axes(), lambda: asked.coordinates(chosen, n_dimensions))
        shares = self._worker.call(lambda: asked.axes()[2].numpy()[:n_dimensions].copy())
        return Projection(chosen, points, shares, method, matrix)

    def undertrained_tokens(
        self,
        k: int = 50,
        indicator: Indicator = "auto",
        kinds: Sequence[str] | None = None,
        known_unused: Sequence[int] | None = None,
    ) -> Undertrained:
        """The k tokens whose rows look least trained: candidates to try in a prompt, not proofs.

        ``"output_cosine"``: cosine distance, in the output matrix, to the mean row of tokens known to be unused, after
        the first principal component is removed (`lmloupe.model.embeddings.undertrained.output_cosine_distances`).
        Rows of tokens that never occur are all pushed the same way at every step of training, so they gather in one
        direction. ``"input_norm"``: length of the row in the input matrix; where that is a matrix of its own, rows
        that are never read keep the small numbers that they began with, or shrink by weight decay. ``"auto"`` is
        ``"output_cosine"`` where unused rows are known, else ``"input_norm"``.

        Known to be unused are the rows of `lmloupe.model.embeddings.undertrained.known_unused_ids`, and where there
        are none the special tokens of `lmloupe.model.embeddings.undertrained.twin_special_ids`. Special tokens,
        bytes and tokens that no text becomes are listed too, and say so in ``kinds`` and ``unreachable``.

        Source: Land and Bartolo, "Fishing for Magikarp" (2024), section 2.2.

        Args:
            k: how many, at least 1.
            indicator: ``"auto"``, ``"output_cosine"`` or ``"input_norm"``.
            kinds: list tokens of these kinds only, such as ``("text",)``; None for all.
            known_unused: ids to compare with instead.

        Raises:
            InvalidIdError: an id beyond the matrix.
            InvalidSettingError: k below 1, another indicator or kind.
            NotAvailableError: no unused row is known and the matrices are tied, or there is no output matrix.
        """
        if k < 1 or indicator not in get_args(Indicator):
            raise InvalidSettingError(
                f"k is {k} and indicator {indicator!r}; k must be at least 1, indicator one of "
                f"{', '.join(get_args(Indicator))}."
            )
        reference, why = np.empty(0, np.int32), "the length of a row needs no other row to compare with"
        if indicator != "input_norm":
            output = self._matrix("output")
            given = None if known_unused is None else self._checked(np.asarray([*known_unused], np.int64))
            reference, why = self._worker.call(
                lambda: unused_reference(self.tokenizer, output, self._description.vocab_rows, given)
            )
            if len(reference) == 0 and (indicator == "output_cosine" or self._description.tied_embeddings):
                raise no_reference(self._description.name)
        if len(reference) == 0:
            scores = self.embedding_norms()[: self._matrix("input").n_tokens]
        else:
            output = self._matrix("output")
            scores = self._in_steps(output.find_axes(), lambda: output_cosine_distances(output, reference))
        used: Indicator = "output_cosine" if len(reference) else "input_norm"
        return listed(self.tokenizer, scores, used, k=k, kinds=kinds, reference=reference, why=why)

    def _in_steps(self, steps: Iterator[None], last: Any) -> Any:
        """Long work that lets others in between its steps, then its result."""

        def work() -> Iterator[Any]:
            yield from steps
            yield last()

        return self._worker.submit(work()).take()

    def _matrix(self, which: Matrix) -> VocabularyMatrix:
        if which not in get_args(Matrix):
            raise InvalidSettingError(f"There is no {which!r} matrix: choose 'input' or 'output'.")
        if which not in self._matrices:
            raise NotAvailableError(
                f"{self._description.name} has no output matrix of plain numbers whose rows could be read."
            )
        return self._matrices[which]
