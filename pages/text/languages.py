"""Languages: what the same sentences cost in many languages, and what a text costs at all."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from lmloupe.languages.fertility import Fertility
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name, encodings
from ui.page import as_code, page_header, reproduce
from ui.state import store as state
from ui.text import languages_view as view

CODE = """
import lmloupe as lm
from lmloupe.encodings.budget import context_share, cut, price
from lmloupe.languages.fertility import fertility
from lmloupe.languages.parallel_texts import load_parallel, parallel_languages

tok = lm.load_tokenizer({name!r})
found = fertility(tok, {texts})
for i in found.n_tokens.argsort(kind="stable"):
    print(found.languages[i].name, found.n_tokens[i], found.relative[i], found.tokens_per_word[i])
enc = lm.encode(tok, {text})
print(context_share(len(enc), {context}), price(len(enc), {price}), cut(enc, {cut}).n_chars)
"""

page_header(
    "Languages",
    "The same everyday sentences in many languages, counted in tokens: what a tokenizer saw little of in its "
    "training, it cuts into more pieces, and every piece costs money, time and room.",
)
left, right = st.columns([2, 5])
with left:
    name = state.selectbox(
        "tokenizer",
        "Tokenizer",
        format_func=display_name,
        accept_new_options=True,
        help="The bars and the table are of this one; embedded or by hub id.",
    )
with right:
    names = state.multiselect(
        "tokenizers",
        "Compare with",
        format_func=display_name,
        accept_new_options=True,
        help="Each gets a mark on every bar's row, and a row in the table of costs.",
    )
with st.expander("Your own parallel file"):
    upload = st.file_uploader(
        "One column a language, one row a sentence",
        type=["tsv", "csv", "txt", "json"],
        max_upload_size=2,
        help="UTF-8, tab- or comma-separated with the languages in the first row, or JSON; at most 2 MB.",
    )
    st.download_button(
        "The sentences of this page as such a file",
        lambda: view.parallel_file(view.load_texts(None)),
        file_name="sentences.tsv",
        on_click="ignore",
        help="A file to start from: add a column of your own.",
    )
source: bytes | None = None
with show_errors():
    if upload is not None:
        view.load_texts(upload.getvalue())
        source = upload.getvalue()

context = int(state.get("context_length"))
with show_errors():
    loaded: dict[str, Fertility] = {}
    for other in names:
        try:
            if other != name:
                loaded[other] = view.fertility_of(other, source)
        except (lm.LoadError, lm.QuestionError) as error:
            st.warning(escape_markdown(f"{other}: {error}"))
    found = view.fertility_of(name, source)
    st.subheader(f"What the same sentences cost in {len(found.languages)} languages", anchor=False)
    st.markdown(escape_markdown(view.what_it_means(found, context)))
    marks = {display_name(key): value for key, value in loaded.items()}
    view.draw_fertility(found, display_name(name), marks, height=700)
    st.caption(
        ("Ten sentences show the order of magnitude, not the second decimal. " if source is None else "")
        + "A dash stands where no spaces are written between words, so that words cannot be counted this way."
    )
    st.subheader("The same small program in programming languages", anchor=False)
    programs = {key: view.fertility_of(key, view.CODE_SAMPLES) for key in (name, *loaded)}
    others = {display_name(key): programs[key] for key in loaded}
    view.draw_fertility(programs[name], display_name(name), others, height="auto")

    st.subheader("Cost and context of your text", anchor=False)
    text = state.live_text("text", "Text", help="The text that all pages share.")
    first, second, third = st.columns(3)
    with first:
        context = state.number_input("context_length", "Context, in tokens", help="How many tokens a model can read.")
    with second:
        each = state.number_input(
            "price_per_million", "Price per million tokens", help="In any currency, from your provider's price list."
        )
    with third:
        at = state.number_input(
            "cut_at", "Cut at, in tokens", help="Keep only this many tokens, as a program with a token budget does."
        )
    every, _ = encodings(list(dict.fromkeys([name, *names])), text, False, True)
    costs = view.budget_table(every, context_length=context, price_per_million=each, cut_at=at)
    st.dataframe(
        costs,
        hide_index=True,
        width="stretch",
        column_config={
            "Of the context": st.column_config.NumberColumn(format="percent", help="More than 100% does not fit."),
            "Price": st.column_config.NumberColumn(format="%.6f"),
            "Of the text": st.column_config.NumberColumn(format="percent", help="Characters that the cut keeps."),
        },
    )
    texts = "parallel_languages()" if source is None else "load_parallel(open('your file', 'rb').read())"
    code = CODE.format(name=name, texts=texts, text=as_code(text), context=context, price=each, cut=at)
    reproduce(code)
