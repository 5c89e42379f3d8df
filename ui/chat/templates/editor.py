"""A family's template as text to edit: kept by family in the shared state, with reset and the difference."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["choose_named", "diff", "edit_template", "excerpt", "show_template_error"]

_LINE = re.compile(r"\bline (\d+)")
AROUND = 2
_BY_TOOLS = "as the tools ask"


def choose_named(name: str, named: Iterable[str]) -> str | None:
    """A box with the names of a tokenizer's templates; the chosen one, None where the tools choose."""
    names = sorted(named)
    chosen = state.get("templates").get(name)
    if not names:
        return None
    st.selectbox(
        "Named template",
        [_BY_TOOLS, *names],
        index=names.index(chosen) + 1 if chosen in names else 0,
        key=f"named_{name}_{draft('templates').version}",
        on_change=_named,
        args=(name, f"named_{name}_{draft('templates').version}"),
        help="This tokenizer comes with several templates. Where there are tools, tool_use is taken, else default.",
    )
    return chosen if chosen in names else None


def _named(name: str, key: str) -> None:
    templates = state.get("templates")
    chosen = st.session_state[key]
    if chosen == _BY_TOOLS:
        templates.pop(name, None)
    else:
        templates[name] = chosen
    commit("templates", templates, renew=True)


def edit_template(name: str, original: str, edited: str | None) -> None:
    """The source to edit, Reset, and what differs from the original."""
    shown = draft("templates")
    source = original if edited is None else edited
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
        st.error(escape_markdown(f"The template was not taken over: {shown.refused}. The one before it is still used."))
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
