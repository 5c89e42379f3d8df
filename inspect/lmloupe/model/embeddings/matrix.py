"""One embedding matrix, scanned row by row where it lies: norms, scores, nearest rows, principal axes.

Everything here runs in the worker's thread. A scan reads the matrix once and makes float32 of it in the product itself,
never in a copy, so it takes as long as the memory needs to hand the matrix over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError, NotFiniteError
from lmloupe.model.embeddings.results import Matrix, Metric, Neighbours

__all__ = ["Matrices", "VocabularyMatrix", "vocabulary_matrices"]

_CHUNK_NUMBERS = 1 << 24
"""How many numbers become float32 at once: 64 MiB."""


def _require_numbers(found: torch.Tensor) -> None:
    if not torch.isfinite(found).all():
        raise NotFiniteError(
            "Rows of the embedding matrix hold NaN or infinite values, as a damaged checkpoint does, so what is near "
            "cannot be told: download the model again, or choose another."
        )


class VocabularyMatrix:
    """The rows of an input or output matrix.

    Args:
        weight: (rows, width), in the model's dtype, on its device.
        n_tokens: the first rows that tokens use; the rest is padding of the matrix and is nobody's neighbour.
    """

    def __init__(self, weight: torch.Tensor, n_tokens: int) -> None:
        self._weight = weight.detach()
        self.n_tokens = n_tokens
        self._norms: torch.Tensor | None = None
        self._axes: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    @property
    def device(self) -> torch.device:
        """Where the matrix lies."""
        return self._weight.device

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self._weight.shape[1]

    def norms(self) -> torch.Tensor:
        """Euclidean length of every row, float32 (rows,); computed once."""
        if self._norms is None:
            self._norms = torch.cat([torch.linalg.vector_norm(rows, dim=1) for rows in self._chunks()])
        return self._norms

    def rows(self, ids: NDArray[np.integer]) -> torch.Tensor:
        """Chosen rows, float32 (n, width)."""
        return self._weight[torch.from_numpy(ids.astype(np.int64)).to(self.device)].float()

    def products(self, vector: torch.Tensor) -> torch.Tensor:
        """Dot product of each token's row with a float32 vector, float32 (n_tokens,)."""
        rows, vector = self._weight[: self.n_tokens], vector.to(self.device)
        if rows.dtype == torch.float32:
            return rows @ vector
        if rows.is_cuda:
            # Exact products of 16-bit numbers, summed in float32. A vector of more digits is a sum of three of them.
            parts, rest = [], vector
            for _ in range(3):
                parts.append(rest.to(rows.dtype))
                rest = rest - parts[-1].float()
            return torch.mm(rows, torch.stack(parts, dim=1), out_dtype=torch.float32).sum(dim=1)
        return torch.cat([chunk @ vector for chunk in self._chunks(self.n_tokens)])

    def nearest(self, vector: torch.Tensor, k: int, metric: Metric, exclude: Sequence[int]) -> Neighbours:
        """The k tokens of highest cosine or dot product; those excluded are left out; a zero vector has cosine 0."""
        scores = self.products(vector)
        if metric == "cosine":
            lengths = self.norms()[: self.n_tokens] * torch.linalg.vector_norm(vector).to(self.device)
            scores = torch.where(lengths == 0, 0.0, scores / lengths)
        left_out = sorted({i for i in exclude if i < self.n_tokens})
        scores[left_out] = -torch.inf
        best = scores.topk(min(k, self.n_tokens - len(left_out)))
        _require_numbers(best.values)
        return Neighbours(best.indices.cpu().numpy().astype(np.int32), best.values.cpu().numpy())

    def find_axes(self) -> Iterator[None]:
        """Find the principal axes of the tokens' rows, once, chunk by chunk; then `axes` has them.

        The width x width covariance is exact and small however large the vocabulary is.
        """
        if self._axes is not None:
            return
        # Apple's MPS has neither float64 nor this decomposition.
        where = self.device if self.device.type == "cuda" else torch.device("cpu")
        mean = torch.zeros(self._weight.shape[1], dtype=torch.float64, device=where)
        for chunk in self._chunks(self.n_tokens):
            mean += chunk.sum(dim=0).to(where, torch.float64)
            yield
        mean /= self.n_tokens
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=where)
        for chunk in self._chunks(self.n_tokens):
            centred = chunk - mean.float().to(self.device)
            covariance += (centred.T @ centred).to(where, torch.float64)
            yield
        _require_numbers(covariance)
        variances, axes = torch.linalg.eigh(covariance / max(1, self.n_tokens - 1))
        variances = variances.flip(0).clamp_min(0)
        axes = axes.flip(1)
        # An axis has no sign of its own: its largest number is positive, as in scikit-learn.
        largest = axes.abs().argmax(dim=0)
        axes = axes * torch.sign(axes[largest, torch.arange(axes.shape[1], device=where)])
        kept = (mean.float(), axes[:, :3].float(), (variances / variances.sum().clamp_min(1e-300))[:3].float())
        self._axes = (kept[0].to(self.device), kept[1].to(self.device), kept[2].cpu())

    def axes(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean row (width,), first three axes (width, 3) and the share of variance along each (3,), float32."""
        for _ in self.find_axes():
            pass
        assert self._axes is not None  # noqa: S101 - found just now
        return self._axes

    def coordinates(self, ids: NDArray[np.integer], n_dimensions: int) -> NDArray[np.float32]:
        """Coordinates of chosen rows along the first axes, float32 (n, n_dimensions)."""
        mean, axes, _ = self.axes()
        parts = np.array_split(ids, max(1, len(ids) * self._weight.shape[1] // _CHUNK_NUMBERS))
        points = [((self.rows(part) - mean) @ axes[:, :n_dimensions]).cpu().numpy() for part in parts]
        result: NDArray[np.float32] = np.concatenate(points)
        return result

    def _chunks(self, n_rows: int | None = None) -> Iterator[torch.Tensor]:
        """The first rows in pieces of float32; the whole matrix where it is float32 already costs no copy."""
        size = max(1, _CHUNK_NUMBERS // self._weight.shape[1])
        for chunk in torch.split(self._weight[:n_rows], size):
            yield chunk.float()


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """The matrices of one model: the input, and the output where it has plain numbers; one object if they are tied."""

    name: str
    input: VocabularyMatrix
    output: VocabularyMatrix | None

    @property
    def tied(self) -> bool:
        """Both have the same rows."""
        return self.output is self.input

    def of(self, which: Matrix) -> VocabularyMatrix:
        """The matrix of that name.

        Raises:
            InvalidSettingError: another name than ``"input"`` or ``"output"``.
            NotAvailableError: there is no output matrix of plain numbers.
        """
        if which not in get_args(Matrix):
            raise InvalidSettingError(f"There is no {which!r} matrix: choose 'input' or 'output'.")
        found = self.input if which == "input" else self.output
        if found is None:
            raise NotAvailableError(f"{self.name} has no output matrix of plain numbers whose rows could be read.")
        return found


def vocabulary_matrices(name: str, model: Any, vocab_size: int) -> Matrices:
    """The matrices of a loaded model, of which the first ``vocab_size`` rows are tokens."""
    weight = model.get_input_embeddings().weight
    rows = VocabularyMatrix(weight, min(vocab_size, len(weight)))
    output = getattr(model.get_output_embeddings(), "weight", None)
    if output is weight:
        return Matrices(name, rows, rows)
    if output is None or not output.is_floating_point() or output.shape != weight.shape:
        return Matrices(name, rows, None)
    return Matrices(name, rows, VocabularyMatrix(output, rows.n_tokens))
