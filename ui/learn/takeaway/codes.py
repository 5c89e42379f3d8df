"""The code of pages at some addresses, found by running them in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from lmloupe.errors import AnswerTimeoutError, NotAvailableError

__all__ = ["codes_of"]

_ROOT = Path(__file__).parents[3]
_SECONDS = 600
_one_at_a_time = threading.Lock()  # it may load the model: never one for each student of a class


def codes_of(addresses: Sequence[str]) -> list[str]:
    """The Python beside each page; empty for a page that shows none.

    Args:
        addresses: as `ui.learn.embedded_page.read_address` takes them.

    Raises:
        AnswerTimeoutError: it took more than ten minutes.
        NotAvailableError: a page could not be run.
    """
    if not addresses:
        return []
    paths = [str(_ROOT), str(_ROOT / "inspect"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with _one_at_a_time:
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "ui.learn.takeaway._child"],
                input=json.dumps(list(addresses)), capture_output=True, text=True, encoding="utf-8", cwd=_ROOT,
                env=environment, timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise AnswerTimeoutError("The pages of this lesson took more than ten minutes: try again later.") from error
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotAvailableError(f"The pages of this lesson could not be run for the notebook: {last[:300]}")
    found: list[str] = json.loads(ran.stdout)
    return found
