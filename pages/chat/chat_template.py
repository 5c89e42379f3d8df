"""Chat template: one conversation as the string that each family's model reads."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name
from ui.chat.conversation import edit_conversation
from ui.chat.conversation_json import edit_json
from ui.chat.lessons import lesson_buttons
from ui.chat.request import chat_request, ending_switches, show_refusals
from ui.chat.template_upload import OwnTemplate, own_templates
from ui.chat.template_variables import edit_variables
from ui.chat.tools_form import edit_tools
from ui.chat.view import family_card
from ui.chat.warnings import injection_experiment
from ui.page import page_header, reproduce
from ui.state import store as state

CODE = """
import transformers

import lmloupe as lm

messages = {messages!r}
tools = {tools!r}
variables = {variables!r}
# Of each its tokenizer and the template; None: the tokenizer's own
for name, template in {shown}:
    tok = lm.load_tokenizer(name)
    chat = lm.render_chat(
        tok, messages, tools, template=template, variables=variables,
        {ending},
    )
    print(name, len(chat.encoding), "tokens")
    print(chat.text)
    stops = lm.stop_tokens(tok, tools, template, variables)
    print("a reply ends at", [stop.content for stop in stops.tokens])
    print("each prompt begins the next:", lm.prefix_stability(tok, messages, tools, template, variables).is_stable)

    # The same with transformers, from the same vocabulary and the same template
    special = getattr(template, "special_tokens", None) or {{}}
    if name in lm.embedded_tokenizers():
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tok.backend, bos_token=tok.bos_token, eos_token=tok.eos_token
        )
    else:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    text = tokenizer.apply_chat_template(
        messages, tools, chat_template=chat.source, tokenize=False, **{{**special, **variables}},
        {ending},
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
    prompt = ending_switches(
        asked_help="End with the header of the assistant's turn (add_generation_prompt): the model goes on from there. "
        "What it writes is underlined."
    )
    whitespace = state.toggle("show_whitespace", "Show white space", help="Mark spaces, tabs and line ends.")

own = own_templates(names or lm.embedded_tokenizers())
shown: list[tuple[str, OwnTemplate | None]] = [*((name, None) for name in names), *((o.tokenizer, o) for o in own)]
columns = st.columns(2)
rendered: list[tuple[str, str]] = []
for i, (name, mine) in enumerate(shown):
    with columns[i % 2], st.container(border=True), show_errors():
        title = f"{mine.label}, cut by {display_name(name)}" if mine else display_name(name)
        st.markdown(f"**{escape_markdown(title)}**")
        own_template = mine.templates if mine else None
        template = family_card(
            name, request, key=f"chat_{i}", asked=prompt, show_whitespace=whitespace, own=own_template
        )
        if template is not None:
            rendered.append((name, template))

injection_experiment(names, request.messages)
reproduce(
    CODE.format(
        messages=request.messages,
        tools=request.tools,
        variables=request.variables,
        shown="[" + ", ".join(f"({name!r}, {template})" for name, template in rendered) + "]",
        ending=request.ending_code(add_generation_prompt=prompt),
    )
)
