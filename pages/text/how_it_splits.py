"""How it splits: everything between a text and its ids, and the merges of one word beside another tokenizer's."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from lmloupe.loading.tokenizer_file import describe_kind
from lmloupe.pipeline.words import begins_text, words_of
from ui.bar.bar import page_bar
from ui.base.errors import Offer, escape_markdown, show_errors
from ui.base.loaders import stages
from ui.base.words import counted
from ui.components.text_stages import text_stages
from ui.model.answers import TooLongError
from ui.page import as_code, reproduce, words_here
from ui.state import store as state
from ui.text.pipeline_view import MAX_TOKENS, columns_of, loading_code, shown_word, steps_in_words
from ui.text.why_view import show_why
from ui.tokenizers.choice import choose_tokenizer

MAX_TEXT = 200_000
CODE = """
import lmloupe as lm

tok = {load}
shown = lm.stages(tok, {text}, add_special_tokens={add})
print(repr(shown.normalized))
for piece in shown.pieces:
    print(piece.start, piece.end, repr(piece.spelled), piece.ids)
print(shown.post_processed_ids.tolist())
"""
MERGES = """
both = lm.compare_merges(tok, {other}, {word}, at_start={at_start})
for side in both.sides:
    for node in side.nodes:
        print(node.step, node.rank, side.spell(node.start, node.middle), side.spell(node.middle, node.end))
    print(side.token_ids)
print(both.sentence())
"""

bar = page_bar("how_it_splits")
text = bar.text()
choice = choose_tokenizer(bar)
beside = choose_tokenizer(bar, "compare_with", "Beside")
with bar.gear:
    add = state.toggle("add_special_tokens", "Add special tokens", help="Let the last step add what it adds by itself.")

with show_errors():
    if len(text) > MAX_TEXT:
        raise TooLongError(
            f"The text has {len(text):,} characters; this page follows at most {MAX_TEXT:,} step by step: shorten it, "
            "or see it whole on Tokens.",
            Offer(f"Keep the last {MAX_TEXT:,} characters", state.put, ("text", text[-MAX_TEXT:])),
        )
    tok = choice.load()
    # An upload belongs to this session alone: it never goes through the caches that serve everyone.
    shown = stages(choice.name, text, add) if choice.uploaded is None else lm.stages(tok, text, add_special_tokens=add)
    words = words_of(shown, MAX_TOKENS)
    code = CODE.format(load=loading_code(choice.name, choice.uploaded), text=as_code(text), add=add)
    if not words:
        st.info("There is nothing to split: write something in the bar.", icon=":material/edit:")
    else:
        number = shown_word(words, text, state.get("place"))
        label = f"The text on its way through {choice.label}, token by token"
        picked = text_stages(columns_of(shown, words), chosen=number, label=label, key="text_stages")
        if picked is not None:
            number = picked
            state.put("place", words[number].start)
            state.put("merge_step", 1000)
        word = words[number]
        piece = text[word.start : word.end]
        if word.added:
            st.info("This is an added token: it is in the vocabulary as it is and is never merged.")
        else:
            ids = tuple(shown.input_ids[word.first_token : word.last_token].tolist())
            first = begins_text(shown, word)
            show_why(piece, tok, beside.load(), at_start=first, ids_in_text=ids, table=True)
            other = loading_code(beside.name, beside.uploaded)
            code += MERGES.format(other=other, word=as_code(piece), at_start=first)
    if len(shown.input_ids) > MAX_TOKENS:
        st.caption(f"The picture shows the first {MAX_TOKENS} of {len(shown.input_ids):,} tokens.")
    if tok.rules.model_kind != "BPE":
        st.caption(escape_markdown(describe_kind(tok)))
    with st.expander(
        f"The four steps in words ({counted(len(shown.post_processed_ids), 'id')} in all)", expanded=False
    ):
        steps_in_words(shown)
    words_here("normalization", "pre_token", "merge", "byte_pair_encoding", "special_token")
    reproduce(code)
