"""Three ways on from the front door."""

from __future__ import annotations

import streamlit as st

from ui.pages import page

__all__ = ["three_ways"]

_WAYS = (
    ("lessons", "Learn", "Lessons that ask first and then show, each under ten minutes."),
    ("tokens", "Compare tokenizers", "Your own text, as four families cut it."),
    ("layers", "Look inside a model", "What each layer would say next, token by token."),
)


def three_ways() -> None:
    """Draw them side by side."""
    with st.container(key="door_ways"):
        for column, (url, label, about) in zip(st.columns(len(_WAYS)), _WAYS, strict=True):
            with column.container(border=True, height="stretch", gap="xxsmall"):
                st.page_link(page(url).path, label=f"**{label}**", icon=page(url).icon_shortcode)
                st.caption(about)
