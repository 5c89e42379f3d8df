"""The wrong format: the same conversation in every family's format, scored by one model that knows only its own."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.entries import explained
from ui.base.glossary.tables import data_table
from ui.base.loaders import display_name, encoding
from ui.base.words import counted
from ui.chat.lessons import choose_lesson, lesson_words
from ui.chat.request import chat_request, show_refusals
from ui.chat.templates.upload import own_templates
from ui.chat.wrong_format.cost import answer_bits, formats, headline, last_answer, own_answer, together
from ui.chat.wrong_format.view import (
    answer_wanted,
    cost_matrix,
    cost_table,
    generated_answers,
    no_answer,
    say_losses,
)
from ui.generation.live.runs import Request
from ui.generation.live.stream import stop_button
from ui.model.choice import choose_model
from ui.page import reproduce, words_here
from ui.state import store as state

CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
tok = engine.tokenizer
prompts = {prompts!r}
answer = lm.encode(tok, {answer!r}, parse_special_tokens=False).input_ids.tolist()
for name, text in prompts.items():
    ids = lm.encode(tok, text).input_ids.tolist()
    bits = engine.score(ids + answer).surprisal_bits[-len(answer):]
    print(f"{{bits.mean():.3f}} bits per token: {{name}}")
"""

bar = page_bar("wrong_format")
model, quantization, engine = choose_model(bar)
tok = engine.tokenizer
choose_lesson(bar, tok)
with bar.gear:
    n = state.number_input(
        "max_new_tokens", "Maximum new tokens", help=explained("max_new_tokens", "Of each answer below.")
    )
    own_templates()
request = chat_request()
show_refusals(request)
conversation = request.messages
at = last_answer(conversation)
# The answer is asked for, whatever the other pages go on from.
request = replace(request, messages=conversation[:at], continue_final_message=False)

with show_errors():
    written = formats(request, tok)
    if at is None and not answer_wanted(conversation):
        asks = bool(conversation) and conversation[-1]["role"] != "assistant"
        no_answer(display_name(model), tok, conversation, can_answer=asks and not written[0].error)
        st.stop()
    shown = [form for form in written if not form.error]
    prompts = [tuple(encoding(tok, form.prompt, False, True).input_ids.tolist()) for form in shown]
    if at is None:
        with st.spinner("The model answers …"):
            answer = own_answer(model, quantization, prompts[0])
    else:
        answer = conversation[at]["content"]
    answered = lm.encode(tok, answer, parse_special_tokens=False)
    if not len(answered):
        raise lm.InputError("The model ended its answer at once, so there is nothing to score: choose a lesson above.")
    ids = tuple(answered.input_ids.tolist())
    with st.spinner("Scoring the answer after each prompt …"):
        bits = [answer_bits(model, quantization, prompt, ids) for prompt in prompts]
    rows = together(shown, prompts, bits)
    cost_matrix(rows, answered, headline(rows))
    whose = f"the answer in turn {at + 1}" if at is not None else "the model's own answer in its own format"
    st.caption(
        f"Scored: {whose}, {counted(len(ids), 'token')}, the same after each prompt. Each number is a token's "
        "surprisal in bits: the stronger the colour, the less the model expected it. Each prompt is cut by this "
        "model's own tokenizer: special tokens of a family that its vocabulary lacks are plain letters to it, and that "
        "is what the wrong format does."
    )
    say_losses(written)
    if shows := lesson_words():
        st.caption(f"The lesson: {escape_markdown(shows)}")
    with st.expander("The matrix as a table"):
        data_table(cost_table(rows, answered), hide_index=True, width="stretch")

    st.header("What the model answers to each prompt", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        asked = st.button("Generate answers", type="primary", icon=":material/play_arrow:")
        stop_place = st.empty()
    if asked:
        stop_button(stop_place)
    greedy = lm.Sampling(temperature=0.0)
    requests = [Request(model, quantization, row.ids, greedy, n, 0) for row in rows]
    generated_answers([row.name for row in rows], requests, engine, asked=asked)
    stop_place.empty()
    words_here("chat_template", "surprisal", "special_token")
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            prompts={form.name: form.prompt for form in shown},
            answer=answer,
        )
    )
