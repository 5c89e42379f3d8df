"""Run the benchmarks and print one table: ``python -m benchmarks [NAME ...] [--json FILE]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import Row, as_json, table

# In this order: the ones that need a quiet memory first, the one that loads torch into this process last.
SUBJECTS = {
    "interpreter": "import lmloupe and a first encoding, in a fresh interpreter",
    "first_page": "from the command to the first page",
    "sessions": "many sessions: time to join, memory of each",
    "encoding": "encode of a megabyte",
    "chat": "a conversation rendered and traced",
    "tokens": "the Tokens page: a keystroke, 100,000 tokens painted; merge_steps, align, stages",
    "neighbours": "neighbours over the whole vocabulary",
    "slider": "a slider on Next token, in each of its views",
    "planner": "a memory plan of a known model and of a pasted config",
    "inside": "the logit lens against its bare product, generate with records",
    "precision": "five precisions of a model compared, against the bare loads and forwards",
    "serving": "several people on one model, a fork, thirty at once",
    "cluster": "a model on Ray Serve against the same in this process, two replicas against one",
    "front_ends": "a hundred sessions over three front ends behind nginx, and over one",
    "strategies": "beam search against transformers' own",
    "model": "next_token, generate, memory of the weights",
}

# Only where they are named: they take minutes and several gigabytes, and need Ray or nginx.
NAMED = ("cluster", "front_ends")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give 0; 1 where a target was missed."""
    chosen = _parser().parse_args(arguments)
    began = time.perf_counter()
    rows: list[Row] = []
    for name in chosen.names or chosen.only or [name for name in SUBJECTS if name not in NAMED]:
        print(f"{name}: {SUBJECTS[name]} ...", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{name}").rows()
    print(table(rows))
    machine = f"{_cores()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    print(f"\n{machine}; {time.perf_counter() - began:.0f} s in all")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine, "rows": as_json(rows)}, indent=2) + "\n", "utf-8")
    return int(any(row.verdict == "misses" for row in rows))


def _parser() -> argparse.ArgumentParser:
    listed = "; ".join(f"{name}: {what}" for name, what in SUBJECTS.items())
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog=listed)
    parser.add_argument("names", nargs="*", type=_subject, metavar="NAME", help="as --only")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, metavar="NAME", help=f"of {', '.join(SUBJECTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return parser


def _subject(name: str) -> str:
    # Not by `choices`, which Python 3.11 holds the empty list of no names against.
    if name not in SUBJECTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(SUBJECTS)}")
    return name


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


if __name__ == "__main__":
    raise SystemExit(main())
