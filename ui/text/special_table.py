"""What Special tokens lists: the special and the other added tokens of a tokenizer."""

from __future__ import annotations

import pandas as pd

import lmloupe as lm
from lmloupe.encodings.special_tokens import special_token_purpose
from ui.base import theme

__all__ = ["in_magenta", "special_table"]


def in_magenta(row: pd.Series) -> list[str]:
    """The style of one row's cells: the content of a special token in the colour that special tokens have."""
    special = row["Kind"] == "special"
    return [f"color: {theme.magenta()}" if special and name == "Token" else "" for name in row.index]


def special_table(tok: lm.Tokenizer) -> pd.DataFrame:
    """One row for each special or other added token: id, how it is written, what it is for; the reserved ones last."""
    tokens = [("special", *item) for item in tok.special_tokens.items()]
    tokens += [("always one token", *item) for item in tok.added_tokens.items()]
    rows = [
        {
            "Id": token_id,
            "Token": content,
            "Kind": kind,
            "Role": {tok.bos_token: "bos", tok.eos_token: "eos"}.get(content, ""),
            "What it is for": special_token_purpose(content),
        }
        for kind, content, token_id in tokens
    ]
    rows.sort(key=lambda row: "reserved" in str(row["Token"]) or "unused" in str(row["Token"]))
    return pd.DataFrame(rows, columns=["Id", "Token", "Kind", "Role", "What it is for"])
