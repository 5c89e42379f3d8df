"""The words of a text as a tokenizer merges them: its pieces, and where it cuts nothing, what lies between spaces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from lmloupe.pipeline.stage_data import Stages
from lmloupe.pipeline.stages import stages
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["TextWord", "begins_text", "word_at", "words_of"]

_WINDOW = 400


@dataclass(frozen=True, slots=True)
class TextWord:
    """A stretch of the text whose tokens lie in it alone.

    Attributes:
        start: first character.
        end: character after the last one.
        first_token: place of its first token in ``Stages.input_ids``.
        last_token: place after its last one.
        added: it is an added token, special or not, which is never merged.
    """

    start: int
    end: int
    first_token: int
    last_token: int
    added: bool


def words_of(shown: Stages, most_tokens: int) -> tuple[TextWord, ...]:
    r"""The words of the first ``most_tokens`` tokens.

    A piece of the pre-tokenizer is a word. A tokenizer that cuts nothing has one piece, which falls into words in
    front of each space and behind each line end that begins a token.

    >>> from lmloupe import load_tokenizer
    >>> shown = stages(load_tokenizer("phi-3"), "A coconut\nfell", add_special_tokens=False)
    >>> [shown.text[word.start : word.end] for word in words_of(shown, 100)]
    ['A', ' coconut', '\n', 'fell']
    """
    n = min(len(shown.input_ids), most_tokens)
    pieces = shown.token_pieces[:n].tolist()
    starts, ends = shown.offsets[:n, 0].tolist(), shown.offsets[:n, 1].tolist()
    text = shown.text
    begins = [i for i in range(n) if i == 0 or pieces[i] != pieces[i - 1] or _begins(text, starts[i], ends[i - 1])]
    words = []
    for first, last in pairwise([*begins, n]):
        added = shown.segments[shown.piece_segments[pieces[first]]].token_id is not None
        words.append(TextWord(min(starts[first:last]), max(ends[first:last]), first, last, added))
    return tuple(words)


def _begins(text: str, start: int, end_before: int) -> bool:
    """Whether a token inside a piece begins a word: at the first of several spaces, or behind white space."""
    if start < end_before or not 0 < start < len(text):
        return False
    return text[start].isspace() != text[start - 1].isspace() and (text[start] == " " or text[start - 1] != " ")


def begins_text(shown: Stages, word: TextWord) -> bool:
    """Whether the word is treated as the beginning of a text: it is, or a space was put in front of it all the same.

    Phi-3 does that behind each added token too.
    """
    if word.start == 0:
        return True
    first = shown.tokenizer.token_bytes(int(shown.input_ids[word.first_token]))
    return first.startswith(b" ") and shown.text[word.start] != " "


def word_at(tok: Tokenizer, text: str, place: int) -> tuple[int, int]:
    """The word that the character at ``place`` belongs to, as a half-open pair of characters.

    Of a long text only what lies around the place is looked at.

    >>> from lmloupe import load_tokenizer
    >>> word_at(load_tokenizer("llama-3.1"), "A coconut fell", 4)
    (1, 9)
    """
    low, high = max(0, place - _WINDOW), place + _WINDOW
    low = text.find("\n", low, place) + 1 if low and text.find("\n", low, place) >= 0 else low
    part = text[low:high]
    shown = stages(tok, part, add_special_tokens=False)
    found = [word for word in words_of(shown, len(part) * 8) if word.start <= place - low < word.end]
    return (found[0].start + low, found[0].end + low) if found else (place, min(len(text), place + 1))
