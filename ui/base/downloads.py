"""Numbers of a page as files: an array as .npy for NumPy, a table as CSV for a spreadsheet."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

__all__ = ["PICTURE_MENU", "npy_bytes", "table_csv", "take_away", "with_menu"]

PICTURE_MENU = {
    "displayModeBar": True,
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "lm-loupe"},
}
"""For ``st.plotly_chart(config=...)``: one button, always there, that saves the chart as SVG."""


def with_menu(figure: go.Figure) -> go.Figure:
    """The chart with room above it for the button of `PICTURE_MENU`."""
    figure.update_layout(margin_t=max(34, figure.layout.margin.t or 0))
    return figure


def npy_bytes(array: NDArray[np.generic]) -> bytes:
    """The array in NumPy's own format; ``np.load`` gives it back, dtype and shape included.

    >>> np.load(io.BytesIO(npy_bytes(np.arange(6).reshape(2, 3)))).shape
    (2, 3)
    """
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _file(get: Callable[[], NDArray[np.generic]]) -> bytes:
    return npy_bytes(get())


def table_csv(table: pd.DataFrame) -> bytes:
    """UTF-8 with a mark at the start by which spreadsheets know it; numbers with all their digits."""
    return str(table.to_csv(index=False)).encode("utf-8-sig")


def take_away(
    name: str, table: pd.DataFrame, arrays: Mapping[str, tuple[Callable[[], NDArray[np.generic]], str]]
) -> None:
    """Buttons for the table and for each array, by file name with how to get it and what its axes are.

    A file is made when it is asked for, not at every run.
    """
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", lambda: table_csv(table), f"{name}.csv", "text/csv", key=f"{name}_csv", on_click="ignore",
            icon=":material/download:", help="The table, for a spreadsheet.",
        )  # fmt: skip
        for file, (get, axes) in arrays.items():
            st.download_button(
                f"{file}.npy", partial(_file, get), f"{file}.npy", "application/octet-stream",
                key=f"{name}_{file}", on_click="ignore", icon=":material/download:", help=f"For np.load: {axes}.",
            )  # fmt: skip
