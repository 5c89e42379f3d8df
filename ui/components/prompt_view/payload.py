"""What the prompt view sends to the browser: pieces of the text, cut where the line, the message, the part or a
special token changes, and the lines of the template.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import lmloupe as lm

__all__ = ["PARTS", "build_payload", "known_role"]

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


def build_payload(chat: lm.RenderedChat, *, source: bool = False, height: int | None = None) -> dict[str, Any]:
    """The arguments are those of `ui.components.prompt_view.prompt_view`."""
    pieces = _pieces(chat)
    n_lines = chat.source.count("\n") + 1
    wrote: set[int] = {piece[of] for piece in pieces for of in ("line", "caller") if piece[of]}
    payload: dict[str, Any] = {
        "pieces": pieces,
        "lines": chat.source.split("\n") if source else None,
        "wrote": sorted(wrote),
        "digits": len(str(n_lines)),
        "height": height,
        "first": _first(pieces) if source else None,
    }
    packed = json.dumps(payload, ensure_ascii=True).encode()
    return payload | {"version": blake2b(packed, digest_size=8).hexdigest()}


def _pieces(chat: lm.RenderedChat) -> list[dict[str, Any]]:
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


def _first(pieces: list[dict[str, Any]]) -> int | None:
    """The piece that is lit before anybody touches the view: the first text of a person."""
    for i, piece in enumerate(pieces):
        if piece["part"] == "content" and piece["role"] == "user" and not piece["special"] and piece["text"].strip():
            return i
    return 0 if pieces else None


def known_role(role: str | None) -> str | None:
    """The role as the colours know it: Llama 3.1 calls a tool's answer "ipython"; other headers have no colour."""
    role = "tool" if role == "ipython" else role
    return role if role in ("system", "user", "assistant", "tool") else None
