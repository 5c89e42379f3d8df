"""The values of one session, kept in step with its widgets and with the address bar.

A widget's key is its setting's name. What a person changed is taken over at the beginning of a run; what code or a
link changed is pushed into the widget just before it is drawn (`ui.state.store`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

# The one thing that no public call tells: whether the person went back or forward. Without it, an address that differs
# may as well be an older one, sent before the browser had heard of the newest.
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.components import live_text as live
from ui.state.link import Link, decode, encode
from ui.state.settings import SETTINGS
from ui.state.short_links import SHORT, long_form
from ui.state.uploads import note_typed, take_out

__all__ = ["Session", "box_key", "one_run", "session"]

_SESSION = "shared_state"


@dataclass(slots=True)
class Session:
    """Values of one session, and what is known about its link and its widgets."""

    values: dict[str, Any] = field(default_factory=lambda: {name: s.default for name, s in SETTINGS.items()})
    shown: dict[str, Any] = field(default_factory=dict)
    """What each widget last held; a widget that holds something else was changed by a person."""
    stale: set[str] = field(default_factory=set)
    """Settings whose widget does not show the value yet."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Why the check refused what a widget holds; what was typed stays on the screen."""
    dropped: dict[str, str] = field(default_factory=dict)
    """A sentence about a name that was refused and does not stay, by setting, until something else is changed."""
    link: Link = field(default_factory=lambda: Link({}))
    encoded: dict[str, Any] = field(default_factory=dict)
    """The values that ``link`` was made of."""
    ignored: dict[str, str] = field(default_factory=dict)
    """Why parameters of the last link were not taken over."""
    page: str = ""
    boxes: dict[str, live.Box] = field(default_factory=dict)
    """What the browser's live text boxes hold."""
    thread: int | None = None
    """The thread of the run that has taken over what widgets and address hold, until it ends."""

    @property
    def in_step(self) -> bool:
        """Whether this very run has: one that another has replaced may still be at work in a thread of its own."""
        return self.thread == threading.get_ident()

    def take(self, name: str, held: object) -> None:
        """Take over what the widget of a setting holds, or keep the reason why its check refuses it."""
        self.dropped.clear()
        try:
            checked = SETTINGS[name].check(self.value(name, held))
            note_typed(name, checked)
            for reason in take_out({name: checked}).values():
                raise ValueError(reason)
        except ValueError as error:
            self.rejected[name] = str(error)
        else:
            self.values[name] = checked
            self.rejected.pop(name, None)
            self.ignored.clear()

    @staticmethod
    def value(name: str, held: Any) -> Any:
        """The setting's value where its widget holds ``held``."""
        first = SETTINGS[name].shown_from
        return held - first if first else held

    def write_link(self, params: dict[str, str] | None = None) -> None:
        """Bring the address bar in step with the values; one message to the browser, and only when something differs.

        Args:
            params: what the address bar holds, where the caller has read it already.
        """
        if params is None:
            params = st.query_params.to_dict()
        if self.encoded != self.values:
            self.link = encode(self.values)
            self.encoded = dict(self.values)
        if params != self.link.params:
            st.query_params.from_dict(self.link.params)

    def adopt(self, params: dict[str, str], reset: Iterable[str]) -> None:
        """Take over the values of a link; the settings in ``reset`` that it does not name get their default."""
        try:
            values, self.ignored = decode(long_form(params))
        except KeyError:
            values, self.ignored = {}, {SHORT: "this server does not know the short link any more; ask for a new one"}
        self.ignored |= take_out(values)
        self.values.update({name: SETTINGS[name].default for name in reset} | values)
        self.stale.update(SETTINGS)

    def take_changes(self) -> None:
        """Take over what a person has changed since the widgets were last drawn."""
        for name, shown in self.shown.items():
            if name not in self.stale and name in st.session_state:
                held = st.session_state[name]
                if held != shown:
                    self.shown[name] = held
                    self.take(name, held)
        for name, box in self.boxes.items():
            typed = box.receive(live.sent_by(box_key(name)))
            if typed is not None:
                self.take(name, typed)


def box_key(name: str) -> str:
    """The key of a setting's live text box: not its name, under which an ordinary text area keeps a plain string."""
    return f"{name}_box"


@contextmanager
def one_run(page: str) -> Iterator[None]:
    """Run a page: what widgets and the address bar hold is read once for all of it, and a turn of the page is seen.

    Args:
        page: any name that tells the page from the others.
    """
    params = st.query_params.to_dict()
    held = _held()
    if held is None:
        held = st.session_state[_SESSION] = Session(page=page)
        held.adopt(params, SETTINGS)
    else:
        held.take_changes()
        turned = page != held.page
        if params and params != held.link.params:
            if _went_back_or_forward():
                # The screen that this address had. Only an address with parameters counts, as Streamlit leaves one
                # without them in the history at each turn of the page.
                held.adopt(params, SETTINGS)
            elif turned:
                held.adopt(params, ())
        if turned:
            held.page = page
            held.dropped.clear()
            held.stale.update(SETTINGS)
    held.write_link(params)
    held.thread = threading.get_ident()
    try:
        yield
    finally:
        if held.in_step:
            held.thread = None


def session() -> Session:
    """The session's values, with what a person has changed by now."""
    held = _held()
    if held is None:
        raise RuntimeError("the settings of a session are there while `one_run` runs a page, not before it")
    if not held.in_step:
        held.take_changes()  # in a callback, which comes before the run; the address bar waits for that
    return held


def _held() -> Session | None:
    held: Session | None = st.session_state.get(_SESSION)
    return held


def _went_back_or_forward() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
