"""For one step of a normalizer: the characters that each character of its result came from.

The alignment of the tokenizers library loses characters where a step merges several: of ``e`` and U+0301, which NFC
makes ``é``, it keeps the ``e`` alone, and where SentencePiece's table drops the first character it is off by one from
there on. So what a step makes of a text is worked out from what it makes of the text's parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmloupe.offsets.rules import PipelineStep

__all__ = ["align_step", "behind", "identity", "joins"]

Ints = NDArray[np.int32]

# Steps that change a text character by character, or cluster by cluster where a character joins the one before it.
_LOCAL = frozenset(
    ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer", "Precompiled", "Nmt", "ByteLevel")
)
# With what follows them these are one cluster, which SentencePiece's table is asked for as a whole.
_PREPENDED = "\r\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
_EXTENDING = re.compile(
    "[\n\u0e33\u0eb3\u1100-\u11ff\u200c\u200d\ua960-\ua97f\ud7b0-\ud7ff\uff9e\uff9f"
    "\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)


def identity(start: int, end: int) -> Ints:
    """Each character of ``start`` to ``end`` from itself, int32 (n, 2)."""
    places = np.arange(start, end, dtype=np.int32)
    return np.stack([places, places + 1], axis=1)


def behind(origin: Ints, local: Ints) -> Ints:
    """What lies behind the characters of a string, through the string that it was made from.

    Args:
        origin: int32 (m, 2), half-open pairs behind each character of the string before.
        local: int32 (n, 2), half-open pairs of characters of the string before.
    """
    first = np.minimum(local[:, 0], len(origin) - 1)
    last = np.minimum(np.maximum(local[:, 1] - 1, first), len(origin) - 1)
    return np.stack([origin[first, 0], origin[last, 1]], axis=1)


@cache
def _seconds() -> frozenset[str]:
    """Characters that Unicode composes with a character before them."""
    found = set()
    for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x1E000)):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


def joins(char: str) -> bool:
    """Whether a character may become one with what stands before it, or change places with it.

    >>> [joins(char) for char in "e\u0301\u1161"]
    [False, True, True]
    """
    first = unicodedata.normalize("NFKD", char)[0]
    return bool(
        unicodedata.combining(first)
        or unicodedata.category(char).startswith("M")
        or first in _seconds()
        or _EXTENDING.match(char)
    )


def align_step(step: PipelineStep, before: str, after: str) -> Ints:
    """The characters of ``before`` behind each character of ``after``.

    Where several characters were merged or changed places, each character made of them has all of them.

    Args:
        step: a step of a normalizer, with its component.
        before: a string.
        after: what the step made of it.

    Returns:
        int32 (len(after), 2), half-open pairs, rising.
    """
    if before == after:
        return identity(0, len(before))
    if not before or not after:
        return np.zeros((len(after), 2), np.int32)
    found = None
    if step.name in _LOCAL:
        found = _by_clusters(step.component.normalize_str, before, after)
    elif step.name == "Replace":
        found = _by_matches(step.settings, before, after)
    elif step.name == "Prepend" and after.endswith(before):
        found = np.concatenate([np.repeat(identity(0, 1), len(after) - len(before), axis=0), identity(0, len(before))])
    elif step.name == "Strip" and (start := before.find(after)) >= 0:
        found = identity(start, start + len(after))
    return _by_library(step, before) if found is None else found


def _by_clusters(normalize: Callable[[str], str], before: str, after: str) -> Ints | None:
    """From what the step makes of each cluster alone; None where that is not what it made of the whole."""
    alone = {char: normalize(char) for char in set(before)}
    table = str.maketrans(alone)
    codes, inverse = np.unique(np.frombuffer(before.encode("utf-32-le"), np.uint32), return_inverse=True)
    sizes = np.array([len(alone[chr(code)]) for code in codes.tolist()], np.int32)[inverse]
    starts = np.arange(len(before), dtype=np.int32)
    ends = starts + 1
    made, reached = [], 0
    for a, b, cluster in _merged(normalize, alone, before):
        made += [before[reached:a].translate(table), cluster]
        sizes[a:b] = 0
        sizes[a], ends[a], reached = len(cluster), b, b
    if "".join(made) + before[reached:].translate(table) != after:
        return None
    return np.stack([np.repeat(starts, sizes), np.repeat(ends, sizes)], axis=1)


def _merged(normalize: Callable[[str], str], alone: dict[str, str], text: str) -> list[tuple[int, int, str]]:
    """Clusters of which the step makes something else than of their characters one by one."""
    joining = "".join(re.escape(char) for char in alone if joins(char))
    pattern = rf"(?s)[{_PREPENDED}]+(?:.[{joining}]*)?|.[{joining}]+" if joining else rf"(?s)[{_PREPENDED}]+.?"
    known: dict[str, str | None] = {}
    found = []
    for match in re.finditer(pattern, text):
        cluster = match[0]
        if cluster not in known:
            whole = normalize(cluster)
            known[cluster] = None if whole == "".join(alone[char] for char in cluster) else whole
        if (made := known[cluster]) is not None:
            found.append((match.start(), match.end(), made))
    return found


def _by_matches(settings: Any, before: str, after: str) -> Ints | None:
    """From the places of a plain pattern; None for a regular expression."""
    wanted, content = settings["pattern"].get("String"), settings["content"]
    if not wanted or before.replace(wanted, content) != after:
        return None
    gaps = np.array([len(part) for part in before.split(wanted)], np.int64)
    ends = np.cumsum(gaps) + np.arange(len(gaps)) * len(wanted)
    sizes = np.ones(len(before), np.int32)
    reach = np.arange(1, len(before) + 1, dtype=np.int32)
    for k in range(len(wanted)):
        sizes[ends[:-1] + k] = 0 if k else len(content)
    reach[ends[:-1]] = ends[:-1] + len(wanted)
    return np.stack([np.repeat(np.arange(len(before), dtype=np.int32), sizes), np.repeat(reach, sizes)], axis=1)


def _by_library(step: PipelineStep, before: str) -> Ints:
    """The library's alignment, with the characters that it lost given to what was made of them."""
    string = tokenizers.PreTokenizedString(before)
    string.normalize(step.component.normalize)
    each = tokenizers.Regex(r"[\s\S]")
    string.split(lambda _, whole: whole.split(each, "isolated"))
    local = np.array([pair for _, pair, _ in string.get_splits("original", "char")], np.int32).reshape(-1, 2)
    if step.name == "Replace" and step.settings["content"]:
        # It has the last character of a match behind all that replaces it: what is missing before that is the match's.
        reached = np.concatenate([[0], np.maximum.accumulate(local[:-1, 1])])
        lost = (local[:, 0] > reached) & (local[:, 0] < local[:, 1])
        first = np.where(lost, reached, local[:, 0])
        # All of the content has the same pair; only its first character stands beside the gap.
        same = np.concatenate([[False], (local[1:] == local[:-1]).all(axis=1)])
        owner = np.maximum.accumulate(np.where(same, 0, np.arange(len(local))))
        local[:, 0] = first[owner]
    return local
