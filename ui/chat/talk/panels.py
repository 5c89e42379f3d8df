"""What is around the two views: what else a token could have been, the replies as a table, a message not taken over."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.chat.facts import show_reply
from ui.chat.talk.actions import Refused, go_on_with, refused
from ui.chat.talk.replies import Made, kept_run, prompt_name
from ui.components import kit

__all__ = [
    "STRING",
    "alternatives",
    "look_at_token",
    "pinned",
    "replies_table",
    "same_again",
    "show_refused",
    "steps_of",
]

STRING = "conversation_string"
_PINNED = "conversation_pinned"


def steps_of(made: Made | None, one: lm.Exchange) -> list[lm.Step]:
    """The steps of a reply, where they are known and the prompt is still the one that it answered."""
    if made is None or made.prompt != prompt_name(one.prompt.encoding.input_ids):
        return []
    run = kept_run(made.request(one.prompt.encoding.input_ids.tolist()))
    return [] if run is None else run.steps


def look_at_token() -> None:
    """Look at the token of the string that was pressed, or no longer; in the component's callback."""
    place = kit.whole(st.session_state.get(STRING), "token")
    st.session_state[_PINNED] = None if place == st.session_state.get(_PINNED) else place


def pinned(one: lm.Exchange) -> int | None:
    """The token of a reply that is looked at, as its place in the string."""
    place = st.session_state.get(_PINNED)
    return place if isinstance(place, int) and one.n_prompt <= place < len(one.ids) else None


def alternatives(one: lm.Exchange, made: Made | None, tok: lm.Tokenizer) -> None:
    """What else could have been said at the token that is looked at; a press goes on from there."""
    place = pinned(one)
    steps = steps_of(made, one)
    if place is None or made is None:
        return
    at = place - one.n_prompt
    if not 0 <= at - made.forced < len(steps):
        st.caption("What else could have been said here is not kept: press Again for a reply whose steps are.")
        return
    step = steps[at - made.forced]
    label = escape_markdown(token_label(tok, step.token_id))
    st.caption(
        f"Token {at + 1} of the reply, “{label}”: the model gave it {probability(math.exp(step.log_prob))}. Press "
        "another one, and it goes on from there as another reply."
    )
    with st.container(horizontal=True, gap="small"):
        for token_id, log_prob in zip(step.top_ids.tolist(), step.top_log_probs.tolist(), strict=True):
            name = escape_markdown(f"{token_label(tok, token_id)} {probability(math.exp(log_prob))}")
            st.button(
                name, key=f"conversation_token_{at}_{token_id}", disabled=token_id == step.token_id,
                on_click=go_on_with, args=(one.message, at, token_id),
            )  # fmt: skip


def same_again(one: lm.Exchange, tok: lm.Tokenizer) -> None:
    """Whether the ids of a reply come back when the conversation is rendered with it."""
    if one.is_known and one.rendered is not None:
        text = lm.reply_text(tok, one.reply_ids)
        show_reply(lm.ReplyComparison(text, one.ids, one.n_prompt, one.rendered, one.n_kept), tok)


def replies_table(found: Sequence[lm.Exchange], made: dict[int, Made]) -> pd.DataFrame:
    """One row a reply."""
    return pd.DataFrame(
        {
            "Turn": [one.message + 1 for one in found],
            "Prompt, tokens": [one.n_prompt for one in found],
            "In the cache": [one.n_reused for one in found],
            "Read": [one.n_read for one in found],
            "The engine had": pd.array([_had(one, made.get(one.message)) for one in found], dtype="Int64"),
            "Reply, tokens": [len(one.reply_ids) for one in found],
            "Ended by": [made[one.message].ended if one.message in made else "" for one in found],
            "Seed": pd.array([made[one.message].seed if one.message in made else None for one in found], dtype="Int64"),
            "The same ids again": [_yes_no(one) for one in found],
        }
    )


def _had(one: lm.Exchange, made: Made | None) -> int | None:
    """How many of the prompt's tokens this server's engine had in a cache when it wrote the reply."""
    run = kept_run(made.request(one.prompt.encoding.input_ids.tolist())) if made is not None else None
    return None if run is None else run.reused_tokens


def _yes_no(one: lm.Exchange) -> str:
    if not one.is_known or one.comes_back is None:
        return ""
    lost = len(one.ids) - one.n_kept
    return "yes" if one.comes_back else f"no, {counted(lost, 'token')} lost"


def show_refused() -> None:
    """A message that was not taken over, with its text."""
    held: Refused | None = refused()
    if held is not None:
        st.error(escape_markdown(f"The message was not taken over: {held.reason}. Your text:"))
        st.code(held.text, language=None, wrap_lines=True)
