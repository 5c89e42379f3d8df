"""For every character of a rendered chat: the message it belongs to and the part of that message's turn.

The trace says where characters come from; the special tokens that the template wrote say how the turn is built. Special
tokens in the text of a message are content like the rest of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from lmloupe.chat.jinja.traced import Run, Site
from lmloupe.chat.roles import Segment, closes_turn, names_role_after, opens_turn

__all__ = ["COPIED_PARTS", "ChatPiece", "Part", "Span", "find_pieces"]

Part = Literal[
    "header", "content", "terminator", "generation_prompt", "template_text", "tools", "tool_call", "tool_result"
]
_COPIED: dict[str | None, Part] = {
    "content": "content",
    "tool_call": "tool_call",
    "tool_result": "tool_result",
    "tools": "tools",
}
COPIED_PARTS = frozenset(_COPIED.values())
"""Parts that were copied from the conversation; the template wrote all others."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a rendered chat that one line of the template wrote for one part of one message.

    Attributes:
        start: first character.
        end: character after the last one.
        line: 1-based line of the template's source that wrote them, within a macro the macro's own; None where an
            operation was too exotic to follow.
        message: index of the message that they belong to, None for what belongs to none.
        part: ``"header"``, what opens the message's turn; ``"content"``; ``"tool_call"``, what the assistant calls with
            the words round it; ``"tool_result"``; ``"tools"``, the definitions; ``"terminator"``, what closes the turn
            with the white space behind it; ``"generation_prompt"``, what is written because it was asked for;
            ``"template_text"``, what the template adds by itself, such as Llama's dates, Qwen2's default system turn
            with its header and terminator, or a leading bos.
        call_line: line that printed the macro or set block which wrote them, None without one.
    """

    start: int
    end: int
    line: int | None
    message: int | None
    part: Part
    call_line: int | None = None


@dataclass(frozen=True, slots=True)
class ChatPiece:
    """Characters of a rendered chat that are in one span and in one segment.

    Attributes:
        start: first character.
        end: character after the last one.
        span: which line of the template wrote them, for which part of which message.
        segment: whose turn the model takes them for, and whether they are a special token.
    """

    start: int
    end: int
    span: Span
    segment: Segment


@dataclass(slots=True)
class _Atom:
    """A run of the trace, or a part of one, within one segment; what the template wrote is cut at line ends too."""

    start: int
    end: int
    text: str
    segment: Segment | None
    special: str | None
    site: Site
    kind: str | None
    source: int | None
    turn: int | None
    message: int | None = None
    part: Part = "template_text"
    is_body: bool = False


def find_pieces(
    text: str, runs: Iterable[Run], segments: Sequence[Segment], bos: str | None, eos: str | None
) -> tuple[ChatPiece, ...]:
    """Name the message, the part and the role of every character.

    Args:
        text: what was rendered.
        runs: its trace.
        segments: its special tokens and the text between them.
        bos: the token that begins a text.
        eos: the token that ends a reply.

    Returns:
        Pieces that tile ``text``; none is empty.
    """
    turns = _Turns(bos, eos)
    for atom in _atoms(text, runs, segments):
        turns.add(atom)
    turns.flush()
    return tuple(_pieces(turns.done))


class _Turns:
    """Reads atoms in order and knows where in a turn it is."""

    def __init__(self, bos: str | None, eos: str | None) -> None:
        self._bos, self._eos = bos, eos
        self._state: Literal["out", "header", "start", "body", "end"] = "out"
        self._turn: list[_Atom] = []
        self._named_after = False
        self.done: list[_Atom] = []

    def add(self, atom: _Atom) -> None:
        atom.message = atom.source if atom.source is not None else atom.turn
        if atom.site.is_prompt and atom.source is None:
            self.flush()
            atom.part, atom.message = "generation_prompt", None
            self.done.append(atom)
        elif atom.kind in _COPIED:
            if self._state == "end":
                self.flush()
            atom.part = _COPIED[atom.kind]
            atom.is_body = True
            self._state = "body"
            self._turn.append(atom)
        elif atom.special is not None:
            self._special(atom, atom.special)
        else:
            self._plain(atom)

    def _special(self, atom: _Atom, content: str) -> None:
        if closes_turn(content) or content == self._eos:
            ended = self._state == "end" and atom.turn is None
            if self._state == "out" or ended:
                self.flush()
            else:
                atom.part, self._state = "terminator", "end"
            self._turn.append(atom)
        elif content == self._bos and not opens_turn(content) and self._state in ("out", "end"):
            # SmolLM2's bos is the token that opens a turn, and no other token does.
            self.flush()
            self.done.append(atom)
        elif self._state in ("out", "end") or opens_turn(content):
            self.flush()
            atom.part, self._state = "header", "header"
            self._named_after = names_role_after(content)
            self._turn.append(atom)
        else:
            if self._state == "header":
                atom.part, self._state = "header", "start"
            else:
                atom.is_body, self._state = True, "body"
            self._turn.append(atom)

    def _plain(self, atom: _Atom) -> None:
        blank = not atom.text.strip()
        if self._state in ("header", "start") and (blank or (self._state == "header" and self._names_role(atom))):
            atom.part = "header"
            if atom.text.endswith("\n"):
                self._state = "start"
        elif self._state == "end" and blank:
            atom.part = "terminator"
        elif self._state in ("out", "end") or self._is_next(atom):
            # No special token says so, but the loop has come to another message.
            self.flush()
            if atom.message is not None:
                atom.part, self._state, self._named_after = "header", "header", True
        elif atom.kind == "role":
            atom.part = "header"
        elif atom.text:
            atom.is_body, self._state = True, "body"
        self._turn.append(atom)

    def _names_role(self, atom: _Atom) -> bool:
        return self._named_after or atom.kind == "role"

    def _is_next(self, atom: _Atom) -> bool:
        known = [other.message for other in self._turn if other.message is not None]
        return self._state == "body" and bool(known) and atom.message is not None and atom.message != known[-1]

    def flush(self) -> None:
        """End the turn: what it is made of is known now."""
        turn, closed = self._turn, self._state == "end"
        self._turn, self._state = [], "out"
        if not turn:
            return
        own = {atom.message for atom in turn if atom.message is not None}
        copied = [i for i, atom in enumerate(turn) if atom.kind in _COPIED]
        if not closed and copied:
            for atom in turn[copied[-1] + 1 :]:
                atom.part = "terminator"
        has_call = any(turn[i].part == "tool_call" for i in copied)
        last = turn[copied[-1]].message if copied else None
        for i, atom in enumerate(turn):
            if not own:
                atom.part = "template_text" if atom.part != "tools" else "tools"
            elif atom.message is None and atom.part in ("header", "terminator"):
                atom.message = last if atom.part == "terminator" and last is not None else _next(turn, i, own)
            elif atom.part == "template_text" and atom.is_body and has_call:
                atom.part = "tool_call"
        self.done += turn


def _next(turn: list[_Atom], i: int, own: set[int]) -> int | None:
    after = (atom.message for atom in turn[i:] if atom.message is not None)
    return next(after, max(own, default=None))


def _atoms(text: str, runs: Iterable[Run], segments: Sequence[Segment]) -> Iterator[_Atom]:
    i, at = 0, 0
    for length, origin, site, turn in runs:
        source, kind = origin[:2] if origin is not None else (None, None)
        whose = site, kind, source, turn
        if not length:
            yield _Atom(at, at, "", None, None, *whose)
        end = at + length
        while at < end:
            while segments[i].end <= at:
                i += 1
            segment, special = segments[i], None
            stop = min(end, segment.end)
            if segment.is_special and kind not in _COPIED:
                special = text[segment.start : segment.end]
            elif kind not in _COPIED:
                stop = text.find("\n", at, stop) + 1 or stop
            yield _Atom(at, stop, text[at:stop], segment, special, *whose)
            at = stop


def _pieces(atoms: Iterable[_Atom]) -> Iterator[ChatPiece]:
    written = [atom for atom in atoms if atom.segment is not None]
    for key, of_span in groupby(written, lambda atom: (atom.site.line, atom.message, atom.part, atom.site.call_line)):
        parts = [(segment, list(group)) for segment, group in groupby(of_span, lambda atom: atom.segment)]
        span = Span(parts[0][1][0].start, parts[-1][1][-1].end, *key)
        for segment, group in parts:
            if segment is not None:
                yield ChatPiece(group[0].start, group[-1].end, span, segment)
