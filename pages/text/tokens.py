"""Tokens: one text as several tokenizers split it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.errors import escape_markdown, show_errors
from ui.base.loaders import display_name, round_trips, tokenizer
from ui.components.token_pin import show_pin
from ui.components.token_view import TokenRow, clicked, token_view
from ui.page import as_code, reproduce, words_here
from ui.state import store as state
from ui.state.settings import SETTINGS
from ui.state.thread import close_card, open_card, opened_card
from ui.text.beside import Beside
from ui.text.misread.claims import claim_chips, claim_sentence
from ui.text.misread.lookalikes import rows_sentence
from ui.text.removed_text import removed_sentence
from ui.text.token_files import download_buttons
from ui.tokenizers.choice import Choice, choose_tokenizers
from ui.tokenizers.ids import ids_box, offer_ids
from ui.tokenizers.reading import read

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

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

KEY = "token_rows"


def on_click() -> None:
    """Open the card of the token that was clicked; the same one once more closes it."""
    found = clicked(KEY)
    if found is None:
        close_card()
    else:
        state.put("merge_step", SETTINGS["merge_step"].default)  # another word, with merges of its own
        open_card(found[0].encoding, found[1])


def card_of(rows: Mapping[str, lm.Encoding]) -> tuple[lm.Encoding, int] | None:
    """The token whose card is open. Where its tokenizer cannot be had, the page says so and shows the rows."""
    try:
        return opened_card(KEY, list(rows.values()), text)
    except (lm.LoadError, lm.QuestionError) as error:
        st.warning(escape_markdown(str(error)))
        st.button("Close the card", on_click=close_card)
        return None


def draw_rows(rows: Mapping[str, lm.Encoding], card: lm.Encoding | None = None, *, key: str = KEY) -> list[lm.Encoding]:
    """Draw the rows, and above them the card's encoding where it is not one of them; what is drawn, from the top."""
    drawn = [TokenRow(display_name(name), enc, family=name) for name, enc in rows.items()]
    if card is not None and not any(card is enc for enc in rows.values()):
        name = card.tokenizer.name
        drawn.insert(0, TokenRow(display_name(name), card, subtitle="while its card is open", family=name))
    token_view(
        drawn,
        text=text,
        key=key,
        show_whitespace=whitespace,
        max_tokens=1_000_000,
        selectable=key == KEY,
        on_select=on_click,
        colour_by=colour_by,
        show=show,
        export="tokens",
    )
    return [row.encoding for row in drawn]


def early(place: DeltaGenerator, rows: Mapping[str, lm.Encoding]) -> None:
    """Draw the rows that are there already; the ones with the cards take their place."""
    with place:
        draw_rows(rows, key=f"{KEY}_{len(rows)}")


def say_failures(failed: Mapping[str, lm.LoupeError]) -> None:
    """Say why a tokenizer has no row, and offer to take it away."""
    for name, error in failed.items():
        st.warning(escape_markdown(f"{name}: {error}"))
        rest = tuple(other for other in state.get("tokenizers") if other != name)
        if len(rest) < len(state.get("tokenizers")):
            label = f"Go on without {escape_markdown(display_name(name))}"
            st.button(label, key=f"without_{name}", on_click=state.put, args=("tokenizers", rest))


def say_losses(choices: tuple[Choice, ...], rows: Mapping[str, lm.Encoding]) -> None:
    """Say which characters no token covers, and which rows do not give the text back."""
    for choice in choices:
        if choice.name not in rows:
            continue
        if sentence := removed_sentence(rows[choice.name]):
            st.caption(escape_markdown(f"{choice.label}: {sentence}"))
        if choice.uploaded is None and not round_trips(choice.name, text, add, parse):
            st.caption(
                escape_markdown(
                    f"{choice.label}: decoding these tokens does not give this text back exactly, because "
                    "it is normalized or the vocabulary lacks some bytes; Special tokens says where."
                )
            )


def say_misread(choices: tuple[Choice, ...], rows: Mapping[str, lm.Encoding]) -> None:
    """Answer what is often misread about tokens with the numbers of these rows; texts to try, and other ways to cut."""
    labels = {choice.name: choice.label for choice in choices}
    for sentence in (rows_sentence(rows, labels), claim_sentence(text, rows, labels)):
        if sentence:
            st.markdown(escape_markdown(sentence))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        claim_chips()
        units = state.toggle("show_units", "Words and characters", help="The same text cut in other ways, and why not.")
    if units and rows:
        from ui.text.misread.units import show_units  # with plotly, as below

        show_units(text, rows, labels)


bar = page_bar("tokens")
text = bar.text()
choices = choose_tokenizers(bar)
with bar.gear:
    show = state.segmented("show_tokens", "Show", help="The text of the tokens, their ids, or both.")
    colour_by = state.segmented(
        "colour_by",
        "Colour by",
        help="Position tells neighbours apart; id gives one token one colour; length is in bytes.",
    )
    whitespace = state.toggle("show_whitespace", "Show white space", help="Mark spaces, tabs and line ends.")
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
    ids_box(choices)

with show_errors():
    if not choices:
        st.info("Choose at least one tokenizer in the bar above.", icon=":material/arrow_upward:")
    elif not text:
        st.info("The text is empty, so there is nothing to split: write something above.", icon=":material/edit:")
    else:
        beside = Beside("token")
        place = beside.main.empty()
        reading = read(
            choices, text, add_special_tokens=add, parse_special_tokens=parse, on_row=lambda rows: early(place, rows)
        )
        rows = reading.encodings
        opened = card_of(rows)
        with place:
            drawn = draw_rows(rows, opened and opened[0]) if rows else []
        with beside.main:
            say_failures(reading.failed)
            offer_ids(choices, text)
            say_losses(choices, rows)
            say_misread(choices, rows)
        if rows:
            # pandas and plotly take half a second to load: the rows above are on the screen by then.
            from ui.text.token_analysis import show_counts, show_ruler
            from ui.text.token_card import token_card

            if opened is not None:
                enc, index = opened
                with beside.card(close_card):
                    show_pin(KEY, next(i for i, row in enumerate(drawn) if row is enc), index)
                    known = [choice.name for choice in choices if choice.uploaded is None and choice.name in rows]
                    others = {key: tokenizer(key) for key in dict.fromkeys([*lm.embedded_tokenizers(), *known])}
                    token_card(enc, index, drawn, others)
            with beside.main:
                if len(rows) > 1:
                    show_ruler(rows)
                show_counts(rows)
                words_here("token", "tokenizer", "token_id", "byte_pair_encoding", "vocabulary", "special_token")
                download_buttons({display_name(name): enc for name, enc in rows.items()})
                st.caption(
                    "Built with Llama: the Llama 3.1 vocabulary is licensed under the Llama 3.1 Community License."
                )

names = [choice.name for choice in choices if choice.uploaded is None]
embedded = [name for name in names if name in lm.embedded_tokenizers()]
reproduce(CODE.format(text=as_code(text), names=names, embedded=embedded, add=add, parse=parse, plain=not parse))
