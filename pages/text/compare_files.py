"""Compare files: a text of any length as two tokenizers cut it, line by line."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.bar.text_file import decoded
from ui.base.errors import show_errors
from ui.components.file_view import file_view
from ui.page import as_code, finding, reproduce, words_here
from ui.state import store as state
from ui.text.comparison import compared, comparison_payload, costs_more
from ui.tokenizers.choice import choose_tokenizer

CODE = """
import lmloupe as lm

text = {text}
tokenizers = ({first}, {second})
first, second = (lm.encode(tok, text, parse_special_tokens={parse}) for tok in tokenizers)
found = lm.compare_lines(first, second)
print(len(first), len(second), f"{{found.agreement:.1%}}", f"{{found.share_same:.1%}}")
for line in found.different[:20]:
    print(line + 1, repr(found.line(line)), found.ids(0, line).tolist(), found.ids(1, line).tolist())
"""

bar = page_bar("compare")
text = bar.text()
first = choose_tokenizer(bar, "tokenizer", "First tokenizer")
second = choose_tokenizer(bar, "compare_with", "Second tokenizer")
with bar.gear:
    parse = state.toggle(
        "parse_special_tokens",
        "Read special tokens",
        help="On: <|eot_id|> in the text is the control token. Off: it is plain characters, as in a person's message.",
    )
    each = state.number_input(
        "price_per_million", "Price per million tokens", help="In any currency, from your provider's price list."
    )

with show_errors():
    with st.spinner("Both tokenizers read the text …"):
        found = compared(first, second, text, parse_special_tokens=parse)
        payload = comparison_payload(found, (first, second), price_per_million=each)
    if text:
        finding(costs_more(found, (first.label, second.label)))
    else:
        st.info("The text is empty: write one above, or open a file below.", icon=":material/upload_file:")
    sent = file_view(payload, only_different=state.get("only_different"), key="file")
    if sent.only_different is not None:
        state.put("only_different", sent.only_different)
    st.caption(
        "A line that both cut alike is drawn once. Where they differ there are two, and what one of them has alone "
        "is in its colour. Dotted edges: the token goes on in the next line."
    )
    if sent.file is not None:
        name, data = sent.file
        state.put("text", decoded(data, name))
        st.rerun()
words_here("token", "tokenizer")
reproduce(CODE.format(text=as_code(text), first=first.code, second=second.code, parse=parse))
