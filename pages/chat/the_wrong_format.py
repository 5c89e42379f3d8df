"""Wrong template: the same conversation in every family's format, scored by one model that knows only its own."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import encoding
from ui.base.words import counted
from ui.chat.lessons import lesson_buttons
from ui.chat.request import chat_request, show_refusals
from ui.chat.wrong_format.cost import answer_bits, formats, last_answer
from ui.chat.wrong_format.view import answer_tokens, cost_bars, cost_table, generated_answers
from ui.model.choice import choose_model
from ui.page import page_header, reproduce
from ui.prediction.generation.runs import Request
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

page_header(
    "Wrong template",
    "What a mistake costs: the assistant's last answer, after the same conversation in each format. The more bits per "
    "token, the less the model expected what it reads.",
)
model, quantization, engine = choose_model()
lesson_buttons()
request = chat_request()
show_refusals(request)
at = last_answer(request.messages)
if at is None:
    st.info("No assistant turn with a text follows another turn: write one on Chat template, or choose another lesson.")
    st.stop()
answer = request.messages[at]["content"]
# The answer is asked for, whatever the other pages go on from.
request = replace(request, messages=request.messages[:at], continue_final_message=False)

with show_errors():
    tok = engine.tokenizer
    written = formats(request)
    for failed in (form for form in written if form.error):
        st.warning(f"{escape_markdown(failed.name)}: {escape_markdown(failed.error)}")
    shown = [form for form in written if not form.error]
    names = [form.name for form in shown]
    prompts = [tuple(encoding(tok, form.prompt, False, True).input_ids.tolist()) for form in shown]
    answered = lm.encode(tok, answer, parse_special_tokens=False)
    ids = tuple(answered.input_ids.tolist())
    with st.spinner("Scoring the answer behind each prompt …"):
        bits = [answer_bits(model, quantization, prompt, ids) for prompt in prompts]
    st.markdown(f"Scored: “{escape_markdown(answer)}”, {counted(len(ids), 'token')} after turn {at}.")
    st.plotly_chart(cost_bars(cost_table(names, prompts, bits)), width="stretch", config={"displayModeBar": False})
    alike = [name for name, prompt in zip(names[1:], prompts[1:], strict=True) if prompt == prompts[0]]
    same = f" {escape_markdown(' and '.join(alike))} writes this conversation just as {names[0]} does." if alike else ""
    st.caption(
        "All prompts are cut by this model's own tokenizer. Special tokens of a family that are not in its vocabulary "
        f"it reads as plain letters: that is what sending a prompt in the wrong format does.{same}"
    )
    st.subheader("Where it costs", anchor=False)
    answer_tokens(names, answered, bits)
    st.subheader("What the model answers to each", anchor=False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        n = state.number_input("max_new_tokens", "Maximum new tokens", width=160, help="Of each answer.")
        asked = st.button("Generate answers", type="primary", icon=":material/play_arrow:")
        stop_place = st.empty()
    if asked:
        stop_place.button("Stop", icon=":material/stop:", help="Stops before the next token; what is there stays.")
    greedy = lm.Sampling(temperature=0.0)
    requests = [Request(model, quantization, prompt, greedy, n, 0) for prompt in prompts]
    generated_answers(names, requests, engine, asked=asked)
    stop_place.empty()
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            prompts=dict(zip(names, (form.prompt for form in shown), strict=True)),
            answer=answer,
        )
    )
