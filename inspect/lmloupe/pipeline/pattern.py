"""The pre-tokenizer's pattern, part by part, and the part that cut out a given piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from lmloupe.offsets.rules import PipelineStep, pre_tokenizer_steps
from lmloupe.pipeline.pieces import SplitString
from lmloupe.pipeline.stage_data import Stages
from lmloupe.tokens.backend import Question
from lmloupe.tokens.token_bytes import byte_level_alphabet
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["PatternMatches", "PatternPart", "pattern_matches", "pattern_parts", "split_alternatives"]

# The pattern that `ByteLevel(use_regex=True)` carries in itself. Source: GPT-2 and the tokenizers library.
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

_UP_TO_LAST = (
    "White space up to its last character: that one is left for what follows. At the end of the text, all of it.",
    "   ",
)
_REST = ("White space that no other part takes, such as a tab in front of a digit.", "\t")

# What is known about a part: what it matches, and a text that it matches whole.
_KNOWN: dict[str, tuple[str, str]] = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)": ("An English ending behind an apostrophe, in capitals too.", "'LL"),
    r"[^\r\n\p{L}\p{N}]?\p{L}+": (
        "A word: letters, with one character in front that is not a letter, digit or line break; mostly the space.",
        " coconut",
    ),
    r"\p{N}{1,3}": ("One to three digits: a longer number falls into groups of three, counted from its left.", "123"),
    r"\p{N}": ("One digit: every digit stands alone.", "7"),
    r"\p{N}+": ("A whole number, however long.", "2024"),
    r" ?[^\s\p{L}\p{N}]+[\r\n]*": (
        "Punctuation, symbols and emoji, with one space in front and the line breaks behind.",
        " ++\n",
    ),
    r"\s*[\r\n]+": ("Line breaks, with the white space in front of them.", "  \n\n"),
    r"\s+(?!\S)": _UP_TO_LAST,
    r"\s+": _REST,
    r" ?\p{L}+": ("A word: letters, with one space in front.", " coconut"),
    r" ?\p{N}+": ("A number: digits, with one space in front.", " 2024"),
    r" ?[^\s\p{L}\p{N}]+": ("Punctuation, symbols and emoji, with one space in front.", " ++"),
} | {
    f"'{end}": (f"The English ending '{end}, in small letters only.", f"'{end}")
    for end in ("s", "t", "re", "ve", "m", "ll", "d")
}


@dataclass(frozen=True, slots=True)
class PatternPart:
    """One alternative of a pre-tokenizer's pattern; the first that matches wins.

    Attributes:
        pattern: the regular expression of this part, in Oniguruma's syntax.
        meaning: one sentence, empty for a part that is not known here.
        example: a text that this part matches whole, empty for an unknown one.
        step: number of the pre-tokenizer's step that it belongs to.
        step_name: name of that step, ``"Split"``.
    """

    pattern: str
    meaning: str
    example: str
    step: int
    step_name: str


def split_alternatives(pattern: str) -> tuple[str, ...]:
    r"""Cut a regular expression at the ``|`` that stand in no group, no class and behind no backslash.

    >>> split_alternatives(r"(?i:'s|'t)|[|\]]+|\||x")
    ("(?i:'s|'t)", '[|\\]]+', '\\|', 'x')
    """
    parts, start, i, groups, classes = [], 0, 0, 0, 0
    while i < len(pattern):
        char = pattern[i]
        if char == "\\":
            i += 1
        elif char == "[":
            classes += 1
            # A bracket that closes nothing yet is a plain character: []a] and [^]a].
            skip = 2 if pattern[i + 1 : i + 2] == "^" else 1
            i += skip if pattern[i + skip : i + skip + 1] == "]" else 0
        elif char == "]" and classes:
            classes -= 1
        elif not classes and char in "()":
            groups += 1 if char == "(" else -1
        elif not classes and not groups and char == "|":
            parts.append(pattern[start:i])
            start = i + 1
        i += 1
    return (*parts, pattern[start:])


def _pattern(step: PipelineStep) -> str | None:
    settings: Mapping[str, Any] = step.settings
    if step.name == "Split":
        value: str | None = settings["pattern"].get("Regex")
        return value
    if step.name == "ByteLevel" and settings.get("use_regex", True):
        return _GPT2
    if step.name == "Digits":
        return r"\p{N}" if settings["individual_digits"] else r"\p{N}+"
    return None


def _parts(number: int, step: PipelineStep) -> tuple[PatternPart, ...]:
    pattern = _pattern(step)
    if pattern is None:
        return ()
    return tuple(
        PatternPart(part, *_KNOWN.get(part, ("", "")), step=number, step_name=step.name)
        for part in split_alternatives(pattern)
    )


def pattern_parts(tok: Tokenizer) -> tuple[PatternPart, ...]:
    r"""The patterns of all steps of a tokenizer's pre-tokenizer, alternative by alternative.

    Args:
        tok: from `lmloupe.load_tokenizer`.

    Returns:
        The parts in the order in which they are tried; empty where no pattern cuts the text (Phi-3).

    >>> from lmloupe import load_tokenizer
    >>> parts = pattern_parts(load_tokenizer("llama-3.1"))
    >>> parts[2].pattern, parts[2].example
    ('\\p{N}{1,3}', '123')
    >>> pattern_parts(load_tokenizer("phi-3"))
    ()
    """
    steps = pre_tokenizer_steps(tok)
    return tuple(part for number, step in enumerate(steps) for part in _parts(number, step))


@dataclass(frozen=True, slots=True, eq=False)
class PatternMatches:
    """Which part of which pattern made which piece. Made by `pattern_matches`."""

    _stages: Stages = field(repr=False)
    _ends: tuple[NDArray[np.int64] | None, ...] = field(repr=False)
    _joined: str = field(repr=False)
    _text_pieces: NDArray[np.int64] = field(repr=False)

    def step(self, i: int) -> int | None:
        """Number of the pre-tokenizer's step that cut piece ``i`` to its present borders.

        None for an added token, for a piece that no step cut, and behind a step that rewrites the text (Metaspace).
        """
        return None if (found := self._find(i)) is None else found[0]

    def part(self, i: int) -> PatternPart | None:
        """The alternative that matched piece ``i``.

        None where `step` is None, and for what matched no pattern: it lay between two matches.
        """
        found = self._find(i)
        if found is None:
            return None
        number, start, end, limit = found
        if (part := self._matched(number, start, end, limit)) is not None:
            return part
        # What lay between two matches of the step that cut may have matched a later step's pattern whole.
        later = range(number + 1, len(self._stages.pre_tokenizer))
        matched = (self._matched(n, start, end, end) for n in later)
        return next((part for part in matched if part is not None), None)

    def _matched(self, number: int, start: int, end: int, limit: int) -> PatternPart | None:
        """The alternative of one step that matches from ``start`` to ``end``, where its input goes on to ``limit``."""
        step = self._stages.pre_tokenizer[number].step
        if step.name == "Split" and (step.settings["invert"] or step.settings["behavior"] != "Isolated"):
            return None
        # Nothing in the known patterns looks further ahead than to the end of a run of white space.
        rest = self._joined[start : min(limit, end + 1000)]
        tok = self._stages.tokenizer
        lengths = ((part, tok.rules.ask(_MATCH, tok, rest, pattern=part.pattern)) for part in _parts(number, step))
        # The first alternative that matches is the one that cut, whatever the others would match.
        part, length = next((found for found in lengths if found[1]), (None, 0))
        return part if length == end - start else None

    def _find(self, i: int) -> tuple[int, int, int, int] | None:
        """The step that cut piece ``i``, the piece's place in the joined text, and where the step's input ended."""
        place = int(self._text_pieces[i])
        last = self._ends[-1]
        if place < 0 or last is None or len(self._ends) == 1:
            return None
        start, end = int(last[place - 1]) if place else 0, int(last[place])
        for number in range(len(self._ends) - 2, -1, -1):
            before = self._ends[number]
            if before is None:
                return None
            k = int(np.searchsorted(before, end))
            if (int(before[k - 1]) if k else 0, int(before[k])) != (start, end):
                return number, start, end, int(before[k])
        # Whole from the start: a pattern that was asked last has still matched it.
        patterns = [n for n, step in enumerate(self._stages.pre_tokenizer) if _pattern(step.step) is not None]
        return (patterns[-1], start, end, end) if patterns else None


def _matched_length(_: Tokenizer, text: str, pattern: str) -> int:
    # With the match removed, what is left is the rest; without a match everything is.
    rest = tokenizers.NormalizedString(text).split(tokenizers.Regex(rf"\A(?:{pattern})"), "removed")
    return len(text) - sum(len(piece.normalized) for piece in rest)


def _length(_tok: Tokenizer, _text: str, data: bytes, **_: Any) -> int:
    return int.from_bytes(data, "big")


_MATCH = Question("lmloupe.pipeline.pattern:_MATCH", _matched_length, lambda length: length.to_bytes(8, "big"), _length)
"""How many characters of the text's beginning the setting ``pattern`` matches."""


def _plain_ends(pieces: SplitString, joined: str) -> NDArray[np.int64] | None:
    """Where the pieces end in the text before the pre-tokenizer; None where a step rewrote it."""
    if pieces.joined == joined:
        return pieces.ends.astype(np.int64)
    alphabet = byte_level_alphabet()
    codes = np.frombuffer(pieces.joined.encode("utf-32-le"), np.uint32)
    table = np.full(max(map(ord, alphabet)) + 1, -1, np.int16)
    table[[ord(char) for char in alphabet]] = list(alphabet.values())
    if codes.size and int(codes.max()) >= table.size:
        return None
    spelled = table[codes]
    if (spelled < 0).any() or spelled.astype(np.uint8).tobytes() != joined.encode():
        return None
    # A character ends where the next byte does not carry it on.
    begins = np.concatenate([[0], np.cumsum((spelled & 0xC0) != 0x80)])
    ends: NDArray[np.int64] = begins[pieces.ends]
    return ends


def pattern_matches(stages: Stages) -> PatternMatches:
    r"""For each piece, the step that cut it and the alternative of its pattern that matched.

    The alternatives are tried one by one by the library's own engine, for one piece at a time, when asked for.

    Args:
        stages: from `lmloupe.pipeline.stages`.

    >>> from lmloupe.pipeline.stages import stages
    >>> from lmloupe import load_tokenizer
    >>> shown = stages(load_tokenizer("starcoder2"), "It's 7")
    >>> matches = pattern_matches(shown)
    >>> [(shown.piece(i).text, matches.part(i).pattern) for i in range(4)]
    [('It', ' ?\\p{L}+'), ("'s", "'s"), (' ', '\\s+(?!\\S)'), ('7', '\\p{N}')]
    """
    of_segment = [segment.normalized for segment in stages.segments if segment.token_id is None and segment.normalized]
    joined = "".join(of_segment)
    first = np.cumsum([len(text) for text in of_segment], dtype=np.int64)
    ends = (first, *(_plain_ends(step.pieces, joined) for step in stages.pre_tokenizer))
    added = np.array([segment.token_id is not None for segment in stages.segments], np.bool_)
    is_text = ~added[stages.piece_segments] if stages.n_pieces else np.zeros(0, np.bool_)
    places = np.where(is_text, np.cumsum(is_text) - 1, -1)
    return PatternMatches(stages, ends, joined, places)
