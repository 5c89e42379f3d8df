"""Fill in the middle: StarCoder2's two prompts, a gap in a file and the files of a repository."""

from __future__ import annotations

import json

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import tokenizer
from ui.chat.repository_form import edit_files
from ui.components.token_view import TokenRow, token_view
from ui.page import page_header, reproduce
from ui.state import store as state

CODE = """
import lmloupe as lm

tok = lm.load_tokenizer("starcoder2")
gap = lm.fim_prompt(tok, {prefix!r}, {suffix!r})
repository = lm.repository_prompt(tok, {name!r}, {files!r})
for prompt in (gap, repository):
    print(len(prompt.encoding), "tokens:", prompt.encoding.input_ids.tolist())
"""


def prompt_section(title: str, prompt: lm.CodePrompt, stem: str) -> None:
    """The tokens of one prompt, what a person's text breaks in it, and the prompt as files."""
    if prompt.spelled:
        spelled = escape_markdown(", ".join(dict.fromkeys(token.content for token in prompt.spelled)))
        st.warning(f"Your text spells {spelled}: the model takes it for the real token.", icon=":material/warning:")
    enc = prompt.encoding
    n_special = int(enc.special_tokens_mask.sum())
    token_view([TokenRow(title, enc, subtitle=f"{n_special} special")], text=enc.text, key=f"{stem}_tokens")
    files = (
        ("Text", enc.text, f"{stem}.txt", "text/plain"),
        ("Ids", json.dumps(enc.input_ids.tolist()), f"{stem}-ids.json", "application/json"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, data, name, mime in files:
            st.download_button(label, data, name, mime, icon=":material/download:", key=name)


page_header(
    "Fill in the middle",
    "StarCoder2 has no chat template: it is a base model, trained on code and not on conversations. Its special tokens "
    "say other things: where a gap is, and which file of which repository follows.",
)
with show_errors():
    tok = tokenizer("starcoder2")
    st.subheader("A gap in a file", anchor=False)
    st.markdown(
        "The code after the gap comes before the gap is written: so the model knows both sides when it goes on after "
        "`<fim_middle>`."
    )
    before, after = st.columns(2)
    with before:
        prefix = state.text_area("fim_prefix", "Before the gap", height=110, help="What is before the cursor.")
    with after:
        suffix = state.text_area("fim_suffix", "After the gap", height=110, help="What is after the cursor.")
    prompt_section("Prompt for the gap", lm.fim_prompt(tok, prefix, suffix), "fill-in-the-middle")

    st.subheader("A file in its repository", anchor=False)
    st.markdown("Other files come first, so that the model has seen the names that the last one uses.")
    form, shown = st.columns([2, 3])
    with form:
        name = state.text_input("repository", "Repository", help="Owner and name, after `<repo_name>`.")
        files = edit_files()
    pairs = [(file["path"], file["text"]) for file in files]
    with shown:
        prompt_section("Prompt for the last file", lm.repository_prompt(tok, name, pairs), "repository-context")
    reproduce(CODE.format(prefix=prefix, suffix=suffix, name=name, files=pairs))
