"""100,000 tokens at the press of a button: ``?as=view`` in the token view, ``?as=spans`` as plain spans."""

import streamlit as st

from benchmarks.text import mixed_text
from lmloupe import Encoding, encode, load_tokenizer
from ui.components.token_view import TokenRow, token_view

N_TOKENS = 100_000
PLAIN = """
export default function ({ data, parentElement }) {
  const rows = document.createElement("div");
  for (const text of data) {
    const span = document.createElement("span");
    span.textContent = text;
    rows.append(span);
  }
  parentElement.append(rows);
}
"""
spans = st.components.v2.component("benchmark_plain_spans", js=PLAIN)


@st.cache_resource
def encoding() -> Encoding:
    return encode(load_tokenizer("llama-3.1"), mixed_text(400_000))


@st.cache_resource
def texts() -> list[str]:
    return [encoding().text[start:end] for start, end in encoding().offsets[:N_TOKENS].tolist()]


# Encoded before anybody presses the button: it is the drawing that is measured.
assert len(texts()) == N_TOKENS
if st.button("Show"):
    if st.query_params.get("as") == "spans":
        spans(key="spans", data=texts())
    else:
        token_view([TokenRow("Llama 3.1", encoding())], text=encoding().text, key="view", max_tokens=N_TOKENS)
