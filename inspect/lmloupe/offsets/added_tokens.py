"""The first cut of all: tokenizers take added tokens out of the text before they normalize or split anything.

The tokenizers library has no call that only does this. A second tokenizer with the same added tokens and a
model that answers one token for any text does: its tokens are the segments. So the search, with its rules for
white space at the sides and for whole words, is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import normalizers
from tokenizers.models import WordLevel

from lmloupe.offsets.rules import PipelineStep, normalizer_steps
from lmloupe.offsets.step_alignment import align_step, behind, identity
from lmloupe.tokens.per_tokenizer import PerTokenizer
from lmloupe.tokens.plain_text import is_blank
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["CutText", "NormalizedRun", "Segment", "cut_segments"]

Ints = NDArray[np.int32]

_TEXT = "\x00text between added tokens"
_NOTHING = "\x00an added token of which the normalizer leaves nothing"

Span = tuple[int | None, int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text: one added token, or what stands between two of them.

    In order they cover the text. Neighbours share a character where the normalizer made several of it and an added
    token lies among those.

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
        after: the string after each step of `lmloupe.offsets.rules.normalizer_steps`.
    """

    start: int
    end: int
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CutText:
    """A text with its added tokens taken out, and the rest normalized.

    Attributes:
        segments: in order.
        runs: the strings that the normalizer saw; none where there is no normalizer.
        origins: for each segment int32 (len(normalized), 2), the characters of the source text behind each character of
            ``normalized``, as half-open pairs; for an added token an empty array.
        begins: for each segment, where in its normalized run it begins.
    """

    segments: tuple[Segment, ...]
    runs: tuple[NormalizedRun, ...]
    origins: tuple[Ints, ...] = field(repr=False)
    begins: tuple[int, ...] = field(repr=False)


# A segment, its origins, and where it begins in its run.
_Found = tuple[Segment, Ints, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    backend: tokenizers.Tokenizer
    ids: Mapping[int, int]

    def spans(self, text: str) -> list[Span]:
        """Spans that tile the text: added tokens and what is between them."""
        found = self.backend.encode(text, add_special_tokens=False)
        return [(self.ids.get(i), a, b) for i, (a, b) in zip(found.ids, found.offsets, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Probes:
    """Searches of the text as it is and of the normalized text, for one tokenizer and one way to read specials."""

    raw: _Probe | None
    normalized: _Probe | None


def _probe(added: Mapping[int, tokenizers.AddedToken], content: Callable[[str], str], plain: bool) -> _Probe | None:
    backend = tokenizers.Tokenizer(WordLevel({_TEXT: 0}, unk_token=_TEXT))
    # A token of which the normalizer leaves nothing matches between any two characters, in the library and here.
    backend.normalizer = normalizers.Replace(_NOTHING, "")

    def as_special(token: tokenizers.AddedToken) -> bool:
        # Plain text leaves out more than the library's switch does: see `lmloupe.tokens.plain_text`.
        return bool(token.special or (plain and not is_blank(token.content)))

    chosen: dict[str, tuple[int, tokenizers.AddedToken]] = {}
    # Of several that the normalizer makes the same, the library takes one that is not special, and one spelled so.
    for token_id, token in sorted(
        added.items(), key=lambda it: (as_special(it[1]), it[1].content != content(it[1].content))
    ):
        if token.content:
            chosen.setdefault(content(token.content) or _NOTHING, (token_id, token))
    ids: dict[int, int] = {}
    # One call for each kind: the library builds its search anew at every call, and Gemma 3 has 6,415 added tokens.
    for special, add in ((True, backend.add_special_tokens), (False, backend.add_tokens)):
        copies = []
        for spelled, (token_id, token) in chosen.items():
            if as_special(token) != special:
                continue
            flags = {"single_word": token.single_word, "lstrip": token.lstrip, "rstrip": token.rstrip}
            copies.append(tokenizers.AddedToken(spelled, normalized=True, special=special, **flags))
            # Id 0 is the text between; added tokens get the ids behind it, in this order.
            ids[len(ids) + 1] = token_id
        add(copies)
    backend.encode_special_tokens = plain
    return _Probe(backend, ids) if ids else None


def _build(tok: Tokenizer) -> dict[bool, _Probes]:
    added = dict(sorted(tok.backend.get_added_tokens_decoder().items()))
    raw = {i: token for i, token in added.items() if not token.normalized}
    late = {i: token for i, token in added.items() if token.normalized}
    normalizer = tok.backend.normalizer
    normalize = str if normalizer is None else normalizer.normalize_str
    return {parse: _Probes(_probe(raw, str, not parse), _probe(late, normalize, not parse)) for parse in (True, False)}


_probes = PerTokenizer(_build)


def cut_segments(tok: Tokenizer, text: str, parse_special_tokens: bool) -> CutText:
    """Take the added tokens out and normalize the rest, as ``tokenizers.Tokenizer.encode`` does.

    Args:
        tok: from `lmloupe.load_tokenizer`.
        text: valid Unicode text.
        parse_special_tokens: False leaves special tokens in the text plain text.
    """
    probes = _probes(tok)[parse_special_tokens]
    steps = normalizer_steps(tok)
    spans = [(None, 0, len(text))] if probes.raw is None else probes.raw.spans(text)
    found: list[_Found] = []
    runs: list[NormalizedRun] = []
    for token_id, start, end in spans if text else []:
        if token_id is not None:
            found.append((_added(tok, token_id, start, end), identity(0, 0), 0))
            continue
        run, origin = _normalize(steps, text, start, end)
        if steps:
            runs.append(run)
        normalized = run.after[-1] if steps else text[start:end]
        found += _cut_normalized(tok, probes.normalized, run, normalized, origin)
    segments, origins, begins = zip(*found, strict=True) if found else ((), (), ())
    return CutText(segments, tuple(runs), origins, begins)


def _added(tok: Tokenizer, token_id: int, start: int, end: int) -> Segment:
    content = tok.piece(token_id)
    return Segment(start, end, token_id, content in tok.special_tokens, content)


def _normalize(steps: Sequence[PipelineStep], text: str, start: int, end: int) -> tuple[NormalizedRun, Ints]:
    """A run of the text after each step, and the characters of the text behind each character of the last."""
    now, origin = text[start:end], identity(start, end)
    after = []
    for step in steps:
        made = step.component.normalize_str(now)
        if made != now:
            origin = behind(origin, align_step(step, now, made))
        after.append(made)
        now = made
    return NormalizedRun(start, end, tuple(after)), origin


def _cut_normalized(
    tok: Tokenizer, probe: _Probe | None, run: NormalizedRun, normalized: str, origin: Ints
) -> list[_Found]:
    """The segments of a run: added tokens that are looked for in the normalized text, and the text between them.

    Text takes what the normalizer removed beside it; between two added tokens that is a segment of no text.
    """
    spans = [] if probe is None else probe.spans(normalized)
    if not spans:
        return [(Segment(run.start, run.end, None, False, normalized), origin, 0)]
    found: list[_Found] = []
    reached = run.start
    for token_id, a, b in spans:
        start, end = int(origin[a, 0]), int(origin[b - 1, 1])
        if token_id is None:
            found.append((Segment(min(start, reached), end, None, False, normalized[a:b]), origin[a:b], a))
        else:
            _fill(found, reached, start)
            found.append((_added(tok, token_id, start, end), identity(0, 0), a))
        reached = max(reached, end)
    _fill(found, reached, run.end)
    return found


def _fill(found: list[_Found], reached: int, start: int) -> None:
    """Let the text before ``start`` go on to there, so that no character is left out."""
    if reached >= start:
        return
    if found and found[-1][0].token_id is None:
        found[-1] = replace(found[-1][0], end=start), *found[-1][1:]
    else:
        found.append((Segment(reached, start, None, False, ""), identity(0, 0), 0))
