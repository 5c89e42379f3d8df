"""Conversation: a chat with the loaded model under its real template; each reply is a place to branch off."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.entries import explained
from ui.base.glossary.tables import data_table
from ui.base.loaders import display_name
from ui.base.words import counted
from ui.chat.conversation.as_json import edit_json
from ui.chat.conversation.tools_form import edit_tools
from ui.chat.conversation.variables import edit_variables
from ui.chat.request import ChatRequest, chat_request, show_refusals
from ui.chat.talk import actions
from ui.chat.talk.code import code
from ui.chat.talk.panels import (
    STRING,
    alternatives,
    look_at_token,
    pinned,
    replies_table,
    same_again,
    show_refused,
    steps_of,
)
from ui.chat.talk.replies import Writing
from ui.chat.talk.reply import Settings, awaits, reply_to, write
from ui.chat.talk.stops import choose_stops, stop_ids
from ui.chat.talk.view import (
    Shown,
    called,
    exchange_tabs,
    heading,
    made_by,
    stretches_of,
    turns_of,
    zones_of,
)
from ui.chat.templates.upload import choose_for_model
from ui.chat.warnings import chat_warnings
from ui.components import kit
from ui.components.talk import growing_string, talk_view
from ui.model.choice import choose_model
from ui.page import finding, reproduce, words_here
from ui.prediction.sampling_controls import choose_sampling
from ui.state import store as state
from ui.state.settings import EMBEDDED_MODEL

# On a phone the bar is to stay two lines: the button is its sign, the model's name is cut.
NARROW = """<style>@media (max-width: 699px) {
.st-key-conversation_undo button p { font-size: 0; }
.st-key-conversation_undo button [data-testid="stIconMaterial"] { margin: 0; }
.st-key-pick_model button { max-width: 9rem; overflow: hidden; }
}
/* What is typed into stays in sight while the conversation scrolls. */
div:has(> .st-key-conversation_input) { position: sticky; bottom: 0.5rem; z-index: 50; }
</style>"""


def look_at_reply() -> None:
    """Show the string at another reply."""
    place = kit.whole(st.session_state.get(STRING), "exchange")
    if place is not None:
        state.put("string_at", place)


def no_template(error: lm.NoChatTemplateError, model: str) -> None:
    """Say that a model has no chat template, and offer what there is."""
    st.info(escape_markdown(str(error).replace(model, display_name(model), 1)), icon=":material/block:")
    if model != EMBEDDED_MODEL:
        st.button("Talk with SmolLM2", on_click=state.put, args=("model", EMBEDDED_MODEL), type="primary")
    st.caption("Or open Settings and upload a chat template of your own.")


bar = page_bar("conversation")
st.html(NARROW)
model, quantization, engine = choose_model(bar)
tok = engine.tokenizer
undoes = actions.undo_label()
with bar.picks:
    st.button(
        "Undo", icon=":material/undo:", key="conversation_undo", disabled=not undoes, on_click=actions.undo,
        help=f"Takes back: {undoes}." if undoes else "Nothing to take back.",
    )  # fmt: skip
with bar.gear:
    uploaded = choose_for_model()
    n = state.number_input("max_new_tokens", "Maximum new tokens")
    seed = state.number_input("seed", "Seed", help=explained("seed", "Again takes the next one."))
    sampling = choose_sampling(tok=tok)
    edit_variables()

request = replace(chat_request(own=uploaded), continue_final_message=False)
tree = actions.branches()
top = st.container()
left, right = st.columns([5, 6], gap="medium")
show_refusals(request)
with left:
    bubbles, stop_place, live_place = st.container(), st.empty(), st.empty()
    under, input_place = st.container(), st.container(key="conversation_input")
actions.offer(None)
now: Writing | None = None
stops = lm.StopSet(())
failed: lm.LoupeError | None = None
try:
    stops = request.stops(tok, generation_ids=engine.describe().stop_ids)
    if awaits(request):
        now = reply_to(request, engine, Settings(model, quantization, sampling, n, seed, stop_ids(stops)))
except lm.LoupeError as error:
    failed = error
writes = now is not None and now.run.going
offered = now if now is not None and now.run.steps and not writes else None
shown: ChatRequest = request
if offered is not None:
    shown = replace(request, messages=[*request.messages, offered.message()])
made = made_by(tree, model, engine.describe().vocab_rows)
if offered is not None:
    made[len(tree.path)] = offered.made()
found: tuple[lm.Exchange, ...] = ()
if shown.messages and failed is None:
    try:
        found = shown.exchanges(tok, {place: one.ids for place, one in made.items()})
    except lm.LoupeError as error:
        failed = error

with bubbles:
    own = {stop.token_id for stop in stops.tokens if stop.ends_generation}
    can_reply = not isinstance(failed, lm.NoChatTemplateError)
    turns = turns_of(Shown(tree, found, made, offered), tok, own, can_reply=can_reply)
    talk_view(turns, version=actions.version(tree), live=writes, key=actions.TALK, on_act=actions.pressed)
    if not turns:
        st.caption("The conversation is empty: write the first message below.")
with under:
    show_refused()
    if offered is not None:
        st.caption("Not in the conversation of the other pages yet: Keep it, or just go on talking.")
    if now is not None and not writes and not now.run.steps:
        st.button("Reply", icon=":material/play_arrow:", on_click=actions.ask_again, args=(len(tree.path),))
    tool = called(shown.messages[-1]) if shown.messages else None
    if tool is not None:
        state.segmented("answer_as", "You answer as", format_func=lambda who: tool if who == "tool" else "yourself")
as_tool = tool is not None and state.get("answer_as") == "tool"
with input_place:
    st.chat_input(
        f"Answer as {tool}" if as_tool else "Say something",
        key=actions.SAY,
        on_submit=actions.send,
        args=(tool,),
        disabled=not can_reply,
    )

with right:
    if isinstance(failed, lm.NoChatTemplateError):
        no_template(failed, model)
    elif failed is not None:
        with show_errors():
            raise failed
    if found:
        tabs = exchange_tabs(found, state.get("string_at"))
        one = next(one for one in found if one.message == tabs.chosen)
        how = made.get(one.message)
        steps = steps_of(how, one)
        with top:
            end = tok.piece(how.ids[-1]) if how is not None and how.ids and tok.has(how.ids[-1]) else ""
            finding(heading(one, None if how is None else how.ended, end))
        growing_string(
            stretches_of(one, shown.messages, tok, steps, 0 if how is None else how.forced),
            zones_of(one),
            tabs,
            key=STRING,
            pinned=pinned(one),
            on_token=look_at_token,
            on_exchange=look_at_reply,
        )
        alternatives(one, how, tok)
        same_again(one, tok)
        chat_warnings(one.prompt, tok, replace(shown, messages=shown.messages[: one.message]))
if not found:
    with top:
        finding("The conversation is empty" if not shown.messages else "The model cannot read this conversation yet")
if let_go := actions.let_go():
    st.caption(f"{counted(let_go, 'turn')} of other branches had to go: a conversation keeps at most 200 turns.")

ends, tools_column = st.columns([5, 6], gap="medium")
with ends:
    st.subheader("What ends a reply", anchor=False)
    last = len(tree.path) - 1
    choose_stops(stops, last if last in made else last + 1 if offered is not None else None)
with tools_column:
    with st.expander("Reply by reply, as a table", icon=":material/table_rows:"):
        data_table(replies_table(found, made), hide_index=True, width="stretch")
    with st.expander("Tools that the model may call", icon=":material/build:"):
        edit_tools()
    with st.expander("The messages as JSON", icon=":material/data_object:"):
        edit_json()
if found:
    words_here("chat_template", "role", "eos", "kv_cache")
    reproduce(code(shown, tok, found, made, model, quantization))
if now is not None and writes:
    with left, show_errors():
        write(now, engine, live_place, stop_place)
