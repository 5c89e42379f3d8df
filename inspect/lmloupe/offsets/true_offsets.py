"""Offsets that are true: every character that a token's bytes came from lies in its pair.

The tokenizers library's own are, for most texts; `encoding_offsets` finds out which they are not, and then goes the
way of the text once more, step by step.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import cut_segments
from lmloupe.offsets.bpe_places import lacking_bytes
from lmloupe.offsets.rules import PipelineStep, normalizer_steps, pre_tokenizer_steps
from lmloupe.offsets.step_alignment import joins
from lmloupe.offsets.strings import text_tokens
from lmloupe.tokens.per_tokenizer import PerTokenizer
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["encoding_offsets", "placed", "uncovered"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class _Care:
    """What of a tokenizer may make the library's offsets wrong.

    Attributes:
        steps: the normalizer's, up to the last one that may merge or move characters.
        gaps: where such a step loses something the library leaves characters uncovered.
        lacks: bytes for which a byte-level vocabulary has no piece, so that the model drops them.
        always: the model counts in another way than the text has bytes, or the post-processor takes the white space out
            of the offsets.
    """

    steps: tuple[PipelineStep, ...]
    gaps: bool
    lacks: bytes
    always: bool


def _build(tok: Tokenizer) -> _Care:
    steps = normalizer_steps(tok)
    last = max((i + 1 for i, step in enumerate(steps) if _may_merge(step)), default=0)
    backend: Any = tok.backend  # the library's own object
    post = backend.post_processor
    state = {} if post is None else json.loads(post.__getstate__())
    gaps = any(_may_merge(step) and step.name in ("Replace", "Precompiled") for step in steps)
    is_byte_level = any(step.name == "ByteLevel" for step in (*steps, *pre_tokenizer_steps(tok)))
    lacks = lacking_bytes(tok.backend.model, is_byte_level)
    return _Care(steps[:last], gaps, lacks or b"", lacks is None or any(_trims(state)))


_care = PerTokenizer(_build)


def _trims(state: Any) -> Iterator[bool]:
    for value in state.values() if isinstance(state, dict) else state if isinstance(state, list) else ():
        yield from _trims(value)
    if isinstance(state, dict):
        yield bool(state.get("trim_offsets"))


def _may_merge(step: PipelineStep) -> bool:
    if step.name == "Replace":
        return len(step.settings["pattern"].get("String", "")) != 1
    return step.name in ("NFC", "NFD", "NFKC", "NFKD", "BertNormalizer", "StripAccents", "Precompiled")


def _merges(step: PipelineStep, before: str, after: str) -> bool:
    """Whether a step may have merged or moved characters of a text that it changed."""
    if not _may_merge(step) or before == after:
        return False
    characters = set(before)
    if step.name == "Replace":
        return True
    if step.name == "Precompiled":
        normalize = step.component.normalize_str
        return any(char == "\r" or len(normalize(char)) != 1 or joins(char) for char in characters)
    if step.name in ("NFC", "NFKC"):
        return any(map(joins, characters))
    return any(unicodedata.combining(unicodedata.normalize("NFKD", char)[0]) for char in characters)


def encoding_offsets(tok: Tokenizer, text: str, raw: Any, parse_special_tokens: bool) -> Ints:
    """The offsets of an encoding.

    Args:
        tok: the tokenizer, in the process that has it.
        text: what was encoded.
        raw: the library's encoding of it, with or without what a post-processor adds.
        parse_special_tokens: as it was encoded.

    Returns:
        int32 (n, 2), half-open pairs of characters of the text.
    """
    offsets = np.fromiter(chain.from_iterable(raw.offsets), np.int32, 2 * len(raw)).reshape(-1, 2)
    if _is_true(tok, text, offsets):
        return offsets
    ids, pairs = text_tokens(tok, text, cut_segments(tok, text, parse_special_tokens))
    own = np.fromiter(raw.ids, np.int32, len(raw))[_own(raw)]
    return placed(raw, pairs) if np.array_equal(own, ids) else np.clip(offsets, 0, len(text))


def _own(raw: Any) -> NDArray[np.bool_]:
    """Mask of the tokens of an encoding that a post-processor did not add."""
    own: NDArray[np.bool_] = np.fromiter(raw.special_tokens_mask, np.int32, len(raw)) == 0
    return own


def placed(raw: Any, pairs: Ints) -> Ints:
    """The pairs of an encoding's own tokens, with an empty one for each that a post-processor added."""
    offsets = np.zeros((len(raw), 2), np.int32)
    offsets[_own(raw)] = pairs
    return offsets


def _is_true(tok: Tokenizer, text: str, offsets: Ints) -> bool:
    care = _care(tok)
    if care.always:
        return False
    now = text
    for step in care.steps:
        before, now = now, step.component.normalize_str(now)
        if _merges(step, before, now):
            return False
    if care.lacks:
        normalizer = tok.backend.normalizer
        data = (text if normalizer is None else normalizer.normalize_str(text)).encode()
        if len(data.translate(None, care.lacks)) < len(data):
            return False
    return not care.gaps or not len(uncovered(offsets, len(text)))


def uncovered(offsets: Ints, n_characters: int) -> Ints:
    """Stretches of a text that no pair covers, int32 (k, 2)."""
    filled = np.clip(offsets[offsets[:, 0] < offsets[:, 1]], 0, n_characters)
    opened, closed = (np.bincount(side, minlength=n_characters + 1) for side in filled.T)
    gap = np.concatenate([[False], np.cumsum(opened - closed)[:n_characters] == 0, [False]])
    edges = np.flatnonzero(gap[1:] != gap[:-1])
    return edges.reshape(-1, 2).astype(np.int32)
