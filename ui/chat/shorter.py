"""The end of a conversation that is too long for a model: its last turns, or the end of the last one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import lmloupe as lm
from ui.base.errors import Offer
from ui.chat.request import ChatRequest
from ui.state import store as state

__all__ = ["keep_last_turns", "offer_turns", "shortened"]

T = TypeVar("T")


def offer_turns(request: ChatRequest, tok: lm.Tokenizer, n: int) -> Offer:
    """The button that leaves out the first turns of the shared conversation, until ``n`` tokens are enough for it."""
    return Offer("Keep the end of the conversation", keep_last_turns, (request, tok, n))


def keep_last_turns(request: ChatRequest, tok: lm.Tokenizer, n: int) -> None:
    """Cut the shared conversation to its end; in a button's ``on_click``."""
    state.put("messages", shortened(request, tok, n))


def shortened(request: ChatRequest, tok: lm.Tokenizer, n: int) -> list[dict[str, Any]]:
    """As much of the end of a conversation as ``n`` tokens hold, its system turn kept where there is room.

    Where the last turn alone is too long, the end of its text is kept; a conversation that no cut makes short enough
    comes back as it is.
    """
    turns = request.messages
    head = turns[:1] if turns[0]["role"] == "system" and len(turns) > 1 else []

    def fits(messages: list[dict[str, Any]]) -> bool:
        try:
            return len(replace(request, messages=messages).render(tok, add_generation_prompt=True).encoding) <= n
        except lm.LoupeError:  # a template may want another turn to be the first: then one more is left out
            return False

    for kept in [head, []] if head else [[]]:
        ends = [[*kept, *turns[start:]] for start in range(len(head), len(turns))]
        if (found := _first(ends, fits)) is not None:
            return found
        text = turns[-1].get("content")
        if isinstance(text, str) and (found := _first(_Cut(kept, turns[-1], text), fits)) is not None:
            return found
    return turns


class _Cut(Sequence[list[dict[str, Any]]]):
    """A turn after others, with ever less of the beginning of its text."""

    def __init__(self, before: list[dict[str, Any]], turn: dict[str, Any], text: str) -> None:
        self.before, self.turn, self.text = before, turn, text

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, start: Any) -> Any:
        return [*self.before, self.turn | {"content": self.text[start:]}]


def _first(shorter: Sequence[T], good: Callable[[T], bool]) -> T | None:
    """The first good one: nearly all after it are good, and none before it."""
    found = bisect_left(shorter, True, key=good)
    return next((shorter[i] for i in range(found, min(found + 8, len(shorter))) if good(shorter[i])), None)
