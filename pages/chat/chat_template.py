"""Chat template: a conversation as bubbles, and the one string that each family's model reads of it."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.chat.conversation.as_json import edit_json
from ui.chat.conversation.bubbles import show_refused
from ui.chat.conversation.tools_form import edit_tools
from ui.chat.conversation.variables import edit_variables
from ui.chat.facts import show_prefix, show_stops
from ui.chat.lessons import choose_lesson, follow_family, lesson_words
from ui.chat.prompt.conversation_view import conversation_view
from ui.chat.prompt.families import every_family
from ui.chat.request import chat_request, ending_switches, show_refusals
from ui.chat.templates.choice import FAMILIES, choose_template
from ui.chat.view import chat_downloads, link_to_fim, load_or_stop
from ui.chat.warnings import chat_notes, injection_experiment
from ui.page import reproduce, words_here

CODE = """
import transformers

import lmloupe as lm

messages = {messages!r}
tools = {tools!r}
variables = {variables!r}
template = {template}  # None: the tokenizer's own
tok = {load}
chat = lm.render_chat(
    tok, messages, tools, template=template, variables=variables,
    {ending},
)
print(len(chat.encoding), "tokens,", int(chat.assistant_mask.sum()), "train")
print(chat.text)
print("left out:", [part.words for part in chat.dropped_parts if part.matters])
stops = lm.stop_tokens(tok, tools, template, variables)
print("a reply ends at", [stop.content for stop in stops.tokens])
print("each prompt begins the next:", lm.prefix_stability(tok, messages, tools, template, variables).is_stable)

# The same with transformers, from the same vocabulary and the same template
special = getattr(template, "special_tokens", None) or {{}}
if tok.name in lm.embedded_tokenizers():
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tok.backend, bos_token=tok.bos_token, eos_token=tok.eos_token
    )
elif tok.source == "file":
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=tok.name.removeprefix("upload:"))
else:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tok.name)
text = tokenizer.apply_chat_template(
    messages, tools, chat_template=chat.source, tokenize=False, **{{**special, **variables}},
    {ending},
)
ids = tokenizer(text, add_special_tokens=False).input_ids
print("transformers agrees:", text == chat.text and ids == chat.encoding.input_ids.tolist())
"""
MAX_TURNS_AT_ONCE = 24


bar = page_bar("chat")
choice = choose_template(bar)
with bar.gear:
    asked = ending_switches(
        asked_help="End with the header of the assistant's turn (add_generation_prompt): the model goes on from there. "
        "What it writes is underlined."
    )
    edit_variables()
family = load_or_stop(choice)
choose_lesson(bar, family)
follow_family(family)

request = chat_request()
written = every_family(request, choice, asked=asked)
one = written[choice.key]
show_refusals(request)
show_refused()
conversation_view(written, choice, request, asked=asked)

link_to_fim(choice)
if shows := lesson_words():
    st.caption(shows)
if one.chat is not None:
    chat_notes(one.chat, family, request)
    with show_errors():
        show_stops(request.stops(family, choice.template))
        # Every beginning of the conversation is rendered: of a long one that takes a second.
        if len(request.messages) <= MAX_TURNS_AT_ONCE or st.toggle("Compare turn by turn"):
            show_prefix(request.prefix(family, choice.template), family)
tools_column, json_column = st.columns(2)
with tools_column, st.expander("Tools that the model may call", icon=":material/build:"):
    edit_tools()
with json_column, st.expander("The messages as JSON", icon=":material/data_object:"):
    edit_json()
injection_experiment(FAMILIES, request.messages)
if one.chat is not None:
    with st.expander("As plain text, and as files", icon=":material/download:"):
        # st.code drops one line end at each side; every character counts here.
        st.code(f"\n{one.chat.text}\n", language=None, wrap_lines=True)
        chat_downloads(one.chat, choice.label, key="chat")
    words_here("chat_template", "role", "generation_prompt", "loss_mask", "special_token")
    reproduce(
        CODE.format(
            messages=request.messages,
            tools=request.tools,
            variables=request.variables,
            template=request.template_in_code(family, choice.template),
            load=choice.code,
            ending=request.ending_code(add_generation_prompt=asked),
        )
    )
