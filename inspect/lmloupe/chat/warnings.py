"""Warn of common faults of a rendered chat: a second bos, parts left out, special tokens in a person's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lmloupe.chat.render import RenderedChat
from lmloupe.chat.spans import COPIED_PARTS
from lmloupe.encodings.encoding import encode
from lmloupe.encodings.special_tokens import doubled_bos, special_in_text
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["ChatWarning", "check_chat"]


@dataclass(frozen=True, slots=True)
class ChatWarning:
    """One thing to know about a rendered chat.

    Attributes:
        kind: ``"doubled_bos"``; ``"dropped"``, of a message, a tool or a part of one that the template wrote nothing
            of; ``"empty_tools"``, where an empty list of tools gives another text than none; ``"not_followed"``, where
            it is not known where the text comes from; ``"special_token"``; or ``"added_token"``: a token that is not
            special but is always read as one (Qwen3's ``<think>``), in a message that is not the assistant's.
        message: index of the message that it is about, None for the whole.
        start: first character of the rendered text, 0 where it is about none.
        end: character after the last one, 0 likewise.
        sentence: what is so, and what to do.
        as_special: ids of these characters where special tokens in the text are parsed; empty for other kinds.
        as_text: ids of these characters where they are kept plain text; empty for other kinds.
    """

    kind: Literal["doubled_bos", "dropped", "empty_tools", "not_followed", "special_token", "added_token"]
    message: int | None
    start: int
    end: int
    sentence: str
    as_special: tuple[int, ...] = ()
    as_text: tuple[int, ...] = ()


def check_chat(chat: RenderedChat, tok: Tokenizer, messages: Sequence[Mapping[str, Any]]) -> tuple[ChatWarning, ...]:
    """Look for the common mistakes.

    Args:
        chat: from `lmloupe.render_chat`.
        tok: the tokenizer that it was rendered for.
        messages: what was rendered.

    >>> from lmloupe.chat.render import render_chat
    >>> from lmloupe import load_tokenizer
    >>> tok, talk = load_tokenizer("phi-3"), [{"role": "user", "content": "a<|end|>"}]
    >>> [(w.kind, w.message, w.as_special, w.as_text) for w in check_chat(render_chat(tok, talk), tok, talk)]
    [('special_token', 0, (32007,), (529, 29989, 355, 29989, 29958))]
    """
    return (
        *_doubled_bos(chat, tok),
        *_dropped(chat, tok),
        *_about_the_whole(chat),
        *_special_tokens(chat, tok, messages),
        *_added_tokens(chat, tok, messages),
    )


def _doubled_bos(chat: RenderedChat, tok: Tokenizer) -> list[ChatWarning]:
    if tok.bos_token is None or not doubled_bos(encode(tok, chat.text, add_special_tokens=True)):
        return []
    sentence = (
        f"The template writes {tok.bos_token}, and the tokenizer adds another one with add_special_tokens=True: "
        "encode a rendered chat with add_special_tokens=False."
    )
    return [ChatWarning("doubled_bos", None, 0, len(tok.bos_token), sentence)]


def _dropped(chat: RenderedChat, tok: Tokenizer) -> list[ChatWarning]:
    owner = f"{tok.name}'s" if chat.source in (tok.chat_template, *tok.chat_templates.values()) else "This"
    found = []
    for part in chat.dropped_parts:
        if part.message is not None and not part.path:
            sentence = (
                f"{owner} template wrote nothing of {part.words} and raised no error: the model never sees it. Put its "
                "text into a role that the template knows."
            )
        elif part.matters:
            sentence = f"{owner} template wrote nothing of {part.words}: the model never sees it."
        else:
            continue
        found.append(ChatWarning("dropped", part.message, 0, 0, sentence))
    return found


def _about_the_whole(chat: RenderedChat) -> list[ChatWarning]:
    found = []
    if chat.differs_without_tools:
        sentence = (
            "The tools are an empty list, and the template writes another text for it than for no tools at all: "
            "give None where there are none."
        )
        found.append(ChatWarning("empty_tools", None, 0, 0, sentence))
    if chat.followed != "values":
        what = "which message" if chat.followed == "lines" else "which message and which line"
        sentence = (
            f"This template does something that cannot be followed, so it is not known {what} each character comes "
            "from. The text is that of plain rendering, as transformers gives it; the loss mask says nothing here."
        )
        found.append(ChatWarning("not_followed", None, 0, 0, sentence))
    return found


def _special_tokens(chat: RenderedChat, tok: Tokenizer, messages: Sequence[Mapping[str, Any]]) -> list[ChatWarning]:
    found = []
    for piece in chat.pieces:
        span, segment = piece.span, piece.segment
        if segment.token_id is None or piece.start != segment.start or span.part not in COPIED_PARTS:
            continue
        content = chat.text[segment.start : segment.end]
        if not _is_spelled(content, span.message, messages):
            continue
        plain = tuple(encode(tok, content, parse_special_tokens=False).input_ids.tolist())
        whose = "The tools spell" if span.message is None else f"Message {span.message + 1} spells"
        sentence = (
            f"{whose} {content}: parsed as a special token it is one token, {segment.token_id}, and the model takes it "
            f"for the real one; as plain text it is {len(plain)} tokens. Encode people's text with special tokens off."
        )
        found.append(
            ChatWarning("special_token", span.message, segment.start, segment.end, sentence, (segment.token_id,), plain)
        )
    return found


def _added_tokens(chat: RenderedChat, tok: Tokenizer, messages: Sequence[Mapping[str, Any]]) -> list[ChatWarning]:
    copied = [s for s in chat.spans if s.part in COPIED_PARTS]
    found = []
    for token in special_in_text(tok, chat.text) if tok.added_tokens else ():
        span = next((s for s in copied if s.start <= token.start < s.end), None)
        written = chat.text[token.start : token.end].strip()  # not always the token's content: it may be normalized
        if token.kind != "added" or span is None or not _is_spelled(written, span.message, messages):
            continue
        if span.message is not None and messages[span.message].get("role") == "assistant":
            continue  # a model's own reasoning and calls are written so
        plain = tuple(encode(tok, written, parse_special_tokens=False).input_ids.tolist())
        whose = "The tools spell" if span.message is None else f"Message {span.message + 1} spells"
        sentence = (
            f"{whose} {written}, an added token that is not special but is always read as one token, "
            f"{token.token_id}; as plain text it is {len(plain)} tokens. Encode people's text with special tokens off; "
            "transformers' split_special_tokens is not enough, it splits special ones alone."
        )
        found.append(
            ChatWarning("added_token", span.message, token.start, token.end, sentence, (token.token_id,), plain)
        )
    return found


def _is_spelled(token: str, message: int | None, messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a message has the token in it; between its words the template may have written one of its own."""
    return message is None or token in str(list(messages[message].values()))
