"""The first cut of all: tokenizers take added tokens out of the text before they normalize or split anything.

The tokenizers library has no call that only does this. A second tokenizer with the same added tokens and a
model that answers one token for any text does: its tokens are the segments. So the search, with its rules for
white space at the sides and for whole words, is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tokenizers
from tokenizers.models import WordLevel

from lmloupe.per_tokenizer import PerTokenizer
from lmloupe.pipeline import PipelineStep, normalizer_steps
from lmloupe.plain_text import is_blank
from lmloupe.tokenizer import Tokenizer

__all__ = ["NormalizedRun", "Segment", "cut_segments"]

_TEXT = "\x00text between added tokens"

Span = tuple[int | None, int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text: one added token, or what stands between two of them.

    Attributes:
        start: first character in the source text.
        end: character after the last one. An added token may include the white space beside it (``rstrip``).
        token_id: id of the added token, None for text.
        is_special: the added token is a special one, a control token of the family.
        normalized: the text as the normalizer leaves it; for an added token its content.
    """

    start: int
    end: int
    token_id: int | None
    is_special: bool
    normalized: str


@dataclass(frozen=True, slots=True)
class NormalizedRun:
    """Text that the normalizer saw as one string, and what it was after each step.

    Attributes:
        start: first character in the source text.
        end: character after the last one.
        after: the string after each step of `lmloupe.pipeline.normalizer_steps`.
    """

    start: int
    end: int
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    backend: tokenizers.Tokenizer
    ids: Mapping[int, int]

    def spans(self, text: str) -> list[Span]:
        found = self.backend.encode(text, add_special_tokens=False)
        return [(self.ids.get(i), a, b) for i, (a, b) in zip(found.ids, found.offsets, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Probes:
    """Searches of the text as it is and of the normalized text, for one tokenizer and one way to read specials."""

    raw: _Probe | None
    normalized: _Probe | None


def _probe(added: Mapping[int, tokenizers.AddedToken], content: Callable[[str], str], plain: bool) -> _Probe | None:
    backend = tokenizers.Tokenizer(WordLevel({_TEXT: 0}, unk_token=_TEXT))
    copies: dict[str, tuple[int, tokenizers.AddedToken]] = {}
    for special in (True, False):
        for token_id, token in added.items():
            spelled = content(token.content)
            # Plain text leaves out more than the library's switch does: see `lmloupe.plain_text`.
            as_special = token.special or (plain and not is_blank(token.content))
            if as_special != special or not spelled or spelled == _TEXT or spelled in copies:
                continue
            flags = {"single_word": token.single_word, "lstrip": token.lstrip, "rstrip": token.rstrip}
            copies[spelled] = token_id, tokenizers.AddedToken(spelled, normalized=False, special=special, **flags)
    # One call for each kind: the library builds its search anew at every call, and Gemma 3 has 6,415 added tokens.
    for special, add in ((True, backend.add_special_tokens), (False, backend.add_tokens)):
        add([copy for _, copy in copies.values() if copy.special == special])
    backend.encode_special_tokens = plain
    # Id 0 is the text between; added tokens get the ids behind it, in this order.
    ids = {place: token_id for place, (token_id, _) in enumerate(copies.values(), 1)}
    return _Probe(backend, ids) if ids else None


def _build(tok: Tokenizer) -> dict[bool, _Probes]:
    added = dict(sorted(tok.backend.get_added_tokens_decoder().items()))
    raw = {i: token for i, token in added.items() if not token.normalized}
    late = {i: token for i, token in added.items() if token.normalized}
    normalizer = tok.backend.normalizer
    normalize = str if normalizer is None else normalizer.normalize_str
    return {parse: _Probes(_probe(raw, str, not parse), _probe(late, normalize, not parse)) for parse in (True, False)}


_probes = PerTokenizer(_build)


def _slices(string: Any, spans: Sequence[Span], keep: Callable[[Span], bool]) -> list[Any]:
    """Cut a NormalizedString at spans that tile it. By halves: each slice walks the string to its place."""
    if len(spans) == 1:
        return [string] if keep(spans[0]) else []
    half = len(spans) // 2
    at = spans[half][1] - spans[0][1]
    return _slices(string[:at], spans[:half], keep) + _slices(string[at:], spans[half:], keep)


def cut_segments(
    tok: Tokenizer, text: str, parse_special_tokens: bool
) -> tuple[list[Segment], list[NormalizedRun], tokenizers.PreTokenizedString]:
    """Take the added tokens out and normalize the rest, as ``tokenizers.Tokenizer.encode`` does.

    Args:
        tok: from `lmloupe.load_tokenizer`.
        text: valid Unicode text.
        parse_special_tokens: False leaves special tokens in the text plain text.

    Returns:
        The segments, in order and without gaps; the normalizer's runs; and the library's string with one split for
        each segment of text, ready for the pre-tokenizer.
    """
    probes = _probes(tok)[parse_special_tokens]
    string = tokenizers.PreTokenizedString(text)
    spans = [(None, 0, len(text))] if probes.raw is None else probes.raw.spans(text)
    if not text:
        spans = []
    string.split(lambda _, whole: _slices(whole, spans, lambda span: span[0] is None) if spans else [])
    runs = _normalize(string, normalizer_steps(tok))
    segments = [_added(tok, span) for span in spans if span[0] is not None]
    if probes.normalized is None:
        for normalized, (start, end), _ in string.get_splits("original", "char"):
            segments.append(Segment(start, end, None, False, normalized))
        string.split(lambda _, split: [split])  # drops those of which the normalizer left nothing
    else:
        segments += _cut_normalized(tok, string, probes.normalized)
    return sorted(segments, key=lambda segment: (segment.start, segment.end)), runs, string


def _added(tok: Tokenizer, span: Span) -> Segment:
    token_id, start, end = span
    assert token_id is not None  # noqa: S101 - the caller filters
    content = tok.piece(token_id)
    return Segment(start, end, token_id, content in tok.special_tokens, content)


def _normalize(string: tokenizers.PreTokenizedString, steps: Sequence[PipelineStep]) -> list[NormalizedRun]:
    if not steps:
        return []
    offsets = [pair for _, pair, _ in string.get_splits("original", "char")]
    after = []
    for step in steps:
        string.normalize(step.component.normalize)
        after.append([normalized for normalized, _, _ in string.get_splits("original", "char")])
    texts = zip(*after, strict=True)
    return [NormalizedRun(start, end, each) for (start, end), each in zip(offsets, texts, strict=True)]


def _cut_normalized(tok: Tokenizer, string: tokenizers.PreTokenizedString, probe: _Probe) -> list[Segment]:
    """Added tokens that are looked for in the normalized text; leaves the splits between them in ``string``."""
    found = [probe.spans(normalized) for normalized, _, _ in string.get_splits("original", "char")]
    string.split(lambda i, split: _slices(split, found[i], lambda _: True) if found[i] else [])
    ids = [token_id for spans in found for token_id, _, _ in spans]
    segments = []
    for token_id, (normalized, (start, end), _) in zip(ids, string.get_splits("original", "char"), strict=True):
        text = Segment(start, end, None, False, normalized)
        segments.append(text if token_id is None else _added(tok, (token_id, start, end)))
    string.split(lambda i, split: [split] if ids[i] is None else [])
    return segments
