"""Show a rendered chat: one family's card, and rows of the token view coloured by role or by loss mask."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import tokenizer
from ui.base.words import counted
from ui.chat.facts import show_prefix, show_stops
from ui.chat.request import ChatRequest
from ui.chat.warnings import chat_warnings
from ui.components.prompt_view import known_role, prompt_view
from ui.components.token_view import TokenRow, token_view
from ui.pages import page

__all__ = ["chat_downloads", "chat_row", "family_card", "mask_rows", "show_no_template", "token_roles"]

MAX_TURNS_AT_ONCE = 24


def token_roles(chat: lm.RenderedChat) -> list[str | None]:
    """The role of each token, as the model reads it; ``"special"`` for control tokens, None outside any turn."""
    starts = np.array([segment.start for segment in chat.segments])
    places = np.searchsorted(starts, chat.encoding.offsets[:, 0], side="right") - 1
    special = chat.encoding.special_tokens_mask
    return [
        "special" if is_special else known_role(chat.segments[place].role)
        for place, is_special in zip(places.tolist(), special.tolist(), strict=True)
    ]


def chat_row(name: str, chat: lm.RenderedChat) -> TokenRow:
    """One row for one family."""
    n_special = int(chat.encoding.special_tokens_mask.sum())
    return TokenRow(name, chat.encoding, subtitle=f"{n_special} special", classes=token_roles(chat))


def mask_rows(chat: lm.RenderedChat) -> list[TokenRow]:
    """The tokens with the assistant's own coloured and the others grey; a second row where the template has marks."""
    masks = [("From the trace", chat.assistant_mask)]
    if chat.generation_mask is not None:
        masks.append(("From {% generation %}", chat.generation_mask))
    return [
        TokenRow(
            name,
            chat.encoding,
            subtitle=f"{counted(int(mask.sum()), 'token')} in the loss",
            classes=["assistant" if own else None for own in mask.tolist()],
            notes=["loss: counts" if own else "loss: ignored (-100)" for own in mask.tolist()],
        )
        for name, mask in masks
    ]


def show_no_template(name: str, error: lm.NoChatTemplateError) -> None:
    """Say that a tokenizer has no chat template; for StarCoder2, link to what it has instead."""
    st.info(escape_markdown(str(error)), icon=":material/block:")
    if name == "starcoder2":
        st.page_link(page("fim").path, label="What it was trained for: fill in the middle")


def family_card(
    name: str,
    request: ChatRequest,
    *,
    key: str,
    asked: bool,
    show_whitespace: bool,
    own: lm.ChatTemplates | None = None,
) -> str | None:
    """The prompt of one family, its warnings, how it ends, what ends a reply and what a cache keeps, tokens and files.

    Args:
        name: a tokenizer.
        request: what to render.
        key: prefix of the widgets' keys.
        asked: end with a request for a reply.
        show_whitespace: mark white space in the tokens.
        own: the template that a person uploaded, in place of the family's.

    Returns:
        The template as Python code; None where the family has no template.

    Raises:
        LoupeError: as `lmloupe.render_chat` says.
    """
    try:
        tok = tokenizer(name)
        chat = request.render(tok, add_generation_prompt=asked, template=own)
    except lm.NoChatTemplateError as error:
        show_no_template(name, error)
        return None
    chat_warnings(chat, tok, request)
    if own is None and chat.source not in (tok.chat_template, *tok.chat_templates.values()):
        st.caption("With your edited template.")
    prompt_view(chat, key=f"{key}_prompt")
    if request.continue_final_message:
        st.caption("It ends where the text of the last message ends; the model goes on from there." + _blank_end(chat))
    else:
        other = request.render(tok, add_generation_prompt=not asked, template=own)
        st.caption(_switch_words(chat, other, asked))
    with show_errors():
        show_stops(request.stops(tok, own))
        # Every beginning of the conversation is rendered: of a long one that takes a second.
        if len(request.messages) <= MAX_TURNS_AT_ONCE or st.toggle("Compare turn by turn", key=f"{key}_prefix"):
            show_prefix(request.prefix(tok, own), tok)
    token_view([chat_row("Tokens", chat)], text=chat.text, key=key, show_whitespace=show_whitespace, height=260)
    with st.expander("As plain text, and as files"):
        # st.code drops one line end at each side; every character counts here.
        st.code(f"\n{chat.text}\n", language=None, wrap_lines=True)
        chat_downloads(chat, name, key=key)
    return _as_code(own or request.template_for(tok))


def _as_code(template: str | lm.ChatTemplates | None) -> str:
    if not isinstance(template, lm.ChatTemplates):
        return repr(template)
    special = None if template.special_tokens is None else dict(template.special_tokens)
    return f"lm.ChatTemplates({template.name!r}, {dict(template.templates)!r}, {special!r})"


def _blank_end(chat: lm.RenderedChat) -> str:
    if not chat.text.endswith(" "):
        return ""
    return (
        " That text ends with a space, which this template keeps. Models have learned words that begin with their "
        "space, so they go on better without it."
    )


def _switch_words(chat: lm.RenderedChat, other: lm.RenderedChat, asked: bool) -> str:
    """What the switch changed: tokens with it against tokens without it."""
    on, off = (chat, other) if asked else (other, chat)
    difference = len(on.encoding) - len(off.encoding)
    tokens = f"{counted(len(on.encoding), 'token')} with the request for a reply, {len(off.encoding):,} without"
    if on.text == off.text:
        return "This template does not know add_generation_prompt: the switch changes nothing."
    return f"{tokens} ({difference:+d})" + (", underlined above." if asked else ".")


def chat_downloads(chat: lm.RenderedChat, name: str, *, key: str) -> None:
    """Buttons for four files: the text, the ids, the loss mask, the template; each is made when it is asked for."""
    stem = name.replace("/", "-")
    files = (
        ("Text", lambda: chat.text.encode(), f"{stem}-prompt.txt", "text/plain"),
        ("Ids", lambda: json.dumps(chat.encoding.input_ids.tolist()).encode(), f"{stem}-ids.json", "application/json"),
        ("Mask", lambda: json.dumps(chat.assistant_mask.tolist()).encode(), f"{stem}-mask.json", "application/json"),
        ("Template", lambda: chat.source.encode(), f"{stem}.jinja", "text/plain"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, data, file_name, mime in files:
            st.download_button(label, data, file_name, mime, icon=":material/download:", key=f"{key}_{label}")
