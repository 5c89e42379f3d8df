"""A session's tree as a whole, from the chosen branch down to tables: what Generate shows."""

from __future__ import annotations

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.loaders import encoding
from ui.base.shares import percent_columns, percents
from ui.base.words import counted
from ui.generation.live.facts import facts
from ui.generation.live.steps_table import lens_column
from ui.generation.live.stream import phases
from ui.generation.tree.controls import branch_controls, step_controls
from ui.generation.tree.files import save_and_open
from ui.generation.tree.session import Held
from ui.generation.tree.view import Next, path_finding, show_branches, show_path, show_tables
from ui.page import finding
from ui.state.thread import show_thread

__all__ = ["show_tree"]

KEY = "generation_tree"


def show_tree(held: Held, tok: lm.Tokenizer, asks: Next, prompt_text: str | None) -> None:
    """Everything of a tree that has a branch with a token.

    Args:
        held: the tree.
        tok: the model's tokenizer.
        asks: what a new branch is asked for.
        prompt_text: the text that all of it goes on from; None where the page's prompt is another one by now.
    """
    branch = held.branch
    if branch is None or not branch.steps:
        return
    finding(path_finding(branch, tok))
    show_path(held, tok, asks, key=f"{KEY}_path")
    step_controls(held, tok, asks, key=KEY)
    enc = lm.spell(tok, np.array(branch.token_ids, np.int64))
    if prompt_text is not None:
        show_thread(enc, held.step, "", text=prompt_text + enc.text)
        _say_other_ids(held, branch, tok, prompt_text + enc.text)
    _show_lens(branch.steps[held.step], tok)
    show_branches(held, tok, asks, key=f"{KEY}_branches")
    with st.container(horizontal=True, gap="small"):
        branch_controls(held, key=KEY)
        save_and_open(held, prompt_text or "", key=KEY)
    run = held.runs.get(branch.number)
    if run is not None and run.steps:
        phases(run, tok)
        facts(run, tok, kept=branch.number in held.kept)
        if len(branch.parts) > 1 or branch.forced:
            st.caption(
                "Of the last part of the branch: before it the model has read the prompt and the branch up to there."
            )
    show_tables(held, tok, key=KEY)


def _say_other_ids(held: Held, branch: lm.Branch, tok: lm.Tokenizer, text: str) -> None:
    """Where the text is split otherwise than it was written, the linked pages show other tokens: say so."""
    read = tuple(encoding(tok, text, True, True).input_ids.tolist())
    wrote = (*held.ground.ids, *branch.token_ids)
    if read == wrote:
        return
    at = next((i for i, (a, b) in enumerate(zip(read, wrote, strict=False)) if a != b), min(len(read), len(wrote)))
    where = f"token {at - len(held.ground.ids) + 1} of the branch" if at >= len(held.ground.ids) else "the prompt"
    st.caption(
        escape_markdown(
            f"The linked pages read prompt and branch as one text, which splits into {counted(len(read), 'token')} in "
            f"place of the {len(wrote):,} here: from {where} on they show other tokens."
        )
    )


def _show_lens(step: lm.Step, tok: lm.Tokenizer) -> None:
    if step.lens_ids is None:
        return
    st.subheader("What each layer would have said here", anchor=False)
    st.caption("The logit lens of this step, from the same pass; early layers are unreliable under it, as Layers says.")
    data_table(
        percents(lens_column(tok, step), ("Probability",)), hide_index=True, width="stretch", height=420,
        column_config=percent_columns((), bars=("Probability",)),
    )  # fmt: skip
