"""A generation on the screen: as it streams, and afterwards token by token."""

from __future__ import annotations

import html
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.charts import alternative_bars
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.shares import percent_columns, percents
from ui.base.words import counted, probability
from ui.components.token_view import TokenRow, token_view
from ui.generation.live.runs import Run, keep_finished
from ui.generation.live.steps_table import lens_column, run_table, step_table
from ui.page import finding, metrics_row
from ui.state.thread import show_thread

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["run_finding", "show_run", "stream"]

POLL_S = 0.1
REDRAW_S = 0.12
TIMES = "Measured on the server while the tokens were made, with the steps of other sessions in between."


def stream(run: Run, engine: lm.Engine, place: DeltaGenerator) -> None:
    """Generate into ``run``, drawing what there is so far into ``place``.

    A Stop, another click or a closed tab reaches this script as an exception at its next Streamlit call, so there is
    one at least every tenth of a second; `finally` then stops the model.
    """
    request = run.request
    generation = engine.generate(
        request.ids,
        request.sampling,
        request.max_new_tokens,
        request.seed,
        lens=request.lens,
        stop_ids=request.stop_ids,
    )
    drawn = 0.0
    try:
        while True:
            try:
                step = generation.poll(POLL_S)
            except StopIteration:
                break
            if step is not None:
                run.steps.append(step)
            if step is None or time.monotonic() - drawn > REDRAW_S:
                place.html(_as_html(run))
                drawn = time.monotonic()
        keep_finished(run)
    finally:
        generation.close()


def _as_html(run: Run) -> str:
    # The model's words are a stranger's text: escaped, every piece.
    if not run.steps:
        return f'<p style="opacity:{theme.QUIET}">Reading the prompt (prefill) …</p>'
    text = html.escape("".join(step.text for step in run.steps))
    rate = f"{run.tokens_per_s:.1f} tokens per second" if run.tokens_per_s else ""
    return (
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:1.1rem;line-height:1.7">{text}▍</div>'
        f'<p style="opacity:{theme.QUIET};font-size:0.85rem">{counted(len(run.steps), "token")} {rate}</p>'
    )


def _least_sure(run: Run) -> int:
    return int(np.argmax([step.entropy_bits for step in run.steps]))


def run_finding(run: Run, tok: lm.Tokenizer) -> str:
    """Where the model was least sure; of a single token, how sure it was."""
    unsure = _least_sure(run)
    step = run.steps[unsure]
    label = token_label(tok, step.token_id)
    if len(run.steps) == 1:
        return f"The model wrote one token, “{label}”, with probability {probability(math.exp(step.log_prob))}"
    return f"The model was least sure at token {unsure + 1} of {len(run.steps)}: “{label}”"


def show_run(run: Run, tok: lm.Tokenizer, name: str, prompt_text: str | None, *, kept: bool = False) -> None:
    """The generated tokens, shaded by probability, their numbers, and the alternatives at the one that was clicked.

    Where ``prompt_text`` is the text that the run went on from, the clicked token leads to the other pages, whose text
    is then this text and the answer. ``kept`` says that the run was not made now, but for an earlier request.
    """
    enc = run.encoding(tok)
    probabilities = [math.exp(step.log_prob) for step in run.steps]
    bits = [-step.log_prob / math.log(2) for step in run.steps]
    notes = [
        f"probability {probability(p)}, entropy {step.entropy_bits:.2f} bits"
        for p, step in zip(probabilities, run.steps, strict=True)
    ]
    unsure = _least_sure(run)
    finding(run_finding(run, tok))
    row = TokenRow(name, enc, subtitle="stronger: less probable", fill=[1 - p for p in probabilities], notes=notes)
    selection = token_view([row], text=enc.text, key="generated_tokens", selectable=True)
    rate = run.tokens_per_s
    then = ", in the first run" if kept else ""
    metrics_row(
        [
            ("Prompt", counted(len(run.request.ids), "token")),
            ("Generated", counted(len(run.steps), "token")),
            (
                "First token after" + then,
                f"{run.first_token_s * 1000:,.0f} ms",
                f"The prefill of the whole prompt, and one step. {TIMES}",
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
    index = selection.index if selection is not None else unsure
    step = run.steps[index]
    st.subheader("What else could have been said", anchor=False)
    which = (
        "the token you clicked"
        if selection is not None
        else "where the model was least sure; click another token above"
    )
    st.caption(
        f"Token {index + 1} of {len(run.steps)}: {which}. The model gave this one a probability of "
        f"{probability(probabilities[index])}; entropy {step.entropy_bits:.2f} bits."
    )
    if prompt_text is not None:
        show_thread(enc, index, "", text=prompt_text + enc.text)
    table = step_table(tok, step)
    if not table["Chosen"].any():
        label = escape_markdown(token_label(tok, step.token_id))
        st.caption(f"It was not among the ten most probable tokens: “{label}”.")
    st.plotly_chart(with_menu(alternative_bars(table)), width="stretch", config=PICTURE_MENU)
    if step.lens_ids is not None:
        st.subheader("What each layer would have said here", anchor=False)
        st.caption(
            "The logit lens of this step, from the same pass; early layers are unreliable under it, as Layers says."
        )
        st.dataframe(
            percents(lens_column(tok, step), ("Probability",)), hide_index=True, width="stretch", height=420,
            column_config=percent_columns((), bars=("Probability",)),
        )  # fmt: skip
    arrays = {"log_probs": (lambda: np.array([s.log_prob for s in run.steps]), "one natural log a generated token")}
    take_away("generated", run_table(tok, run.steps), arrays)
