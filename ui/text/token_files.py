"""Tokens as files: CSV for a spreadsheet, JSON for a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping

import streamlit as st

import lmloupe as lm

__all__ = ["download_buttons", "tokens_csv", "tokens_json"]

FIELDS = ("tokenizer", "position_from_1", "id", "piece", "text", "bytes_hex", "start", "end", "is_special")


def _rows(encodings: Mapping[str, lm.Encoding]) -> Iterator[tuple[object, ...]]:
    for name, enc in encodings.items():
        for i in range(len(enc)):
            token = enc.token(i)
            yield (name, i + 1, token.id, token.piece, token.text, token.bytes.hex(" "), token.start, token.end,
                   token.is_special)  # fmt: skip


def tokens_csv(encodings: Mapping[str, lm.Encoding]) -> bytes:
    """One line a token, UTF-8 with a mark at the start by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    writer.writerows(_rows(encodings))
    return out.getvalue().encode("utf-8-sig")


def tokens_json(encodings: Mapping[str, lm.Encoding]) -> bytes:
    """The text once, and for each tokenizer a list of tokens and the characters, in pairs, that are in no token."""
    tokens: dict[str, list[dict[str, object]]] = {name: [] for name in encodings}
    for row in _rows(encodings):
        tokens[str(row[0])].append(dict(zip(FIELDS[1:], row[1:], strict=True)))
    text = next(iter(encodings.values())).text if encodings else ""
    removed = {name: enc.removed.tolist() for name, enc in encodings.items()}
    return json.dumps({"text": text, "tokens": tokens, "removed": removed}, ensure_ascii=False).encode()


def download_buttons(encodings: Mapping[str, lm.Encoding]) -> None:
    """Two buttons; a file is made when it is asked for, not at every run."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV",
            lambda: tokens_csv(encodings),
            "tokens.csv",
            "text/csv",
            icon=":material/download:",
            help="Every token of every row with its id, piece, bytes and place, for a spreadsheet.",
        )
        st.download_button(
            "JSON",
            lambda: tokens_json(encodings),
            "tokens.json",
            "application/json",
            icon=":material/download:",
            help="The same for a program.",
        )
