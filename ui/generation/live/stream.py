"""A reply in front of a person while the model writes it: tokens as they come, Stop, and who else is being served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import counted
from ui.cluster.presence import is_over
from ui.components.stream_view import Feed, Prompt, StreamToken, stream_view
from ui.generation.live.boxes import Boxes
from ui.generation.live.runs import Run, bare
from ui.generation.live.shared import GRACE_S, Watch, attach
from ui.state import store as state

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = [
    "ReplyPicture",
    "give_way",
    "hold_back_switch",
    "phases",
    "served_words",
    "stop_button",
    "stop_watching",
    "stream",
    "stream_tokens",
    "who_is_served",
]

POLL_S = 0.05
"""A Stop is noticed within that."""
REDRAW_S = 0.12
ENDS = 3
"""How many tokens of a long prompt are drawn at its beginning and at its end."""
_WATCHED = "reply_watched"


def hold_back_switch() -> bool:
    """The switch that shows a reply as an engine shows it that holds text back; `stream` reads it."""
    return bool(
        state.toggle(
            "hold_back",
            "Hold text back, as engines do",
            help="A token may hold a part of a character. Engines send text only when its characters are whole, and "
            "leave special tokens out.",
        )
    )


def stop_button(place: DeltaGenerator) -> None:
    """Draw the Stop of what `stream` draws from now on; it works at once, for this session alone."""
    place.button(
        "Stop", key="stop_reply", icon=":material/stop:", on_click=stop_watching,
        help="Stops before the next token; what is there stays.",
    )  # fmt: skip


def stop_watching() -> None:
    """Stop what this session watches; it goes on for others who watch it."""
    held: tuple[Run, Watch] | None = st.session_state.get(_WATCHED)
    if held is not None:
        held[0].stopped = True
        held[1].leave()


def stream(run: Run, engine: lm.Engine, place: DeltaGenerator) -> None:
    """Write ``run``, or watch it being written, drawing what there is so far into ``place``.

    A Stop, another click or a closed tab reaches this script as an exception when it next touches Streamlit, which it
    does every twentieth of a second; `finally` then leaves. A page that runs again while `Run.going` calls this again:
    the reply has gone on meanwhile, and nothing is computed twice.

    Raises:
        LoupeError: what the engine raises, also in a later call for the same run; but where a cluster was gone and is
            there again, that call goes on.
    """
    if is_over(run.failed):
        run.failed = None
    if run.failed is not None:
        raise bare(run.failed)
    watch, steps = attach(run.request, engine), list[lm.Step]()
    st.session_state[_WATCHED] = (run, watch)
    try:
        with place.container(gap="xxsmall"):
            picture = ReplyPicture(run, watch.name, engine.tokenizer)
        for found in _steps(watch):
            steps += found
            if len(steps) >= len(run.steps):  # of a page that runs again: what was there stays until it is there again
                run.steps, run.reused_tokens = list(steps), watch.reused_tokens
            picture.draw(steps, watch, who_is_served(engine))
            give_way()
        if run.stopped:
            # A Stop is handled by another thread, at once, and this one may see the end that it made before it is ended
            # itself. What it told the browser from now on, the link too, would be dropped: the other draws the page.
            st.stop()
        run.finished = True
    except lm.LoupeError as error:
        run.failed = bare(error)
        raise
    finally:
        watch.leave(GRACE_S)


def give_way() -> None:
    """Where a Stop, another click or a closed tab arrives, as an exception; long loops call it often."""
    st.session_state.get(_WATCHED)


def _steps(watch: Watch) -> Iterator[list[lm.Step]]:
    """What is new, every twentieth of a second; empty where nothing is."""
    while True:
        try:
            found = watch.news(POLL_S)
        except StopIteration:
            return
        yield found


class ReplyPicture:
    """What `stream` draws where it is made: who else is served, and the reply as far as it is written.

    Args:
        run: the reply.
        name: of its generation, `Watch.name`.
        tok: the model's tokenizer.
    """

    def __init__(self, run: Run, name: str, tok: lm.Tokenizer) -> None:
        self._boxes = Boxes(tok)
        self._tokens: list[StreamToken] = []
        self._said, self._words, self._drawn = st.empty(), "", 0.0
        stream_view(name, _prompt(run, tok), hold=state.get("hold_back"), key=f"reply_{name}")
        self._feed, self._sent = Feed(name), 0

    def draw(
        self, steps: Sequence[lm.Step], watch: Watch, serving: lm.Serving | None = None, *, now: bool = False
    ) -> None:
        """Draw what is new, unless something was drawn a moment ago.

        Args:
            steps: all so far.
            watch: where they come from.
            serving: who is served, which is said; None to say nothing.
            now: draw in any case, as the last ones.
        """
        if time.monotonic() - self._drawn < REDRAW_S and not now:
            return
        self._drawn = time.monotonic()
        words = "" if serving is None else served_words(serving, watch.ahead)
        if words != self._words:
            self._said.caption(escape_markdown(words))
            self._words = words
        self._tokens += _drawn(self._boxes, steps[len(self._tokens) :])
        if len(self._tokens) > self._sent:
            self._feed.send(self._tokens, self._sent, watch.reused_tokens)
            self._sent = len(self._tokens)


def who_is_served(engine: lm.Engine) -> lm.Serving | None:
    """How the model is shared just now; None where a cluster does not say so: no reply ends for that."""
    try:
        return engine.serving()
    except lm.ClusterError:
        return None


def served_words(serving: lm.Serving, ahead: int | None) -> str:
    """Who else the model serves just now, and the own place in the line; empty where nobody else is there.

    Args:
        serving: what the engine says.
        ahead: how many wait before this one; None where its turn has come.

    >>> served_words(lm.Serving(3, 1, 3, batched=True), 0)
    '3 replies are being written together; you are next.'
    >>> served_words(lm.Serving(1, 0, 8, batched=True), None)
    ''
    """
    if serving.n_writing + serving.n_waiting < 2:
        return ""
    how = "" if serving.n_writing < 2 else " together" if serving.batched else " in turn"
    words = f"{counted(serving.n_writing, 'reply is', 'replies are')} being written{how}"
    if ahead == 0:
        words += "; you are next"
    elif ahead:
        words += f"; {counted(ahead, 'other is', 'others are')} before you"
    elif serving.n_waiting:
        words += f", {serving.n_waiting:,} {'waits' if serving.n_waiting == 1 else 'wait'}"
    reason = f" {serving.reason}" if serving.n_writing > 1 and not serving.batched else ""
    return f"{words}.{reason}"


def _prompt(run: Run, tok: lm.Tokenizer) -> Prompt:
    ids = run.request.ids
    first, last = (ids, ()) if len(ids) <= 2 * ENDS else (ids[:ENDS], ids[-ENDS:])
    begins, ends = ([token_label(tok, i) for i in some] for some in (first, last))
    return Prompt(len(ids), begins, ends, run.reused_tokens)


def stream_tokens(run: Run, tok: lm.Tokenizer) -> list[StreamToken]:
    """The tokens of a run as the view of a reply draws them."""
    return _drawn(Boxes(tok), run.steps)


def _drawn(boxes: Boxes, steps: Sequence[lm.Step]) -> list[StreamToken]:
    return [boxes.token(step.token_id, step.log_prob, step.elapsed_s) for step in steps]


def phases(run: Run, tok: lm.Tokenizer, *, key: str = "reply_phases") -> None:
    """The two phases of a run that is there: the prompt read at once, then one by one, with a time line."""
    stream_view("", _prompt(run, tok), hold=False, key=key, tokens=stream_tokens(run, tok))
