"""The state that all pages share, kept in the session and in the link.

A page draws a setting by name and gets its value:

    text = state.live_text("text", "Text", height=160)
    temperature = state.slider("temperature", "Temperature", step=0.05)

The same name on another page shows the same value, and the address bar always holds a link that brings it back.
Names, defaults and limits are in ``ui/settings.py``; the form of the link is in ``ui/link.py``.

How it works: Streamlit drops a widget's value when a page does not draw that widget, so values live in one
``Store`` in the session. A widget's key is its setting's name. What a person changed is taken over at the first
call of a run; what code or a link changed is pushed into the widget just before it is drawn. The value is the
widget's default as well: Streamlit pushes a value once, and a browser that is about to send a request may not have
drawn that widget yet; it would answer with the default at the next one. There are no callbacks and no extra reruns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.base.errors import escape_markdown
from ui.components import live_text as live
from ui.state.link import Link, decode, encode
from ui.state.settings import SETTINGS

__all__ = [
    "get",
    "link_params",
    "live_text",
    "multiselect",
    "number_input",
    "put",
    "segmented",
    "selectbox",
    "show_notices",
    "slider",
    "text_area",
    "text_input",
    "toggle",
]

_STORE = "shared_state"


@dataclass(slots=True)
class Store:
    """Values of one session, and what is known about its link and its widgets."""

    values: dict[str, Any] = field(default_factory=lambda: {name: s.default for name, s in SETTINGS.items()})
    shown: dict[str, Any] = field(default_factory=dict)
    """What each widget last held; a widget that holds something else was changed by a person."""
    stale: set[str] = field(default_factory=set)
    """Settings whose widget does not show the value yet."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Why the check refused what a widget holds; what was typed stays on the screen."""
    link: Link = field(default_factory=lambda: Link({}))
    encoded: dict[str, Any] = field(default_factory=dict)
    """The values that ``link`` was made of."""
    ignored: dict[str, str] = field(default_factory=dict)
    page: str | None = None
    boxes: dict[str, live.Box] = field(default_factory=dict)
    """What the browser's live text boxes hold."""
    run: object = None
    """What Streamlit makes anew for each run: its cursors. Kept, so that no later run has one with the same id."""


def get(name: str) -> Any:
    """The setting's value, drawn on this page or not."""
    return copy.deepcopy(_store().values[name])


def put(name: str, value: object) -> None:
    """Change a setting from code: in a widget's ``on_click``, or before its own widget is drawn in this run.

    Raises:
        ValueError: the setting's check does not accept the value.
    """
    store = _store()
    store.values[name] = SETTINGS[name].check(value)
    store.stale.add(name)
    _write_link(store)


def link_params(**changes: object) -> dict[str, str]:
    """The query parameters of the link to this screen, with some settings changed; what no link can hold is left out.

    For links within the app: what they leave out stays as it is in the session.
    """
    return encode(_store().values | changes).params


def show_notices() -> None:
    """Say what of the link was ignored, and what is too long for it; nothing when all is well."""
    store = _store()
    for name, reason in store.ignored.items():
        st.warning(f"`{name}` in the link was ignored: {escape_markdown(reason)}.")
    for name in store.link.left_out:
        st.caption(f"The link in the address bar does not carry the {name}, which is too long for a link.")


def text_area(name: str, label: str, **options: Any) -> str:
    """``st.text_area`` of a shared text."""
    return str(_draw(name, st.text_area, label, **options))


def live_text(
    name: str,
    label: str,
    *,
    height: int = 130,
    help: str | None = None,  # noqa: A002 - the name that Streamlit's widgets have
    placeholder: str | None = None,
) -> str:
    """A text area of a shared text that is live while a person types; ``height`` in pixels.

    Without a browser (AppTest runs no scripts) it is ``text_area``.
    """
    if not live.browser_attached():
        return text_area(name, label, height=height, help=help, placeholder=placeholder)
    store = _store()
    box = store.boxes.setdefault(name, live.Box())
    if box.text != store.values[name] and (name in store.stale or name not in store.rejected):
        box.show(store.values[name])
        store.rejected.pop(name, None)
    store.stale.discard(name)
    live.draw_box(box, label, name=name, key=_box_key(name), height=height, help_text=help, placeholder=placeholder)
    _show_rejection(store, name)
    return str(store.values[name])


def text_input(name: str, label: str, **options: Any) -> str:
    """``st.text_input`` of a shared text."""
    return str(_draw(name, st.text_input, label, **options))


def toggle(name: str, label: str, **options: Any) -> bool:
    """``st.toggle`` of a shared switch."""
    return bool(_draw(name, st.toggle, label, **options))


def slider(name: str, label: str, **options: Any) -> Any:
    """``st.slider`` of a shared number, ``int`` or ``float`` as its default is, from its lowest to its highest value.

    ``max_value=`` narrows the range on this page (the number of tokens, say); a value beyond it shows as the nearest.
    Limits and result are the setting's own numbers; the widget shows a place counted from 1 (`Setting.shown_from`).
    """
    return _draw_number(name, st.slider, label, **options)


def number_input(name: str, label: str, **options: Any) -> Any:
    """``st.number_input`` of a shared number; otherwise as ``slider``."""
    return _draw_number(name, st.number_input, label, **options)


def selectbox(name: str, label: str, choices: Sequence[str] | None = None, **options: Any) -> Any:
    """``st.selectbox`` of a shared choice; ``choices`` defaults to all that the setting knows."""
    offered, chosen = _offered(name, choices, **options)
    return _draw(name, _selectbox, label, offered, fitted=chosen, **options)


def segmented(
    name: str, label: str, choices: Sequence[str] | None = None, *, otherwise: str | None = None, **options: Any
) -> Any:
    """``st.segmented_control`` of a shared choice, one of which is always chosen.

    ``otherwise`` is shown where the setting's value is not among the ``choices``; else the first of them.
    """
    offered, chosen = _offered(name, choices, otherwise=otherwise)
    return _draw(name, st.segmented_control, label, offered, fitted=chosen, default="default", required=True, **options)


def multiselect(name: str, label: str, choices: Sequence[str] | None = None, **options: Any) -> tuple[str, ...]:
    """``st.multiselect`` of a shared list; ``accept_new_options=True`` lets a person type others, such as a hub id."""
    offered = list(SETTINGS[name].options if choices is None else choices)
    chosen = _store().values[name]
    if options.get("accept_new_options"):
        offered += [item for item in chosen if item not in offered]
    fitted = [item for item in chosen if item in offered]
    return tuple(_draw(name, st.multiselect, label, offered, fitted=fitted, default="default", **options))


def _offered(
    name: str, choices: Sequence[str] | None, *, otherwise: str | None = None, **options: Any
) -> tuple[list[str], str]:
    """What a choice offers, and which of it is chosen."""
    offered = list(SETTINGS[name].options if choices is None else choices)
    chosen = _store().values[name]
    if options.get("accept_new_options") and chosen not in offered:
        offered.append(chosen)
    return offered, chosen if chosen in offered else otherwise or offered[0]


def _selectbox(label: str, offered: list[str], *, value: str, **options: Any) -> Any:
    return st.selectbox(label, offered, index=offered.index(value), **options)


def _draw_number(name: str, widget: Callable[..., Any], label: str, **options: Any) -> Any:
    setting = SETTINGS[name]
    number = float if isinstance(setting.default, float) else int
    limits = (("min_value", setting.low), ("max_value", setting.high))
    low, high = (number(options.pop(key, limit)) for key, limit in limits)
    fitted = min(max(_store().values[name], low), high)
    first = setting.shown_from
    return _draw(name, widget, label, low + first, high + first, fitted=fitted + first, **options)


def _draw(
    name: str,
    widget: Callable[..., Any],
    *arguments: Any,
    fitted: Any = None,
    default: str = "value",
    **options: Any,
) -> Any:
    """Draw the widget, showing ``fitted``, the shared value as this widget can show it; return the value that it holds.

    ``default`` is what the widget calls the value that it begins with.
    """
    store = _store()
    if fitted is None:
        fitted = store.values[name]
    differs = store.shown.get(name) != fitted and name not in store.rejected
    if name in store.stale or name not in st.session_state or differs:
        st.session_state[name] = fitted
        store.shown[name] = fitted
        store.stale.discard(name)
        store.rejected.pop(name, None)
    held = widget(*arguments, key=name, **{default: fitted}, **options)
    if held != store.shown[name]:
        store.shown[name] = held
        _take(store, name, held)
        _write_link(store)
    return store.values[name] if _show_rejection(store, name) else _value(name, held)


def _show_rejection(store: Store, name: str) -> bool:
    # Limits on a widget hold in the browser alone. What was typed stays on the screen; the last good value counts.
    if name in store.rejected:
        kept = store.values[name]
        on = f" The page goes on with {kept}." if isinstance(kept, str) and SETTINGS[name].options else ""
        reason = escape_markdown(f"{store.rejected[name]}.{on}")
        st.error(f"The {name.replace('_', ' ')} was not taken over: {reason}")
    return name in store.rejected


def _box_key(name: str) -> str:
    # Not the setting's name: under that one, a page with an ordinary text area keeps a plain string.
    return f"{name}_box"


def _store() -> Store:
    """The session's store, brought in step with the address bar and with the widgets once a run."""
    context = get_script_run_ctx()
    store = st.session_state.get(_STORE)
    if store is not None and context and context.cursors is store.run:
        return store
    page = context.page_script_hash if context else ""
    params = st.query_params.to_dict()
    if store is None:
        store = st.session_state[_STORE] = Store(page=page)
        _adopt(store, params, SETTINGS.keys())
    else:
        _take_changes(store)
        turned = page != store.page
        if params and params != store.link.params:
            if context and context.is_history_navigation:
                # Back or forward: the screen that this address had. Only an address with parameters counts, as
                # Streamlit leaves one without them in the history at each turn of the page.
                _adopt(store, params, SETTINGS.keys())
            elif turned:
                _adopt(store, params, ())
        if turned:
            store.page = page
            store.stale.update(SETTINGS)
    store.run = context.cursors if context else None
    _write_link(store, params)
    return store


def _take_changes(store: Store) -> None:
    for name in SETTINGS:
        if name in store.shown and name not in store.stale and name in st.session_state:
            held = st.session_state[name]
            if held != store.shown[name]:
                store.shown[name] = held
                _take(store, name, held)
    for name, box in store.boxes.items():
        typed = box.receive(live.sent_by(_box_key(name)))
        if typed is not None:
            _take(store, name, typed)


def _value(name: str, held: Any) -> Any:
    """The setting's value where its widget holds ``held``."""
    first = SETTINGS[name].shown_from
    return held - first if first else held


def _take(store: Store, name: str, held: object) -> None:
    try:
        store.values[name] = SETTINGS[name].check(_value(name, held))
    except ValueError as error:
        store.rejected[name] = str(error)
    else:
        store.rejected.pop(name, None)
        store.ignored.clear()


def _adopt(store: Store, params: dict[str, str], reset: Sequence[str] | Any) -> None:
    """Take over the values of a link; the settings in ``reset`` that it does not name get their default."""
    values, store.ignored = decode(params)
    defaults = {name: SETTINGS[name].default for name in reset}
    store.values.update(defaults | values)
    store.stale.update(SETTINGS)


def _write_link(store: Store, params: dict[str, str] | None = None) -> None:
    """Bring the address bar in step with the values; one message to the browser, and only when something differs."""
    if params is None:
        params = st.query_params.to_dict()
    if store.encoded != store.values:
        store.link = encode(store.values)
        store.encoded = dict(store.values)
    if params != store.link.params:
        st.query_params.from_dict(store.link.params)
