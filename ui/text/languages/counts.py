"""Tokens of the same sentences in many languages: of whom, measured by what, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from lmloupe.languages.fertility import Fertility, fertility
from lmloupe.languages.parallel_texts import Language, code_samples, load_parallel, parallel_languages
from ui.base.loaders import tokenizer
from ui.tokenizers.choice import Choice

__all__ = ["CODE_SAMPLES", "Counted", "Measure", "counted_by", "load_texts", "parallel_file", "table", "values"]

CODE_SAMPLES = "code"
"""What to pass for the programming languages where a person's file could be."""

Measure = Literal["common", "tokens", "own"]
"""Times one common base (the first tokenizer's tokens in the base language), tokens, or times each one's own base."""

_KEPT = "counted_uploads"


@dataclass(frozen=True, slots=True)
class Counted:
    """What one tokenizer makes of the texts."""

    choice: Choice
    found: Fertility

    @property
    def base(self) -> int:
        """Place of the language that the others are compared with."""
        return next(i for i, language in enumerate(self.found.languages) if language.code == self.found.baseline)

    @property
    def base_tokens(self) -> int:
        """Tokens in that language."""
        return int(self.found.n_tokens[self.base])


@st.cache_resource(max_entries=4, show_spinner=False)
def load_texts(source: bytes | str | None) -> tuple[Language, ...]:
    """The project's sentences (None), its programs (`CODE_SAMPLES`), or a person's file as its bytes.

    Raises:
        lmloupe.LoupeError: the file is not a parallel text; see `load_parallel`.
    """
    if source is None:
        return parallel_languages()
    return code_samples() if source == CODE_SAMPLES else load_parallel(source)


@st.cache_resource(max_entries=64, show_spinner=False)
def _counted(name: str, source: bytes | str | None) -> Fertility:
    return fertility(tokenizer(name), load_texts(source))


def counted_by(choice: Choice, source: bytes | str | None = None) -> Counted:
    """Tokens of those texts under one tokenizer; kept for all sessions, an upload's for its own session alone.

    Raises:
        lmloupe.LoupeError: the tokenizer cannot be loaded or cannot read the texts.
    """
    if choice.uploaded is None:
        return Counted(choice, _counted(choice.name, source))
    kept: dict[tuple[int, bytes | str | None], Fertility] = st.session_state.setdefault(_KEPT, {})
    key = (id(choice.uploaded), source)
    if key not in kept or kept[key].tokenizer is not choice.uploaded:
        while len(kept) >= 8:
            del kept[next(iter(kept))]
        kept[key] = fertility(choice.uploaded, load_texts(source))
    return Counted(choice, kept[key])


def values(one: Counted, common: Counted, measure: Measure) -> NDArray[np.float64]:
    """What the chart shows of each language: with ``"common"`` and ``"tokens"`` fewer tokens are always less.

    Args:
        one: the tokenizer.
        common: the tokenizer whose base language is the common base.
        measure: see `Measure`.
    """
    base = {"common": common.base_tokens, "tokens": 1, "own": one.base_tokens}[measure]
    return one.found.n_tokens / max(1, base)


def table(all_of_them: Sequence[Counted]) -> pd.DataFrame:
    """One row a language, the first tokenizer's costliest first: tokens, and times the common base."""
    first = all_of_them[0]
    order = np.argsort(-first.found.n_tokens, kind="stable")
    languages = [first.found.languages[i] for i in order]
    base = first.found.languages[first.base].name
    columns: dict[str, object] = {"Language": [language.name for language in languages]}
    columns |= {f"{one.choice.label}, tokens": one.found.n_tokens[order] for one in all_of_them}
    columns |= {
        f"{one.choice.label}, × {first.choice.label}'s {base}": values(one, first, "common")[order]
        for one in all_of_them
    }
    per_word = first.found.tokens_per_word[order]
    if not np.isnan(per_word).all():
        columns[f"{first.choice.label}, per word"] = [None if np.isnan(x) else float(x) for x in per_word]
    columns[f"{first.choice.label}, per character"] = first.found.tokens_per_char[order]
    return pd.DataFrame(columns)


def parallel_file(languages: Sequence[Language]) -> bytes:
    """Those languages as a tab-separated file that `load_parallel` reads: a column a language, a row a sentence."""
    rows = [[language.name for language in languages], *zip(*(x.sentences for x in languages), strict=True)]
    return "".join("\t".join(row) + "\n" for row in rows).encode()
