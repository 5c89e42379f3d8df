"""Edit what templates read besides the conversation: Llama's date, where it writes tools, any other variable."""

from __future__ import annotations

import streamlit as st

from ui.state import store as state

__all__ = ["edit_variables"]


def edit_variables() -> None:
    """Two inputs for Llama 3.1's variables, and a JSON object for those of any other template."""
    state.text_input(
        "date_string",
        "date_string",
        placeholder="26 Jul 2024",
        help="Llama's templates write this day as today's; without it they write 26 Jul 2024.",
    )
    state.toggle(
        "tools_in_user_message",
        "tools_in_user_message",
        help="On: Llama 3.1 writes the tools into the first user turn. Off: into the system turn.",
    )
    state.text_input(
        "variables",
        "Other variables, JSON",
        placeholder='{"enable_thinking": false}',
        help="An object of names and values for templates that read more, such as a hub model's.",
    )
    st.caption("A template that does not read a variable writes the same with it and without.")
