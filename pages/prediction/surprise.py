"""Text scored: how much the model expected each token of a text, and what it expected instead."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.charts import alternative_bars
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import escape_markdown, show_errors
from ui.base.labels import token_label
from ui.base.loaders import display_name, encoding
from ui.base.words import counted
from ui.components.token_view import TokenRow, token_view
from ui.model.answers import readable, scored
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, metrics_row, page_header, reproduce
from ui.prediction.score_view import (
    expected_table,
    legend,
    perplexity_sentence,
    score_notes,
    score_shades,
    score_table,
    surprisal_chart,
)
from ui.state import store as state
from ui.state.thread import follow, selected, show_thread

WORDS = {"rank": "Rank of the guess", "surprisal": "Surprisal", "entropy": "Entropy"}
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

page_header(
    "Text scored",
    "At each place the model guesses the next token before it sees it. The stronger a token's colour, the less "
    "it was expected. Point at one to see what the model expected there; click it to follow it to the other pages.",
)
model, quantization, engine = choose_model()
text = state.live_text("text", "Text", help="The text that all pages share.")
by = state.segmented(
    "score_by",
    "Colour by",
    format_func=WORDS.__getitem__,
    help="Rank of the actual token (1 = first guess), its surprisal, or the model's uncertainty before it (entropy).",
)

with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    if len(ids) == 1:
        raise lm.InvalidTextError("Scoring needs at least two tokens. Add some text.")
    with st.spinner("Scoring every token of the text …", show_time=True):
        score = scored(model, quantization, ids)
    described = engine.describe()
    st.markdown(perplexity_sentence(score, len(text) - int(enc.offsets[0, 1])))
    legend(score, by)
    row = TokenRow(
        display_name(tok.name),
        enc,
        subtitle="stronger: less expected" if by != "entropy" else "stronger: more open",
        fill=score_shades(score, by),
        notes=score_notes(score, tok),
    )
    clicked = token_view([row], text=text, key="scored_tokens", selectable=True, export="scored")
    follow("scored_tokens", enc, clicked.index if clicked else None)
    index = selected(enc, otherwise=max(1, int(score.surprisal_bits.argmax()) + 1))
    show_thread(enc, index, "score")
    labels = [token_label(tok, i) for i in ids]
    st.plotly_chart(surprisal_chart(score, labels, index), width="stretch", config=PICTURE_MENU)
    table = score_table(score, tok)
    left, right = st.columns(2)
    with left:
        st.subheader("What the model expected here", anchor=False)
        if index == 0:
            st.caption("The first token has no context, so it has no score.")
        else:
            st.caption(escape_markdown(f"In place of “{labels[index]}”, after {counted(index, 'token')}:"))
            metrics_row(
                [
                    ("Surprisal", f"{score.surprisal_bits[index - 1]:.2f} bits", "−log2 of its probability."),
                    (
                        "Rank",
                        f"{score.ranks[index - 1]:,}",
                        "1 is the model's first guess: the number of tokens that it held more probable, plus one.",
                    ),
                    (
                        "Entropy",
                        f"{score.entropy_bits[index - 1]:.2f} bits",
                        "Expected surprisal: how uncertain the model was here.",
                    ),
                ]
            )
            bars = with_menu(alternative_bars(expected_table(score, tok, index)))
            st.plotly_chart(bars, width="stretch", config=PICTURE_MENU)
    with right:
        st.subheader("Every token", anchor=False)
        number = st.column_config.NumberColumn
        formats = {"Probability": number(format="percent"), "Probability of the first guess": number(format="percent")}
        formats |= {name: number(format="%.2f") for name in ("Surprisal (bits)", "Entropy (bits)")}
        st.dataframe(table, hide_index=True, width="stretch", height=420, column_config=formats)
        arrays = {"surprisal_bits": (lambda: score.surprisal_bits, "one number a token from the second on, in bits")}
        take_away("text_scored", table, arrays)
    st.caption("The button at the top right of a chart saves it as SVG; the two below the tokens save these.")
    code = loading_code(described, ids)
    reproduce(CODE.format(model=model, quantization=quantization, text=as_code(text), loading=code))
