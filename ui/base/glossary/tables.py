"""Tables whose headings explain themselves where they are words of the glossary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from ui.base.glossary.entries import explained_label

__all__ = ["data_table", "explained_columns"]


def data_table(table: Any, *, column_config: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """``st.dataframe``, with what each heading means that is a word of the glossary and has no help of its own.

    Args:
        table: a frame, or a styled one.
        column_config: as Streamlit takes it.
        options: others of ``st.dataframe``.
    """
    return st.dataframe(table, column_config=explained_columns(table.columns, column_config or {}), **options)


def explained_columns(names: Iterable[object], config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the columns, with an explanation for each name that the glossary has.

    >>> found = explained_columns(["Rank", "Text"], {"Text": {"width": "large"}})
    >>> found["Rank"]["help"] == explained_label("rank"), found["Text"]
    (True, {'width': 'large'})
    """
    merged = dict(config)
    for name in names:
        own = config.get(name, {}) if isinstance(name, str) else None
        if own is None or isinstance(own, str):  # hidden, or only renamed
            continue
        said = explained_label(str(own.get("label") or name))
        if said is not None and not own.get("help"):
            merged[str(name)] = (own or st.column_config.Column()) | {"help": said}
    return merged
