"""The values of one session, kept in step with its widgets and with the address bar.

A widget's key is its setting's name. What a person changed is taken over at the beginning of a run; what code or a
link changed is pushed into the widget just before it is drawn (`ui.state.store`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

# The one thing that no public call tells: whether the person went back or forward. Without it, an address that differs
# may as well be an older one, sent before the browser had heard of the newest.
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.components import live_text as live
from ui.state.link import PACKED, Link, decode, encode
from ui.state.settings import SETTINGS
from ui.state.short_links import SHORT, long_form
from ui.state.uploads import note_typed, take_out

__all__ = ["AT_ROOT", "Session", "embedded", "is_embedded", "leads_to_tokens", "one_run", "session", "shown_for"]

_SESSION = "shared_state"
AT_ROOT = {"start": "1"}
"""The parameter, of no setting, that the address of the first page has where it has others."""


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
    embedded: Session | None = None
    """The state of the page that a lesson shows within its own; widgets and callbacks of that page work on it."""
    embedded_as: str = ""
    """What that page was shown for, so that another step of a lesson begins with a state of its own."""
    is_embedded: bool = False
    """Whether this is such a state, which no link carries."""
    was_drawn: bool = False
    """Whether the run at hand has drawn the embedded page."""

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

    def box_key(self, name: str) -> str:
        """The key of a setting's live text box: not its name, under which an ordinary text area keeps a string."""
        return f"{name}_embedded_box" if self.is_embedded else f"{name}_box"

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
        if self.is_embedded:
            return
        if params is None:
            params = st.query_params.to_dict()
        if self.encoded != self.values:
            self.link = encode(self.values)
            self.encoded = dict(self.values)
        address = self.address
        if params != address:
            st.query_params.from_dict(address)

    @property
    def address(self) -> dict[str, str]:
        """The parameters of the page's address: those of the link, and at the root a mark that tells them apart.

        The root once showed Tokens, and people keep links to it.
        """
        return AT_ROOT | self.link.params if self.page in AT_ROOT and self.link.params else self.link.params

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
            typed = box.receive(live.sent_by(self.box_key(name)))
            if typed is not None:
                self.take(name, typed)


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
        if params and params != held.address:
            if _went_back_or_forward():
                # The screen that this address had. Only an address with parameters counts, as Streamlit leaves one
                # without them in the history at each turn of the page.
                held.adopt(params, SETTINGS)
            elif turned:
                held.adopt(params, ())
        if turned:
            held.page = page
            held.embedded = None
            held.dropped.clear()
            held.stale.update(SETTINGS)
    held.write_link(params)
    held.thread = threading.get_ident()
    held.was_drawn = False
    try:
        yield
        if held.in_step and not held.was_drawn:
            held.embedded = None
    finally:
        if held.in_step:
            held.thread = None


@contextmanager
def embedded(key: str, values: Mapping[str, Any]) -> Iterator[None]:
    """Let a page that is drawn within another one work on a state of its own, which begins with these values.

    All settings but those of the frame (`Setting.of_frame`) are the embedded page's own: what is changed there changes
    nothing elsewhere, and goes with the next key.

    Args:
        key: what the page is shown for; as long as it stays the same, what a person changes there stays.
        values: by name; all other settings have their default.
    """
    frame = _held()
    if frame is None:
        raise RuntimeError("a page can be embedded only in one that runs")
    inner = frame.embedded
    if inner is None or frame.embedded_as != key:
        inner = Session(page=frame.page, is_embedded=True)
        inner.values |= values
        inner.stale.update(SETTINGS)
    else:
        inner.take_changes()
    frame.embedded, frame.embedded_as, frame.was_drawn = inner, key, True
    # The widgets that the embedded page draws have the keys that they have elsewhere.
    frame.stale.update(name for name, setting in SETTINGS.items() if not setting.of_frame)
    inner.thread = threading.get_ident()
    try:
        yield
    finally:
        if inner.in_step:
            inner.thread = None


def is_embedded() -> bool:
    """Whether what is drawn now belongs to a page within another one."""
    held = _held()
    return held is not None and held.embedded is not None and held.embedded.in_step


def shown_for() -> str:
    """What the page at hand is shown for where it is drawn within another one; "" elsewhere."""
    held = _held()
    return held.embedded_as if held is not None and is_embedded() else ""


def session(name: str = "") -> Session:
    """The session's values, with what a person has changed by now: those that hold a setting, where one is named."""
    held = _held()
    if held is None:
        raise RuntimeError("the settings of a session are there while `one_run` runs a page, not before it")
    inner = held.embedded
    if inner is not None and not (name and SETTINGS[name].of_frame) and (inner.in_step or not held.in_step):
        held = inner
    if not held.in_step:
        held.take_changes()  # in a callback, which comes before the run; the address bar waits for that
    return held


def leads_to_tokens() -> bool:
    """Whether somebody came by a link to the root from the time when the root showed Tokens."""
    params = st.query_params.to_dict()
    return (
        _held() is None
        and not AT_ROOT.keys() & params.keys()
        and not params.keys().isdisjoint({*SETTINGS, PACKED, SHORT})
    )


def _held() -> Session | None:
    held: Session | None = st.session_state.get(_SESSION)
    return held


def _went_back_or_forward() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
