"""One page with the box for uploads, for the tests of it."""

import streamlit as st

import lmloupe as lm
from ui.base.errors import show_errors
from ui.tokenizers.upload import uploaded_tokenizers

text = st.text_input("Text", "hello")
for name, tok in uploaded_tokenizers().items():
    with show_errors():
        st.code(f"{name} {lm.encode(tok, text).input_ids.tolist()}")
