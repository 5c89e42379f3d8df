"""Keys and values of one head as pictures, and what they show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.words import counted
from ui.components.cache_view import Picture, cache_view, picked_token
from ui.page import finding
from ui.state import store as state
from ui.state.thread import select, window_start

__all__ = ["heat_finding", "show_keys_values"]

MOST_ROWS, PICTURE, N_COLUMNS = 200, "kv_picture", 16
_AS = {"kept": "as kept", "back": "turned back"}


def show_keys_values(read: lm.KeysValues, enc: lm.Encoding, index: int, n_layers: int) -> int:
    """Draw one head of a layer and the choice of both; returns the head.

    Args:
        read: what the layer keeps.
        enc: the text.
        index: position of the chosen token.
        n_layers: of the model.
    """
    n_heads = len(read.keys)
    head = int(min(state.get("kv_head"), n_heads - 1))
    turned_back = state.get("kv_keys") == "back" and len(read.pair_of) > 0
    keys = (read.unturned_keys if turned_back else read.keys)[head]
    values = read.values[head]
    labels = [token_label(enc.tokenizer, int(enc.input_ids[i])) for i in read.positions]
    finding(heat_finding(read, head, keys, labels))
    place = st.container()
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        state.slider("kv_layer", "Layer", max_value=n_layers - 1, width=260, help="Which layer's keys and values.")
        if n_heads > 1:
            state.slider(
                "kv_head", "Head", max_value=n_heads - 1, width=220,
                help="Which head of keys and values; query heads may share it.",
            )  # fmt: skip
        if len(read.pair_of):
            state.segmented(
                "kv_keys", "Keys", format_func=_AS.__getitem__,
                help="As kept: turned by their positions (RoPE). Turned back: what they were before, by undoing the "
                "rotation here.",
            )  # fmt: skip
        first = window_start("kv_from", "First token shown", len(labels), MOST_ROWS, index - int(read.positions[0]))
    rows = slice(first, first + MOST_ROWS)

    def take() -> None:
        position = picked_token(PICTURE)
        if position is not None and 0 <= position < len(enc):
            select(enc, position)

    no_pairs = np.empty(0, np.int32), np.empty(0, np.float32)
    pairs = no_pairs if turned_back else (read.pair_of, read.radians)
    names = ("Latent", "Rotary part") if read.kind == "latent" else ("Key", "Value")
    with place:
        cache_view(
            labels[rows], enc.special_tokens_mask[read.positions[rows]].tolist(), int(read.positions[first]), index,
            [Picture(names[0], keys[rows], *pairs), Picture(names[1], values[rows], *no_pairs)],
            name=f"layer {read.layer + 1}, head {head + 1}", key=PICTURE, on_pick=take,
        )  # fmt: skip
        st.caption(_words(read, turned_back=turned_back))
    table = _table(read, labels, keys, values)
    with st.expander(f"The first {N_COLUMNS} dimensions as a table"):
        data_table(table, hide_index=True, width="stretch", height=320)
    take_away(
        "keys_values", _table(read, labels, keys, values, most=10**6),
        {
            "keys": (lambda: read.keys, f"float32 {read.keys.shape}: head, token, dimension, as kept"),
            "values": (lambda: read.values, f"float32 {read.values.shape}: head, token, dimension"),
        },
    )  # fmt: skip
    return head


def heat_finding(read: lm.KeysValues, head: int, keys: NDArray[np.float32], labels: Sequence[str]) -> str:
    """How the first token's key differs from the others, or which dimension is largest in all."""
    where = f"Layer {read.layer + 1}, head {head + 1}"
    lengths = np.linalg.norm(keys, axis=1)
    if len(lengths) == 1:
        return f"{where}: the key of “{labels[0]}” is {lengths[0]:.1f} long"
    if read.positions[0] == 0 and min(lengths[0], np.median(lengths[1:])) > 0:
        times = float(np.median(lengths[1:]) / lengths[0])
        if times >= 1.25 or times <= 0.8:
            kind, factor = ("shorter", times) if times > 1 else ("longer", 1 / times)
            others = "the other's" if len(lengths) == 2 else "the others’ (median)"
            return f"{where}: the first token’s key vector is {factor:.1f} times {kind} than {others}"
    mean = keys.astype(np.float64).mean(0)
    largest = int(np.abs(mean).argmax())
    written = f"{mean[largest]:.1f}".replace("-", "−")
    return f"{where}: dimension {largest + 1} stands out in the keys, {written} on average"


def _words(read: lm.KeysValues, *, turned_back: bool) -> str:
    n = len(read.positions)
    words = (
        "The length of a key vector is the root of the sum of its squares; all have the same number of dimensions. "
        f"Rows are tokens, columns the dimensions of a head; {read.dtype}, as attention multiplies with them. White "
        "or black is zero, the colour's strength goes by the root of the number. "
    )
    if turned_back:
        words += (
            "Keys turned back: without the rotation a key says what the token is and not where. In layer 1 the same "
            "token has the same key everywhere. "
        )
    elif len(read.pair_of):
        fast = int(np.argmax(read.radians))
        slow = int(np.argmin(np.where(read.pair_of >= 0, read.radians, np.inf)))
        words += (
            f"Keys are kept after rotation (RoPE): two dimensions at a time are turned by the token's place. "
            f"{_pair(read, fast)} turn fastest, {read.radians[fast]:.2f} radians a token: stripes from row to row. "
            f"{_pair(read, slow)} turn slowest, once in {2 * np.pi / read.radians[slow]:,.0f} tokens. Values are not "
            "turned. "
        )
    elif read.is_rotated:
        words += "Keys are kept after rotation (RoPE), values are not turned. "
    if read.kind == "latent":
        words += "This layer keeps one compressed vector a token, out of which all heads' keys and values are made. "
    if n < len(read.input_ids):
        words += f"The window keeps the last {counted(n, 'token')} of {len(read.input_ids):,}. "
    return escape_markdown(words)


def _pair(read: lm.KeysValues, dimension: int) -> str:
    one, other = sorted((dimension, int(read.pair_of[dimension])))
    return f"Dimensions {one + 1} and {other + 1}"


def _table(
    read: lm.KeysValues,
    labels: Sequence[str],
    keys: NDArray[np.float32],
    values: NDArray[np.float32],
    *,
    most: int = N_COLUMNS,
) -> pd.DataFrame:
    columns = {f"key {i + 1}": keys[:, i] for i in range(min(most, keys.shape[1]))}
    columns |= {f"value {i + 1}": values[:, i] for i in range(min(most, values.shape[1]))}
    return pd.DataFrame({"Place": read.positions + 1, "Token": list(labels)} | columns)
