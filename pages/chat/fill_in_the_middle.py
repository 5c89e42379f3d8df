"""Fill in the middle: a code model's two prompts, a gap in a file and the files of a repository."""

from __future__ import annotations

import json

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown
from ui.chat.fim.gap import draw_files, draw_gap
from ui.chat.fim.repository_form import edit_files
from ui.components.token_view import TokenRow, token_view
from ui.page import finding, reproduce, words_here
from ui.state import store as state
from ui.tokenizers.choice import choose_tokenizer

CODE = """
import lmloupe as lm

tok = {load}
gap = lm.fim_prompt(tok, {prefix!r}, {suffix!r})
repository = lm.repository_prompt(tok, {name!r}, {files!r})
for prompt in (gap, repository):
    print(len(prompt.encoding), "tokens:", prompt.encoding.input_ids.tolist())
"""
CODE_MODEL = "starcoder2"


def offer_code_model(error: lm.LoupeError, name: str, label: str) -> None:
    """Say why this model has no such prompts, and offer one that has."""
    said = str(error).replace(name, label, 1).replace(CODE_MODEL, "StarCoder2")
    st.error(escape_markdown(said))
    st.button("Show StarCoder2", on_click=state.put, args=("fim_model", CODE_MODEL))


def about(prompt: lm.CodePrompt, stem: str) -> None:
    """What a person's text breaks in a prompt; its tokens, and the prompt as files."""
    if prompt.spelled:
        spelled = escape_markdown(", ".join(dict.fromkeys(token.content for token in prompt.spelled)))
        st.warning(f"Your text spells {spelled}: the model takes it for the real token.", icon=":material/warning:")
    enc = prompt.encoding
    files = (
        ("Text", enc.text, f"{stem}.txt", "text/plain"),
        ("Ids", json.dumps(enc.input_ids.tolist()), f"{stem}-ids.json", "application/json"),
    )
    with st.expander("Its tokens, and files"):
        token_view([TokenRow("Prompt", enc)], text=enc.text, key=f"{stem}_tokens")
        with st.container(horizontal=True, gap="small"):
            for label, data, name, mime in files:
                st.download_button(label, data, name, mime, icon=":material/download:", key=name)


bar = page_bar("fim")
choice = choose_tokenizer(bar, "fim_model", "Code model")
prefix, suffix = state.get("fim_prefix"), state.get("fim_suffix")
try:
    tok = choice.load()
    gap = lm.fim_prompt(tok, prefix, suffix)
except lm.LoupeError as error:
    offer_code_model(error, choice.name, choice.label)
    st.stop()
draw_gap(gap)
with st.container(width=640):
    st.markdown(
        "The prompt has the code after the gap too, so the model knows both sides when it goes on after "
        f"`<fim_middle>`. {escape_markdown(choice.label)} is a base model, trained on code and not on conversations."
    )
about(gap, "fill-in-the-middle")

finding("The same model reads the other files of a repository first")
form, shown = st.columns([2, 3])
with form:
    name = state.text_input("repository", "Repository", help="Owner and name, after `<repo_name>`.")
    files = edit_files()
pairs = [(file["path"], file["text"]) for file in files]
with shown:
    repository = lm.repository_prompt(tok, name, pairs)
    draw_files(repository)
    st.caption("So it has seen the names that the last file uses.")
    about(repository, "repository-context")
words_here("fill_in_the_middle", "special_token", "masked_model")
reproduce(CODE.format(load=choice.code, prefix=prefix, suffix=suffix, name=name, files=pairs))
