"""Show what ends a reply, what a server can reuse of a prompt, and whether a reply comes back unchanged."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.words import counted

__all__ = ["show_prefix", "show_reply", "show_stops", "stop_words"]

_SOURCES = {
    "tokenizer": "the tokenizer (eos)",
    "generation_config": "generation_config",
    "template": "the chat template",
}


def show_stops(stops: lm.StopSet) -> None:
    """One line on the tokens that end a reply, and a warning for what the model would write without stopping."""
    if stops.template_error:
        st.caption(escape_markdown(f"What ends a turn in this template is not known: {stops.template_error}"))
    if stops.tokens:
        words = "; ".join(escape_markdown(stop_words(stop)) for stop in stops.tokens)
        st.caption(f"A reply ends at: {words}.")
    missed = [stop.content for stop in stops.tokens if not stop.ends_generation]
    if missed:
        st.warning(
            escape_markdown(
                f"The template ends a turn with {', '.join(missed)}, which neither the tokenizer nor generation_config "
                "names: generation does not stop there, and the model writes on."
            ),
            icon=":material/warning:",
        )


def stop_words(stop: lm.StopToken) -> str:
    """One token that ends a reply: who names it, and whether a fine-tuning run trains it."""
    named = ", ".join(_SOURCES[source] for source in stop.sources)
    trained = "fine-tuning on this chat teaches it" if stop.is_trained else "fine-tuning on this chat does not teach it"
    if stop.is_marked is not None and stop.is_marked != stop.is_trained:
        trained += ", but {% generation %} leaves it out" if stop.is_trained else ", but {% generation %} marks it"
    return f"{stop.content or 'a row without a token'} (id {stop.token_id}; named by {named}; {trained})"


def show_prefix(found: lm.PrefixStability, tok: lm.Tokenizer) -> None:
    """One sentence on whether each prompt begins with the one before it, and the table behind it."""
    if not found.turns:
        return
    st.caption(escape_markdown(_prefix_words(found, tok)))
    with st.expander("Turn by turn: what a cache keeps", icon=":material/cached:"):
        data_table(_prefix_table(found, tok), hide_index=True, width="stretch")
        st.caption(
            "2 → 3: turns 1 to 2 in turns 1 to 3. Text: without a request for a reply. Served: a prompt that asks "
            "for a reply, with that reply, against the next such prompt."
        )


def _prefix_words(found: lm.PrefixStability, tok: lm.Tokenizer) -> str:
    parted = [step for step in found.turns if step.n_lost]
    served = [step for step in found.served if step.n_lost]
    failed = sum(step.error is not None for step in (*found.turns, *found.served))
    rest = f" {failed} of the comparisons cannot be rendered." if failed else ""
    if not parted and not served:
        return (
            "Prefix-stable: the ids of each prompt begin those of the next, so a server can go on from its cache."
            + rest
        )
    if not parted:
        words = "Turn by turn each prompt begins the next."
    else:
        step = parted[0]
        words = (
            f"Not prefix-stable: the ids of {_turns(step.n_messages)} do not begin those of "
            f"{_turns(step.n_next_messages)}. They part at token {step.n_kept + 1} ({_parting(step, tok)}), which "
            f"costs {counted(step.n_lost, 'token')} of {step.n_cached:,} in the cache."
        )
    if served:
        step = served[0]
        words += (
            f" On a server, with requests for a reply: after turn {step.n_messages} the cache parts at token "
            f"{step.n_kept + 1} ({_parting(step, tok)}) and "
            f"{counted(step.n_lost, 'token')} of {step.n_cached:,} are lost."
        )
    elif found.served:
        words += " On a server, with requests for a reply, nothing is lost."
    return words + rest


def _turns(n: int) -> str:
    return f"turns 1 to {n}" if n > 1 else "turn 1"


def _parting(step: lm.PrefixStep, tok: lm.Tokenizer) -> str:
    return f"{_labels(tok, step.cached_ids[:1])} against {_labels(tok, step.next_ids[:1])}"


def _labels(tok: lm.Tokenizer, ids: Sequence[int]) -> str:
    return " ".join(f"“{token_label(tok, i)}”" for i in ids) or "the end"


def _prefix_table(found: lm.PrefixStability, tok: lm.Tokenizer) -> pd.DataFrame:
    rows = [
        {
            "Compared": f"{kind}, {step.n_messages} → {step.n_next_messages}",
            "Cached": None if step.error else step.n_cached,
            "Kept": None if step.error else step.n_kept,
            "Lost": None if step.error else step.n_lost,
            "Where they part": step.error
            or (f"{_labels(tok, step.cached_ids)} | {_labels(tok, step.next_ids)}" if step.n_lost else ""),
        }
        for kind, steps in (("Text", found.turns), ("Served", found.served))
        for step in steps
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(("Cached", "Kept", "Lost"), "Int64"))


def show_reply(found: lm.ReplyComparison, tok: lm.Tokenizer) -> None:
    """Whether the ids of a reply come back when the conversation is rendered with it; the place where they do not."""
    if found.comes_back:
        st.caption(
            "Rendered again with this reply, the chat gives the very ids that the model has read and written: the next "
            "request can reuse all that it has computed (its cache)."
        )
        return
    at = found.n_kept
    wrote = _labels(tok, found.written_ids[at : at + 4].tolist())
    rendered = _labels(tok, found.rendered.encoding.input_ids[at : at + 4].tolist())
    place = f"token {at - found.n_prompt + 1} of the reply" if at >= found.n_prompt else f"token {at + 1} of the prompt"
    st.warning(
        escape_markdown(
            f"These ids do not come back: rendered again with this reply, the chat has other ids from {place} on. The "
            f"model has {wrote}; rendered, {rendered} is there. {counted(found.n_lost, 'token')} of its cache cannot "
            "be reused."
        ),
        icon=":material/warning:",
    )
