"""What a person does with a tree beside clicking it: rewind, go on, draw again, put something there, name, pin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.words import counted
from ui.generation.tree.names import branch_name, sentence
from ui.generation.tree.session import Held, Wish
from ui.generation.tree.typed import continuation_ids, found_tokens
from ui.generation.tree.view import Next, ask_for
from ui.state import store as state

__all__ = ["branch_controls", "step_controls"]

LONGEST_NAME = 40
WAYS = {"text": "A text", "token": "A token"}
PLACES = {"here": "In place of the chosen token", "end": "At the end"}


def step_controls(held: Held, tok: lm.Tokenizer, asks: Next, *, key: str) -> None:
    """Buttons for the chosen step and for the end of the branch."""
    branch = held.branch
    if branch is None or not branch.steps:
        return
    at, number = held.step, branch.number
    behind = len(branch.steps) - at - 1
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            f"Rewind to token {at + 1}", icon=":material/undo:", key=f"{key}_rewind",
            disabled=asks.frozen or not behind, on_click=held.rewind, args=(number, at + 1),
            help=f"Lets the {counted(behind, 'token')} behind it go; other branches keep theirs.",
        )  # fmt: skip
        st.button(
            f"Draw token {at + 1} again", icon=":material/casino:", key=f"{key}_again",
            disabled=asks.frozen or held.ground.sampling.temperature == 0,
            on_click=partial(_draw_again, held, asks, number, at),
            help="A new branch: the model draws from this token on with the next seed. At temperature 0 it would be "
            "the same.",
        )  # fmt: skip
        st.button(
            "Go on", icon=":material/play_arrow:", key=f"{key}_on",
            disabled=asks.frozen or branch.ended_by == "context",
            on_click=partial(_go_on, held, asks, number),
            help=f"At most {counted(asks.n, 'token')} more at the end of this branch."
            + (" It ended with an end token: the model writes behind it." if branch.ended_by == "stop" else ""),
        )  # fmt: skip
        with st.popover("Put something there", icon=":material/edit:", disabled=asks.frozen, key=f"{key}_put"):
            _put(held, tok, asks, key)


def _draw_again(held: Held, asks: Next, number: int, at: int) -> None:
    ask_for(held, asks, number, at, (), again=True)


def _go_on(held: Held, asks: Next, number: int) -> None:
    held.wish(Wish((), held.next_seed(asks.seed), asks.n, number, same=True))


def _put(held: Held, tok: lm.Tokenizer, asks: Next, key: str) -> None:
    branch = held.branch
    if branch is None:
        return
    place = state.segmented("put_at", "Where", format_func=PLACES.__getitem__)
    way = state.segmented("put_as", "What", format_func=WAYS.__getitem__)
    at = held.step if place == "here" else len(branch.steps)
    ask = partial(ask_for, held, asks, branch.number, at)
    with show_errors():
        if way == "text":
            _put_text(tok, ask, key)
        else:
            _put_token(tok, ask, key)


def _put_text(tok: lm.Tokenizer, ask: Callable[..., None], key: str) -> None:
    typed = state.text_input("put_text", "Text", help="A space at its front belongs to the first token.")
    ids = continuation_ids(tok, typed)
    if ids:
        labels = " ".join(f"“{token_label(tok, i)}” {i}" for i in ids[:12])
        more = f" and {len(ids) - 12:,} more" if len(ids) > 12 else ""
        st.caption(escape_markdown(f"{counted(len(ids), 'token')}: {labels}{more}"))
    st.button(
        "Put it there", key=f"{key}_text", type="primary", disabled=not ids, on_click=ask, args=(ids,),
        icon=":material/edit:",
    )  # fmt: skip


def _put_token(tok: lm.Tokenizer, ask: Callable[..., None], key: str) -> None:
    typed = state.text_input("put_token", "Its text or its id", help="Tokens of this text first, then longer ones.")
    found = found_tokens(tok, typed, max(tok.vocab_size, tok.matrix_rows))
    if typed and not found:
        st.caption("No token begins with this text, and it is no id of this model.")
    for token_id in found:
        label = escape_markdown(f"{token_label(tok, token_id)} · {token_id}")
        st.button(label, key=f"{key}_token_{token_id}", on_click=ask, args=((token_id,),))


def branch_controls(held: Held, *, key: str) -> None:
    """Name, pin and close the chosen branch."""
    branch = held.branch
    if branch is None:
        return
    number = branch.number
    with st.popover(escape_markdown(sentence(branch_name(branch))), icon=":material/sell:", key=f"{key}_branch"):
        name, pin = f"{key}_name_{number}", f"{key}_pin_{number}"
        st.session_state[name], st.session_state[pin] = branch.name, branch.pinned  # the tree is what holds
        change = partial(_call, held, number, name, pin)
        st.text_input("Name", max_chars=LONGEST_NAME, key=name, on_change=change)
        st.toggle("Pinned", key=pin, on_change=change, help="It stays when a full tree lets its oldest branch go.")
        st.button(
            "Close", icon=":material/close:", key=f"{key}_close", on_click=held.close, args=(number,),
            disabled=len(held.tree.branches) < 2, help="What it has in common with others stays with them.",
        )  # fmt: skip


def _call(held: Held, number: int, name: str, pin: str) -> None:
    held.tree = held.tree.name(number, str(st.session_state[name]).strip(), pinned=bool(st.session_state[pin]))
