"""Provenance: which line of a template wrote which characters of the prompt, and which tokens train."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name, tokenizer
from ui.chat.lessons import lesson_buttons
from ui.chat.request import chat_request, ending_switches, show_refusals
from ui.chat.template_editor import choose_named, edit_template, show_template_error
from ui.chat.view import chat_downloads, mask_rows, show_no_template
from ui.chat.warnings import chat_warnings
from ui.components.prompt_view import prompt_view
from ui.components.token_view import token_view
from ui.page import page_header, reproduce
from ui.state import store as state

CODE = """
import lmloupe as lm

tok = lm.load_tokenizer({name!r})
{chat}
for span in chat.spans:
    print(f"line {{span.line}}, message {{span.message}}, {{span.part}}: {{chat.text[span.start : span.end]!r}}")
print(int(chat.assistant_mask.sum()), "of", len(chat.encoding), "tokens are the assistant's own")
"""

page_header(
    "Provenance",
    "Hover the prompt: the line of the template that wrote it lights up, and all of its message. Hover a line: all "
    "that it wrote lights up. The conversation is the one of Chat template.",
)

lesson_buttons()
choice, switch = st.columns([3, 4], vertical_alignment="bottom")
with choice:
    name = state.selectbox(
        "template_of",
        "Template of",
        format_func=display_name,
        accept_new_options=True,
        help="One of the families, or a hub id: then it is the model's own published template.",
    )
with switch:
    prompt = ending_switches(asked_help="Underlined in the prompt: what add_generation_prompt writes.")
request = chat_request()
show_refusals(request)
try:
    tok = tokenizer(name)
except lm.LoupeError as error:
    st.error(escape_markdown(str(error)))
    st.stop()
named = choose_named(name, tok.chat_templates)
try:
    original = lm.choose_template(tok, request.tools, named)
except lm.NoChatTemplateError as error:
    show_no_template(name, error)
    st.stop()

edited = None if named else request.templates.get(name)
chat = None
with st.container():  # one place, whatever it holds: what follows stays where it is while this changes
    try:
        chat = request.render(tok, add_generation_prompt=prompt)
    except lm.LoupeError as error:
        show_template_error(error, original if edited is None else edited)
    if chat is not None:
        chat_warnings(chat, tok, request)
        prompt_view(chat, key="provenance", source=True, height=560)
with st.expander("Edit the template", expanded=edited is not None, icon=":material/edit:"):
    edit_template(name, original, edited)

if chat is not None:
    st.subheader("What a fine-tuning run trains on", anchor=False)
    if chat.followed == "values":
        own, total = int(chat.assistant_mask.sum()), len(chat.encoding)
        marks = (
            "The template has `{% generation %}` marks: they give the second row."
            if chat.generation_mask is not None
            else "This template has no `{% generation %}` marks, and needs none: the trace knows who wrote what."
        )
        st.markdown(
            f"{own:,} of {total:,} tokens are the assistant's own, the end of its turn included. "
            f"The loss ignores the others. {marks}"
        )
        token_view(mask_rows(chat), text=chat.text, key="mask")
    else:
        st.markdown("Not known: this template cannot be followed, so no character is traced to its message.")
    chat_downloads(chat, name, key="provenance")
    reproduce(CODE.format(name=name, chat=request.code(tok, add_generation_prompt=prompt)))
