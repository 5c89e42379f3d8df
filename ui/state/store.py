"""What pages draw and read of the state that they share, which is kept in the session and in the link.

A page draws a setting by name and gets its value:

    text = state.live_text("text", "Text", height=160)
    temperature = state.slider("temperature", "Temperature", step=0.05)

The same name on another page shows the same value, and the address bar always holds a link that brings it back.
Names, defaults and limits are in ``settings``, the form of the link in ``link``, both in this folder.

Streamlit drops a widget's value when a page does not draw that widget, so values live in the session (``session``). A
widget is drawn with the value as its default as well: Streamlit pushes a value once, and a browser that is about to
send a request may not have drawn that widget yet; it would answer with the default at the next one. There are no
callbacks and no extra reruns.

Streamlit's own ``bind="query-params"`` does not replace this: ``tests/ui/test_binding.py`` says what it lacks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ui.base.errors import escape_markdown
from ui.base.glossary.entries import explained_label
from ui.components import live_text as live
from ui.state.link import encode
from ui.state.session import session
from ui.state.settings import SETTINGS

__all__ = [
    "get",
    "keep",
    "link_params",
    "live_text",
    "multiselect",
    "number_input",
    "put",
    "segmented",
    "selectbox",
    "show_notices",
    "show_refusal",
    "slider",
    "text_area",
    "text_input",
    "toggle",
]

MOST_BOXES = 2


def get(name: str) -> Any:
    """The setting's value, drawn on this page or not."""
    return copy.deepcopy(session(name).values[name])


def put(name: str, value: object) -> None:
    """Change a setting from code: in a widget's ``on_click``, or before its own widget is drawn in this run.

    Raises:
        ValueError: the setting's check does not accept the value.
    """
    shared = session(name)
    shared.values[name] = SETTINGS[name].check(value)
    shared.stale.add(name)
    if shared.in_step:  # in a callback the address bar may hold a link that this run is still to take over
        shared.write_link()


def keep(**values: object) -> None:
    """Take over what a component in a fragment sent; the address bar follows at once, as the page itself does not run.

    Raises:
        ValueError: a setting's check does not accept its value.
    """
    for name, value in values.items():
        shared = session(name)
        shared.values[name] = SETTINGS[name].check(value)
        shared.stale.add(name)
    session("present").write_link()  # a setting of the frame, whose session has the link


def link_params(**changes: object) -> dict[str, str]:
    """The query parameters of the link to this screen, with some settings changed; what no link can hold is left out.

    For links within the app: what they leave out stays as it is in the session.
    """
    shared = session()
    if not changes and shared.encoded == shared.values:  # a long text takes a tenth of a second to pack
        return dict(shared.link.params)
    return encode(shared.values | changes).params


def show_notices() -> None:
    """Say what of the link was ignored, and what is too long for it; nothing when all is well."""
    shared = session()
    said = [f"`{name}` in the link was ignored: {escape_markdown(reason)}." for name, reason in shared.ignored.items()]
    boxes = said if len(said) <= MOST_BOXES else said[:1]
    for line in boxes:
        st.warning(line)
    if rest := said[len(boxes) :]:  # in one line, so that the result stays on the screen
        with st.expander(f"{len(rest)} more settings of the link were ignored"):
            st.markdown("\n".join(f"- {line}" for line in rest))
    for name in shared.link.left_out:
        st.caption(
            f"The link in the address bar does not carry the {name.replace('_', ' ')}, which is too long for a link."
        )


def text_area(name: str, label: str, **options: Any) -> str:
    """``st.text_area`` of a shared text."""
    return str(_draw(name, st.text_area, label, **options))


def live_text(
    name: str,
    label: str,
    *,
    height: int = 130,
    one_line: bool = False,
    help: str | None = None,  # noqa: A002 - the name that Streamlit's widgets have
    placeholder: str | None = None,
) -> str:
    """A text area of a shared text that is live while a person types; ``height`` in pixels.

    With ``one_line`` the area is one line without a label, for a bar, and grows while a person writes in it.

    Without a browser (AppTest runs no scripts) it is ``text_area``.
    """
    if not live.browser_attached():
        shown = "collapsed" if one_line else "visible"
        return text_area(name, label, height=height, help=help, placeholder=placeholder, label_visibility=shown)
    shared = session(name)
    box = shared.boxes.setdefault(name, live.Box())
    if box.text != shared.values[name] and (name in shared.stale or name not in shared.rejected):
        box.show(shared.values[name])
        shared.rejected.pop(name, None)
    shared.stale.discard(name)
    live.draw_box(
        box, label, name=name, key=shared.box_key(name), height=None if one_line else height, help_text=help,
        placeholder=placeholder,
    )  # fmt: skip
    show_refusal(name)
    return str(shared.values[name])


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


def selectbox(
    name: str,
    label: str,
    choices: Sequence[str] | None = None,
    *,
    otherwise: str | None = None,
    quiet: bool = False,
    **options: Any,
) -> Any:
    """``st.selectbox`` of a shared choice; ``choices`` defaults to all that the setting knows.

    ``otherwise`` is shown where the setting's value is not among the ``choices``; else the first of them.

    With ``accept_new_options=True`` a name that is refused does not stay. ``quiet`` leaves it to the page to say why
    (`show_refusal`), where there is no room for a sentence.
    """
    offered, chosen = _offered(name, choices, otherwise=otherwise, **options)
    _drop_refused(name, **options)
    return _draw(name, _selectbox, label, offered, fitted=chosen, quiet=quiet, **options)


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
    chosen = session(name).values[name]
    if options.get("accept_new_options"):
        offered += [item for item in chosen if item not in offered]
    fitted = [item for item in chosen if item in offered]
    _drop_refused(name, **options)
    return tuple(_draw(name, st.multiselect, label, offered, fitted=fitted, default="default", **options))


def _offered(
    name: str, choices: Sequence[str] | None, *, otherwise: str | None = None, **options: Any
) -> tuple[list[str], str]:
    """What a choice offers, and which of it is chosen."""
    offered = list(SETTINGS[name].options if choices is None else choices)
    chosen = session(name).values[name]
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
    fitted = min(max(session(name).values[name], low), high)
    first = setting.shown_from
    return _draw(name, widget, label, low + first, high + first, fitted=fitted + first, **options)


def _draw(
    name: str,
    widget: Callable[..., Any],
    *arguments: Any,
    fitted: Any = None,
    default: str = "value",
    quiet: bool = False,
    **options: Any,
) -> Any:
    """Draw the widget, showing ``fitted``, the shared value as this widget can show it; return the value that it holds.

    A label without help that is a word of the glossary has the glossary's.

    ``default`` is what the widget calls the value that it begins with; ``quiet`` says nothing of a refusal here.
    """
    shared = session(name)
    if fitted is None:
        fitted = shared.values[name]
    differs = shared.shown.get(name) != fitted and name not in shared.rejected
    if name in shared.stale or name not in st.session_state or differs:
        st.session_state[name] = fitted
        shared.shown[name] = fitted
        shared.stale.discard(name)
        shared.rejected.pop(name, None)
    if "help" not in options:
        options["help"] = explained_label(arguments[0])
    held = widget(*arguments, key=name, **{default: fitted}, **options)
    if held != shared.shown[name]:
        shared.shown[name] = held
        shared.take(name, held)
        shared.write_link()
    if not quiet:
        show_refusal(name)
    return shared.values[name] if name in shared.rejected else shared.value(name, held)


def show_refusal(name: str) -> None:
    """A red box with why the setting's check refused what its widget was given; nothing when all is well."""
    # Limits on a widget hold in the browser alone. What was typed stays on the screen; the last good value counts.
    shared = session(name)
    if name in shared.rejected:
        kept = shared.values[name]
        on = f" The page goes on with {kept}." if isinstance(kept, str) and SETTINGS[name].options else ""
        reason = escape_markdown(f"{shared.rejected[name]}.{on}")
        verb = "were" if isinstance(kept, tuple | list | dict) else "was"
        st.error(f"The {name.replace('_', ' ')} {verb} not taken over: {reason}")
    elif name in shared.dropped:
        st.error(escape_markdown(shared.dropped[name]))


def _drop_refused(name: str, *, accept_new_options: bool = False, **_: Any) -> None:
    """Let a name go that was typed and refused: among the choices it would look like one of them."""
    shared = session(name)
    if accept_new_options and name in shared.rejected:
        kept, held = shared.values[name], shared.shown[name]
        new = held if isinstance(held, str) else ", ".join(item for item in held if item not in kept)
        on = f" The page goes on with {kept}." if isinstance(kept, str) else ""
        shared.dropped[name] = f"“{new[:60]}” was not taken over: {shared.rejected.pop(name)}.{on}"
        shared.stale.add(name)
