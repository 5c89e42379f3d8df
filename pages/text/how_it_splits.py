"""Pipeline: everything between a text and its ids, and byte-pair encoding replayed merge by merge."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from lmloupe.loading.tokenizer_file import describe_kind
from lmloupe.pipeline.pattern import pattern_parts
from ui.base.chips import chips, visible
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name, stages, tokenizer
from ui.base.words import counted
from ui.page import as_code, page_header, reproduce
from ui.state import store as state
from ui.text.pipeline_view import (
    MAX_CHANGES,
    change_table,
    choose_source,
    loading_code,
    pattern_table,
    piece_counts,
    piece_tokens,
)
from ui.text.replay_view import can_replay, replay_piece
from ui.tokenizers.upload import uploaded_tokenizers

MAX_TEXT = 200_000
MAX_PIECES = 300
CODE = """
import lmloupe as lm

tok = {load}
shown = lm.stages(tok, {text}, add_special_tokens={add})
print(repr(shown.normalized))
for piece in shown.pieces:
    print(piece.start, piece.end, repr(piece.spelled), piece.ids)
print(shown.post_processed_ids.tolist())
"""
REPLAY = """for step in lm.merge_steps(tok, shown.piece({piece})).steps:
    print(step.rank, step.left, step.right, step.symbols_after)
"""

page_header(
    "Pipeline",
    "A tokenizer works in four steps: it normalizes the text, cuts it into pieces, merges the characters of each piece "
    "into tokens, and adds what every text must have. Here is what each step did to yours.",
)
name = state.selectbox(
    "tokenizer",
    "Tokenizer",
    format_func=display_name,
    accept_new_options=True,
    help="Embedded, or type the hub id of any other; Special tokens and Vocabulary look at the same one.",
)
text = state.live_text("text", "Text", help="The text that all pages share.")
add = state.toggle("add_special_tokens", "Add special tokens", help="Let the last step add what it adds by itself.")
uploads = uploaded_tokenizers()
source = choose_source(name, uploads)

with show_errors():
    if len(text) > MAX_TEXT:
        raise lm.InputError(
            f"The text has {len(text):,} characters; this page follows at most {MAX_TEXT:,} step by step: shorten it, "
            "or see it whole on Tokens."
        )
    # Uploads belong to this session alone: they never go through the caches that serve everyone.
    uploaded = uploads.get(source)
    tok = tokenizer(name) if uploaded is None else uploaded
    shown = stages(name, text, add) if uploaded is None else lm.stages(tok, text, add_special_tokens=add)

    st.subheader("1. Normalize", anchor=False)
    for step in shown.normalizer:
        st.markdown(f"**{step.name}**: {escape_markdown(step.meaning)}")
    changes = shown.changes(MAX_CHANGES)
    if changes:
        st.dataframe(change_table(changes), hide_index=True, width="stretch", height=min(220, 36 * len(changes) + 40))
        if len(changes) == MAX_CHANGES:
            st.caption(f"The first {MAX_CHANGES} changes.")
    elif shown.normalizer:
        st.caption("It changed nothing in this text.")
    else:
        st.caption("This tokenizer has no normalizer: the text goes on as it is.")

    st.subheader(f"2. Cut into {counted(shown.n_pieces, 'piece')}", anchor=False)
    for made in shown.pre_tokenizer:
        st.markdown(f"**{made.step.name}**: {escape_markdown(made.step.meaning)} {piece_counts(made)}")
    if not shown.pre_tokenizer:
        st.caption("This tokenizer cuts nothing: all text is one piece, and merges may cross spaces.")
    pieces = [shown.piece(i) for i in range(min(shown.n_pieces, MAX_PIECES))]
    chips([piece.text for piece in pieces], below=[f"{len(piece.ids)}" for piece in pieces])
    st.caption(
        "Under each piece, its number of tokens; no token crosses from one piece into the next."
        + (f" The first {MAX_PIECES} of {shown.n_pieces:,} pieces." if shown.n_pieces > MAX_PIECES else "")
    )
    parts = pattern_parts(tok)
    if parts:
        with st.expander(f"The pattern, part by part ({counted(len(parts), 'part')}; the first that matches wins)"):
            st.dataframe(pattern_table(parts), hide_index=True, width="stretch")

    replayed = can_replay(tok)
    st.subheader("3. Merge" if replayed else "3. Split into tokens", anchor=False)
    if not replayed:
        st.info(escape_markdown(describe_kind(tok)), icon=":material/info:")
    chosen = 0
    if pieces:
        # A long word in plain letters shows merging best; bytes of other scripts are spelled in a cipher.
        longest = max(range(len(pieces)), key=lambda i: (pieces[i].text.isascii(), min(len(pieces[i].text), 60)))
        chosen = st.selectbox(
            "Piece",
            range(len(pieces)),
            index=longest,
            format_func=lambda i: f"{i + 1}: {visible(pieces[i].text[:60])}",
            help="The piece to look into; type to find one.",
            key=f"piece_{source}_{len(pieces)}",
        )
        if replayed:
            replay_piece(tok, pieces[chosen])
        else:
            piece_tokens(tok, pieces[chosen])

    st.subheader("4. Add what every text must have", anchor=False)
    added = [*shown.added_in_front, *shown.added_behind]
    if added:
        chips([tok.piece(i) for i in added], below=[str(i) for i in added])
        st.caption(f"Added around the text: {counted(len(shown.post_processed_ids), 'id')} in all.")
    else:
        st.caption(f"Nothing was added: {counted(len(shown.post_processed_ids), 'id')} in all.")
    code = CODE + REPLAY if replayed and pieces else CODE
    reproduce(code.format(load=loading_code(name, uploaded), text=as_code(text), add=add, piece=chosen))
