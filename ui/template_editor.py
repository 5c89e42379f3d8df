"""A family's template as text to edit: kept by family in the shared state, with reset and the difference."""

from __future__ import annotations

import difflib
import re

import streamlit as st

import lmloupe as lm
from ui import state
from ui.drafts import commit, draft
from ui.errors import escape_markdown

__all__ = ["diff", "edit_template", "excerpt", "show_template_error"]

_LINE = re.compile(r"\bline (\d+)")
AROUND = 2


def edit_template(name: str, original: str) -> None:
    """The source to edit, Reset, and what differs from the original."""
    shown = draft("templates")
    source = state.get("templates").get(name, original)
    key = f"template_{name}_{shown.version}"
    st.text_area(
        "Template source",
        source,
        height=420,
        key=key,
        on_change=_edited,
        args=(name, key, original),
        help="Jinja, as transformers runs it. Rendered in a separate process; a template that runs longer than one "
        "second is stopped.",
    )
    if shown.refused:
        st.error(escape_markdown(f"The template was not taken over: {shown.refused}."))
    changed = diff(original, source)
    st.button(
        "Reset",
        icon=":material/undo:",
        disabled=not changed,
        on_click=_reset,
        args=(name,),
        help="Back to the template that came with the tokenizer.",
    )
    if changed:
        st.caption("The difference from the original:")
        st.code(changed, language="diff", wrap_lines=True)


def show_template_error(error: lm.LoupeError, source: str) -> None:
    """The sentence, and the lines around the one that it names."""
    st.error(escape_markdown(str(error)))
    found = _LINE.search(str(error))
    if found and (lines := excerpt(source, int(found[1]))):
        st.code(lines, language=None, wrap_lines=True)


def excerpt(source: str, line: int) -> str:
    r"""The line and its neighbours, with their numbers; an arrow marks it.

    >>> print(excerpt("a\nb\nc", 2))
      1  a
    ▶ 2  b
      3  c
    """
    lines = source.split("\n")
    numbers = range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
    width = len(str(line + AROUND))
    return "\n".join(f"{'▶' if n == line else ' '} {n:>{width}}  {lines[n - 1]}" for n in numbers)


def diff(original: str, edited: str) -> str:
    """The change as a unified diff; empty where there is none."""
    lines = difflib.unified_diff(original.split("\n"), edited.split("\n"), "original", "edited", lineterm="", n=1)
    return "\n".join(lines)


def _edited(name: str, key: str, original: str) -> None:
    templates = state.get("templates")
    source = st.session_state[key]
    if source == original:
        templates.pop(name, None)
    else:
        templates[name] = source
    commit("templates", templates)


def _reset(name: str) -> None:
    templates = state.get("templates")
    templates.pop(name, None)
    commit("templates", templates, renew=True)
