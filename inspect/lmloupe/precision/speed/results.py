"""What a measurement of bytes and speed found: NumPy arrays and plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.precision import Precision

__all__ = ["DeviceMemory", "MeasuredSpeed", "SpeedReport", "WeightBytes"]


@dataclass(frozen=True, slots=True)
class WeightBytes:
    """What a model's weights take in one precision.

    Attributes:
        precision: how they are stored.
        weights: bytes of all weights, tied ones once, without the constants of quantized ones.
        constants: bytes of what quantized weights need besides: scales, scales of scales, tables of levels.
        buffers: bytes of tensors that are no weights, such as the wavelengths of the rotation.
    """

    precision: Precision
    weights: int
    constants: int
    buffers: int

    @property
    def total(self) -> int:
        """Weights with their constants: what `lmloupe.ModelDescription` gives as ``bytes``."""
        return self.weights + self.constants

    @property
    def footprint(self) -> int:
        """The number that transformers' ``get_memory_footprint()`` gives: constants left out, buffers counted."""
        return self.weights + self.buffers


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes that torch had handed out on a CUDA device, of all models together.

    Attributes:
        before: before this precision was loaded; of an engine that was passed in, what was in use beside its tensors.
        after: after it was loaded.
        peak: the most during its passes.
    """

    before: int
    after: int
    peak: int


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredSpeed:
    """One precision of a `SpeedReport`.

    Attributes:
        precision: which.
        predicted: its bytes, counted from the config before anything was loaded.
        measured: its bytes as loaded; None before, and where it was refused. On a CPU with a kernel for 4 bits,
            bitsandbytes lays codes and constants out anew at the first product, in about as many bytes.
        refused: why it could not be had; empty where it could.
        load_s: seconds that loading took; 0.0 before, and for the engine that was passed in.
        prefill_s: float64 (rounds,), seconds of reading the prompt; as many rounds as are done.
        decode_s: float64 (rounds, new_tokens), seconds of each further token.
        dequantize_s: float64 (rounds,), seconds of turning all 4-bit matrices back into plain numbers once; empty where
            nothing is stored in 4 bits, or where the CPU has a kernel that multiplies without it.
        read_bytes: bytes that one decode step must read at least: all weights with their constants but for an input
            matrix of its own, of which one row is read, and the cache in the middle of the reply.
        memory: of torch on CUDA; None elsewhere: a process on a CPU counts mapped files and free blocks too.
        prompt_tokens, new_tokens: as asked.
    """

    precision: Precision
    predicted: WeightBytes
    measured: WeightBytes | None
    refused: str
    load_s: float
    prefill_s: NDArray[np.float64]
    decode_s: NDArray[np.float64]
    dequantize_s: NDArray[np.float64]
    read_bytes: int
    memory: DeviceMemory | None
    prompt_tokens: int
    new_tokens: int

    @property
    def prefill_rates(self) -> NDArray[np.float64]:
        """Tokens of the prompt a second, float64 (rounds,)."""
        return self.prompt_tokens / self.prefill_s

    @property
    def decode_rates(self) -> NDArray[np.float64]:
        """Further tokens a second, float64 (rounds,): new tokens over the seconds of all of them."""
        rates: NDArray[np.float64] = self.new_tokens / self.decode_s.sum(1)
        return rates

    @property
    def prefill_per_s(self) -> float:
        """Median of `prefill_rates`; 0.0 before the first round."""
        return float(np.median(self.prefill_rates)) if len(self.prefill_s) else 0.0

    @property
    def decode_per_s(self) -> float:
        """Median of `decode_rates`; 0.0 before the first round."""
        return float(np.median(self.decode_rates)) if len(self.decode_s) else 0.0

    @property
    def bytes_per_s(self) -> float:
        """Bytes that decoding read each second at least: ``read_bytes`` times `decode_per_s`."""
        return self.read_bytes * self.decode_per_s

    @property
    def dequantize_share(self) -> float:
        """Of the median decode step, the share that dequantizing all matrices once takes; 0.0 where not measured."""
        if not len(self.dequantize_s) or not len(self.decode_s):
            return 0.0
        return float(np.median(self.dequantize_s) / np.median(self.decode_s))


@dataclass(frozen=True, slots=True, eq=False)
class SpeedReport:
    """Bytes and speed of one model in several precisions, as far as they are measured.

    Attributes:
        name: embedded key, hub id or folder.
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        machine: the name of the GPU, or the number of CPU threads that torch uses.
        threads: threads of torch on the CPU.
        rounds: how often each precision is measured.
        interleaved: all were in memory at once and took turns, a round of each at a time, so that what slows the
            machine for a while slows all of them; otherwise one was measured after another.
        rows: one a precision, in the order asked for.
        doing: what comes next, for people; empty at the end.
        done: share of the work that is done, 0 to 1.
    """

    name: str
    device: str
    machine: str
    threads: int
    rounds: int
    interleaved: bool
    rows: tuple[MeasuredSpeed, ...]
    doing: str
    done: float

    def __getitem__(self, spec: str) -> MeasuredSpeed:
        """The row of a precision by its short form, ``report["nf4+double"]``."""
        for row in self.rows:
            if row.precision.spec == spec:
                return row
        raise KeyError(spec)
