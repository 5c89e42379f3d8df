"""Memory of this machine: what is free now, within the limit that a container sets."""

from __future__ import annotations

from pathlib import Path

import psutil  # type: ignore[import-untyped]

__all__ = ["available_gpu_memory", "available_memory"]

_CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Bytes that are free now, of this machine or within the limit that its container sets."""
    free = int(psutil.virtual_memory().available)
    limit, used = _words("memory.max"), _words("memory.current")
    if not limit or not used or not limit[0].isdigit():
        return free
    stat = _words("memory.stat")
    # Files that were read count as used, and are given up when memory is wanted.
    spare = int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0
    return max(0, min(free, int(limit[0]) - int(used[0]) + spare))


def available_gpu_memory() -> int:
    """Bytes of the GPU that are free now, with those that torch keeps of models that were let go. Loads torch."""
    import torch  # only where a GPU is asked for: it takes seconds

    free, _ = torch.cuda.mem_get_info()
    return int(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())


def _words(name: str) -> list[str]:
    try:
        return (_CGROUP / name).read_text("ascii").split()
    except OSError:  # no cgroup of the second version, or none at all
        return []
