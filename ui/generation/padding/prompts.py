"""The prompts of one batch as fields; the shared setting ``padding_prompts`` holds them."""

from __future__ import annotations

import streamlit as st

from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.state.checks import MAX_PROMPTS
from ui.state.drafts import commit, draft

__all__ = ["edit_prompts"]

NAME = "padding_prompts"


def edit_prompts() -> None:
    """One field a prompt, and buttons that add and remove them."""
    shown = draft(NAME)
    prompts: list[str] = state.get(NAME)
    for i, prompt in enumerate(prompts):
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            st.text_input(
                f"Prompt {i + 1}", prompt, key=f"prompt_{shown.version}_{i}", on_change=_collect, args=(shown.version,)
            )
            st.button(
                "", icon=":material/delete:", key=f"prompt_{shown.version}_{i}_delete", help=f"Remove prompt {i + 1}",
                type="tertiary", disabled=len(prompts) == 1, on_click=_change, args=(i,),
            )  # fmt: skip
    if shown.refused:
        st.error(escape_markdown(f"The last change of the prompts was not taken over: {shown.refused}."))
    st.button("Add a prompt", icon=":material/add:", on_click=_change, disabled=len(prompts) >= MAX_PROMPTS)


def _held() -> list[str]:
    version = draft(NAME).version
    return [st.session_state.get(f"prompt_{version}_{i}", prompt) for i, prompt in enumerate(state.get(NAME))]


def _collect(version: int) -> None:
    if version == draft(NAME).version:
        commit(NAME, _held())


def _change(removed: int | None = None) -> None:
    prompts = _held()
    kept = [*prompts, "And"] if removed is None else prompts[:removed] + prompts[removed + 1 :]
    commit(NAME, kept, renew=True)
