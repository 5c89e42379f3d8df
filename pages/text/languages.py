"""Languages: what the same sentences cost in many languages, and what a text costs at all."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.page import as_code, reproduce, words_here
from ui.state import store as state
from ui.text.languages import view
from ui.text.languages.counts import CODE_SAMPLES, Counted, counted_by
from ui.tokenizers.choice import Choice, choose_tokenizer, choose_tokenizers
from ui.tokenizers.reading import encode_with

CODE = """
import lmloupe as lm
from lmloupe.encodings.budget import context_share, cut, price
from lmloupe.languages.fertility import fertility
from lmloupe.languages.parallel_texts import load_parallel, parallel_languages

texts = {texts}
common = None
tokenizers = {{{tokenizers}}}
for name, tok in tokenizers.items():
    found = fertility(tok, texts)
    base = [language.code for language in found.languages].index(found.baseline)
    common = common or int(found.n_tokens[base])  # the first tokenizer's tokens in the base language
    for i in found.n_tokens.argsort(kind="stable"):
        n = int(found.n_tokens[i])
        print(name, found.languages[i].name, n, n / common, found.relative[i])
enc = lm.encode(tokenizers[{name!r}], {text})
print(context_share(len(enc), {context}), price(len(enc), {price}), cut(enc, {cut}).n_chars)
"""


def choices(first: Choice, others: tuple[Choice, ...]) -> list[Choice]:
    """The first tokenizer and the others, each once."""
    return [first, *(other for other in others if other.name != first.name)]


def counted(asked: list[Choice], source: bytes | str | None) -> list[Counted]:
    """The counts of all that can be had; the others say why not, but for the first, without which there is no page."""
    found = [counted_by(asked[0], source)]
    for choice in asked[1:]:
        try:
            found.append(counted_by(choice, source))
        except (lm.LoadError, lm.QuestionError) as error:
            if source != CODE_SAMPLES:  # said once
                st.warning(escape_markdown(f"{choice.label}: {error}"))
    return found


def costs(asked: list[Counted], text: str) -> tuple[int, float, int]:
    """Draw what a text costs; context length, price and cut that were chosen."""
    st.header("Cost and context of your text", anchor=False)
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
    every = {one.choice.label: encode_with(one.choice, text) for one in asked}
    number = st.column_config.NumberColumn
    data_table(
        view.budget_table(every, context_length=context, price_per_million=each, cut_at=at),
        hide_index=True,
        width="stretch",
        column_config={
            "Of the context": number(format="percent", help="More than 100% does not fit."),
            "Price": number(format="%.6f"),
            "Of the text": number(format="percent", help="Characters that the cut keeps."),
        },
    )
    return context, each, at


bar = page_bar("languages")
text = bar.text()
first = choose_tokenizer(bar)
asked = choices(first, choose_tokenizers(bar))
with bar.gear:
    measure = state.segmented(
        "languages_as",
        "Count",
        format_func={
            "common": f"Times {escape_markdown(first.label)}'s English",
            "tokens": "Tokens",
            "own": "Times its own English",
        }.get,
        help="The first two compare tokenizers. The third compares languages within each tokenizer alone.",
    )
    source = view.ask_for_file()

with show_errors():
    found = counted(asked, source)
    view.draw_languages(found, measure)
    st.caption(
        ("Ten sentences show the order of magnitude, not the second decimal. " if source is None else "")
        + (
            "Each colour is measured by its own English here: marks of different colours do not say who needs more."
            if measure == "own"
            else "Further to the left is always fewer tokens, whichever the tokenizer is."
        )
    )
    view.draw_programs(counted(asked, CODE_SAMPLES), measure)
    context, each, at = costs(found, text)
    texts = "parallel_languages()" if source is None else "load_parallel(open('your file', 'rb').read())"
    loaded = ", ".join(f"{one.choice.name!r}: {one.choice.code}" for one in found)
    words_here("token", "byte", "context_length")
    reproduce(
        CODE.format(
            texts=texts, tokenizers=loaded, name=first.name, text=as_code(text), context=context, price=each, cut=at
        )
    )
