"""Chat template: one conversation as the string that each family's model reads."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui import state
from ui.chat_view import chat_row
from ui.conversation import edit_conversation
from ui.errors import escape_markdown, show_errors
from ui.loaders import display_name, tokenizer
from ui.page import page_header, reproduce
from ui.token_view import token_view

CODE = """
import lmloupe as lm

messages = {messages!r}
for name in {names!r}:
    chat = lm.render_chat(lm.load_tokenizer(name), messages, add_generation_prompt={prompt})
    print(name, len(chat.encoding), "tokens")
    print(chat.text)
"""

page_header(
    "Chat template",
    "A chat model reads one string. Each family writes the same conversation in its own way: who speaks is said with "
    "special tokens, which are in the vocabulary for this alone.",
)

messages = edit_conversation()
names = state.multiselect(
    "tokenizers",
    "Families",
    format_func=display_name,
    accept_new_options=True,
    help="The same choice as on Tokens; a hub id brings its own published template.",
)
with st.container(horizontal=True, gap="medium"):
    prompt = state.toggle(
        "add_generation_prompt",
        "Ask for a reply",
        help="End with the header of the assistant's turn (add_generation_prompt): the model goes on from there.",
    )
    whitespace = state.toggle("show_whitespace", "Show white space", help="Mark spaces, tabs and line ends.")

columns = st.columns(2)
for i, name in enumerate(names):
    with columns[i % 2], st.container(border=True), show_errors():
        try:
            chat = lm.render_chat(tokenizer(name), messages, add_generation_prompt=prompt)
        except lm.NoChatTemplateError as error:
            st.markdown(f"**{escape_markdown(display_name(name))}**")
            st.info(escape_markdown(str(error)), icon=":material/block:")
            continue
        token_view([chat_row(display_name(name), chat)], text=chat.text, key=f"chat_{i}", show_whitespace=whitespace)
        dropped = [m["content"] for m in messages if m["content"].strip() and m["content"].strip() not in chat.text]
        if dropped:
            st.warning(
                f"{len(dropped)} of {len(messages)} turns are missing: this template drops roles that it does not know."
            )
        with st.expander("As plain text"):
            # st.code drops one line end at each side; every character counts here.
            st.code(f"\n{chat.text}\n", language=None, wrap_lines=True)

reproduce(CODE.format(messages=messages, names=list(names), prompt=prompt))
