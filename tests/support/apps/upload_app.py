"""One page with both choices of tokenizers and the box for uploads, for the tests of them."""

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import show_errors
from ui.state.session import one_run
from ui.tokenizers.choice import choose_tokenizer, choose_tokenizers

with one_run(st.session_state.get("page", "tokens")):
    bar = page_bar("tokens")
    text = bar.text()
    several = st.session_state.get("several", True)
    choices = choose_tokenizers(bar) if several else (choose_tokenizer(bar), choose_tokenizer(bar, "compare_with"))
    for choice in choices:
        with show_errors():
            st.code(f"{choice.name} {lm.encode(choice.load(), text).input_ids.tolist()}")
