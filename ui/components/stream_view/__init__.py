"""A reply while the model writes it: the prompt as one block, a time line, and tokens as boxes that are appended.

What is new travels by itself: a message of Streamlit holds the whole script of its component, and a later message for
one place may replace an earlier one that the browser has not got yet. So the view is drawn once, and the tokens go
through a second, small component, a few dozen in each place (`Feed`); the view finds them by the reply's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.components import kit

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["Feed", "Prompt", "StreamToken", "stream_view"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_stream_view", _HERE / "stream_view.js", kit.DRAWING, _HERE / "stream_view.css")
_feed = kit.messenger("lmloupe_stream_feed", _HERE / "feed.js")
IN_ONE_PLACE = 32

# As in `tokens.js`.
_JOINS, _SPECIAL, _BYTES = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model goes on from.

    Attributes:
        n: how many tokens it has.
        first: the first few as a person can read them, or all.
        last: the last few; none where the first ones are all.
        reused: how many of them were in a cache already, as far as that is known.
    """

    n: int
    first: Sequence[str]
    last: Sequence[str] = ()
    reused: int = 0

    def packed(self) -> dict[str, Any]:
        """What the view reads."""
        return {"n": self.n, "first": list(self.first), "last": list(self.last), "reused": self.reused}


@dataclass(frozen=True, slots=True)
class StreamToken:
    """One token of a reply.

    Attributes:
        raw: its bytes.
        text: what is written into its box; None to show its bytes.
        joins: it begins inside a character of the token before.
        special: it is no part of the text.
        adds: whole characters that are there with it and were not before; needed where ``text`` is None.
        held: how many bytes at its end are not whole characters yet.
        p: its probability.
        elapsed_s: seconds since the prefill began.
    """

    raw: bytes
    text: str | None
    joins: bool
    special: bool
    adds: str
    held: int
    p: float
    elapsed_s: float

    def packed(self) -> list[Any]:
        """What the view reads: short, for it travels once for each token and a few times more."""
        bits = self.joins * _JOINS + self.special * _SPECIAL + (self.text is None) * _BYTES
        label = self.raw.hex(" ") if self.text is None else self.text
        p = float(f"{self.p:.4g}")
        packed = [bits, label, 0.9999 if p == 1 > self.p else p, round(self.elapsed_s * 1000)]
        return [*packed, self.adds, self.held] if self.text is None else packed


def stream_view(
    channel: str, prompt: Prompt, *, hold: bool, key: str, tokens: Sequence[StreamToken] | None = None
) -> None:
    """Draw a reply that is being written, or the two phases of one that has ended.

    Args:
        channel: name of the reply, under which a `Feed` sends its tokens.
        prompt: what it goes on from.
        hold: show text, as an engine that holds back what is not a whole character shows it, in place of boxes.
        key: the widget's key.
        tokens: of a reply that has ended, all of them: then the phases are drawn and no boxes.
    """
    packed = None if tokens is None else [token.packed() for token in tokens]
    _render(key=key, data={"channel": channel, "prompt": prompt.packed(), "hold": hold, "tokens": packed})


class Feed:
    """Sends a reply's tokens to its view, each message no longer than a few dozen tokens.

    Args:
        channel: name of the reply.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._places: list[DeltaGenerator] = []
        self._room = st.container(gap=None)

    def send(self, tokens: Sequence[StreamToken], first: int, reused: int) -> None:
        """Send what is new.

        Args:
            tokens: all so far.
            first: how many of them were sent before.
            reused: how many tokens of the prompt were in a cache already.
        """
        for begin in range(first - first % IN_ONE_PLACE, len(tokens), IN_ONE_PLACE):
            at = begin // IN_ONE_PLACE
            if at == len(self._places):
                self._places.append(self._room.empty())
            with self._places[at]:
                _feed(data=message(self._channel, begin, tokens[begin : begin + IN_ONE_PLACE], reused))


def message(channel: str, begin: int, tokens: Sequence[StreamToken], reused: int) -> dict[str, Any]:
    """What `feed.js` reads."""
    return {"channel": channel, "from": begin, "reused": reused, "tokens": [token.packed() for token in tokens]}
