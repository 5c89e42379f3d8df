"""One figure of the front door: what it says, the guess, what it shows then, what to try, and the ways on from it.

Each is a fragment: what is changed in one draws nothing else anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from ui.base.errors import escape_markdown, show_errors
from ui.learn.door.ask import ask_the_class
from ui.learn.door.loading import model_loader
from ui.page import reproduce
from ui.pages import page
from ui.state import store as state
from ui.state.link import encode
from ui.state.settings import SETTINGS

__all__ = ["NO_GUESS", "Figure", "draw", "draw_style", "exact_params", "start_over"]

_STYLE = (Path(__file__).parent / "door.css").read_text("utf-8")
NO_GUESS = "?"
"""What is kept for somebody who would rather see than guess."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        key: of its guess in the setting ``door_guesses``, and of its widgets.
        title: its heading.
        says: one sentence, Markdown.
        ask: what is asked before it shows anything, about its first settings; plain text.
        choices: what can be guessed.
        answer: the right one of them, computed.
        covered: draws what is there before the guess.
        shown: draws the figure at its present settings, under a sentence that says what it shows.
        try_this: what to change, one sentence, Markdown.
        control: draws what changes it.
        way: the address of its page, and the settings with which that shows the same.
        code: the Python that gives the same numbers.
        needs_model: whether it can be drawn only once the model is there.
    """

    key: str
    title: str
    says: str
    ask: str
    choices: tuple[str, ...]
    answer: Callable[[], str]
    covered: Callable[[], None]
    shown: Callable[[], None]
    try_this: str
    control: Callable[[], object]
    way: Callable[[], tuple[str, Mapping[str, object]]]
    code: Callable[[], str]
    needs_model: bool = False

    @property
    def ready(self) -> bool:
        """Whether its answer can be computed now."""
        return not self.needs_model or model_loader().ready


def exact_params(values: Mapping[str, object]) -> dict[str, str]:
    """The parameters of a link with exactly these settings: a default is written too, as a session may hold another.

    >>> exact_params({"text": "coconut", "temperature": 1.0})
    {'text': 'coconut', 'temperature': '1'}
    """
    params = encode(values).params
    for name, value in values.items():
        setting = SETTINGS[name]
        if value == setting.default and not setting.packed:
            params[name] = setting.format(value)
    return params


def start_over() -> None:
    """Take every guess back, and give all figures what they show at first."""
    for name, setting in SETTINGS.items():
        if name.startswith("door_"):
            state.put(name, setting.default)


def draw_style() -> None:
    """Write the style of all figures, once for each run."""
    st.html(f"<style>{_STYLE}</style>")


def draw(number: int, figure: Figure) -> None:
    """Draw a figure, with its number in front of its heading."""
    with st.container(key=f"figure_{figure.key}"):
        _draw(number, figure)


@st.fragment
def _draw(number: int, figure: Figure) -> None:
    state.keep()  # a fragment runs alone: the address bar has the guess before the figure is drawn, which takes a while
    st.header(f"{number}. {figure.title}", anchor=False)
    picture, prose = st.columns([3, 2], gap="medium")
    guess = state.get("door_guesses").get(figure.key)
    open_now = guess is not None and figure.ready
    with prose:
        st.markdown(figure.says)
        verdict = st.container(key=f"door_{'guess' if guess is None else 'verdict'}_{figure.key}")
        if guess is None:
            with verdict:
                _guess(figure)
        if open_now:
            st.markdown(f"**Try this:** {figure.try_this}")
            figure.control()
        _ways_on(figure)
    with picture.container(key=f"door_stage_{'open' if open_now else 'covered'}_{figure.key}"), show_errors():
        if open_now:
            figure.shown()
        else:
            figure.covered()
            if not figure.ready:
                st.caption("The model is loading. This figure then appears by itself.")
    if open_now:
        with picture, show_errors():
            reproduce(figure.code())
    if guess is not None:
        with verdict:
            _verdict(figure, guess)
    state.keep()  # what was changed in the figure


def _guess(figure: Figure) -> None:
    st.container(key=f"door_asked_{figure.key}").markdown(f"**{escape_markdown(figure.ask)}**")
    with st.container(horizontal=True, gap="small"):
        for number, choice in enumerate(figure.choices):
            st.button(
                escape_markdown(choice), key=f"guess_{figure.key}_{number}", on_click=_commit, args=(figure.key, choice)
            )
        st.button(
            "Just show me",
            key=f"guess_{figure.key}_show",
            type="tertiary",
            on_click=_commit,
            args=(figure.key, NO_GUESS),
        )


def _commit(key: str, guess: str) -> None:
    state.put("door_guesses", state.get("door_guesses") | {key: guess})


def _verdict(figure: Figure, guess: str) -> None:
    st.markdown(escape_markdown(figure.ask))
    if not figure.ready:
        st.info("Your guess is kept: the answer comes with the model.", icon=":material/hourglass_empty:")
        return
    with show_errors():
        answer = figure.answer()
        said, right = escape_markdown(guess), escape_markdown(answer)
        if guess == answer:
            st.success(f"**{right}**, as you guessed.", icon=":material/check:")
        elif guess == NO_GUESS:
            st.info(f"**{right}**", icon=":material/visibility:")
        else:
            st.info(f"**{right}**. Your guess was {said}.", icon=":material/close:")


def _ways_on(figure: Figure) -> None:
    url, values = figure.way()
    target, params = page(url), exact_params(values)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.page_link(
            target.path, label=f"Open in {target.title}", icon=target.icon_shortcode, query_params=params,
            width="content", help=target.look_for,
        )  # fmt: skip
        ask_the_class(
            figure.ask, figure.choices, key=figure.key, view=f"/{url}?{urlencode(params)}",
            answer=figure.answer if figure.ready else None,
        )  # fmt: skip
