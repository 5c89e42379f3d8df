"""What a masked model will take in memory and on disk, before anything of it is loaded."""

from __future__ import annotations

import os
from typing import Any

import torch
import transformers

from lmloupe.loading.hub_errors import loading
from lmloupe.model.architecture.results import Device
from lmloupe.model.load import compute_dtype, pick_device
from lmloupe.model.quiet import one_at_a_time, quiet_transformers
from lmloupe.model.sources import masked_config, require_masked
from lmloupe.names import shown
from lmloupe.planner.counting import FIXED_BYTES
from lmloupe.planner.estimate import MemoryEstimate, estimated, source

__all__ = ["masked_memory_estimate"]


def masked_memory_estimate(
    name: str | os.PathLike[str],
    device: Device = "auto",
    *,
    revision: str | None = None,
    token: str | bool | None = None,
) -> MemoryEstimate:
    """What `lmloupe.load_masked_model` will take, whether it fits here, and how much is to be downloaded.

    As `lmloupe.memory_estimate`: it reads config.json alone and builds the model without numbers. A masked model reads
    a sentence in one pass and keeps no cache.

    Args:
        name: as `load_masked_model` takes it.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        InvalidSettingError, LoadError: as for `load_masked_model`, of the kind that fits.
    """
    key = os.fspath(name).strip()
    chosen = pick_device(device)
    config, disk, download = source(key, revision, token, masked_config)
    require_masked(shown(key), config)
    auto: Any = transformers.AutoModelForMaskedLM
    with loading(key, revision, "model"), one_at_a_time, quiet_transformers(), torch.device("meta"):
        n = sum(parameter.numel() for parameter in auto.from_config(config).parameters())
    weights, work = n * compute_dtype(chosen).itemsize, FIXED_BYTES[chosen]
    disk = weights if disk is None else disk
    return estimated(key, "none", chosen, 0, n, (weights, 0, work), disk, download)
