"""Masked and causal: what a gap is filled with, and what each kind of model sees of it."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import show_errors
from ui.base.glossary.tables import data_table
from ui.base.loaders import display_name, encoding
from ui.base.shares import percent_columns, percents
from ui.components.bar_table import bar_table
from ui.components.gap_view import gap_view
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.prediction.masked.answers import attended, choose_masked, gap, masked_gap
from ui.prediction.masked.sentence import example_chips, read_candidates, read_gap, read_rights
from ui.prediction.masked.views import (
    candidate_table,
    columns,
    finding_of,
    guess_rows,
    right_headings,
    strips,
    unchanged,
)
from ui.state import store as state

SHARES = ("Share by the left", "Share by the whole", "Share by the masked model")
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
gap = engine.gap({left!r}, {right!r}, {candidates!r}, other_rights={rights!r}, top_k={own})
print(gap.largest_change)
for one, by_left, by_whole in zip(gap.candidates, gap.left_shares, gap.whole_shares):
    print(one.text, by_left, by_whole, one.whole_log_prob)
{masked}
# The same with transformers alone: the ids of each whole sentence
{loading}
for text, ids in {wholes!r}.items():
    with torch.inference_mode():
        log_probs = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, :-1].float().log_softmax(-1)
    print(text, float(log_probs.gather(1, torch.tensor(ids[1:], device=model.device)[:, None]).sum()))
"""
MASKED_CODE = """
masked = lm.load_masked_model({name!r})
for one in masked.gap({left!r}, {right!r}, [one.text for one in gap.candidates]).candidates:
    print(one.text, one.log_prob)
"""

bar = page_bar("masked")
sentence = bar.text("gap_sentence", "Sentence", placeholder="A sentence with ___ where a word is missing")
model, quantization, engine = choose_model(bar)
with bar.gear:
    own = state.number_input(
        "gap_own", "The model's own tokens", help="How many of its most probable tokens are candidates too."
    )
result = st.container()
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    st.markdown("Sentences to try", width="content")
    example_chips()
left_half, right_half = st.columns(2)
with left_half:
    written = state.text_input(
        "gap_candidates", "Candidates, with commas between them", help="Words for the gap, of any number of tokens."
    )
    others = state.text_area(
        "gap_rights", "Other right sides, one a line", height=90, help="The scores at the gap do not change with them."
    )
with right_half:
    masked = choose_masked()

with show_errors():
    sides = read_gap(sentence)
    candidates, rights = read_candidates(written), read_rights(others, sides[1])
    tok, name = engine.tokenizer, display_name(model)
    with result, st.spinner("Scoring every candidate …", show_time=True):
        found = gap(model, quantization, sides, candidates, rights, own)
    texts = tuple(one.text for one in found.candidates)
    by_masked = None
    if masked is not None:
        with show_errors():
            by_masked = masked_gap(masked.describe().name, sides, texts)
    with result:
        finding(finding_of(name, tok, found))
        gap_view(
            strips(name, tok, found, masked, by_masked), columns(found, by_masked),
            label="The sentence as each model sees it, and the candidates in rank order", key="gap",
        )  # fmt: skip
        st.caption(
            "Percent: the candidates' shares among themselves. By the left side: the probability of all text up to and "
            "with the candidate. By the whole sentence: of all text, so that a candidate counts by how well the right "
            "side follows from it. Each text is tokenized whole; the log-probabilities of its tokens are added up."
        )
    st.subheader(
        "At the gap, every token keeps its probability"
        if not found.right_side_is_seen
        else "At the gap, probabilities change with the right side",
        anchor=False,
    )
    bar_table(guess_rows(tok, found), right_headings(found), label="The first guesses at the gap", key="guesses")
    st.caption(unchanged(found))
    n = len(found.input_ids)
    weights = attended(model, quantization, tuple(found.rights[0].input_ids.tolist()), n)
    if weights is not None:
        st.caption(
            f"Why: the attention mask. In a pass over both sides, the largest attention weight from a token before the "
            f"gap to one after it, over {weights.n_layers} layers of {weights.n_heads} heads, is "
            f"{weights.to_right:g}."
        )
    if by_masked is not None and masked is not None:
        several = any(len(one.token_ids) > 1 for one in by_masked.candidates)
        st.caption(
            f"The masked model reads {masked.describe().mask_token} in the gap and both sides at once."
            + (
                " A candidate of several tokens takes as many masks, filled from left to right; their number tells the "
                "model how long the answer is, so compare candidates of different length with care."
                if several
                else ""
            )
        )
    if found.candidates:
        st.subheader("Every candidate", anchor=False)
        table = candidate_table(tok, found, by_masked)
        formats = percent_columns(SHARES) | {
            label: st.column_config.NumberColumn(format="%.2f") for label in table.columns if label.startswith("ln P")
        }
        data_table(percents(table, SHARES), hide_index=True, width="stretch", column_config=formats)
        arrays = {"logits": (lambda: found.logits, f"float32 {found.logits.shape}: the scores at the gap, by id")}
        take_away("gap", table, arrays)
    wholes = {
        text: encoding(tok, sides[0] + text + sides[1], True, True).input_ids.tolist() for text in texts
    }  # fmt: skip
    own_masked = "" if by_masked is None else MASKED_CODE.format(
        name=state.get("masked_model"), left=sides[0], right=sides[1]
    )  # fmt: skip
    words_here("causal_model", "masked_model", "probability", "fill_in_the_middle")
    reproduce(
        CODE.format(
            model=model, quantization=quantization, left=sides[0], right=sides[1], candidates=list(candidates),
            rights=list(rights), own=own, masked=own_masked, wholes=wholes,
            loading=loading_code(engine.describe(), found.input_ids.tolist()),
        )
    )  # fmt: skip
