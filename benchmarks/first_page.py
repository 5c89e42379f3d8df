"""From the command to the first page, each time in a fresh server process."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.harness import Row
from benchmarks.server import FRONT_DOOR, first_page_s, serve

TARGET_S = 3.0
HEAVY = ("torch", "transformers")
BARE = 'import streamlit as st\n\nst.write("Hello")\n'


def rows(rounds: int = 3) -> list[Row]:
    """Seconds until the Tokens page is there, against an app of one line; and what the server has imported by then."""
    times: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        for number in range(1 + rounds):  # the first pair warms the disk cache and does not count
            pair = {}
            for script in (FRONT_DOOR, bare) if number % 2 == 0 else (bare, FRONT_DOOR):
                with serve(script) as server:
                    pair[script] = first_page_s(server)
            times.append((pair[FRONT_DOOR], pair[bare]))
    counted = times[1:]
    loaded = imported(HEAVY)
    return [
        Row(
            "first page from the command",
            median(a for a, _ in counted),
            median(b for _, b in counted),
            "Streamlit app of one line",
            ratio=median(a / b for a, b in counted),
            target=TARGET_S,
            judged="ours",
            note="on two cores, without the browser's share; slowest of the runs "
            f"{max(a for a, _ in times):.2f} s, the first one with whatever the disk had to fetch",
        ),
        Row(
            "  heavy modules the server loads for it",
            len(loaded),
            unit="modules",
            target=0,
            judged="ours",
            note=f"looked for {', '.join(HEAVY)}" + (f"; FOUND {', '.join(loaded)}" if loaded else ""),
        ),
    ]


def imported(names: tuple[str, ...]) -> list[str]:
    """Which of the modules a server has imported when its first page is there.

    Python itself keeps the list (``-X importtime`` by variable), in a run of its own: it slows the start.
    """
    with serve(FRONT_DOOR, PYTHONPROFILEIMPORTTIME="1") as server:
        first_page_s(server)
        seen = set(re.findall(r"^import time:.*\| +(\S+)\s*$", server.log.read_text(errors="replace"), re.MULTILINE))
    assert "streamlit" in seen, "the server did not list its imports"
    return [name for name in names if name in seen]
