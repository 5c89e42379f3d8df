"""The token view: texts cut into tokens, one row for each tokenizer, in the browser.

Python packs what the rows need into one run of bytes (see `ui.components.token_view.payload`); the scripts
beside this file draw it. Nothing of a person's text ever becomes HTML: they set ``textContent`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ui.base import theme
from ui.components import kit
from ui.components.token_view.payload import ROLES, ColourBy, Show, TokenRow, build_payload, payload_version

__all__ = ["ROLES", "ColourBy", "Selection", "Show", "TokenRow", "clicked", "token_view"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Selection:
    """The token that a person clicked: row number and place in that row, both from 0."""

    row: int
    index: int


def _colours() -> str:
    tokens = zip(theme.TOKEN_COLOURS_LIGHT, theme.TOKEN_COLOURS_DARK, strict=True)
    pairs = {f"token-{i}": pair for i, pair in enumerate(tokens, start=1)}
    return kit.colour_properties(pairs) + kit.role_colours()


_render = kit.component("lmloupe_token_view", _HERE / "token_view.js", _HERE / "token_view.css", colours=_colours())


def token_view(
    rows: Sequence[TokenRow],
    *,
    text: str,
    key: str,
    show_whitespace: bool = False,
    height: int | None = None,
    max_tokens: int = 20_000,
    selectable: bool = False,
    on_select: Callable[[], None] | None = None,
    colour_by: ColourBy = "position",
    show: Show = "text",
    export: str | None = None,
) -> Selection | None:
    """Draw one text as the tokens of several tokenizers, row under row.

    Hovering a token, or reaching it by keyboard, shows its id, piece, bytes and character offsets in the head of
    its row and marks the same characters in the other rows, whose heads name their tokens there.

    Args:
        rows: what to draw, one `TokenRow` a tokenizer; each encoding is of ``text``.
        text: the text that was encoded.
        key: the widget's key. A run with the same key and content leaves the drawn view, its scroll
            position and its tooltip as they are.
        show_whitespace: mark spaces, tabs and line ends. A token that is nothing but line ends is
            marked in any case, it would be invisible.
        height: pixels, on a screen where one rem has 16, after which the rows scroll inside the view; None lets
            them take their room.
        max_tokens: tokens drawn in each row; where there are more, the row's heading says so.
        selectable: let a click (or Enter) pin a token and run the script again.
        on_select: called before that run, as widget callbacks are.
        colour_by: ``"position"`` gives two tints in turn, ``"id"`` the same colour to the same id,
            ``"length"`` a darker shade to a token of more bytes. Rows with ``classes`` or ``fill`` keep theirs.
        show: the tokens' ``"text"``, their ``"ids"`` as a list, or ``"both"``, the list below the text.
        export: name of a file, without ending; where it is given, two buttons save the view as SVG and as PNG.

    Returns:
        The pinned token while ``selectable`` and as long as what is shown stays the same, else None.

    Raises:
        ValueError: an encoding of another text, or ``classes``, ``fill`` or ``notes`` of another
            length than the encoding; ``colour_by`` or ``show`` that is none of the above.
    """
    payload = _payload(
        rows,
        text=text,
        show_whitespace=show_whitespace,
        height=height,
        max_tokens=max_tokens,
        selectable=selectable,
        colour_by=colour_by,
        show=show,
        export=export,
        key=key,
    )
    callback = on_select if on_select is not None else kit.nothing
    result = _render(key=key, data=payload, on_selected_change=callback)
    return _read_selection(result.get("selected"), payload_version(payload), rows) if selectable else None


def clicked(key: str) -> tuple[TokenRow, int] | None:
    """For ``on_select``: the row and the place of the token that was clicked in the view with this key.

    None where the token that was pinned has been clicked again, and for rows with ``classes``, ``fill`` or ``notes``.
    """
    packed = st.session_state.get(_place_of(key))
    state = st.session_state.get(key)
    if packed is None or state is None:
        return None
    found = _read_selection(state.get("selected"), payload_version(packed.payload), packed.rows)
    return None if found is None else (packed.rows[found.row], found.index)


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """The bytes that a view was last given, and what they were made of."""

    rows: tuple[TokenRow, ...]
    settings: dict[str, Any]
    payload: bytes

    def serves(self, rows: Sequence[TokenRow], settings: dict[str, Any]) -> bool:
        return (
            self.settings == settings
            and len(self.rows) == len(rows)
            and all(
                ours.encoding is theirs.encoding
                and (ours.name, ours.subtitle, ours.family) == (theirs.name, theirs.subtitle, theirs.family)
                for ours, theirs in zip(self.rows, rows, strict=True)
            )
        )


def _place_of(key: str) -> str:
    return f"{key}_packed"


def _payload(rows: Sequence[TokenRow], **settings: Any) -> bytes:
    """The payload, packed anew only where it differs: a click on one of a million tokens need not wait for it."""
    if any(extra is not None for row in rows for extra in (row.classes, row.fill, row.notes)):
        return build_payload(rows, **settings)  # told by what they hold, which costs as much as packing
    place = _place_of(settings["key"])
    packed = st.session_state.get(place)
    if packed is None or not packed.serves(rows, settings):
        packed = st.session_state[place] = _Packed(tuple(rows), settings, build_payload(rows, **settings))
    return packed.payload


def _read_selection(state: object, version: str, rows: Sequence[TokenRow]) -> Selection | None:
    # The state comes from the browser and may belong to the text before this one: trust none of it.
    if not isinstance(state, dict) or state.get("version") != version:
        return None
    row, index = kit.whole(state, "row"), kit.whole(state, "index")
    if row is None or index is None or not 0 <= row < len(rows) or not 0 <= index < len(rows[row].encoding):
        return None
    return Selection(row, index)
