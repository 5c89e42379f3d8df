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
from ui.components.token_view import Selection, TokenRow, token_view
from ui.generation.live.runs import Run
from ui.generation.live.shared import GRACE_S, Watch, attach
from ui.generation.live.steps_table import lens_column, run_table, step_table
from ui.page import finding, metrics_row
from ui.state.thread import show_thread

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["facts", "run_finding", "show_run", "stop_button", "stop_watching", "stream", "tokens_row"]

POLL_S = 0.05
REDRAW_S = 0.12
_WATCHED = "reply_watched"
TIMES = "Measured on the server while the tokens were made, with the steps of other sessions in between."


def stop_button(place: DeltaGenerator) -> None:
    """Draw the Stop of what `stream` draws from now on; it works at once, for this session alone."""
    place.button(
        "Stop", icon=":material/stop:", on_click=stop_watching, help="Stops before the next token; what is there stays."
    )


def stop_watching() -> None:
    """Stop what this session watches; it goes on for others who watch it."""
    held: tuple[Run, Watch] | None = st.session_state.get(_WATCHED)
    if held is not None:
        held[0].stopped = True
        held[1].leave()


def stream(run: Run, engine: lm.Engine, place: DeltaGenerator) -> None:
    """Write ``run``, or watch it being written, drawing what there is so far into ``place``.

    A Stop, another click or a closed tab reaches this script as an exception at its next Streamlit call, so there is
    one at least every twentieth of a second; `finally` then leaves. A page that runs again while `Run.going` calls this
    again, and nothing is computed twice.

    Raises:
        LoupeError: what the engine raises, also in a later call for the same run.
    """
    if run.failed is not None:
        raise run.failed.with_traceback(None)
    run.steps.clear()
    watch = attach(run.request, engine)
    st.session_state[_WATCHED] = (run, watch)
    drawn = 0.0
    try:
        while True:
            try:
                found = watch.news(POLL_S)
            except StopIteration:
                break
            run.steps += found
            run.reused_tokens = watch.reused_tokens
            if time.monotonic() - drawn > REDRAW_S:
                place.html(_as_html(run))
                drawn = time.monotonic()
            st.session_state.get(_WATCHED)  # where a Stop arrives
        run.finished = True
    except lm.LoupeError as error:
        run.failed = error
        raise
    finally:
        watch.leave(GRACE_S)


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


def tokens_row(run: Run, tok: lm.Tokenizer, name: str) -> Selection | None:
    """The generated tokens, shaded by probability; the one that was clicked."""
    enc = run.encoding(tok)
    probabilities = [math.exp(step.log_prob) for step in run.steps]
    notes = [
        f"probability {probability(p)}, entropy {step.entropy_bits:.2f} bits"
        for p, step in zip(probabilities, run.steps, strict=True)
    ]
    row = TokenRow(name, enc, subtitle="stronger: less probable", fill=[1 - p for p in probabilities], notes=notes)
    return token_view([row], text=enc.text, key="generated_tokens", selectable=True)


def facts(run: Run, *, kept: bool = False) -> None:
    """The numbers of a run; ``kept`` says that it was not made now, but for an earlier request."""
    bits = [-step.log_prob / math.log(2) for step in run.steps]
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


def show_run(run: Run, tok: lm.Tokenizer, name: str, prompt_text: str | None, *, kept: bool = False) -> None:
    """The generated tokens, shaded by probability, their numbers, and the alternatives at the one that was clicked.

    Where ``prompt_text`` is the text that the run went on from, the clicked token leads to the other pages, whose text
    is then this text and the answer. ``kept`` says that the run was not made now, but for an earlier request.
    """
    enc = run.encoding(tok)
    probabilities = [math.exp(step.log_prob) for step in run.steps]
    unsure = _least_sure(run)
    finding(run_finding(run, tok))
    selection = tokens_row(run, tok, name)
    facts(run, kept=kept)
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
