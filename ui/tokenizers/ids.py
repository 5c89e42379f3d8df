"""Token ids as a person types or pastes them, read in one way on every page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.state import store as state
from ui.tokenizers.choice import Choice

__all__ = ["ids_box", "looks_like_ids", "offer_ids", "parse_ids", "parse_ranges"]

MOST_IDS = 100_000
_RANGE = re.compile(r"(?<=[0-9])\s*(?:-|–|\.\.)\s*(?=[0-9])")
_SAID = "ids_read"


def parse_ranges(typed: str) -> list[tuple[int, int]]:
    """The ids that a person typed or pasted, each as (id, id), and each range as (first, last).

    A Python list, bare numbers, commas, and ranges such as 100-200 are all taken.

    Raises:
        lmloupe.InvalidIdError: something that is not a whole number; the message names it.

    >>> parse_ranges("[1, 2, 3]") == parse_ranges("1 2 3") == [(1, 1), (2, 2), (3, 3)]
    True
    >>> parse_ranges("7, 100 - 120")
    [(7, 7), (100, 120)]
    """
    found = []
    for word in re.sub(r"[\[\](),;]", " ", _RANGE.sub("-", typed)).split():
        numbers = re.fullmatch(r"(-?[0-9]{1,18})(?:-([0-9]{1,18}))?", word)
        if not numbers:
            raise lm.InvalidIdError(f"“{word[:40]}” is not a token id: ids are whole numbers, such as 9906 0.")
        first = int(numbers[1])
        found.append((first, int(numbers[2]) if numbers[2] else first))
    return found


def parse_ids(typed: str) -> list[int]:
    """The same, one id after the other.

    Raises:
        lmloupe.InvalidIdError: as `parse_ranges`, or more than 100,000 ids.

    >>> parse_ids("9906, 0"), parse_ids("3-6")
    ([9906, 0], [3, 4, 5, 6])
    """
    ranges = parse_ranges(typed)
    if sum(max(0, last - first) + 1 for first, last in ranges) > MOST_IDS:
        raise lm.InvalidIdError(f"More than {MOST_IDS:,} ids: paste fewer, or a smaller range.")
    return [i for first, last in ranges for i in range(first, last + 1)]


def looks_like_ids(text: str) -> bool:
    """Whether a text is nothing but ids, as one pastes them from a program: at least two, or a list in brackets.

    >>> looks_like_ids("[9906, 0]"), looks_like_ids("9906 0"), looks_like_ids("In 2024"), looks_like_ids("1984")
    (True, True, False, False)
    """
    number = r"[0-9]{1,7}"
    return len(text) < 200_000 and bool(
        re.fullmatch(rf"\s*(?:\[\s*{number}(?:\s*,\s*{number})*,?\s*\]|{number}(?:[\s,]+{number})+)\s*", text)
    )


def ids_box(choices: Sequence[Choice]) -> None:
    """Draw a box for ids, and a button that makes their text the text of all pages."""
    if not choices:
        return
    typed = state.text_input(
        "ids",
        "Paste token ids",
        placeholder="9906 0, or [9906, 0]",
        help="Numbers, with spaces or commas between them.",
    )
    labels = [choice.label for choice in choices]
    # A label of its own for each set of choices: a tokenizer that was taken away is no answer.
    whose = st.selectbox("Ids of", labels, key=f"ids_of_{'_'.join(labels)}")
    chosen = choices[labels.index(whose)]
    st.button(
        "Read the ids as text", icon=":material/translate:", disabled=not typed.strip(),
        on_click=_read, args=(chosen, typed), help="Their text becomes the text of all pages.",
    )  # fmt: skip


def offer_ids(choices: Sequence[Choice], text: str) -> None:
    """Say what ids were read as, and where the text itself is a list of ids, draw buttons that read it as one."""
    shown, sentence = st.session_state.get(_SAID, ("", ""))
    if shown is None:
        st.error(escape_markdown(sentence))
        del st.session_state[_SAID]
    elif sentence and shown == text:
        st.caption(escape_markdown(sentence))
    if not choices or not looks_like_ids(text):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("These look like token ids. Read them as those of", width="content")
        for choice in choices[:4]:
            st.button(escape_markdown(choice.label), key=f"ids_as_{choice.name}", on_click=_read, args=(choice, text))


def _read(choice: Choice, typed: str) -> None:
    try:
        ids = parse_ids(typed)
        enc = lm.spell(choice.load(), ids)
    except lm.LoupeError as error:
        st.session_state[_SAID] = (None, str(error))
        return
    again = lm.encode(choice.load(), enc.text).input_ids.tolist()
    same = "writes this text with the same ids." if again == ids else "itself writes this text with other ids."
    st.session_state[_SAID] = (enc.text, f"This is the text of the ids that you gave. {choice.label} {same}")
    state.put("text", enc.text)
    state.put("ids", typed)
