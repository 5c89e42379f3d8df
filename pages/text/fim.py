"""Fill in the middle: StarCoder2's two prompts, a gap in a file and the files of a repository."""

from __future__ import annotations

import json

import streamlit as st

import lmloupe as lm
from ui import state
from ui.code_prompts import fim_text, repository_text, warn_of_special
from ui.errors import show_errors
from ui.loaders import encoding, tokenizer
from ui.page import page_header, reproduce
from ui.repository_form import edit_files
from ui.token_view import TokenRow, token_view

CODE = """
import lmloupe as lm

tok = lm.load_tokenizer("starcoder2")
gap = {gap!r}
repository = {repository!r}
for text in (gap, repository):
    enc = lm.encode(tok, text)
    print(len(enc), "tokens:", enc.input_ids.tolist())
"""


def prompt_section(title: str, enc: lm.Encoding, stem: str) -> None:
    """The tokens of one prompt, and the prompt as files."""
    n_special = int(enc.special_tokens_mask.sum())
    token_view([TokenRow(title, enc, subtitle=f"{n_special} special")], text=enc.text, key=f"{stem}_tokens")
    with st.container(horizontal=True, gap="small"):
        icon = ":material/download:"
        st.download_button("Text", enc.text, f"{stem}.txt", "text/plain", icon=icon, key=f"{stem}_text")
        st.download_button(
            "Ids",
            json.dumps(enc.input_ids.tolist()),
            f"{stem}-ids.json",
            "application/json",
            icon=icon,
            key=f"{stem}_ids",
        )


page_header(
    "Fill in the middle",
    "StarCoder2 has no chat template: it is a base model, trained on code and not on conversations. Its special tokens "
    "say other things: where a gap is, and which file of which repository follows.",
)
with show_errors():
    tok = tokenizer("starcoder2")
    st.subheader("A gap in a file", anchor=False)
    st.markdown(
        "The code behind the gap comes before the gap is written: so the model knows both sides when it goes on after "
        "`<fim_middle>`."
    )
    before, after = st.columns(2)
    with before:
        prefix = state.text_area("fim_prefix", "Before the gap", height=110, help="What stands before the cursor.")
    with after:
        suffix = state.text_area("fim_suffix", "Behind the gap", height=110, help="What stands behind the cursor.")
    warn_of_special(tok, {"The text before the gap": prefix, "The text behind the gap": suffix})
    gap = encoding("starcoder2", fim_text(prefix, suffix), False, True)
    prompt_section("Prompt for the gap", gap, "fill-in-the-middle")

    st.subheader("A file in its repository", anchor=False)
    st.markdown("Other files come first, so that the model has seen the names that the last one uses.")
    form, shown = st.columns([2, 3])
    with form:
        name = state.text_input("repository", "Repository", help="Owner and name, after `<repo_name>`.")
        files = edit_files()
    with shown:
        warn_of_special(
            tok,
            {"The repository's name": name}
            | {f"File {i}": f["path"] + "\n" + f["text"] for i, f in enumerate(files, 1)},
        )
        repository = encoding("starcoder2", repository_text(name, files), False, True)
        prompt_section("Prompt for the last file", repository, "repository-context")
    reproduce(CODE.format(gap=gap.text, repository=repository.text))
