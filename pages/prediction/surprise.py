"""Surprise: how much the model expected each token of a text, and what it expected instead."""

from __future__ import annotations

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.charts import alternative_bars
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.loaders import display_name, encoding
from ui.base.shares import percent_columns, percents
from ui.base.words import counted, probability
from ui.components.token_view import TokenRow, token_view
from ui.model.answers import readable, scored
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, finding, metrics_row, reproduce, words_here
from ui.prediction.score_view import (
    expected_table,
    legend,
    perplexity_sentence,
    score_finding,
    score_notes,
    score_shades,
    score_table,
    surprisal_chart,
)
from ui.state import store as state
from ui.state.thread import follow, selected, show_thread

WORDS = {"rank": "Rank of the token", "surprisal": "Surprisal", "entropy": "Entropy"}
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
score = engine.score({text})
print("perplexity", score.perplexity)

# The same with transformers alone
{loading}
with torch.inference_mode():
    logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, :-1].float()
log_probs = torch.log_softmax(logits, -1)
own = log_probs.gather(1, torch.tensor(ids[1:], device=model.device)[:, None])
surprisal_bits = -own[:, 0] / torch.log(torch.tensor(2.0))
ranks = (log_probs > own).sum(1) + 1
entropy_bits = torch.special.entr(log_probs.exp()).sum(1) / torch.log(torch.tensor(2.0))
print("perplexity", float(torch.exp(-own.mean())))
for i, token_id in enumerate(ids[1:]):
    print(token_id, int(ranks[i]), float(surprisal_bits[i]), float(entropy_bits[i]))
"""

bar = page_bar("surprise")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    if len(ids) == 1:
        raise lm.InvalidTextError("Scoring needs at least two tokens. Add some text.")
    with st.spinner("Scoring every token of the text …", show_time=True):
        score = scored(model, quantization, ids)
    described = engine.describe()
    finding(score_finding(score, tok))
    by = state.get("score_by")  # its control stands below the text
    row = TokenRow(
        display_name(tok.name),
        enc,
        subtitle="stronger: less expected" if by != "entropy" else "stronger: more uncertain",
        fill=score_shades(score, by),
        notes=score_notes(score, tok),
    )
    clicked = token_view([row], text=text, key="scored_tokens", selectable=True, export="scored")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        state.segmented(
            "score_by",
            "Colour by",
            format_func=WORDS.__getitem__,
            help="Rank of the actual token (1 = first guess), its surprisal, or the model's uncertainty before it.",
        )
        legend(score, by)
    st.markdown(perplexity_sentence(score, len(text) - int(enc.offsets[0, 1])))
    words_here("surprisal", "bit", "entropy", "perplexity", "rank")
    follow("scored_tokens", enc, clicked.index if clicked else None)
    index = selected(enc, otherwise=max(1, int(score.surprisal_bits.argmax()) + 1))
    show_thread(enc, index, "surprise")
    labels = [token_label(tok, i) for i in ids]
    left, right = st.columns(2)
    with left:
        st.subheader("What the model expected here", anchor=False)
        if index == 0:
            st.caption("The first token has no context, so it has no score.")
        else:
            st.caption(escape_markdown(f"In place of “{labels[index]}”, after {counted(index, 'token')}:"))
            metrics_row(
                [
                    (
                        "Probability",
                        probability(float(np.exp(score.log_probs[index - 1]))),
                        "What the model gave the actual token.",
                    ),
                    ("Surprisal", f"{score.surprisal_bits[index - 1]:.2f} bits"),
                    ("Rank", f"{score.ranks[index - 1]:,}"),
                    ("Entropy", f"{score.entropy_bits[index - 1]:.2f} bits"),
                ]
            )
            bars = with_menu(alternative_bars(expected_table(score, tok, index)))
            st.plotly_chart(bars, width="stretch", config=PICTURE_MENU)
    with right:
        st.subheader("Bars: how surprised the model was. Dashes: how surprised it expected to be", anchor=False)
        st.plotly_chart(surprisal_chart(score, labels, index), width="stretch", config=PICTURE_MENU)
    st.subheader("Every token", anchor=False)
    table = score_table(score, tok)
    shares = ("Probability", "Probability of the first guess")
    formats = percent_columns(shares) | {
        name: st.column_config.NumberColumn(format="%.2f") for name in ("Surprisal (bits)", "Entropy (bits)")
    }
    data_table(percents(table, shares), hide_index=True, width="stretch", height=420, column_config=formats)
    arrays = {"surprisal_bits": (lambda: score.surprisal_bits, "one number a token from the second on, in bits")}
    take_away("surprise", table, arrays)
    code = loading_code(described, ids)
    reproduce(CODE.format(model=model, quantization=quantization, text=as_code(text), loading=code))
