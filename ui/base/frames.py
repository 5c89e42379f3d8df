"""Tables of the pages. pandas frames are made here alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

import lmloupe as lm
from lmloupe.encodings.special_tokens import special_token_purpose
from ui.base.chips import unnamed_row

__all__ = [
    "neighbour_table",
    "parse_ids",
    "special_table",
    "step_table",
    "token_counts",
    "token_label",
]


def token_counts(encodings: Mapping[str, lm.Encoding]) -> pd.DataFrame:
    """One row a tokenizer: tokens, characters and bytes per token, fewest tokens first."""
    rows = []
    for name, enc in encodings.items():
        n, characters = len(enc), len(enc.text)
        rows.append(
            {
                "Tokenizer": name,
                "Tokens": n,
                "Characters per token": round(characters / n, 2) if n else None,
                "Bytes per token": round(len(enc.text.encode()) / n, 2) if n else None,
                "Vocabulary": enc.tokenizer.vocab_size,
            }
        )
    return pd.DataFrame(rows).sort_values("Tokens", kind="stable", ignore_index=True)


def token_label(tok: lm.Tokenizer, token_id: int) -> str:
    """A token as a chart or a table can show it: its text with white space visible, or its bytes.

    Control characters and parts of characters have no picture of their own.
    """
    if not tok.has(token_id):
        return unnamed_row(token_id)
    raw = tok.token_bytes(token_id)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "⟨" + raw.hex(" ") + "⟩"
    shown = text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")
    if (
        len(shown) == 1 and "\ufe00" <= shown <= "\ufe0f"
    ):  # a variation selector by itself: printable to Python, invisible to an eye
        return f"⟨U+{ord(shown):04X}⟩"
    return "".join(char if char.isprintable() else f"⟨U+{ord(char):04X}⟩" for char in shown)


def special_table(tok: lm.Tokenizer) -> pd.DataFrame:
    """One row a special or another added token: id, how it is written, what it is for; the reserved ones last."""
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


def parse_ids(typed: str) -> list[int]:
    """The ids that a person typed or pasted, as a Python list or as bare numbers.

    Raises:
        lmloupe.InvalidIdError: something that is no whole number; the message names it.
    """
    ids = []
    for word in re.sub(r"[\[\](),;]", " ", typed).split():
        if not re.fullmatch(r"-?[0-9]{1,18}", word):
            raise lm.InvalidIdError(f"“{word[:40]}” is no token id: ids are whole numbers, such as 9906 0.")
        ids.append(int(word))
    return ids


def neighbour_table(tok: lm.Tokenizer, neighbours: lm.Neighbours) -> pd.DataFrame:
    """One row a neighbour, nearest first."""
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in neighbours.ids],
            "Id": neighbours.ids,
            "Similarity": neighbours.similarities,
        }
    )


def step_table(tok: lm.Tokenizer, step: lm.Step) -> pd.DataFrame:
    """What else could have been said at one step of a generation."""
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in step.top_ids],
            "Id": step.top_ids,
            "Probability": np.exp(step.top_log_probs),
            "Chosen": step.top_ids == step.token_id,
        }
    )
