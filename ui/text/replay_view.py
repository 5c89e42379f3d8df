"""Byte-pair encoding of one piece on the screen: a slider, a play button, and every merge with its rank."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.merges.replay import MergeReplay, merge_steps
from lmloupe.pipeline.pieces import PreToken
from ui.base.chips import chips, visible
from ui.base.errors import escape_markdown, show_errors

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["can_replay", "replay_piece"]

FRAME_S = 0.35
MAX_SYMBOLS = 400
MAX_PLAYED = 60
MAX_ROWS = 1000
BECAME = {
    "bytes": "is not in the vocabulary and became one token for each of its bytes (byte fallback)",
    "unknown": "is not in the vocabulary and became the unknown token",
    "nothing": "is not in the vocabulary and was dropped without a trace",
}


def can_replay(tok: lm.Tokenizer) -> bool:
    """Whether the tokenizer's model merges pairs, and the same ones each time."""
    return tok.rules.model_kind == "BPE" and not tok.backend.model.dropout


@st.fragment
def replay_piece(tok: lm.Tokenizer, piece: PreToken) -> None:
    """Draw the replay of one piece; the slider moves without the rest of the page."""
    with show_errors():
        _replay(tok, piece)


def _replay(tok: lm.Tokenizer, piece: PreToken) -> None:
    replay = merge_steps(tok, piece)
    if piece.added_token:
        st.caption("This is an added token: it stands in the vocabulary as it is and is never merged.")
        return
    if replay.short_cut:
        same = "the same id" if not replay.short_cut_differs else "other ids"
        st.info(
            f"This tokenizer looks a whole piece up first (ignore_merges) and found it as id {replay.ids[0]}: nothing "
            f"was merged. The merges below were not needed; they would have given {same}.",
            icon=":material/bolt:",
        )
        replay = replay.by_merges
    for missing in replay.missing[:5]:
        st.caption(escape_markdown(f"“{visible(missing.character)}” {BECAME[missing.became]}."))
    n = len(replay.ranks)
    place = _controls(replay, n, key=f"{tok.name}_{piece.start}_{piece.spelled[:40]}")
    st.caption(
        f"Ids at the end: {', '.join(map(str, replay.ids[:40].tolist()))}{' …' if len(replay.ids) > 40 else ''}. "
        "Every merge takes the neighbouring pair of lowest rank, the leftmost of equals."
    )
    if n:
        steps = replay.steps[: min(n, MAX_ROWS)]
        table = pd.DataFrame(
            {
                "Step": [step.index + 1 for step in steps],
                "Rank": [step.rank for step in steps],
                "Left": [step.left for step in steps],
                "Right": [step.right for step in steps],
                "Becomes": [step.merged for step in steps],
                "Id": [step.merged_id for step in steps],
            }
        )
        with place:
            st.dataframe(table, hide_index=True, width="stretch", height=min(320, 36 * n + 40))


def _controls(replay: MergeReplay, n: int, key: str) -> DeltaGenerator:
    if n == 0:
        chips(_symbols(replay, 0), below=_ids(replay, 0))
        return st.container()
    slider, button = st.columns([6, 1], vertical_alignment="bottom")
    with slider:
        k = st.slider("Merges done", 0, n, n, key=f"merges_{key}", help="Move it to see the symbols after each merge.")
    with button:
        play = st.button(
            "Play", icon=":material/play_arrow:", key=f"play_{key}", help="Replay from the first character."
        )
    place = st.empty()
    if play:
        for i in range(min(n, MAX_PLAYED)):
            _draw(replay, i, place)
            time.sleep(FRAME_S)
    _draw(replay, k if not play else n, place)
    return st.container()


def _draw(replay: MergeReplay, k: int, place: DeltaGenerator) -> None:
    marked = []
    if 0 < k <= len(replay.ranks):
        marked = [replay.steps[k - 1].position]
    chips(_symbols(replay, k), marked=marked, below=_ids(replay, k), place=place)


def _symbols(replay: MergeReplay, k: int) -> list[str]:
    return list(replay.symbols(k)[:MAX_SYMBOLS])


def _ids(replay: MergeReplay, k: int) -> list[str]:
    return [str(i) for i in replay.symbol_ids(k)[:MAX_SYMBOLS].tolist()]
