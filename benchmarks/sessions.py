"""What sessions cost the app: thirty that join at once, and the memory of each one more."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.harness import Row, skipped
from benchmarks.server import FRONT_DOOR, Server, first_page_s, join, memory_mb, serve

N_JOINING = 30
N_WARM, N_MORE = 6, 20
TARGET_MB = 5.0
PAGES = {"Tokens": "tokens", "Next token": "next_token"}
BARE = 'import streamlit as st\n\nst.write("Hello")\n'


def rows() -> list[Row]:
    """Seconds until all of thirty sessions have their page; megabytes for a session more on two pages."""
    return [_joining(), *(_memory(name, page) for name, page in PAGES.items())]


def _joining() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        taken = {}
        for script in (FRONT_DOOR, bare):
            with serve(script) as server:
                first_page_s(server)
                began = time.perf_counter()
                asyncio.run(_open(server, "", N_JOINING))
                taken[script] = time.perf_counter() - began
    ours, floor = taken[FRONT_DOOR], taken[bare]
    return Row(f"{N_JOINING} sessions join at once", ours, floor, "Streamlit app of one line", ratio=ours / floor)


def _memory(name: str, page: str) -> Row:
    what = f"memory of one session more, {name}"
    with serve(FRONT_DOOR) as server:
        if memory_mb(server.pid) is None:
            return skipped(what, "this system has no /proc/PID/smaps_rollup to read a process's memory from")
        first_page_s(server, page)
        memory = asyncio.run(_growth(server, page))
    return Row(
        what,
        slope(memory),
        unit="MB",
        target=TARGET_MB,
        judged="ours",
        note=f"{N_MORE} more, each with its own text, took the server from {memory[0]:.0f} to {memory[-1]:.0f} MB",
    )


def slope(values: Sequence[float]) -> float:
    """Growth from one value to the next by the estimator of Theil (1950) and Sen (1968): the median over all pairs.

    A process gives memory back in large pieces at times of its own; first and last value alone would count that.
    """
    pairs = itertools.combinations(enumerate(values), 2)
    return median((later - earlier) / (j - i) for (i, earlier), (j, later) in pairs)


async def _growth(server: Server, page: str) -> list[float]:
    """Memory before the first of the counted sessions and after each of them."""
    # One after another, as people come, each with its own text; all stay until the end. The first fill what is shared.
    connections = [await join(server, page, _query(number)) for number in range(N_WARM)]
    memory: list[float] = []
    for number in range(N_MORE + 1):
        await asyncio.sleep(0.1)
        now = memory_mb(server.pid)
        assert now is not None
        memory.append(now)
        if number < N_MORE:
            connections.append(await join(server, page, _query(N_WARM + number)))
    for connection in connections:
        await connection.close()
    return memory


def _query(number: int) -> str:
    return f"text=Palm+number+{number}+leans+over+the+harbour+wall"


async def _open(server: Server, page: str, n: int) -> None:
    connections = await asyncio.gather(*(join(server, page) for _ in range(n)))
    for connection in connections:
        await connection.close()
