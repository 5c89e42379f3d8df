"""What following a rendering costs: a long conversation rendered with its trace, against plain rendering by Jinja.

Seconds of the process's own work, not of the clock on the wall: a rendering takes a millisecond, and another program
that gets the processor in one of them would count as its cost.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from benchmarks.harness import Row, paired, together

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "smollm2")
N_TURNS = 200
TARGET = 4.0  # a trace is compared with plain rendering, which is a part of it


def conversation(n_turns: int) -> list[dict[str, Any]]:
    """Turns of two, each a few words."""
    return [{"role": ("user", "assistant")[i % 2], "content": f" What is {i} times {i}? "} for i in range(n_turns)]


def rows(n_turns: int = N_TURNS, rounds: int = 60) -> list[Row]:
    import lmloupe as lm
    from lmloupe.chat.jinja.dialect import render_template
    from lmloupe.chat.jinja.trace import trace_template

    found, parts = [], []
    for name in FAMILIES:
        source = lm.load_tokenizer(name).chat_template
        assert source is not None
        variables = {"messages": conversation(n_turns), "tools": None, "add_generation_prompt": True}
        assert trace_template(source, variables).text == render_template(source, variables)
        got = paired(
            partial(trace_template, source, variables),
            partial(render_template, source, variables),
            rounds=rounds,
            clock=time.process_time,
        )
        parts.append(got)
        found.append(Row(f"  {name}", got.ours_s, got.floor_s, ratio=got.ratio, target=TARGET))
    total = together(parts)
    what = f"trace of {n_turns} turns, four families"
    return [
        Row(what, total.ours_s, total.floor_s, "jinja2: plain rendering", ratio=total.ratio, target=TARGET),
        *found,
    ]
