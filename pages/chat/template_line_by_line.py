"""Template, line by line: which line of a template wrote which characters of the prompt, and which tokens train."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.chat.conversation.variables import edit_variables
from ui.chat.lessons import choose_lesson, follow_family, lesson_words
from ui.chat.prompt.dropped import lost_parts
from ui.chat.prompt.families import every_family, remedy
from ui.chat.prompt.shown import loss_words, owner_words
from ui.chat.request import chat_request, ending_switches, show_refusals
from ui.chat.templates.choice import choose_template, pick_template
from ui.chat.templates.editor import choose_named, edit_template, show_template_error
from ui.chat.view import chat_downloads, load_or_stop, show_no_template
from ui.chat.warnings import chat_notes
from ui.components.prompt_view import Prompt, chat_pieces, prompt_view, sent_by
from ui.page import finding, reproduce, words_here

CODE = """
import lmloupe as lm

tok = {load}
{chat}
for span in chat.spans:
    print(f"line {{span.line}}, message {{span.message}}, {{span.part}}: {{chat.text[span.start : span.end]!r}}")
print(int(chat.assistant_mask.sum()), "of", len(chat.encoding), "tokens are the assistant's own")
"""
POINT = "Point at a part of the prompt or at a line; a click keeps it lit."
EXAMPLE = "Lit as an example: the assistant's first text and its line. "


def first_answer(pieces: list[dict[str, object]]) -> int | None:
    """The piece that is lit before anybody touches the view: the first text of an assistant."""
    for i, piece in enumerate(pieces):
        if piece["part"] == "content" and piece["role"] == "assistant" and not piece["special"]:
            return i
    return None


bar = page_bar("template")
choice = choose_template(bar)
tok = load_or_stop(choice)
choose_lesson(bar, tok)
follow_family(tok)
with bar.gear:
    asked = ending_switches(asked_help="Underlined in the prompt: what add_generation_prompt writes.")
    edit_variables()
    named = None if choice.own else choose_named(choice.name, tok.chat_templates)
request = chat_request()
show_refusals(request)
try:
    original = lm.choose_template(tok, request.tools, choice.template or named)
except lm.NoChatTemplateError as error:
    show_no_template(choice, error)
    st.stop()

edited = None if named or choice.own else request.templates.get(choice.name)
chat = None
with st.container():  # one place, whatever it holds: what follows stays where it is while this changes
    try:
        chat = request.render(tok, add_generation_prompt=asked, template=choice.template)
    except lm.LoupeError as error:
        show_template_error(error, original if edited is None else edited)
    if chat is not None:
        pieces = chat_pieces(chat)
        first = first_answer(pieces)
        lost = lost_parts(chat, choice.label, request.messages, request.tools)
        prompt_view(
            Prompt(
                pieces,
                lost=lost,
                remedy=remedy(every_family(request, choice, asked=asked), choice) if lost else None,
                foot=[owner_words(chat, tok, choice)],
            ),
            key="template_lines",
            source=chat.source,
            first=first,
            hint=POINT if first is None else EXAMPLE + POINT,
            on_family=lambda: pick_template(sent_by("template_lines", "family")),
        )
    if shows := lesson_words():
        st.caption(shows)
    if chat is not None:
        chat_notes(chat, tok, request)
if choice.own is None:
    with st.expander("Edit the template", expanded=edited is not None, icon=":material/edit:"):
        edit_template(choice.name, original, edited)

if chat is not None:
    own, total = int(chat.assistant_mask.sum()), len(chat.encoding)
    followed = chat.followed == "values"
    finding(
        f"A fine-tuning run trains on {own:,} of these {total:,} tokens"
        if followed
        else "Which tokens train is not known"
    )
    prompt_view(
        Prompt(chat_pieces(chat), chat.encoding, "loss" if followed else "tokens", chat.assistant_mask,
               foot=[loss_words(chat)]),
        key="template_loss",
    )  # fmt: skip
    chat_downloads(chat, choice.label, key="template")
    words_here("chat_template", "role", "generation_prompt", "loss_mask")
    reproduce(
        CODE.format(
            load=choice.code,
            chat=request.code(tok, add_generation_prompt=asked, template=choice.template),
        )
    )
