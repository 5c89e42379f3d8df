"""Warnings about a rendered chat, and both readings of special tokens that a person typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name, tokenizer
from ui.base.words import counted
from ui.chat.request import ChatRequest
from ui.components.token_view import TokenRow, token_view

__all__ = ["chat_notes", "chat_warnings", "injection_experiment", "show_dropped"]

MAX_SHOWN = 4
MAX_DROPPED = 6


def chat_warnings(chat: lm.RenderedChat, tok: lm.Tokenizer, request: ChatRequest) -> None:
    """What `lmloupe.check_chat` finds: in red what is missing, then as `chat_notes`."""
    warnings = lm.check_chat(chat, tok, request.messages)
    # The library calls a family by its key, the pages by its name.
    key, name = f"{tok.name}'s template", f"{display_name(tok.name)}'s template"
    show_dropped([warning.sentence.replace(key, name, 1) for warning in warnings if warning.kind == "dropped"])
    _notes(warnings)


def chat_notes(chat: lm.RenderedChat, tok: lm.Tokenizer, request: ChatRequest) -> None:
    """What `lmloupe.check_chat` finds besides what is missing: in yellow, a caption on the second bos."""
    _notes(lm.check_chat(chat, tok, request.messages))


def _notes(warnings: Sequence[lm.ChatWarning]) -> None:
    typed = [warning for warning in warnings if warning.kind == "special_token"]
    added = [warning for warning in warnings if warning.kind == "added_token"]
    whole = [warning for warning in warnings if warning.kind in ("empty_tools", "not_followed")]
    for warning in (*whole, *typed[:1], *added[:1]):
        st.warning(escape_markdown(warning.sentence), icon=":material/warning:")
    if len(typed) > 1:
        st.caption(f"{len(typed)} special tokens are affected; both readings are shown below.")
    for warning in warnings:
        if warning.kind == "doubled_bos":
            st.caption(escape_markdown(warning.sentence))


def show_dropped(sentences: Sequence[str]) -> None:
    """One red box for everything that the template left out."""
    if not sentences:
        return
    more = [f"And {len(sentences) - MAX_DROPPED} more."] if len(sentences) > MAX_DROPPED else []
    lines = [escape_markdown(sentence) for sentence in (*sentences[:MAX_DROPPED], *more)]
    st.error("\n\n".join(lines), icon=":material/visibility_off:")


def injection_experiment(names: Sequence[str], messages: Sequence[dict[str, Any]]) -> None:
    """Texts of messages that spell special tokens: what each family reads, parsed as special and as plain text."""
    contents = [message.get("content") for message in messages]
    suspects = [text for text in contents if isinstance(text, str) and "<" in text][:MAX_SHOWN]
    found = []
    for text in suspects:
        rows: list[TokenRow] = []
        for name in names:
            try:
                tok = tokenizer(name)
            except lm.LoadError:
                continue  # its card has said why
            special, plain = (lm.encode(tok, text, parse_special_tokens=parsed) for parsed in (True, False))
            if spelled := lm.special_in_text(tok, text):
                n = len(spelled)
                kind = "added or special" if any(token.kind == "added" for token in spelled) else "special"
                rows.append(TokenRow(display_name(name), special, subtitle=f"parsed: {counted(n, f'{kind} token')}"))
                rows.append(TokenRow(display_name(name), plain, subtitle="as plain text: none"))
        if rows:
            found.append((text, rows))
    if not found:
        return
    st.header("Special tokens that a person typed", anchor=False)
    st.markdown(
        "The same message read in two ways. Parsed, the pills are control tokens, and whoever typed them opens and "
        "ends turns. As plain text (`parse_special_tokens=False`) they are letters, and the turn stays the person's."
    )
    for i, (text, rows) in enumerate(found):
        token_view(rows, text=text, key=f"injected_{i}")
