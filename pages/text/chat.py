"""Chat template: one conversation as the string that each family's model reads."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui import state
from ui.chat_request import chat_request, show_refusals
from ui.chat_view import family_card
from ui.chat_warnings import chat_warnings, injection_experiment
from ui.conversation import edit_conversation
from ui.conversation_json import edit_json
from ui.errors import escape_markdown, show_errors
from ui.lessons import lesson_buttons
from ui.loaders import display_name, tokenizer
from ui.page import page_header, reproduce
from ui.template_variables import edit_variables
from ui.tools_form import edit_tools

CODE = """
import transformers

import lmloupe as lm

messages = {messages!r}
tools = {tools!r}
variables = {variables!r}
for name in {names!r}:
    tok = lm.load_tokenizer(name)
    chat = lm.render_chat(
        tok, messages, tools, add_generation_prompt={prompt}, template={templates!r}.get(name), variables=variables
    )
    print(name, len(chat.encoding), "tokens")
    print(chat.text)

    # The same with transformers, from the same vocabulary and the same template
    if name in lm.embedded_tokenizers():
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tok.backend, bos_token=tok.bos_token, eos_token=tok.eos_token
        )
    else:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    text = tokenizer.apply_chat_template(
        messages, tools, chat_template=chat.source, add_generation_prompt={prompt}, tokenize=False, **variables
    )
    ids = tokenizer(text, add_special_tokens=False).input_ids
    print("transformers agrees:", text == chat.text and ids == chat.encoding.input_ids.tolist())
"""

page_header(
    "Chat template",
    "A chat model reads one string. Each family writes the same conversation in its own way: who speaks is said with "
    "special tokens, which are in the vocabulary for this alone.",
)

lesson_buttons()
edit_conversation()
tools_column, variables_column, json_column = st.columns(3)
with tools_column, st.expander("Tools", icon=":material/build:"):
    edit_tools()
with variables_column, st.expander("Template variables", icon=":material/tune:"):
    edit_variables()
with json_column, st.expander("The messages as JSON", icon=":material/data_object:"):
    edit_json()

request = chat_request()
show_refusals(request)
families_column, switch_column = st.columns([3, 2], vertical_alignment="bottom")
with families_column:
    names = state.multiselect(
        "tokenizers",
        "Families",
        format_func=display_name,
        accept_new_options=True,
        help="The same choice as on Tokens; a hub id brings its own published template.",
    )
with switch_column:
    prompt = state.toggle(
        "add_generation_prompt",
        "Ask for a reply",
        help="End with the header of the assistant's turn (add_generation_prompt): the model goes on from there. "
        "What it writes is underlined.",
    )
    whitespace = state.toggle("show_whitespace", "Show white space", help="Mark spaces, tabs and line ends.")

columns = st.columns(2)
rendered = []
for i, name in enumerate(names):
    with columns[i % 2], st.container(border=True), show_errors():
        st.markdown(f"**{escape_markdown(display_name(name))}**")
        try:
            tok = tokenizer(name)
            chat = request.render(name, add_generation_prompt=prompt)
        except lm.NoChatTemplateError as error:
            st.info(escape_markdown(str(error)), icon=":material/block:")
            if name == "starcoder2":
                st.page_link("pages/text/fim.py", label="What it was trained for: fill in the middle")
            continue
        rendered.append(name)
        family_card(name, chat, request, key=f"chat_{i}", asked=prompt, show_whitespace=whitespace)
        chat_warnings(chat, tok, request)

injection_experiment(names, request.messages)
reproduce(
    CODE.format(
        messages=request.messages,
        tools=request.tools,
        names=rendered,
        prompt=prompt,
        templates=request.templates,
        variables=request.variables,
    )
)
