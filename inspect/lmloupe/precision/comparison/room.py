"""Refuse a precision before it is loaded: what does not fit, what has no backend, what is quantized already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import bitsandbytes
import torch

from lmloupe.errors import UnsupportedError
from lmloupe.model.architecture.results import Device
from lmloupe.model.load import compute_dtype, pick_device
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.precision import BITSANDBYTES, DTYPES, Precision
from lmloupe.planner.counting import available_bytes, weight_bytes, work_bytes
from lmloupe.planner.estimate import memory_estimate

__all__ = ["Needs", "require_plain", "require_room_by_name"]


def require_room_by_name(name: str, device: Device, dtype: torch.dtype, context: int) -> None:
    """Refuse a baseline that does not fit, before anything of it is loaded.

    Raises:
        UnsupportedError: it does not fit.
        LoadError: as for `lmloupe.memory_estimate`.
    """
    estimate = memory_estimate(name, "none", device, context)
    times = dtype.itemsize / compute_dtype(estimate.device).itemsize
    needed = int(times * (estimate.weights_bytes + estimate.kv_cache_bytes)) + estimate.overhead_bytes
    _require(estimate.available_bytes, needed, name, str(dtype).removeprefix("torch."), estimate.device)


def require_plain(engine: LocalEngine) -> None:
    """Refuse a model whose published weights are quantized: there is nothing to compare its precisions with.

    Raises:
        UnsupportedError: they are.
    """
    described = engine.describe()
    packed = described.quantization == "none" and stored_as(engine.loaded.model) != "none"
    if packed or described.published_as.startswith("quantized"):
        raise UnsupportedError(
            f"The weights of {described.name} are quantized already ({described.published_as or 'in its files'}), so "
            "there is no baseline to compare precisions with: choose the repository of the original weights."
        )


@dataclass(frozen=True, slots=True)
class Needs:
    """What each precision of one model takes, counted on its baseline.

    Attributes:
        name, device: of the model.
        plain: bytes of its weights in float32.
        stored: bytes by (bitsandbytes' format, double quantization).
        others: bytes of the cache and of the work of a pass.
    """

    name: str
    device: str
    plain: int
    stored: dict[tuple[str, bool], int]
    others: int

    @classmethod
    def of(cls, engine: LocalEngine, context: int) -> Needs:
        """Count them on a loaded model that is not quantized, for that many tokens."""
        model = engine.loaded.model
        own = model.dtype
        n_parameters, _, largest = weight_bytes(model, "nf4", double_quant=False)
        stored: dict[tuple[str, bool], int] = {
            (kind, double): weight_bytes(model, cast(Any, kind), double_quant=double)[1]
            for kind in BITSANDBYTES
            for double in ((False, True) if kind != "int8" else (False,))
        }
        described = engine.describe()
        # At most so much: layers with a window keep less.
        numbers = 2 * described.n_layers * described.n_kv_heads * described.head_dim * context
        work = work_bytes(model.config.get_text_config(), described.device, context, own, largest)
        return cls(described.name, described.device, 4 * n_parameters, stored, numbers * own.itemsize + work)

    def require(self, precision: Precision, dtype: torch.dtype) -> None:
        """Refuse a precision that has no backend here or does not fit into what is free now.

        Args:
            precision: which.
            dtype: of its plain numbers.

        Raises:
            InvalidSettingError: a quantization that this device cannot do.
            UnsupportedError: no backend, or it does not fit.
        """
        if precision.weights in BITSANDBYTES:
            pick_device(cast(Device, self.device), precision.quantization)
            if self.device not in bitsandbytes.supported_torch_devices:
                raise UnsupportedError(
                    f"bitsandbytes {bitsandbytes.__version__} has no backend for {self.device}, so {precision.label} "
                    "cannot be stored there: compare bfloat16, which needs none, or take device cpu."
                )
        stored = self.stored.get((precision.weights, precision.double_quant))
        weights = self.plain * dtype.itemsize // 4 if stored is None or precision.is_simulated else stored
        _require(available_bytes(self.device), weights + self.others, self.name, precision.label, self.device)


def _require(free: int, needed: int, name: str, label: str, device: str) -> None:
    if needed > free:
        smaller = "fewer bits or a smaller model" if label in DTYPES else "a smaller model"
        raise UnsupportedError(
            f"{name} in {label} takes about {needed / 1e9:.1f} GB on the {device} device, and {free / 1e9:.1f} GB are "
            f"free: choose {smaller}, or let another model go first."
        )
