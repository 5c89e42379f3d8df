"""The token view alone, for the browser tests: ``?case=`` names what it shows."""

from typing import Any

import streamlit as st

from lmloupe.encodings.encoding import Encoding, encode
from lmloupe.loading.tokenizer import load_tokenizer
from tests.support.apps.token_view_cases import NAMES, TEXTS
from ui.components.token_view import TokenRow, token_view

LONG = ("long", "lines", "million")


def rows_for(case: str, text: str) -> list[TokenRow]:
    if case == "special":
        tok = load_tokenizer("llama-3.1")
        return [
            TokenRow("Parsed", encode(tok, text, add_special_tokens=True)),
            TokenRow("Spelled", encode(tok, text, parse_special_tokens=False), subtitle="as plain text"),
        ]
    if case == "chat":
        return [chat_row(text)]
    if case == "mask":
        return [mask_row(text)]
    if case == "fill":
        encoding = encode(load_tokenizer("llama-3.1"), text)
        shares = [None if i == 0 else i / len(encoding) for i in range(len(encoding))]
        return [TokenRow("Shaded", encoding, fill=shares, notes=[f"probability {s}" for s in shares])]
    if case == "removed":
        return [TokenRow("SmolLM2", encoded("smollm2", text), family="smollm2")]
    keys = ("llama-3.1",) if case in LONG else tuple(NAMES)
    return [TokenRow(NAMES[key], encoded(key, text)) for key in keys]


@st.cache_resource(max_entries=16)
def encoded(key: str, text: str) -> Encoding:
    return encode(load_tokenizer(key), text)


def chat_row(text: str) -> TokenRow:
    encoding = encode(load_tokenizer("phi-3"), text)
    classes, role = [], None
    for token in encoding.tokens:
        role = {"<|user|>": "user", "<|assistant|>": "assistant", "<|end|>": role}.get(token.piece, role)
        classes.append("special" if token.is_special else role)
    return TokenRow("Phi-3", encoding, classes=classes)


def mask_row(text: str) -> TokenRow:
    """What the assistant wrote, its end token included."""
    encoding = encode(load_tokenizer("phi-3"), text)
    starts = encoding.offsets[:, 0]
    own = (starts >= text.index("A piece")) & (starts < len(text) - 1)
    return TokenRow("Mask", encoding, classes=["assistant" if mine else None for mine in own.tolist()])


query: Any = st.query_params
case = query.get("case", "sample")
text = st.text_area("Text", TEXTS[case], height=80) if case not in LONG else TEXTS[case]
marks = st.toggle("Show white space", value=False)
st.button("Run again")
selection = token_view(
    rows_for(case, text),
    text=text,
    key="view",
    show_whitespace=marks,
    max_tokens=int(st.query_params.get("max", 20_000)),
    selectable=st.query_params.get("select") == "1",
    height=int(st.query_params["height"]) if "height" in st.query_params else None,
    colour_by=query.get("colour", "position"),
    show=query.get("show", "text"),
    export="picture" if "export" in st.query_params else None,
)
st.text(f"selected: {selection}")
