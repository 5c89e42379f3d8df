"""The thread: one token of the text, the same on every page, and the way from one view of it to the next.

What pages share is ``token_index``: a place among the tokens of the model's own tokenizer, those left out that it
adds by itself. A page that shows other tokenizers leaves the token's first character in ``place`` instead, and the
next page that has the model looks up which of its tokens covers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st

import lmloupe as lm
from ui import pages
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = [
    "close_card",
    "covering",
    "follow",
    "n_added",
    "open_card",
    "opened_card",
    "select",
    "selected",
    "show_thread",
    "way_to",
    "window_start",
    "without_bos",
]

_CHOSEN = "thread_chosen"
_SHOWN, _UPLOADED = "card_shown", "card_uploaded"
_CARD_OF_NOBODY: dict[str, object] = {"card_of": "", "card_id": -1, "card_nth": 0}

CARD = "tokens"
LINKED = ("embedded", "hub")
"""Sources of tokenizers that a link can name."""

# Address of a page, and what a person finds about the token there.
_VIEWS = {
    CARD: ("Card", "Its id, bytes and merges, and its twins in the other vocabularies."),
    "embeddings": ("Embedding, neighbours", "Its row of the matrix, the rows nearest to it."),
    "surprise": ("Surprisal", "How much the model expected it, and what else it expected."),
    "layers": ("Lens", "What the model would say after it, layer by layer."),
    "attention": ("Attention", "Which tokens before it each head reads from."),
    "precision": ("Precision", "How far each precision moves what the model says after it."),
}


def n_added(enc: lm.Encoding) -> int:
    """How many tokens the tokenizer put in front by itself, a bos for example."""
    added = enc.special_tokens_mask & (enc.offsets[:, 0] == enc.offsets[:, 1])
    return int(np.argmin(np.append(added, False)))


def without_bos(tok: lm.Tokenizer, text: str) -> str:
    """A rendered chat as the shared text: less the bos that the tokenizer puts in front of every text by itself."""
    adds = n_added(lm.encode(tok, "a", True, True)) > 0
    return text.removeprefix(tok.bos_token or "") if adds else text


def covering(enc: lm.Encoding, place: int, token_id: int = -1, nth: int = 0) -> int:
    """The first token that covers the character at ``place``; the last that begins before it where none does.

    Of several that begin at or cover the place, such as the parts of an emoji or a bos in front, those with
    ``token_id`` go first; ``nth`` (from 0) says which of them, as one emoji may have the same id twice.
    """
    starts, ends = enc.offsets[:, 0], enc.offsets[:, 1]
    holds = (starts <= place) & (place < ends)
    meant = np.flatnonzero((holds | (starts == place)) & (enc.input_ids == token_id))
    if len(meant):
        return int(meant[min(nth, len(meant) - 1)])
    if holds.any():
        return int(np.flatnonzero(holds)[0])
    return max(0, int(np.count_nonzero(starts <= place)) - 1)


def selected(enc: lm.Encoding, otherwise: int | None = None) -> int:
    """The place in ``enc`` of the shared token; ``enc`` is of the model's tokenizer and not empty.

    What another page left as a place in the text is taken over here, so call it before the token's slider is drawn.
    ``otherwise`` is the answer while nobody has chosen a token yet.
    """
    place = state.get("place")
    if place >= 0:
        state.put("place", -1)
        select(enc, covering(enc, place))
    chosen = st.session_state.get(_CHOSEN) or state.get("token_index") != SETTINGS["token_index"].default
    if otherwise is not None and not chosen:
        return otherwise
    return int(min(state.get("token_index") + n_added(enc), len(enc) - 1))


def select(enc: lm.Encoding, index: int) -> None:
    """Make a token of ``enc`` (of the model's tokenizer) the shared one."""
    st.session_state[_CHOSEN] = True
    number = max(0, index - n_added(enc))
    if number != state.get("token_index"):
        state.put("token_index", number)


def follow(key: str, enc: lm.Encoding, clicked: int | None) -> None:
    """Make the token the shared one that was clicked in the view ``key``, once: a pin that stays is not a new click."""
    known = st.session_state.get(f"followed_{key}")
    st.session_state[f"followed_{key}"] = clicked
    if clicked is not None and clicked != known:
        select(enc, clicked)


def window_start(name: str, label: str, n: int, shown: int, index: int, *, latest: int | None = None) -> int:
    """The first position of the ``shown`` that a page draws of ``n``, with a slider where there are more.

    The slider keeps its place in the setting ``name``, and says the number of the first token drawn. It goes to the
    chosen token when another is chosen out of view.

    Args:
        name: the setting.
        label: of the slider.
        n: how many tokens there are.
        shown: how many are drawn at most.
        index: the chosen one.
        latest: where the slider ends, and so begins at first; the ``shown`` last tokens where it is None.
    """
    if n <= shown:
        return 0
    end = max(n - shown, latest or 0)
    known = st.session_state.get(f"window_{name}")
    first = min(state.get(name), end)
    if known != index and not first <= index < first + shown:
        state.put(name, max(0, min(index - shown // 2, end)))
    st.session_state[f"window_{name}"] = index
    return int(state.slider(name, label, max_value=end, help=f"{shown} tokens are shown at once."))


def open_card(enc: lm.Encoding, index: int) -> None:
    """Open the card of this very token on Tokens."""
    st.session_state[_UPLOADED] = "" if enc.tokenizer.source in LINKED else enc.tokenizer.name
    changes = _CARD_OF_NOBODY | {"place": int(enc.offsets[index, 0])} | _card_of(enc, index)
    for name, value in changes.items():
        state.put(name, value)


def close_card() -> None:
    """Close the card of Tokens."""
    for name, value in (_CARD_OF_NOBODY | {"place": -1}).items():
        if state.get(name) != value:
            state.put(name, value)


def opened_card(key: str, rows: Sequence[lm.Encoding], text: str) -> tuple[lm.Encoding, int] | None:
    """The token whose card is open, and the encoding that it is of; called before the rows are drawn.

    It is a token that was clicked, or what a link of another page carried here: that page's token, of the tokenizer
    that the page reads with, among the rows or not. A card closes when the text under it changes.

    Args:
        key: the token view's key.
        rows: what the rows show.
        text: what they are encodings of.

    Raises:
        lmloupe.LoadError: the tokenizer of the carried token cannot be had.
    """
    place, name, token_id = state.get("place"), state.get("card_of"), state.get("card_id")
    nth = state.get("card_nth")
    was, st.session_state[_SHOWN] = st.session_state.get(_SHOWN), (place, name, token_id, nth, text)
    drawn_before = key in st.session_state  # else the person comes from another page, with a text of its own
    if was is not None and drawn_before and was[:-1] == (place, name, token_id, nth) and was[-1] != text:
        close_card()
        return None
    if place < 0 or not rows:
        return None
    own, names = st.session_state.get(_UPLOADED), [enc.tokenizer.name for enc in rows]
    asked = name or (own if own in names else names[0])
    found = None
    for enc in _candidates([enc for enc in rows if enc.tokenizer.name == asked], name, text):
        if len(enc):
            found = enc, covering(enc, place, token_id, nth)
            if token_id in (-1, enc.input_ids[found[1]]):
                break
    return found


def _candidates(rows: Sequence[lm.Encoding], name: str, text: str) -> Iterator[lm.Encoding]:
    """Where a card's token may be: a row; the text with special tokens, as models read it; else the row after all."""
    yield from rows
    if name:
        yield encoding(name, text, True, True)
    yield from rows


def _card_of(enc: lm.Encoding, index: int) -> dict[str, object]:
    """The settings by which Tokens finds this very token again; none for a tokenizer that no link can name."""
    if enc.tokenizer.source not in LINKED:
        return {}
    start, token_id = enc.offsets[index, 0], enc.input_ids[index]
    same = (enc.offsets[:index, 0] == start) & (enc.input_ids[:index] == token_id)
    return {"card_of": enc.tokenizer.name, "card_id": int(token_id), "card_nth": int(same.sum())}


def way_to(enc: lm.Encoding, index: int, url: str, *, text: str | None = None) -> dict[str, str]:
    """The parameters of a link to a page that shows this token.

    Args:
        enc: an encoding that holds it, of any tokenizer.
        index: its place there.
        url: the address of the page, as in `ui.pages`.
        text: the shared text that the page gets where ``enc`` is of another one, such as a model's answer;
            it must hold the text of ``enc`` at its end.
    """
    start = int(enc.offsets[index, 0])
    place = start if text is None else len(text) - len(enc.text) + start
    changes = _CARD_OF_NOBODY | {"place": place} | ({} if text is None else {"text": text})
    return state.link_params(**(changes | _card_of(enc, index) if url == CARD else changes))


def show_thread(enc: lm.Encoding, index: int, here: str, *, text: str | None = None, named: bool = True) -> None:
    """Name the token, and link to the other views of it.

    Args:
        enc: an encoding that holds it, of any tokenizer.
        index: its place there.
        here: the address of the page that is on the screen, as in `ui.pages`; it gets no link to itself.
        text: the shared text that the linked pages get where ``enc`` is of another one, such as a model's answer;
            it must hold the text of ``enc`` at its end.
        named: whether to name it; not where it stands above already.
    """
    token_id = int(enc.input_ids[index])
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if named:
            label = escape_markdown(token_label(enc.tokenizer, token_id))
            st.markdown(f"**{label}** · id {token_id:,} · token {index + 1} of {len(enc):,}", width="content")
        for url, (title, tip) in _VIEWS.items():
            nameless = url == CARD and enc.tokenizer.source not in LINKED  # it would be another tokenizer's token
            if url != here and not nameless:
                target, params = pages.page(url), way_to(enc, index, url, text=text)
                st.page_link(target.path, label=title, help=tip, icon=target.icon_shortcode, query_params=params)
