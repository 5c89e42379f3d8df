"""A tree as a file: saved whole, and opened again as settings that bring it back."""

from __future__ import annotations

from functools import partial

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.generation.tree.link import mark_of
from ui.generation.tree.session import Held
from ui.prediction.sampling_controls import settings_of
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["save_and_open"]

LARGEST_BYTES = 20_000_000


def save_and_open(held: Held, prompt_text: str, *, key: str) -> None:
    """A button that saves the tree, and a box that opens one."""
    with st.popover("Save, open", icon=":material/save:", key=f"{key}_files"):
        st.download_button(
            "Save the tree as JSON", partial(_saved, held, prompt_text), "generation-tree.json", "application/json",
            key=f"{key}_save", on_click="ignore", icon=":material/download:", disabled=not held.tree.branches,
            help="The model, the prompt's ids, the settings, how each branch is made, and the model's numbers.",
        )  # fmt: skip
        st.file_uploader(
            "Open a saved tree", type="json", key=f"{key}_open", on_change=_opened, args=(held, f"{key}_open"),
            help="Its settings and its prompt become those of the page, and the model writes its branches again.",
        )  # fmt: skip
        if refused := st.session_state.get(f"{key}_open_refused"):
            st.error(escape_markdown(refused))


def _saved(held: Held, prompt_text: str) -> str:
    ground = held.ground
    return lm.tree_json(
        held.tree,
        model=ground.model,
        quantization=ground.quantization,
        prompt_ids=ground.ids,
        prompt_text=prompt_text,
        sampling=ground.sampling,
    )


def _opened(held: Held, key: str) -> None:
    """What a file says becomes the page's settings; the link's branches are then written."""
    file = st.session_state.get(key)
    st.session_state[f"{key}_refused"] = ""
    if file is None:
        return
    try:
        raw = file.getvalue()
        if len(raw) > LARGEST_BYTES:
            raise lm.InvalidSettingError(
                f"The file has more than {LARGEST_BYTES:,} bytes: it is no tree of generations."
            )
        take_over(held, lm.read_tree(raw.decode("utf-8", "replace")))
    except ValueError as error:  # the library's sentence, or a setting's check
        st.session_state[f"{key}_refused"] = f"{file.name} was not opened: {error}"


def take_over(held: Held, saved: lm.SavedTree) -> None:
    """Make what a file says the settings of the page.

    Raises:
        ValueError: a setting's check does not accept it; nothing is changed then.
    """
    here = held.ground
    values: dict[str, object] = {"model": saved.model, "quantization": saved.quantization}
    if here.ids != saved.prompt_ids:
        values |= {"prompt": "text", "text": saved.prompt_text}
    values |= settings_of(saved.sampling)
    values["tree"] = {"prompt": mark_of(saved.prompt_ids), "branches": [plan.plain() for plan in saved.plans]}
    values |= {"tree_branch": 0, "tree_step": -1}
    for name, value in values.items():
        SETTINGS[name].check(value)
    for name, value in values.items():
        state.put(name, value)
    held.stop()
    held.written = held.written or ({}, 0, -1)
    held.expected = saved.token_ids
