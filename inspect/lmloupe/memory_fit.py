"""What a model will take in memory and on disk, before anything of it is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lmloupe.engine import Device, Quantization

__all__ = ["MemoryEstimate", "memory_estimate"]


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a model needs here, counted from its config before its weights are fetched.

    Attributes:
        name: embedded key, hub id or folder.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: where it would run, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        context: tokens that the cache is counted for, at most what the model reads.
        n_parameters: all numbers, tied ones once.
        weights_bytes: of all weights and quantization constants.
        kv_cache_bytes: keys and values of ``context`` tokens.
        overhead_bytes: what one forward pass needs beside them, an estimate.
        total_bytes: the three together.
        available_bytes: free on that device now.
        fits: the total is not more than what is free.
        disk_bytes: weight files.
        download_bytes: how much of them is not on this machine yet.
        sentence: the same in words.
    """

    name: str
    quantization: Quantization
    device: str
    context: int
    n_parameters: int
    weights_bytes: int
    kv_cache_bytes: int
    overhead_bytes: int
    total_bytes: int
    available_bytes: int
    fits: bool
    disk_bytes: int
    download_bytes: int
    sentence: str


def memory_estimate(
    name: str | os.PathLike[str],
    quantization: Quantization = "none",
    device: Device = "auto",
    context: int = 2048,
    *,
    double_quant: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
) -> MemoryEstimate:
    """What a model will take, whether it fits, and how much is to be downloaded, without loading it."""
    raise NotImplementedError
