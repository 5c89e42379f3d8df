"""Why the word round one token splits so, as Tokens draws it beside the card."""

import streamlit as st

import lmloupe as lm
from ui.base.loaders import encoding, tokenizer
from ui.state.session import one_run
from ui.text.why_view import show_why_of

with one_run("why"):
    enc = encoding(st.session_state["name"], st.session_state["text"], True, True)
    names = [*lm.embedded_tokenizers()][:2]
    show_why_of(enc, st.session_state["index"], {name: tokenizer(name) for name in names})
