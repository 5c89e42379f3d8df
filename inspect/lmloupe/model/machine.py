"""Say what LM Loupe chooses on this machine where nothing is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.model.architecture.results import Quantization
from lmloupe.model.load import compute_dtype, pick_device

__all__ = ["MachineDefaults", "machine_defaults"]


@dataclass(frozen=True, slots=True)
class MachineDefaults:
    """What a page begins with here; `lmloupe.load_engine` itself quantizes only where it is told to.

    Attributes:
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``, which ``device="auto"`` takes for a model that is not quantized.
        dtype: of the activations there and of the weights that are not quantized, ``"float32"``.
        quantization: ``"nf4"`` on CUDA, where it saves memory at little cost, else ``"none"``.
    """

    device: str
    dtype: str
    quantization: Quantization


def machine_defaults() -> MachineDefaults:
    """Device, dtype and quantization to begin with on this machine. Loads torch.

    >>> found = machine_defaults()
    >>> found.quantization == ("nf4" if found.device == "cuda" else "none")
    True
    """
    device = pick_device()
    dtype = str(compute_dtype(device)).removeprefix("torch.")
    return MachineDefaults(device, dtype, "nf4" if device == "cuda" else "none")
