"""What the prompt view sends to the browser: pieces of the text, cut where the line, the message, the part, a special
token or (where a layer shows them) any token changes, and the lines of the template.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm

__all__ = [
    "LAYERS",
    "PARTS",
    "Layer",
    "Lost",
    "Prompt",
    "Tab",
    "build_payload",
    "chat_pieces",
    "code_pieces",
    "known_role",
]

Layer = Literal["roles", "tokens", "loss"]
LAYERS: Mapping[Layer, str] = {"roles": "Who speaks", "tokens": "Tokens", "loss": "What trains"}

PARTS = {
    "header": "header of the turn",
    "content": "its text",
    "terminator": "end of the turn",
    "generation_prompt": "generation prompt",
    "template_text": "text that the template itself adds",
    "tools": "tool definitions",
    "tool_call": "tool call",
    "tool_result": "tool result",
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several choices that are one press away; ``alarm`` colours its note."""

    key: str
    name: str
    note: str = ""
    alarm: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A part of the conversation that is not in the prompt.

    Attributes:
        message: whose, None for a tool.
        call: which of its tool calls, None for anything else.
        whole: whether nothing of the message is in the prompt.
        text: the beginning of what is missing.
        sentence: what is so.
    """

    message: int | None
    call: int | None
    whole: bool
    text: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is drawn of a prompt.

    Attributes:
        text: the whole string.
        pieces: as `chat_pieces` or a page cuts it.
        encoding: the string as tokens.
        layer: ``"roles"``, by colour; ``"tokens"``, with their borders; ``"loss"``, those that train.
        mask: which tokens train, bool (n,).
        layers: offer the layers.
        families: tabs of the families; none: no tabs.
        lost: what is not in it.
        remedy: a family that has all of it.
        error: in place of the text.
        ghost: what comes after it.
        foot: lines below it.
    """

    pieces: Sequence[Mapping[str, Any]] = ()
    encoding: lm.Encoding | None = None
    layer: Layer = "roles"
    mask: NDArray[np.bool_] | None = None
    layers: bool = False
    families: Sequence[Tab] = ()
    lost: Sequence[Lost] = ()
    remedy: Tab | None = None
    error: str | None = None
    ghost: str = ""
    foot: Sequence[str] = field(default_factory=tuple)


def build_payload(
    prompt: Prompt, *, source: str | None = None, first: int | None = None, hint: str = ""
) -> dict[str, Any]:
    """The arguments are those of `ui.components.prompt_view.prompt_view`."""
    shows_tokens = prompt.encoding is not None and prompt.layer != "roles"
    pieces = list(_with_runs(prompt)) if shows_tokens else [{**piece, "runs": None} for piece in prompt.pieces]
    wrote: set[int] = {piece[of] for piece in pieces for of in ("line", "caller") if piece[of]}
    tabs = [Tab(key, name, chosen=key == prompt.layer) for key, name in LAYERS.items()] if prompt.layers else []
    payload: dict[str, Any] = {
        "pieces": pieces,
        "tokens": _tokens(prompt) if shows_tokens else None,
        "layer": prompt.layer,
        "layers": [asdict(tab) for tab in tabs],
        "families": [asdict(tab) for tab in prompt.families],
        "lost": [asdict(lost) for lost in prompt.lost],
        "remedy": None if prompt.remedy is None else asdict(prompt.remedy),
        "error": prompt.error,
        "ghost": prompt.ghost,
        "foot": list(prompt.foot),
        "lines": None if source is None else source.split("\n"),
        "wrote": sorted(wrote),
        "digits": len(str(1 if source is None else source.count("\n") + 1)),
        "first": first,
        "hint": hint,
    }
    packed = json.dumps(payload, ensure_ascii=True).encode()
    return payload | {"version": blake2b(packed, digest_size=8).hexdigest()}


def chat_pieces(chat: lm.RenderedChat) -> list[dict[str, Any]]:
    """The pieces of a rendered chat."""
    return [
        {
            "text": chat.text[piece.start : piece.end],
            "start": piece.start,
            "line": piece.span.line,
            "caller": piece.span.call_line,
            "message": piece.span.message,
            "part": piece.span.part,
            "words": PARTS[piece.span.part],
            "role": known_role(piece.segment.role),
            "special": piece.segment.is_special,
        }
        for piece in chat.pieces
    ]


def code_pieces(
    prompt: lm.CodePrompt, parts: Mapping[str, tuple[int, str]], *, by_file: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The pieces of a code model's prompt.

    Args:
        prompt: from `lmloupe.fim_prompt` or `lmloupe.repository_prompt`.
        parts: for each part the number of its box and the role whose colour it has.
        by_file: roles whose colours the files have in turn.
    """
    pieces = []
    for span in prompt.spans:
        text = prompt.text[span.start : span.end]
        box, role = parts.get(span.part, (None, None))
        if by_file and span.file is not None and span.part != "token":
            role = by_file[span.file % len(by_file)]
        special = span.part == "token" and bool(text.strip())
        piece = {"text": text, "start": span.start, "line": None, "caller": None, "message": box, "part": "content"}
        pieces.append(piece | {"words": span.part, "role": role, "special": special})
    return pieces


def _tokens(prompt: Prompt) -> list[tuple[int, bool]]:
    assert prompt.encoding is not None  # noqa: S101 - the caller has looked
    ids = prompt.encoding.input_ids.tolist()
    mask = [False] * len(ids) if prompt.mask is None else prompt.mask.tolist()
    return list(zip(ids, mask, strict=True))


def _with_runs(prompt: Prompt) -> Iterator[dict[str, Any]]:
    """The pieces with their text cut at the tokens: (text, token or None) each.

    A token that covers characters which an earlier one has drawn already (one emoji is several tokens) gets an empty
    text, so that every token has a place of its own.
    """
    assert prompt.encoding is not None  # noqa: S101 - the caller has looked
    cuts = list(_cuts(prompt.encoding))
    at = 0
    for piece in prompt.pieces:
        start, end = piece["start"], piece["start"] + len(piece["text"])
        runs = []
        while at < len(cuts) and (cuts[at][0] < end or cuts[at][1] == end):
            first, last, token = cuts[at]
            runs.append((piece["text"][max(first, start) - start : min(last, end) - start], token))
            if last > end:
                break  # the rest of it is in the next piece
            at += 1
        yield {**piece, "runs": runs}


def _cuts(enc: lm.Encoding) -> Iterator[tuple[int, int, int | None]]:
    """(start, end, token) in order, which tile the text; empty ones for tokens that add no character of their own."""
    at = 0
    for i, (start, end) in enumerate(enc.offsets.tolist()):
        if start > at:
            yield at, start, None
            at = start
        yield at, max(at, end), i
        at = max(at, end)
    if at < len(enc.text):
        yield at, len(enc.text), None


def known_role(role: str | None) -> str | None:
    """The role as the colours know it: Llama 3.1 calls a tool's answer "ipython"; other headers have no colour."""
    role = "tool" if role == "ipython" else role
    return role if role in ("system", "user", "assistant", "tool") else None
