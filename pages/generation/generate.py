"""Generate: the model writes, one token at a time, and every step can be looked at afterwards."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.base.loaders import encoding
from ui.base.words import counted
from ui.chat.facts import show_reply, show_stops
from ui.chat.request import ChatRequest, chat_request, ending_switches, show_refusals
from ui.chat.shorter import offer_turns
from ui.chat.templates.upload import choose_for_model
from ui.chat.warnings import chat_warnings
from ui.generation.live.stream import hold_back_switch, stop_button
from ui.generation.prompt import choose_prompt
from ui.generation.tree.code import branch_code
from ui.generation.tree.growing import grow
from ui.generation.tree.link import compare_with_file, follow_link, write_link
from ui.generation.tree.session import Ground, Held, held_tree
from ui.generation.tree.view import Next
from ui.generation.tree.whole import show_tree
from ui.model.answers import offer_end, readable
from ui.model.choice import choose_model
from ui.page import as_code, reproduce, words_here
from ui.prediction.sampling_controls import choose_sampling
from ui.state import store as state
from ui.state.thread import without_bos

STALE = "<style>.st-key-stale_run { filter: grayscale(1); opacity: 0.6; }</style>"
# What is pressed is never cut. On a phone the bar is to stay two lines: a button is its sign, the model's name is cut.
NARROW = """<style>@media (min-width: 920px) {
.st-key-generate_now, .st-key-stop_reply { flex-shrink: 0 !important; min-width: max-content !important; }
}
@media (max-width: 699px) {
:is(.st-key-generate_now, .st-key-stop_reply) button p { font-size: 0; }
:is(.st-key-generate_now, .st-key-stop_reply) button [data-testid="stIconMaterial"] { margin: 0; }
.st-key-pick_model button { max-width: 6.5rem; overflow: hidden; }
}</style>"""

bar = page_bar("generate")
st.html(NARROW)
with bar.picks:
    source = choose_prompt("prompt")
conversation: ChatRequest | None = None
if source == "text":
    bar.text()
model, quantization, engine = choose_model(bar)
with bar.picks:
    asked = st.button("Generate", key="generate_now", type="primary", icon=":material/play_arrow:")
    stop_place = st.empty()
with bar.gear:
    if source == "chat":
        ending_switches()
        uploaded_template = choose_for_model()
    n = state.number_input("max_new_tokens", "Maximum new tokens")
    seed = state.number_input("seed", "Seed")
    sampling = choose_sampling(tok=engine.tokenizer)
    lens = state.toggle(
        "record_lens", "Record the lens", help="Keep what each layer would have said at every step; a little slower."
    )
    hold_back_switch()
result, about_prompt = st.container(), st.container()
if source == "chat":
    conversation = chat_request(own=uploaded_template)
    with result:
        show_refusals(conversation)

with show_errors():
    tok = engine.tokenizer
    if conversation is not None:
        chat = conversation.render(tok, add_generation_prompt=True)
        prompt = chat.encoding
        prompt_text = without_bos(tok, prompt.text)
        written = conversation.code(tok, add_generation_prompt=True) + "\nids = chat.encoding.input_ids.tolist()"
        with_tools = f", {counted(len(conversation.tools), 'tool')}" if conversation.tools else ""
        own = (tok.chat_template, *tok.chat_templates.values())
        edited = ", your edited template" if chat.source not in own else ""
        edited = ", the template that you uploaded" if conversation.own else edited
        with about_prompt:
            st.caption(
                f"The prompt: {counted(len(conversation.messages), 'turn')} in its chat format{with_tools}{edited}, "
                f"{counted(len(prompt), 'token')}. Edit them on Chat template."
            )
            chat_warnings(chat, tok, conversation)
    else:
        prompt_text = state.get("text")
        prompt = encoding(tok, prompt_text, True, True)
        written = f"ids = lm.encode(tok, {as_code(prompt_text)}, add_special_tokens=True).input_ids.tolist()"
    with about_prompt:
        show_stops((conversation or chat_request()).stops(tok, generation_ids=engine.describe().stop_ids))
    offer = partial(offer_turns, conversation) if conversation else offer_end
    ground = Ground(model, quantization, readable(engine, prompt, offer, reply=n), sampling, lens)
    held = held_tree("generate")
    follow_link(held, ground, seed, n, asked=asked)
    stale = held.ground != ground
    asks = Next(seed, n, frozen=stale)
    with result:
        place = st.empty()
        if (held.growing or held.wishes) and not stale:
            stop_button(stop_place)
            with show_errors():
                grow(held, engine, place)
            stop_place.empty()
            place.empty()
        if not stale:
            compare_with_file(held)
            write_link(held, seed, n)
        if stale:
            st.html(STALE)
            st.warning(
                "This was written for another prompt or other settings. Press Generate for a new reply.",
                icon=":material/history:",
            )
        if held.branch is not None and held.branch.steps:
            with st.container(key="stale_run" if stale else "fresh_run"):
                show_tree(held, tok, asks, None if stale else prompt_text)
        elif not stale:
            st.info("Nothing has been written. Press Generate.", icon=":material/play_arrow:")
        if held.branch is not None and held.branch.steps and not stale and conversation is not None:
            st.subheader("Does the reply come back as the same tokens?", anchor=False)
            with show_errors():
                show_reply(conversation.reply(tok, list(held.branch.token_ids)), tok)
    words_here("prefill", "decode", "sampling", "seed", "eos", "prompt")
    reproduce(branch_code(held, engine, written) if not stale else branch_code(Held(ground), engine, written))
