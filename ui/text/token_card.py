"""Everything about one token: the card that opens below the rows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import lmloupe as lm
from lmloupe.encodings.byte_places import byte_place, tokens_sharing
from lmloupe.encodings.special_tokens import special_token_purpose
from lmloupe.merges.ancestry import MergeTree, ancestry
from lmloupe.vocabulary.compare import same_text_elsewhere
from ui.base.chips import chips, visible
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name
from ui.base.words import places
from ui.page import metrics_row

__all__ = ["token_card"]

MAX_DEPTH = 12


def token_card(enc: lm.Encoding, index: int, others: Mapping[str, lm.Tokenizer]) -> None:
    """Draw the card of one token of an encoding, with the ids that spell the same text in other families."""
    token, tok = enc.token(index), enc.tokenizer
    place = byte_place(enc, index)
    with st.container(border=True):
        st.markdown(f"**Token {index + 1} of {len(enc):,} in {escape_markdown(display_name(tok.name))}**")
        metrics_row(
            [
                ("Id", f"{token.id:,}"),
                ("Piece as stored", escape_markdown(visible(token.piece)), "How the vocabulary spells it."),
                ("Text", escape_markdown(visible(token.text)) or "none"),
                ("Bytes", token.bytes.hex(" ") or "none", "Exactly what the token stands for, in hexadecimal."),
                (
                    "Characters",
                    places(token.start, token.end) if token.end > token.start else "none",
                    "Its characters of the text, the first being 1.",
                ),
                (
                    "Bytes of the text",
                    places(place.start, place.end) if place.end > place.start else "none",
                    "Where these bytes are in the text's UTF-8, the first being 1."
                    if place.exact
                    else "In the text's UTF-8, the first byte being 1: the characters that it was made from. The text "
                    "has other bytes there, because the tokenizer changed or added some.",
                ),
            ]
        )
        st.markdown(_kind(enc, index))
        _parts(enc, index)
        left, right = st.columns(2)
        with left:
            st.caption("How merges made it")
            _ancestry(tok, token.id)
        with right:
            st.caption("The same bytes in the other families")
            _elsewhere(tok, token.id, others)


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
        return "It holds a part of a character: its bytes alone are not text."
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
                f"Of “{visible(part.character)}”, which is {whole.hex(' ')}, it holds {part.bytes.hex(' ')}: "
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
    st.dataframe(table, hide_index=True, width="stretch")
