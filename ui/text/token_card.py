"""Everything about one token: the card that opens beside the rows."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.byte_places import byte_place, tokens_sharing
from lmloupe.encodings.special_tokens import special_token_purpose
from lmloupe.merges.ancestry import MergeTree, ancestry
from lmloupe.vocabulary.compare import same_text_elsewhere
from ui.base import theme
from ui.base.chips import chips, visible
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import display_name
from ui.base.words import places
from ui.state.thread import show_thread
from ui.text.why_view import show_why_of

__all__ = ["token_card"]

MAX_DEPTH = 12
MAX_TEXT = 200_000
"""Longer texts are not followed step by step for one word's sake."""


def token_card(enc: lm.Encoding, index: int, rows: Sequence[lm.Encoding], others: Mapping[str, lm.Tokenizer]) -> None:
    """Draw the card of one token of an encoding.

    Args:
        enc: the encoding that has it.
        index: its place there, from 0.
        rows: encodings of the same text, with one of which its word's merges are compared.
        others: tokenizers whose ids for the same bytes the card lists, by name.
    """
    token, tok = enc.token(index), enc.tokenizer
    st.header(escape_markdown(f"Token {index + 1} of {len(enc):,} in {display_name(tok.name)}"), anchor=False)
    chips([token_label(tok, token.id)], colours=[_ground(enc, index)], size_rem=1.75)
    st.html(_facts(enc, index))
    st.markdown(_kind(enc, index))
    _parts(enc, index)
    _why(enc, index, rows, others)
    show_thread(enc, index, "tokens", named=False)
    with st.expander("How merges made this token"):
        _ancestry(tok, token.id)
    st.subheader("The same bytes in the other families", anchor=False)
    with st.spinner("Looking this token up in every vocabulary …"):
        _elsewhere(tok, token.id, others)


def _why(enc: lm.Encoding, index: int, rows: Sequence[lm.Encoding], others: Mapping[str, lm.Tokenizer]) -> None:
    """Why the token's word is cut so; first among those to set beside it are the rows that cut it differently."""
    if len(enc.text) > MAX_TEXT:
        return
    start, end = enc.offsets[index].tolist()
    differing = [row.tokenizer.name for row in rows if _cuts(row, start, end) != _cuts(enc, start, end)]
    names = [name for name in dict.fromkeys([*differing, *others]) if name in others]
    show_why_of(enc, index, {name: others[name] for name in names}, key="card_why")


def _cuts(enc: lm.Encoding, start: int, end: int) -> list[int]:
    """Where an encoding cuts between two characters, their own places included."""
    cuts = enc.offsets.ravel()
    return sorted(set(cuts[(start <= cuts) & (cuts <= end)].tolist()))


def _ground(enc: lm.Encoding, index: int) -> str:
    """The colour that the token has in its row, as far as it has a meaning."""
    return theme.magenta_fill() if enc.special_tokens_mask[index] else theme.token_tints()[index % 2]


def _facts(enc: lm.Encoding, index: int) -> str:
    """Id, piece, bytes and places as a list in HTML; every value is escaped, for it is a person's text."""
    token, place = enc.token(index), byte_place(enc, index)
    of_text = "Bytes of the text" if place.exact else "Made from bytes"
    facts = [
        ("Id", f"{token.id:,}"),
        ("Piece as stored", visible(token.piece)),
        ("Text", visible(token.text) or "none"),
        ("Bytes", token.bytes.hex(" ") or "none"),
        ("Characters", places(token.start, token.end) if token.end > token.start else "none"),
        (of_text, places(place.start, place.end) if place.end > place.start else "none"),
    ]
    rows = "".join(
        f'<dt style="opacity:{theme.QUIET}">{html.escape(term)}</dt>'
        f'<dd style="margin:0;overflow-wrap:anywhere;font-family:monospace">{html.escape(value)}</dd>'
        for term, value in facts
    )
    style = "display:grid;grid-template-columns:max-content 1fr;gap:.15rem .9rem;margin:0;padding:0"
    return f'<dl style="{style}">{rows}</dl>'


def _kind(enc: lm.Encoding, index: int) -> str:
    token = enc.token(index)
    if token.is_special:
        purpose = special_token_purpose(token.piece)
        return f"A special token. {purpose}".strip()
    if token.is_added:
        purpose = special_token_purpose(token.piece)
        return (
            "An added token that is not special: always read as one token where a text spells it, unless special "
            f"tokens are off. {purpose}"
        ).strip()
    if token.piece.startswith("<0x") and token.piece.endswith(">") and len(token.bytes) == 1:
        return "A byte token: the vocabulary has no piece for this character and falls back to its bytes."
    try:
        token.bytes.decode()
    except UnicodeDecodeError:
        return "A part of a character: its bytes alone are not text."
    return "An ordinary token of whole characters."


def _parts(enc: lm.Encoding, index: int) -> None:
    """The other tokens that share a character with this one, and which bytes of the character are its own."""
    group = tokens_sharing(enc, index)
    if len(group) == 1:
        return
    for part in byte_place(enc, index).parts:
        whole = part.character.encode()
        numbers = f"byte {part.end}" if part.end - part.start == 1 else f"bytes {part.start + 1} to {part.end}"
        st.markdown(
            escape_markdown(
                f"Of “{visible(part.character)}”, which is {whole.hex(' ')}, it has {part.bytes.hex(' ')}: "
                f"{numbers} of {len(whole)}."
            )
        )
    tokens = [enc.token(i) for i in group]
    covered = enc.text[tokens[0].start : max(token.end for token in tokens)]
    st.caption(escape_markdown(f"“{visible(covered)}” is spelled by {len(tokens)} tokens together:"))
    chips(
        [token.bytes.hex(" ") for token in tokens],
        marked=[group.index(index)],
        below=[str(token.id) for token in tokens],
    )


def _ancestry(tok: lm.Tokenizer, token_id: int) -> None:
    try:
        tree = ancestry(tok, token_id)
    except lm.NotAvailableError as error:
        st.caption(escape_markdown(str(error)))
        return
    if not tree.parts:
        st.caption("No merge made it: it is a symbol that merging starts from, or was added as it is.")
        return
    lines: list[str] = []
    _lines(tree, 0, lines)
    # As code, so that nothing in a piece is read as Markdown.
    st.code("\n".join(lines), language=None)


def _lines(tree: MergeTree, depth: int, lines: list[str]) -> None:
    rank = f"  (merge {tree.rank:,})" if tree.rank is not None else ""
    lines.append("  " * depth + visible(tree.piece) + rank)
    if depth < MAX_DEPTH:
        for part in tree.parts:
            _lines(part, depth + 1, lines)


def _elsewhere(tok: lm.Tokenizer, token_id: int, others: Mapping[str, lm.Tokenizer]) -> None:
    names = [name for name, other in others.items() if other is not tok]
    how = {
        "token": "one token of the same bytes",
        "encoded": "as it encodes this text",
        "bytes": "byte by byte",
        "none": "cannot spell these bytes",
    }
    found = same_text_elsewhere(tok, token_id, [others[name] for name in names])
    table = pd.DataFrame(
        {
            "Tokenizer": [display_name(name) for name in names],
            "Ids": [", ".join(map(str, spelling.ids.tolist())) for spelling in found],
            "How": [how[spelling.how] for spelling in found],
        }
    )
    data_table(table, hide_index=True, width="stretch")
