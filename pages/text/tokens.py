"""Tokens: one text as several tokenizers split it."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.charts import count_bars
from ui.errors import escape_markdown, show_errors
from ui.frames import token_counts
from ui.loaders import display_name, encodings, round_trips
from ui.page import as_code, page_header, reproduce
from ui.token_view import TokenRow, token_view

CODE = """
import lmloupe as lm

text = {text}
for name in {names}:
    tok = lm.load_tokenizer(name)
    enc = lm.encode(tok, text, add_special_tokens={add}, parse_special_tokens={parse})
    print(name, len(enc), "tokens")
    for token in enc.tokens:
        print(token.id, repr(token.piece), token.bytes.hex(" "), token.start, token.end)
"""

page_header(
    "Tokens",
    "The same text as each tokenizer cuts it: every box is one token, a row of the model's embedding matrix. "
    "Point at one to see its id, its bytes and where the others cut.",
)

text = state.text_area(
    "text", "Text", height=130, help="Any text in any language or code; all pages use it, and the link carries it."
)
names = state.multiselect(
    "tokenizers",
    "Tokenizers",
    format_func=display_name,
    accept_new_options=True,
    help="Five are part of LM Loupe; type the hub id of any other, such as openai-community/gpt2.",
)
with st.container(horizontal=True, gap="medium"):
    parse = state.toggle(
        "parse_special_tokens",
        "Read special tokens",
        help="On: <|eot_id|> in the text is the control token. Off: it is plain characters, as in a person's message.",
    )
    add = state.toggle(
        "add_special_tokens",
        "Add special tokens",
        help="Let each tokenizer add what it adds by itself: Llama 3.1 puts a begin-of-text token in front.",
    )
    whitespace = state.toggle("show_whitespace", "Show white space", help="Mark spaces, tabs and line ends.")

with show_errors():
    found, failed = encodings(names, text, add, parse)
    for name, error in failed.items():
        st.warning(escape_markdown(f"{name}: {error}"))
    if not names:
        st.info("Choose at least one tokenizer above.", icon=":material/arrow_upward:")
    elif not text:
        st.info("The text is empty, so there is nothing to split: write something above.", icon=":material/edit:")
    if found and text:
        token_view(
            [TokenRow(display_name(name), enc) for name, enc in found.items()],
            text=text,
            key="token_rows",
            show_whitespace=whitespace,
        )
        for name in found:
            if not round_trips(name, text, add, parse):
                st.caption(
                    escape_markdown(
                        f"{display_name(name)}: decoding these tokens does not give this text back exactly, "
                        "because the tokenizer normalizes it, or its vocabulary lacks some of its bytes."
                    )
                )
        st.subheader("How many tokens", anchor=False)
        counts = token_counts({display_name(name): enc for name, enc in found.items()})
        chart_column, table_column = st.columns([2, 3])
        with chart_column:
            st.plotly_chart(count_bars(counts), width="stretch", config={"displayModeBar": False})
        with table_column:
            st.dataframe(counts, hide_index=True, width="stretch")
            st.caption(
                "More characters per token means a shorter prompt: less to pay, less to wait for, more room left."
            )

reproduce(CODE.format(text=as_code(text), names=list(names), add=add, parse=parse))
