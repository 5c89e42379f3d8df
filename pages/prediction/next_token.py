"""Next token: every possible continuation with its probability, and what the sampling settings leave of it."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base import theme
from ui.base.errors import show_errors
from ui.base.glossary.entries import explained
from ui.base.loaders import encoding, next_token
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction import next_token_view as view
from ui.prediction.next_token_chart import finding_of, show_chart
from ui.prediction.sampling.order import order_sentence
from ui.prediction.sampling.stages import steps_words
from ui.prediction.sampling_code import rolls_code, sampling_code, warpers_code
from ui.prediction.sampling_controls import coin_of, current_sampling, prompt_chips, sampling_presets, sampling_row
from ui.prediction.sampling_frames import best_ids
from ui.state import store as state

N_SHOWN = 15
AXES = {"100": "0 to 100%", "20": "0 to 20%", "5": "0 to 5%"}
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
text = {text}
answer = engine.next_token(text)  # .logits float32 ({rows},), one forward pass
sampling = {sampling}
stages = lm.sampling_stages(answer.logits, sampling, answer.input_ids{coin})
for stage in stages:
    print(stage.name, stage.kept.sum(), stage.removed_mass, stage.entropy_bits)
{rolls}
# The same with transformers alone
{loading}
{warpers}
with torch.inference_mode():
    logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[:, -1].float()
scores = logits
for warper in warpers:
    scores = warper(torch.tensor([ids], device=model.device), scores)
probs = torch.softmax(scores, -1)[0]
{their_rolls}for i in torch.topk(logits[0], {n}).indices.tolist():
    print(i, float(probs[i]))
"""

bar = page_bar("next_token")
text = bar.text()
model, quantization, engine = choose_model(bar)

with show_errors():
    tok = engine.tokenizer
    answer = next_token(model, quantization, readable(engine, encoding(tok, text, True, True)))
    sampling = current_sampling(tok=tok)  # the controls are drawn below the bars
    coin = coin_of(sampling)
    stages = lm.sampling_stages(answer.logits, sampling, answer.input_ids, coin=coin)
    best = best_ids(answer.logits, N_SHOWN).tolist()
    finding(finding_of(tok, stages))
    show_chart(tok, answer, stages, sampling, theme.family_colour(model))
    sampling_row()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        sampling_presets(sampling)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Prompts to try", width="content")
        prompt_chips()
    st.caption(view.facts(answer, stages, sampling))
    words_here("logit", "softmax", "probability", "temperature", "sampling", "entropy", "bit")
    for sentence in (*steps_words(sampling, coin), order_sentence(tok, answer, sampling, coin)):
        if sentence:
            st.caption(sentence)
    shown = state.segmented(
        "next_view", "Look closer", format_func=view.VIEWS.__getitem__, help="Other views of the same scores."
    )
    view.show(shown, view.Shown(tok, text, model, quantization, answer, sampling, stages, best))
    n_rolls, seed = state.get("rolls"), state.get("seed")
    own, theirs = rolls_code(n_rolls, seed)
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            text=as_code(text),
            rows=len(answer.logits),
            sampling=sampling_code(sampling),
            coin=f", coin=lm.xtc_coin({seed})" if sampling.applies("xtc") else "",
            rolls=own,
            loading=loading_code(engine.describe(), answer.input_ids.tolist()),
            warpers=warpers_code(sampling, coin),
            their_rolls=theirs,
            n=N_SHOWN,
        )
    )
with bar.gear:
    state.segmented(
        "axis_end", "The axis of the bars", format_func=AXES.__getitem__, help="Zoomed in, long bars are cut off."
    )
    state.number_input("seed", "Seed of the die", help=explained("seed"))
