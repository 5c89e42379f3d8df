"""Next token: every possible continuation with its probability, and what the sampling settings leave of it."""

from __future__ import annotations

import numpy as np
import streamlit as st

import lmloupe as lm
from ui import state
from ui.charts import probability_bars, score_histogram
from ui.errors import show_errors
from ui.frames import next_token_table
from ui.loaders import encoding, next_token
from ui.model_choice import choose_model
from ui.page import as_code, metrics_row, page_header, reproduce
from ui.sampling_controls import choose_sampling

N_SHOWN = 15
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
text = {text}
answer = engine.next_token(text)  # .logits float32 ({rows},), one forward pass
sampling = {sampling!r}
for stage in lm.sampling_stages(answer.logits, sampling, answer.input_ids):
    print(stage.name, stage.kept.sum(), stage.removed_mass, stage.entropy_bits)
for i in answer.log_probs.argsort()[::-1][:{n}]:
    print(engine.tokenizer.piece(int(i)), stage.probs[i])
"""

page_header(
    "Next token",
    "After a text, a model gives every token of its vocabulary a score. In grey the probabilities that follow from the "
    "scores; in colour what is left to draw from after the sampling settings. A slider does not run the model again.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", height=145, help="The model reads this text and scores what could come next.")
sampling = choose_sampling()

with show_errors():
    tok = engine.tokenizer
    ids = encoding(tok.name, text, True, True).input_ids
    answer = next_token(model, quantization, tuple(ids.tolist()))
    stages = lm.sampling_stages(answer.logits, sampling, answer.input_ids)
    first, last = stages[0], stages[-1]
    n_kept = int(last.kept.sum())
    metrics_row(
        [
            ("Tokens read", f"{len(answer.input_ids):,}"),
            ("Entropy", f"{first.entropy_bits:.2f} bits", "How open the model's choice is: 1 bit is a fair coin."),
            ("After the settings", f"{last.entropy_bits:.2f} bits", "Entropy of what is drawn from."),
            ("Tokens left", f"{n_kept:,}"),
            ("Struck out", f"{first.probs[~last.kept].sum():.1%}", "Probability that the struck-out tokens had."),
        ]
    )
    best = np.argsort(-first.probs, kind="stable")[:N_SHOWN]
    table = next_token_table(tok, best.tolist(), answer.log_probs, last.probs)
    chart_column, table_column = st.columns(2)
    with chart_column:
        st.plotly_chart(probability_bars(table), width="stretch", config={"displayModeBar": False})
    with table_column:
        percent = st.column_config.NumberColumn(format="percent")
        st.dataframe(
            table,
            hide_index=True,
            width="stretch",
            height=560,
            column_config={
                "Probability": percent,
                "Drawn with": percent,
                "Bits": st.column_config.NumberColumn(format="%.2f"),
            },
        )
    st.subheader(f"All {len(answer.logits):,} scores", anchor=False)
    st.plotly_chart(
        score_histogram(answer.logits, float(answer.logits.max())), width="stretch", config={"displayModeBar": False}
    )
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            text=as_code(text),
            rows=len(answer.logits),
            sampling=sampling,
            n=N_SHOWN,
        ).replace("Sampling(", "lm.Sampling(")
    )
