"""Which part of the cache the next turn of a conversation can use again, in every family's template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, escape_plotly
from ui.base.glossary.tables import data_table
from ui.base.loaders import display_name, tokenizer
from ui.base.words import counted, percent
from ui.chat.request import ChatRequest
from ui.chat.templates.choice import FAMILIES
from ui.page import finding, metrics_row
from ui.precision.kv_cache.sizes import seconds, size
from ui.state import store as state

__all__ = ["Turn", "prefix_finding", "show_prefixes", "show_reuse", "turns_of"]

MODEL_OF = {"llama-3.1": "llama-3.1-8b", "phi-3": "phi-3-mini", "qwen2": "qwen2-7b", "smollm2": "smollm2-135m"}
"""A published model of each family, by its key among `lmloupe.known_models`: whose bytes a kept token saves."""
TURNS = {"served": "prompt and reply, then the next prompt", "turns": "turn after turn, no reply asked for"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt after another in one family's template."""

    family: str
    step: lm.PrefixStep
    model: lm.KnownModel | None = None
    """A published model that reads this template."""

    @property
    def kept_bytes(self) -> int | None:
        """What the kept tokens take in the cache of ``model`` in bfloat16."""
        if self.model is None:
            return None
        return self.model.makeup.cache_bytes(self.step.n_kept, "bfloat16")

    @property
    def name(self) -> str:
        """The row's label."""
        return f"{self.family}, {_turns(self.step.n_messages)} → 1–{self.step.n_next_messages}"


def turns_of(request: ChatRequest, own: lm.Tokenizer | None, own_name: str) -> tuple[list[Turn], list[str]]:
    """Every step of the conversation in each family and in the loaded model's own template, and what failed."""
    kind = state.get("kv_turns")
    turns: list[Turn] = []
    failed: list[str] = []
    known = {one.key: one for one in lm.known_models()}
    named: list[tuple[str, lm.Tokenizer, lm.KnownModel | None]] = [
        (display_name(name), tokenizer(name), known[MODEL_OF[name]]) for name in FAMILIES
    ]
    if own is not None and own.name not in FAMILIES:
        named.append((own_name, own, None))
    for family, tok, model in named:
        try:
            found = request.prefix(tok)
        except lm.LoupeError as error:
            failed.append(f"{family}: {error}")
            continue
        for step in getattr(found, kind):
            if step.error:
                failed.append(f"{family}: {step.error}")
            else:
                turns.append(Turn(family, step, model))
    return turns, failed


def _turns(n: int) -> str:
    return f"turns 1–{n}" if n > 1 else "turn 1"


def prefix_finding(turns: Sequence[Turn]) -> str:
    """Whether anything that was read is lost, and where most."""
    if not turns:
        return "The conversation has no further turn whose prompt could use the cache again"
    lost = [turn for turn in turns if turn.step.n_lost]
    read = [turn.step.n_next - turn.step.n_kept for turn in turns]
    if not lost:
        kept = sum(turn.step.n_kept for turn in turns) / max(1, sum(turn.step.n_next for turn in turns))
        return f"Every family keeps all that it has read: {percent(kept)} of the next prompts need not be read again"
    worst = max(lost, key=lambda turn: turn.step.n_lost)
    families = list(dict.fromkeys(turn.family for turn in lost))
    who = families[0] if len(families) == 1 else f"{len(families)} families"
    loses = "loses" if len(families) == 1 else "lose"
    most = max(read)
    return (
        f"{who} {loses} tokens of the cache, {worst.step.n_lost:,} of {worst.step.n_cached:,} at most; "
        f"at most {counted(most, 'token')} must be read for a turn"
    )


def show_prefixes(turns: Sequence[Turn], failed: Sequence[str]) -> None:
    """The bars of all families, the choice of what is compared, and the table."""
    finding(prefix_finding(turns))
    if turns:
        st.plotly_chart(prefix_chart(turns), width="stretch", config=PICTURE_MENU, key="kv_prefix_chart")
    state.segmented(
        "kv_turns", "What follows what", format_func=TURNS.__getitem__,
        help="A server has read a prompt and its reply, and gets the next prompt. Training data and logs have turn "
        "after turn without a request for a reply: there Phi-3 ends each text with <|endoftext|>, which the longer "
        "text does not have at that place.",
    )  # fmt: skip
    for sentence in dict.fromkeys(failed):
        st.caption(f":material/info: {escape_markdown(sentence)}")
    if not turns:
        st.caption("Add a reply and a question after it on the page Chat template.")
        return
    st.caption(
        "Kept: the longest common beginning of the ids of both texts. Lost: tokens in the cache after that place. To "
        "read: the rest of the next prompt. The conversation is the one of the page Chat template."
    )
    table = pd.DataFrame(
        [
            {
                "Template": turn.family,
                "In the cache": _turns(turn.step.n_messages),
                "Next": f"turns 1–{turn.step.n_next_messages}",
                "Tokens in the cache": turn.step.n_cached,
                "Kept": turn.step.n_kept,
                "Lost": turn.step.n_lost,
                "Tokens of the next prompt": turn.step.n_next,
                "To read": turn.step.n_next - turn.step.n_kept,
                "Kept, in bfloat16": "" if turn.model is None else f"{size(turn.kept_bytes or 0)} ({turn.model.name})",
            }
            for turn in turns
        ]
    )
    with st.expander("The same as a table"):
        data_table(table, hide_index=True, width="stretch")
    take_away("prefixes", table, {})


def prefix_chart(turns: Sequence[Turn]) -> go.Figure:
    """A row for each family and turn: tokens kept, tokens to read, tokens lost."""
    places = list(range(len(turns)))
    parts = (
        ("kept", theme.accent(), theme.ink(on_accent=True), [turn.step.n_kept for turn in turns]),
        ("to read", theme.MUTED, theme.ink(), [turn.step.n_next - turn.step.n_kept for turn in turns]),
        ("lost from the cache", theme.orange(), theme.ink(on_accent=True), [turn.step.n_lost for turn in turns]),
    )
    traces = [
        {
            "type": "bar", "orientation": "h", "x": values, "y": places, "name": name,
            "marker": {"color": colour}, "text": [str(value) if value else "" for value in values],
            "textposition": "inside", "textangle": 0, "insidetextfont": {"color": ink, "size": 14},
            "insidetextanchor": "middle", "constraintext": "none",
            "customdata": [escape_plotly(turn.name) for turn in turns],
            "hovertemplate": f"%{{customdata}}: %{{x}} tokens {name}<extra></extra>",
        }
        for name, colour, ink, values in parts
        if any(values)
    ]  # fmt: skip
    layout = theme.chart_layout(
        x_title="tokens", height=34 * len(turns) + 110, barmode="stack", showlegend=True, bargap=0.3,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal",
                "font": {"color": theme.ink()}},
        margin={"l": 8, "r": 16, "t": 46, "b": 8},
    )  # fmt: skip
    families = [turn.family for turn in turns]
    several = len(set(families)) < len(families)
    names = [turn.name.replace(",", "") if several else turn.family for turn in turns]
    layout["yaxis"] |= {
        "tickmode": "array", "tickvals": places, "autorange": "reversed", "ticksuffix": " ",
        "ticktext": [escape_plotly(name) for name in names],
    }  # fmt: skip
    return go.Figure({"data": traces, "layout": layout})


def show_reuse(pairs: Sequence[lm.ServedPrompt], found: Sequence[lm.CacheReuse], per_token: int, name: str) -> None:
    """What the loaded model really did with the last turn: times, the difference of the scores, bytes."""
    if not found:
        return
    pair, one = pairs[-1], found[-1]
    times = one.scratch_seconds / max(one.seconds, 1e-9)
    faster = f"{times:.1f} times as fast as reading all" if times >= 1.1 else "no faster than reading all"
    finding(f"{name} went on from {counted(one.n_kept, 'kept token')} and read {one.n_read}: {faster}")
    best, scratch = int(one.logits.argmax()), int(one.scratch_logits.argmax())
    metrics_row(
        [
            ("From the cache", seconds(one.seconds), "Crop the cache to the common beginning, read the rest."),
            ("From the first token", seconds(one.scratch_seconds), f"All {counted(one.n_following, 'token')}."),
            (
                "Not read again",
                size(one.kept_bytes),
                f"{one.n_kept:,} tokens × {per_token:,} bytes of keys and values.",
            ),
            (
                "Largest difference",
                f"{one.difference:.1e}",
                "Between the two rows of scores for the next token: rounding, the same sums in another order.",
            ),
        ]
    )
    same = "The most probable next token is the same" if best == scratch else "The most probable next token differs"
    st.caption(
        f"Turns 1–{pair.n_messages} were read and kept ({counted(one.n_cached, 'token')}), then turns "
        f"1–{pair.n_next_messages} with a request for a reply were wanted. {same}. One run on this machine."
    )
    if len(found) > 1:
        table = pd.DataFrame(
            [
                {
                    "Next": f"turns 1–{p.n_next_messages}",
                    "Kept": r.n_kept,
                    "Read": r.n_read,
                    "Milliseconds from the cache": 1000 * r.seconds,
                    "Milliseconds from the first token": 1000 * r.scratch_seconds,
                    "Largest difference": r.difference,
                }
                for p, r in zip(pairs, found, strict=True)
            ]
        )
        data_table(table, hide_index=True, width="stretch")
