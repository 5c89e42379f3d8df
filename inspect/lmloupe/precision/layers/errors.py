"""How far rounding moves every matrix of a model: layers x modules."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.pytorch_utils import Conv1D

from lmloupe.errors import InvalidSettingError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.worker import Results
from lmloupe.model.precision import BLOCK_SIZES, DTYPES, Precision
from lmloupe.precision.formats import round_matrix
from lmloupe.precision.layers.places import Place, Places, find_places

__all__ = [
    "MatrixError",
    "QuantizationErrors",
    "as_precision",
    "quantization_error_steps",
    "quantization_errors",
    "require_number",
]


@dataclass(frozen=True, slots=True)
class MatrixError:
    """How far one matrix W is from what comes back of its rounded form, W^.

    Attributes:
        path: of its module, ``model.layers.0.mlp.up_proj``.
        layer: the block that it is in, from 0; -1 for one outside of all blocks.
        module: its path within the block, ``mlp.up_proj``.
        shape: (rows, columns), outputs first.
        relative_error: ||W - W^|| / ||W||, Frobenius norms; 0 for a matrix of zeros.
        snr_db: signal to noise, 10 log10(||W||^2 / ||W - W^||^2), in decibels; inf where nothing is lost.
        largest_error: the largest |w - w^|.
        crest: how far the largest weight of a block stands above the block: the root of the mean of absmax^2 over the
            mean of w^2, with the blocks that share a scale in this format (64 weights in nf4, a row in int8). About
            2.4 for 64 numbers of a normal distribution. nan for formats without blocks.
        kurtosis: fourth central moment over the squared variance; 3 for a normal distribution, more with outliers.
        largest_weight: the weight of greatest magnitude, with its sign.
        largest_at: its row and column, from 0.
        std: of all weights, divisor n.
    """

    path: str
    layer: int
    module: str
    shape: tuple[int, int]
    relative_error: float
    snr_db: float
    largest_error: float
    crest: float
    kurtosis: float
    largest_weight: float
    largest_at: tuple[int, int]
    std: float


_NUMBERS = tuple(one.name for one in fields(MatrixError) if one.type == "float")


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationErrors:
    """Errors of all matrices that bitsandbytes would take, or of those that are computed so far.

    Attributes:
        precision: what they are rounded to, as `lmloupe.Precision.spec`.
        stack: path of the list of blocks, ``model.layers``.
        n_layers: blocks of the model.
        modules: names of the matrices within a block, in the model's order; blocks may lack some of them.
        n_matrices: how many there are in all.
        matrices: those that are computed, in the model's order.
    """

    precision: str
    stack: str
    n_layers: int
    modules: tuple[str, ...]
    n_matrices: int
    matrices: tuple[MatrixError, ...] = field(repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether every matrix is computed."""
        return len(self.matrices) == self.n_matrices

    def table(self, number: str = "relative_error") -> NDArray[np.float32]:
        """One number of `MatrixError` as float32 (n_layers, len(modules)).

        nan where a block has no such module, and where it is not computed yet. Matrices outside of the blocks are not
        in it.

        Raises:
            InvalidSettingError: no such number.
        """
        require_number(number)
        found = np.full((self.n_layers, len(self.modules)), np.nan, np.float32)
        columns = {module: i for i, module in enumerate(self.modules)}
        for one in self.matrices:
            if one.layer >= 0:
                found[one.layer, columns[one.module]] = getattr(one, number)
        return found

    def rank_correlation(self, number: str) -> float:
        """Spearman's rank correlation of the relative errors with another number of the matrices, -1 to 1.

        nan where there are fewer than two matrices, or where one of the two is the same for all.

        Raises:
            InvalidSettingError: no such number.
        """
        require_number(number)
        pairs = np.array([(one.relative_error, getattr(one, number)) for one in self.matrices], np.float64)
        if len(pairs) < 2 or not np.isfinite(pairs).all() or (np.ptp(pairs, axis=0) == 0).any():
            return math.nan
        ranks = [np.searchsorted(np.sort(one), one) + np.searchsorted(np.sort(one), one, "right") for one in pairs.T]
        return float(np.corrcoef(*ranks)[0, 1])


def require_number(number: str) -> None:
    """Raise InvalidSettingError where `MatrixError` has no such number."""
    if number not in _NUMBERS:
        raise InvalidSettingError(f"{number!r} is no number of a matrix: choose from {', '.join(_NUMBERS)}.")


def quantization_errors(engine: LocalEngine, precision: Precision | str = "nf4") -> QuantizationErrors:
    """How far rounding to a precision moves every matrix that transformers would hand to bitsandbytes.

    Each matrix is rounded and read back: nf4, fp4 and int8 by bitsandbytes' own functions, as its linear layers store
    them, other formats as in `lmloupe.simulate`. Matrix after matrix in steps of the model's thread; other questions
    go ahead in between.

    Args:
        engine: a model in this process that is not quantized.
        precision: what to round to.

    Raises:
        InvalidSettingError: an unknown precision.
        NotAvailableError: the model is quantized already, its blocks cannot be found, or it has no matrix that
            bitsandbytes takes.
        NotFiniteError: a matrix holds NaN or infinite numbers.

    >>> import lmloupe as lm
    >>> found = lm.quantization_errors(lm.load_engine("smollm2-135m-instruct"), "int8")
    >>> found.table().shape, found.modules[-1], round(found.matrices[0].relative_error, 3)
    ((30, 7), 'mlp.down_proj', 0.01)
    """
    *_, last = quantization_error_steps(engine, precision)
    return last


def quantization_error_steps(engine: LocalEngine, precision: Precision | str = "nf4") -> Results[QuantizationErrors]:
    """`quantization_errors` as it grows: an iterator of reports, one after each matrix, that can be polled and closed.

    Arguments and errors are those of `quantization_errors`; NotFiniteError comes out of it.
    """
    chosen, places = as_precision(precision), find_places(engine.loaded)
    work = _errors(engine.loaded, places, chosen)
    return Results(np.empty(0, np.int32), engine.loaded.worker.submit(work, background=True))


def as_precision(precision: Precision | str) -> Precision:
    """A precision, by itself or by its short form."""
    return Precision.parse(precision) if isinstance(precision, str) else precision


def _errors(loaded: LoadedModel, places: Places, precision: Precision) -> Iterator[QuantizationErrors]:
    done: list[MatrixError] = []
    for place in places.matrices:
        module: Any = loaded.model.get_submodule(place.path)
        weight = module.weight.detach().T if isinstance(module, Conv1D) else module.weight.detach()
        done.append(_matrix_error(place, weight.float().contiguous(), precision))
        yield QuantizationErrors(
            precision=precision.spec,
            stack=places.stack,
            n_layers=places.n_layers,
            modules=places.modules,
            n_matrices=len(places.matrices),
            matrices=tuple(done),
        )


def _matrix_error(place: Place, weight: torch.Tensor, precision: Precision) -> MatrixError:
    if not bool(torch.isfinite(weight).all()):
        raise NotFiniteError(f"{place.path} holds NaN or infinite numbers, which no format can scale.")
    off = weight - round_matrix(weight, precision)
    squares, lost = _sum(weight.square()), _sum(off.square())
    mean = _sum(weight) / weight.numel()
    moved = weight - mean
    variance = _sum(moved.square()) / weight.numel()
    at = int(weight.abs().argmax())
    row, column = divmod(at, weight.shape[1])
    return MatrixError(
        path=place.path,
        layer=place.layer,
        module=place.module,
        shape=(weight.shape[0], weight.shape[1]),
        relative_error=math.sqrt(lost / squares) if squares else 0.0,
        snr_db=10 * math.log10(squares / lost) if lost else math.inf,
        largest_error=float(off.abs().max()),
        crest=_crest(weight, precision, squares),
        kurtosis=_sum(moved.square().square_()) / weight.numel() / variance**2 if variance else math.nan,
        largest_weight=float(weight[row, column]),
        largest_at=(row, column),
        std=math.sqrt(variance),
    )


def _sum(numbers: torch.Tensor) -> float:
    # Rows in the tensor's own precision, their sums in float64, which a second copy in float64 would not improve.
    return float(numbers.sum(1).double().sum())


def _crest(weight: torch.Tensor, precision: Precision, squares: float) -> float:
    if precision.weights in DTYPES or not squares:
        return math.nan
    rows = weight
    if precision.weights in ("nf4", "fp4"):  # their blocks run on over the ends of rows
        rows = weight.reshape(1, -1)
    size = BLOCK_SIZES.get(precision.weights, rows.shape[1])  # int8: a row
    n = rows.shape[1]
    blocks = torch.nn.functional.pad(rows, (0, -n % size)).reshape(rows.shape[0], -1, size)
    members = torch.full((blocks.shape[1],), float(size), device=weight.device)
    members[-1] = n - size * (blocks.shape[1] - 1)
    return math.sqrt(_sum(blocks.abs().amax(-1).square() * members) / squares)
