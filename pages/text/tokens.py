"""Tokens: one text as several tokenizers split it."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name, encodings, round_trips, tokenizer
from ui.components.token_view import TokenRow, token_view
from ui.page import as_code, reproduce
from ui.state import store as state
from ui.text.removed_text import removed_sentence
from ui.text.token_files import download_buttons
from ui.tokenizers.choice import choose_tokenizers

CODE = """
import lmloupe as lm

text = {text}
for name in {names}:
    tok = lm.load_tokenizer(name)
    enc = lm.encode(tok, text, add_special_tokens={add}, parse_special_tokens={parse})
    print(name, len(enc), "tokens")
    for token in enc.tokens:
        print(token.id, repr(token.piece), token.bytes.hex(" "), token.start, token.end)

# The same with the tokenizers library alone
import gzip
import importlib.resources
import tokenizers

data = importlib.resources.files("lmloupe") / "data"
for name in {embedded}:
    tok = tokenizers.Tokenizer.from_str(gzip.decompress((data / (name + ".json.gz")).read_bytes()).decode())
    tok.encode_special_tokens = {plain}
    raw = tok.encode(text, add_special_tokens={add})
    print(name, len(raw.ids), raw.ids)
    print(raw.offsets)  # where NFC merged characters, or a byte was dropped, these leave characters out
"""

bar = page_bar("tokens")
text = bar.text()
choices = choose_tokenizers(bar)
names = [choice.name for choice in choices if choice.uploaded is None]
uploads = {choice.name: choice.uploaded for choice in choices if choice.uploaded is not None}
with bar.gear:
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
    colour_by = state.segmented(
        "colour_by",
        "Colour by",
        help="Position tells neighbours apart; id gives one token one colour; length is in bytes.",
    )
    show = state.segmented("show_tokens", "Show", help="The text of the tokens, their ids, or both.")

with show_errors():
    found, failed = encodings(names, text, add, parse)
    known = list(found)
    # Uploads belong to this session alone: they never go through the caches that serve everyone.
    found |= {name: lm.encode(tok, text, add, parse) for name, tok in uploads.items()}
    for name, error in failed.items():
        st.warning(escape_markdown(f"{name}: {error}"))
    if not names and not uploads:
        st.info("Choose at least one tokenizer above.", icon=":material/arrow_upward:")
    elif not text:
        st.info("The text is empty, so there is nothing to split: write something above.", icon=":material/edit:")
    if found and text:
        selection = token_view(
            [TokenRow(display_name(name), enc) for name, enc in found.items()],
            text=text,
            key="token_rows",
            show_whitespace=whitespace,
            max_tokens=1_000_000,
            selectable=True,
            colour_by=colour_by,
            show=show,
            export="tokens",
        )
        card_place = st.container()
        for name, enc in found.items():
            if sentence := removed_sentence(enc):
                st.caption(escape_markdown(f"{display_name(name)}: {sentence}"))
        for name in known:
            if not round_trips(name, text, add, parse):
                st.caption(
                    escape_markdown(
                        f"{display_name(name)}: decoding these tokens does not give this text back exactly, because "
                        "it is normalized or the vocabulary lacks some bytes; Special tokens says where."
                    )
                )
        # pandas and plotly take half a second to load: the rows above are on the screen by then.
        from ui.state.thread import on_tokens, show_thread
        from ui.text.token_analysis import show_counts, show_ruler
        from ui.text.token_card import token_card

        with card_place:
            rows = list(found.values())
            chosen = on_tokens("token_rows", (selection.row, selection.index) if selection else None, rows, text)
            if chosen is not None:
                enc, index = chosen
                show_thread(enc, index, "tokens")
                with st.spinner("Looking this token up in every vocabulary …"):
                    others = {key: tokenizer(key) for key in dict.fromkeys([*lm.embedded_tokenizers(), *known])}
                    token_card(enc, index, others)
        shown = {display_name(name): enc for name, enc in found.items()}
        if len(found) > 1:
            show_ruler(list(shown.values()), list(shown))
        show_counts(shown)
        download_buttons(shown)
        st.caption("Built with Llama: the Llama 3.1 vocabulary is licensed under the Llama 3.1 Community License.")

embedded = [name for name in names if name in lm.embedded_tokenizers()]
reproduce(CODE.format(text=as_code(text), names=list(names), embedded=embedded, add=add, parse=parse, plain=not parse))
