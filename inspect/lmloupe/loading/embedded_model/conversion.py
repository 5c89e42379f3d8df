"""Let another Python convert the model, and say what went wrong there."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lmloupe.errors import FetchError
from lmloupe.loading.embedded_model.cache import cache_folder
from lmloupe.loading.embedded_model.wheel import Report, run_watched
from lmloupe.processes.child import PACKAGE_PARENT

__all__ = ["convert"]

_CONVERT_USUALLY_S = 30


def convert(converter: Sequence[str], gguf: Path, folder: Path, report: Report) -> None:
    """Write the folder of a model from its GGUF file.

    Args:
        converter: arguments to this Python; the GGUF file and the folder are added.
        gguf: the file.
        folder: to write; it is there afterwards.
        report: told how long it takes.

    Raises:
        FetchError: it failed; the message says why.
    """
    started = time.monotonic()

    def tick() -> None:
        elapsed = time.monotonic() - started
        message = f"Converting the model, once: {elapsed:.0f} s so far, usually about {_CONVERT_USUALLY_S} s"
        # Nothing tells how far it is: straight for the usual time, then ever slower, and never at the end.
        late = elapsed / _CONVERT_USUALLY_S
        report("convert", message, 0.85 * late if late < 1 else 1 - 0.15 / late)

    env = {
        "PYTHONPATH": os.pathsep.join(filter(None, (PACKAGE_PARENT, os.environ.get("PYTHONPATH")))),
        "HF_HUB_OFFLINE": "1",
    }
    log = gguf.with_suffix(".log")
    code = run_watched([sys.executable, "-P", *converter, str(gguf), str(folder)], env, log, tick)
    if code != 0:
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        raise FetchError(_conversion_message(code, lines[-1] if lines else ""))


def _conversion_message(code: int, last_line: str) -> str:
    if code < 0:
        return (
            f"The model was fetched, but the system stopped its conversion (signal {-code}), most likely for want of "
            "memory: it needs 1.5 GB. Close other programs and try again."
        )
    if re.search(r"Errno 28\b|No space left|not enough space|quota", last_line, re.IGNORECASE):
        return f"The disk became full while the model was being converted: make room in {cache_folder()} and try again."
    return (
        f"The model was fetched but could not be converted ({last_line[:200] or f'exit status {code}'}): "
        "install the versions that requirements.txt names and try again."
    )
