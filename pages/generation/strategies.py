"""Strategies: what greedy, sampling, beams, contrastive search and speculation write from the same prompt."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.base.loaders import encoding
from ui.base.words import counted
from ui.chat.request import ChatRequest, chat_request, ending_switches, show_refusals
from ui.chat.shorter import offer_turns
from ui.generation.prompt import choose_prompt
from ui.generation.strategies.asked import choose
from ui.generation.strategies.code import strategies_code
from ui.generation.strategies.view import show_rows, show_steps, show_table
from ui.generation.strategies.words import strategies_finding
from ui.generation.strategies.work import ask, watch_rows
from ui.model.answers import offer_end, readable
from ui.model.choice import choose_model
from ui.page import as_code, finding, reproduce, words_here
from ui.prediction.sampling_controls import prompt_chips
from ui.state import store as state

bar = page_bar("strategies")
with bar.picks:
    source = choose_prompt("strategies_prompt")
if source == "text":
    bar.text()
model, quantization, engine = choose_model(bar)
conversation: ChatRequest | None = None
result = st.container()
if source == "chat":
    with bar.gear:
        ending_switches()
    conversation = chat_request()
    with result:
        show_refusals(conversation)

with result, show_errors():
    tok = engine.tokenizer
    if conversation is not None:
        prompt = conversation.render(tok, add_generation_prompt=True).encoding
        written = conversation.code(tok, add_generation_prompt=True) + "\nids = chat.encoding.input_ids.tolist()"
    else:
        text = state.get("text")
        prompt = encoding(tok, text, True, True)
        written = f"ids = lm.encode(tok, {as_code(text)}, add_special_tokens=True).input_ids.tolist()"
    offer = partial(offer_turns, conversation) if conversation else offer_end
    ids = readable(engine, prompt, offer, reply=state.get("strategies_tokens"))
    with bar.gear:
        wanted = choose(model, quantization, engine, ids)
    penalty = state.get("length_penalty")
    rows, current = ask(wanted)
    finding(strategies_finding(rows, penalty))
    show_rows(rows, tok, penalty)
    watch_rows(rows, current)
    for row in rows:
        if row.error is not None:
            with show_errors():
                raise row.error.with_traceback(None)
    if source == "text":
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown("Prompts to try", width="content")
            prompt_chips()
    show_table(rows, tok, penalty)
    st.caption(
        "log₂ P: how probable the model finds the whole text; 0 is certain, and 1 less is half as probable. "
        "Score: log₂ P for its length. "
        f"All go on from the same {counted(len(ids), 'token')}. Which strategies, and their numbers: under Settings. "
        "Each is written once for all who ask for the same."
    )
    show_steps(rows, tok)
    words_here("greedy", "sampling", "beam_search", "speculative_decoding")
    reproduce(strategies_code(wanted, engine, written, ids, penalty))
