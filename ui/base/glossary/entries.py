"""The glossary as data: every word with what it means here, a page that shows it, and its name in other languages.

The sentences are in words.json, the names in terms.json; both are written for this project, and a correction by
somebody who speaks the language is welcome.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ui.base.errors import escape_markdown

__all__ = ["LANGUAGES", "WORDS", "Term", "Word", "explained", "explained_label", "find", "said_of", "search"]

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "zh": "中文",
        "ja": "日本語",
        "ko": "한국어",
        "de": "Deutsch",
        "es": "Español",
        "fr": "Français",
        "hi": "हिन्दी",
        "pt": "Português",
    }
)
"""The languages of the terms by their code (ISO 639-1), each in its own name."""

_HERE = Path(__file__).parent
_ACCENTS = re.compile("[\u0300-\u036f]")
_UNIT = re.compile(r" \([^()]*\)$")
_QUALIFIER = re.compile(r"^(mean|median|all|99%|speculative:) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """What people who work in a language call something.

    Attributes:
        text: the term, often the English word.
        reading: in Latin letters; empty where the term is in them already.
    """

    text: str
    reading: str


@dataclass(frozen=True, slots=True)
class Word:
    """One entry.

    Attributes:
        key: its name in links and in the front matter of lessons.
        word: as it is written.
        also: other forms, and other names for the same thing.
        says: one or two sentences of plain text.
        example: address of a page with settings, where the word can be seen.
        shows: what that page shows then.
        related: keys of other entries.
        terms: by code of language, all of `LANGUAGES`.
    """

    key: str
    word: str
    also: tuple[str, ...]
    says: str
    example: str
    shows: str
    related: tuple[str, ...]
    terms: Mapping[str, Term]

    @property
    def names(self) -> tuple[str, ...]:
        """The word and what else it is called, in English."""
        return (self.word, *self.also)


def _read() -> dict[str, Word]:
    rows = json.loads((_HERE / "words.json").read_text("utf-8"))
    terms = json.loads((_HERE / "terms.json").read_text("utf-8"))
    found = {}
    for row in rows:
        own = {code: Term(*(*terms[row["key"]][code], "")[:2]) for code in LANGUAGES}
        lists = {name: tuple(row[name]) for name in ("also", "related")}
        found[row["key"]] = Word(**row | lists, terms=MappingProxyType(own))
    return found


WORDS: Mapping[str, Word] = MappingProxyType(_read())
"""All entries by key, in the order of the words of the course: text, vectors, prediction, generation, precision."""


def _folded(text: str) -> str:
    """Without case, accents and signs between words, so that a search finds what a person can type."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return " ".join(re.split(r"[\s_\-‑–]+", plain.casefold())).strip()


_BY_NAME = {_folded(name): word for word in WORDS.values() for name in (word.key, *word.names)}


def find(name: str) -> Word | None:
    """The entry with this key, word or other name; None where there is none.

    >>> find("Byte-pair encoding").key, find("BPE").key, find("kv_cache").key, find("coconut")
    ('byte_pair_encoding', 'byte_pair_encoding', 'kv_cache', None)
    """
    return _BY_NAME.get(_folded(name))


def explained(key: str, *more: str) -> str:
    r"""What the word means, as the ``help=`` of a widget (Markdown).

    Args:
        key: of an entry.
        more: sentences of plain text that hold for this very label, such as which value is off.

    Raises:
        KeyError: no entry has the key.

    >>> print(explained("rank"))
    The place of a token in the model\'s order\: 1 is its first guess\.
    """
    return escape_markdown(" ".join((WORDS[key].says, *more)))


def explained_label(label: str) -> str | None:
    """What a label means that is a word of the glossary, be it a mean and with a unit; None for any other.

    >>> explained_label("Rank") == explained("rank"), explained_label("Mean entropy (bits)") == explained("entropy")
    (True, True)
    >>> print(explained_label("Language"))
    None
    """
    word = _named_by(label)
    return None if word is None else explained(word.key)


def said_of(label: str) -> str:
    """The same as plain text, for what is drawn in the browser; empty for any other label.

    >>> said_of("Beam search") == WORDS["beam_search"].says, said_of("Language")
    (True, '')
    """
    word = _named_by(label)
    return "" if word is None else word.says


def _named_by(label: str) -> Word | None:
    bare = _UNIT.sub("", label)
    return find(label) or find(bare) or find(_QUALIFIER.sub("", bare))


def search(text: str) -> tuple[Word, ...]:
    """The entries that contain the text in a name or, after those, in their sentences; in any of nine languages.

    Names that begin with it come first. Case and accents do not count.

    >>> search("shang")[0].key, search("熵")[0].key, [word.key for word in search("Perplexität")]
    ('entropy', 'entropy', ['perplexity'])
    """
    wanted = _folded(text)
    ranked = sorted(((_rank(word, wanted), i, word) for i, word in enumerate(WORDS.values())), key=lambda one: one[:2])
    return tuple(word for rank, _, word in ranked if rank < _NO_MATCH)


_NO_MATCH = 3


def _rank(word: Word, wanted: str) -> int:
    names = [*word.names, *(part for term in word.terms.values() for part in (term.text, term.reading))]
    folded = [_folded(name) for name in names]
    if any(name.startswith(wanted) for name in folded):
        return 0
    if any(wanted in name for name in folded):
        return 1
    return 2 if wanted in _folded(word.says) else _NO_MATCH
