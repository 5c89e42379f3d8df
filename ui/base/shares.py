"""Probabilities in tables: as percent, with three significant figures, so that none is written as 0% that is not 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

__all__ = ["percent_columns", "percents"]

# Of a number in percent. sprintf writes the small ones in full and the tiny ones with an exponent.
_FORMAT = "%.3g%%"


def percents(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The table with these of its columns, shares of 0 to 1, in percent; for the screen, not for a file."""
    return table.assign(**{name: 100 * table[name] for name in names if name in table})


def percent_columns(names: Sequence[str], *, bars: Sequence[str] = ()) -> dict[str, Any]:
    """How ``st.dataframe`` writes the columns that `percents` made; those in ``bars`` as bars from 0 to 100%."""
    numbers = {name: st.column_config.NumberColumn(format=_FORMAT) for name in names}
    return numbers | {
        name: st.column_config.ProgressColumn(format=_FORMAT, min_value=0, max_value=100) for name in bars
    }
