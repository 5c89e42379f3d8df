"""Why it splits so: one word, two tokenizers' merges growing over it, and the merge at which they part."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

import lmloupe as lm
from lmloupe.merges.comparison import MergeComparison, MergeFork
from lmloupe.merges.fork import compare_merges
from lmloupe.merges.side import MergeSide
from lmloupe.pipeline.words import word_at
from ui.base import theme
from ui.base.chips import visible
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import BY_TOKENIZER, display_name
from ui.components.merge_tree import merge_tree
from ui.page import finding
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["MAX_BYTES", "show_merges", "show_why", "show_why_of"]

MAX_BYTES = 240
"""Longer words are not drawn: nobody could read their letters."""

BECAME = {
    "bytes": "is not in the vocabulary and becomes one token for each of its bytes (byte fallback)",
    "unknown": "is not in the vocabulary and becomes the unknown token",
    "nothing": "is not in the vocabulary and is dropped",
}


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_TOKENIZER)
def _compared(tok_a: lm.Tokenizer, tok_b: lm.Tokenizer, word: str, at_start: bool) -> MergeComparison:
    return compare_merges(tok_a, tok_b, word, at_start=at_start)


@st.fragment
def show_why(
    text_piece: str,
    tok_a: lm.Tokenizer,
    tok_b: lm.Tokenizer,
    *,
    at_start: bool | None = None,
    ids_in_text: tuple[int, ...] | None = None,
    heading: bool = True,
    table: bool = False,
    key: str = "why",
) -> None:
    """Draw the word with both merge trees; a fragment, so that the slider moves without the rest of the page.

    Args:
        text_piece: one word as it is in the text, with its space: ``" coconut"``.
        tok_a: grows above the word.
        tok_b: grows below it; the same one as ``tok_a`` draws one tree.
        at_start: the word begins its text, where some tokenizers put a space in front; by default where it begins
            with no space.
        ids_in_text: the tokens of ``tok_a`` that the text has here, if they are known: the page says where they differ
            from those of the word by itself.
        heading: write the fork as a heading above; else it stands below the slider at its step alone.
        table: whether the table of all merges is open at first.
        key: one for each place that draws it.
    """
    with show_errors():
        if not text_piece:
            raise lm.InputError("There is no word here to merge: choose a token that stands for text.")
        if len(text_piece.encode()) > MAX_BYTES:
            raise lm.InputError(
                f"The word has {len(text_piece.encode()):,} bytes, and the picture has room for {MAX_BYTES}: choose a "
                "shorter one."
            )
        begins = not text_piece.startswith(" ") if at_start is None else at_start
        both = _draw(tok_a, tok_b, text_piece, begins, heading=heading, table=table, key=key)
        if ids_in_text is not None and both.sides[0].token_ids != ids_in_text:
            name = escape_markdown(display_name(tok_a.name))
            st.caption(f"In your text {name} makes other tokens here, because merges reach over the ends of this word.")


def show_why_of(enc: lm.Encoding, index: int, others: Mapping[str, lm.Tokenizer], *, key: str = "why") -> None:
    """Draw why the word round one token is cut as it is, beside another tokenizer that a small choice picks.

    Args:
        enc: the encoding that the token is of; its tokenizer grows above the word.
        index: the token's place in it.
        others: tokenizers to set it beside, by the names that the setting ``compare_with`` knows; with the encoding's
            own among them or not.
        key: one for each place that draws it.
    """
    start, end = enc.offsets[index].tolist()
    if start == end or enc.special_tokens_mask[index] or enc.tokenizer.is_added(int(enc.input_ids[index])):
        st.caption("This token is in the vocabulary as it is: no merge made it.")
        return
    with show_errors():
        names = [name for name, tok in others.items() if tok is not enc.tokenizer and name != enc.tokenizer.name]
        if not names:
            raise lm.InputError("Choose a second tokenizer to set this one beside.")
        low, high = word_at(enc.tokenizer, enc.text, start)
        beside = state.selectbox(
            "compare_with", "Beside", names, format_func=lambda name: f"beside {display_name(name)}",
            label_visibility="collapsed", width=210,
        )  # fmt: skip
        first = low == 0 or (enc.text[low] != " " and enc.token_bytes(_first(enc, low)).startswith(b" "))
        show_why(enc.text[low:high], enc.tokenizer, others[beside], at_start=first, key=key)


def _first(enc: lm.Encoding, place: int) -> int:
    """The first token that stands for the character at this place."""
    covers = (enc.offsets[:, 0] <= place) & (place < enc.offsets[:, 1])
    return int(np.flatnonzero(covers)[0])


def _draw(
    tok_a: lm.Tokenizer, tok_b: lm.Tokenizer, word: str, begins: bool, *, heading: bool, table: bool, key: str
) -> MergeComparison:
    both = _compared(tok_a, tok_b, word, begins)
    names = display_name(tok_a.name), display_name(tok_b.name)
    alone = tok_a is tok_b
    says = _alone(both.sides[0], names[0]) if alone else both.sentence(*names)
    if heading:
        finding(says)
    sides = list(zip(names, both.sides, strict=True))[: 1 if alone else 2]
    for name, side in sides:
        if not side.aligned:
            st.caption(escape_markdown(f"{name} merges “{side.spell(-side.in_front, len(side.spelled))}” here."))
    drawn = [(name, side) for name, side in sides if side.aligned]
    if drawn:
        show_merges(word, drawn, both.fork if len(drawn) > 1 else None, says, table=table, key=key)
    for name, side in sides:
        for missing in side.missing[:3]:
            st.caption(escape_markdown(f"“{visible(missing.character)}” {BECAME[missing.became]} in {name}."))
        if side.takes_whole:
            end = "merges alone would give other tokens" if side.takes_other else "the merges lead to the same token"
            st.caption(
                escape_markdown(f"{name} finds this word whole in its vocabulary and looks no merges up; {end}.")
            )
    return both


def show_merges(
    word: str,
    sides: list[tuple[str, MergeSide]],
    fork: MergeFork | None,
    says: str,
    *,
    table: bool,
    key: str,
) -> None:
    """Draw the picture, and keep where a person left its slider in the link."""
    coloured = [(name, theme.family_colour(side.tokenizer.name), side) for name, side in sides]
    rest = merge_tree(
        word,
        coloured,
        fork=fork,
        says=says,
        step=state.get("merge_step"),
        speed=state.get("merge_speed"),
        table=table,
        key=key,
    )
    if rest is not None:
        last = max(len(side.nodes) for _, side in sides)
        step, speed = rest
        state.keep(merge_step=step if step <= last else SETTINGS["merge_step"].default, merge_speed=speed)


def _alone(side: MergeSide, name: str) -> str:
    n, m = len(side.tokens), len(side.nodes)
    merges = "one merge" if m == 1 else f"{m} merges"
    tokens = "one token" if n == 1 else f"{n} tokens"
    return f"{name} makes {tokens} of this word in {merges}."
