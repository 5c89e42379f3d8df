"""What a process that does untrusted work may take: memory and temporary files, in one place for every system.

The limit on time is the parent's (`lmloupe.processes.child.Child.ask`), which kills a process that does not answer.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MEMORY_IS_LIMITED", "WROTE_TOO_MUCH", "Limits", "limit_this_process", "memory"]

MEMORY_IS_LIMITED = sys.platform != "darwin"
"""Whether the system surely takes a limit on memory, so that a message may name it."""

WROTE_TOO_MUCH = 73
"""Exit code of a process whose temporary files were larger than allowed."""

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may take.

    Attributes:
        memory_bytes: of memory: address space on Linux, a job object on Windows. macOS does not always take a limit.
        temporary_bytes: of temporary files, all together; 0 lets it write none.
    """

    memory_bytes: int
    temporary_bytes: int = 0


def memory(most_bytes: int) -> str:
    """The memory that a process may not have, for a message that ends with it.

    >>> memory(2 << 30)
    'more than 2 GB of memory'
    """
    return f"more than {most_bytes >> 30} GB of memory" if MEMORY_IS_LIMITED else "more memory than there is"


def limit_this_process(limits: Limits, folder: Path | None = None) -> None:
    """Set the limits for the process that calls it, once.

    Args:
        limits: what it may take.
        folder: where its temporary files go; None where it writes none.
    """
    _limit_by_system(limits)
    if folder is not None:
        # The system's limit is one for each file, and Windows has none.
        threading.Thread(target=_watch, args=(folder, limits.temporary_bytes), daemon=True).start()


def _limit_by_system(limits: Limits) -> None:
    if sys.platform == "win32":
        from lmloupe.processes.windows_job import limit_own_memory

        limit_own_memory(limits.memory_bytes)
        return
    import resource

    wanted = {"RLIMIT_AS": limits.memory_bytes, "RLIMIT_FSIZE": limits.temporary_bytes, "RLIMIT_CORE": 0}
    for name, most in wanted.items():
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError):
            continue  # macOS knows RLIMIT_AS and does not always take it


def _watch(folder: Path, most_bytes: int) -> None:
    """End this process when its temporary files get too large."""
    while True:
        time.sleep(_LOOK_S)
        total = 0
        for path in folder.rglob("*"):
            with suppress(OSError):  # gone meanwhile
                total += path.lstat().st_size
        if total > most_bytes:
            os._exit(WROTE_TOO_MUCH)
