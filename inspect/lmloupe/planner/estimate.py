"""What a model will take in memory and on disk, before anything of it is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from lmloupe.errors import InvalidSettingError, UnsupportedError
from lmloupe.loading.embedded_model.folder import DOWNLOAD_BYTES, embedded_model_folder
from lmloupe.loading.hub_errors import loading, reading
from lmloupe.loading.hub_files import open_repo, shard_names
from lmloupe.model.architecture.results import Device, Quantization
from lmloupe.model.load import compute_dtype, pick_device
from lmloupe.model.pieces import PREFILL_CHUNK
from lmloupe.model.precision import Precision
from lmloupe.model.quiet import quiet_transformers
from lmloupe.model.sources import OPTIONS, ReadConfig, causal_config, repo_config, require_folder, require_model
from lmloupe.names import EMBEDDED_MODEL, local_folder, shown
from lmloupe.planner.counted import Counted
from lmloupe.planner.counting import FIXED_BYTES, available_bytes, kv_cache_bytes, meta_model
from lmloupe.planner.measure import makeup_of
from lmloupe.planner.storage import format_of, itemsize

__all__ = ["MemoryEstimate", "memory_estimate", "source", "spoken"]

_DEVICES = {"cpu": "in this machine's memory", "cuda": "on the GPU", "mps": "on the GPU"}

# Of the embedded model while it is not fetched yet; a test compares it with the fetched one.
_EMBEDDED: Mapping[str, Any] = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
    "dtype": torch.float32,
}


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """What a model needs here, counted from its config before its weights are fetched.

    Attributes:
        name: embedded key, hub id or folder.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: where it would run, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        context: tokens that the cache is counted for, at most what the model reads.
        n_parameters: all numbers, tied ones once.
        weights_bytes: of all weights and quantization constants, exact.
        kv_cache_bytes: what the cache holds after ``context`` tokens: keys and values, states of other kinds.
        overhead_bytes: what one forward pass needs beside them, an estimate.
        total_bytes: the three together.
        available_bytes: free on that device now.
        fits: the total is not more than what is free.
        disk_bytes: size of the weight files.
        download_bytes: how much is to be fetched first; 0 where the weights are on this machine.
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
    name: str | os.PathLike[str] = EMBEDDED_MODEL,
    quantization: Quantization = "none",
    device: Device = "auto",
    context: int = 2048,
    *,
    double_quant: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
) -> MemoryEstimate:
    """What a model will take, whether it fits here, and how much is to be downloaded, without loading it.

    Counted as `lmloupe.memory_plan` counts, for this machine and this device, with what is to be downloaded.
    Reads config.json (of a hub repository also the list of its files; kilobytes) and builds the model without numbers
    on torch's meta device. Quantized are the modules that transformers hands to bitsandbytes: not the embeddings, the
    norms and the output matrix. A checkpoint that is quantized already is taken to be as large in memory as on disk.

    Args:
        name: as `lmloupe.load_engine` takes it.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        context: tokens of prompt and reply together, at least 1; cut to what the model reads.
        double_quant: for nf4 and fp4, quantize the scales too.
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        InvalidSettingError: a context below 1, or what `load_engine` refuses.
        LoadError: as for `load_engine`, of the kind that fits.

    >>> estimate = memory_estimate("smollm2-135m-instruct", "nf4", device="cpu")
    >>> estimate.n_parameters, estimate.weights_bytes // 10**6, estimate.kv_cache_bytes // 10**6
    (134515008, 173, 94)
    """
    key = os.fspath(name).strip()
    chosen = pick_device(device, quantization)
    if context < 1:
        raise InvalidSettingError(f"context is {context}; it must be at least 1 token.")
    config, disk, download = source(key, revision, token, causal_config)
    stored = getattr(config, "quantization_config", None) is not None
    if stored and quantization != "none":
        raise UnsupportedError(
            f"The weights of {shown(key)} are quantized already: take quantization none, "
            f"or choose the repository of the original weights for {quantization}."
        )
    with loading(key, revision, "model"), quiet_transformers():
        makeup = makeup_of(config)
    dtype = str(compute_dtype(chosen)).removeprefix("torch.")
    counted = Counted.of(
        makeup,
        None if quantization == "none" else format_of(Precision(quantization, double_quant=double_quant)),
        dtype,
        context=min(context, makeup.context_length or context),
        sequences=1,
        longest=PREFILL_CHUNK[chosen],
    )
    if disk is None:  # nobody names the size: as many numbers as there are, in the dtype that the config names
        disk = makeup.n_parameters * itemsize(makeup.dtype)
    if download is None:
        download = disk
    free = available_bytes(chosen)
    cache = counted.cache
    if any(group.kind == "other" for group in makeup.caches):  # those grow otherwise than by the token: by a pass
        cache = kv_cache_bytes(meta_model(config, compute_dtype(chosen)), counted.context)
    parts = (disk if stored else counted.weights, cache, counted.work + FIXED_BYTES[chosen])
    return MemoryEstimate(
        name=key,
        quantization=quantization,
        device=chosen,
        context=counted.context,
        n_parameters=makeup.n_parameters,
        weights_bytes=parts[0],
        kv_cache_bytes=parts[1],
        overhead_bytes=parts[2],
        total_bytes=sum(parts),
        available_bytes=free,
        fits=sum(parts) <= free,
        disk_bytes=disk,
        download_bytes=download,
        sentence=spoken(chosen, counted.context, parts, free, download),
    )


def spoken(device: str, context: int, parts: tuple[int, int, int], free: int, download: int) -> str:
    """An estimate in words: weights, cache and work in bytes; a context of 0 is of a model that keeps no cache."""
    weights, cache, overhead = parts
    kept = f"{_size(cache)} for the cache of {context:,} tokens, " if context else ""
    total = sum(parts)
    verdict = "it fits" if total <= free else "it does not fit"
    fetched = f" {_size(download)} will be downloaded first." if download else ""
    return (
        f"Takes about {_size(total)} {_DEVICES[device]}: {_size(weights)} for the weights, {kept}"
        f"{_size(overhead)} to work in; {_size(free)} are free, so {verdict}.{fetched}"
    )


def _size(n_bytes: int) -> str:
    """Bytes as a person reads them: ``"166 MB"``, ``"5.6 GB"``."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 999_500_000 else f"{n_bytes / 1e6:.0f} MB"


def source(
    key: str, revision: str | None, token: str | bool | None, read: ReadConfig
) -> tuple[transformers.PreTrainedConfig, int | None, int | None]:
    """Config, bytes of the weight files and of those to fetch; None where nobody says. ``read`` checks the config."""
    if key == EMBEDDED_MODEL:
        made = embedded_model_folder()
        if made is None:
            return transformers.LlamaConfig(**_EMBEDDED), None, DOWNLOAD_BYTES
        return read(key, str(made), OPTIONS), _on_disk(made), 0
    require_model(key)
    folder = local_folder(key)
    if folder is not None:
        require_folder(folder)
        return read(key, str(folder), OPTIONS), _on_disk(folder), 0
    repo = open_repo(key, revision, token, with_sizes=True)
    config = repo_config(key, repo, read)
    names = repo.weight_names()
    sizes = [repo.sizes.get(name, 0) for name in names]
    missing = [repo.sizes.get(name, 0) for name in repo.not_cached(names)]
    return config, sum(sizes) if all(sizes) else None, sum(missing) if all(missing) else None


def _on_disk(folder: Path) -> int:
    with reading(str(folder)):
        return sum((folder / name).stat().st_size for name in shard_names(folder))
