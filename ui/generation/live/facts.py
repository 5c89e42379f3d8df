"""What can be said about a run in numbers and in one sentence: how fast it was, and what ended it."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import counted
from ui.generation.live.runs import Run
from ui.page import metrics_row

__all__ = ["ended_words", "facts"]

TIMES = "Measured on the server while the tokens were made, with the steps of other sessions in between."


def ended_words(run: Run, tok: lm.Tokenizer) -> str:
    """What ended a run, and with which token, in one sentence; plain text.

    Args:
        run: one with at least one step.
        tok: the model's tokenizer.
    """
    last, n = run.steps[-1], counted(len(run.steps), "token")
    label = token_label(tok, last.token_id)
    if last.ended_by == "stop":
        return f"The model ended its reply with “{label}”, an end token, after {n}."
    if last.ended_by == "length":
        return f"It was cut off after {n}, as many as were asked for: “{label}” is the last one, not an end."
    if last.ended_by == "context":
        total = len(run.request.ids) + len(run.steps)
        return f"It was cut off at “{label}”: the prompt and the reply fill the context of {total:,} tokens."
    return f"It was stopped after {n}; the last is “{label}”."


def facts(run: Run, tok: lm.Tokenizer, *, kept: bool = False) -> None:
    """What ended a run, and its numbers; ``kept`` says that it was not made now, but for an earlier request."""
    bits = [-step.log_prob / math.log(2) for step in run.steps]
    rate = run.tokens_per_s
    then = ", in the first run" if kept else ""
    st.caption(escape_markdown(ended_words(run, tok)))
    cached = f"{counted(run.reused_tokens, 'token')} of the prompt were in the cache, the rest was read at once"
    prefill = cached if run.reused_tokens else "The prefill reads the whole prompt at once"
    metrics_row(
        [
            ("Prompt", counted(len(run.request.ids), "token")),
            ("Generated", counted(len(run.steps), "token")),
            (
                "First token after" + then,
                f"{run.first_token_s * 1000:,.0f} ms",
                f"{prefill}; its pass gives the first token. {TIMES}",
            ),
            (
                "Decoding" + then,
                f"{rate:.1f} tokens/s" if rate else "–",
                f"After the first token, one step a token. {TIMES}",
            ),
            (
                "Mean surprisal",
                f"{np.mean(bits):.2f} bits/token",
                "In the model's own distribution, before the settings.",
            ),
        ]
    )
    if kept:
        st.caption(
            "This reply was written before on this server, perhaps for somebody else, and is shown again: the times "
            "are those of that first run."
        )
