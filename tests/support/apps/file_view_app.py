"""The file view alone, for the browser tests: ``?case=`` names the text that it shows."""

from typing import Any

import streamlit as st

from lmloupe.encodings.encoding import encode
from lmloupe.encodings.lines import LineComparison, compare_lines
from lmloupe.loading.tokenizer import load_tokenizer
from tests.support.apps.file_view_cases import NAMES, TEXTS
from ui.base import theme
from ui.components.file_view import Side, build_payload, file_view


@st.cache_resource
def compared(case: str, second: str) -> LineComparison:
    return compare_lines(*(encode(load_tokenizer(name), TEXTS[case]) for name in ("llama-3.1", second)))


query: Any = st.query_params
case, second = query.get("case", "small"), query.get("second", "phi-3")
found = compared(case, second)
sides = [
    Side(name, NAMES[name], theme.family_colour(name), (f"{len(enc):,}",))
    for name, enc in zip(("llama-3.1", second), found.encodings, strict=True)
]
sent = file_view(
    build_payload(found, sides, headings=["Tokens"], agreement=[f"{found.share_same:.1%}"]),
    only_different=st.session_state.get("only", False),
    key="view",
)
if sent.only_different is not None:
    st.session_state["only"] = sent.only_different
if sent.file is not None:
    st.text(f"opened: {sent.file[0]}, {sent.file[1]!r}")
st.button("Run again")
st.text(f"only: {st.session_state.get('only', False)}")
