"""The floor of a keystroke on the Tokens page: a text area, the same four encodes, their counts, nothing else."""

import streamlit as st

from benchmarks.encoding import FAMILIES
from lmloupe import load_tokenizer

if "backends" not in st.session_state:
    st.session_state["backends"] = [load_tokenizer(name).backend for name in FAMILIES]
text = st.text_area("Text", key="text")
counts = [len(backend.encode(text, add_special_tokens=False).ids) for backend in st.session_state["backends"]]
st.text(str(counts))
