"""How many tokens the same meaning costs in each language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import check_text
from lmloupe.errors import InvalidSettingError
from lmloupe.languages.parallel_texts import Language, languages_of, parallel_languages
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Fertility", "count_words", "fertility"]


@dataclass(frozen=True, slots=True, eq=False)
class Fertility:
    """What one tokenizer makes of parallel texts in n languages. All arrays are in the order of ``languages``.

    Attributes:
        tokenizer: whose tokens are counted.
        languages: the n languages.
        baseline: code of the language that ``relative`` compares with.
        n_tokens: int64 (n,), tokens of all sentences; nothing added, special tokens read as plain text.
        n_words: int64 (n,), see `count_words`; 0 where words are not spaced.
        n_chars: int64 (n,), characters (code points).
        n_bytes: int64 (n,), bytes of UTF-8.
        tokens_per_word: float64 (n,), NaN where words are not spaced.
        tokens_per_char: float64 (n,).
        tokens_per_byte: float64 (n,).
        relative: float64 (n,), tokens as a multiple of the baseline's for the same sentences: 3.0 costs three times as
            much, takes three times as long to read and write, and leaves a third of the context.
    """

    tokenizer: Tokenizer = field(repr=False)
    languages: tuple[Language, ...] = field(repr=False)
    baseline: str
    n_tokens: NDArray[np.int64]
    n_words: NDArray[np.int64] = field(repr=False)
    n_chars: NDArray[np.int64] = field(repr=False)
    n_bytes: NDArray[np.int64] = field(repr=False)
    tokens_per_word: NDArray[np.float64] = field(repr=False)
    tokens_per_char: NDArray[np.float64] = field(repr=False)
    tokens_per_byte: NDArray[np.float64] = field(repr=False)
    relative: NDArray[np.float64]


def count_words(text: str) -> int:
    """Words of a language that spaces them: what stands between white space and holds a letter or a digit.

    This is not a word segmentation (UAX #29): ``don't`` and ``2-3`` are one word, the ``!`` that French sets apart is
    none, and Vietnamese, which spaces its syllables, counts syllables.

    >>> count_words("Don't wait : two loaves !")
    4
    """
    return sum(any(char.isalnum() for char in word) for word in text.split())


def _baseline(languages: Sequence[Language], asked: str | None) -> int:
    wanted = ("en", "english") if asked is None else (asked.casefold(),)
    for place, language in enumerate(languages):
        if language.code.casefold() in wanted or language.name.casefold() in wanted:
            return place
    if asked is None:
        return 0
    raise InvalidSettingError(
        f"There is no language {asked!r} to compare with: give one of {', '.join(x.code for x in languages)[:200]}."
    )


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def fertility(
    tok: Tokenizer,
    texts: Sequence[Language] | Mapping[str, Sequence[str]] | None = None,
    *,
    baseline: str | None = None,
) -> Fertility:
    """Count tokens of the same sentences in many languages, each sentence encoded by itself.

    Fertility is tokens per word (Rust et al., "How Good is Your Tokenizer?", 2021); the cost of the same meaning
    relative to English is the premium of Petrov et al., "Language Model Tokenizers Introduce Unfairness Between
    Languages" (2023).

    Args:
        tok: from `lmloupe.load_tokenizer`.
        texts: from `parallel_languages` (the default), `code_samples` or `load_parallel`, or a mapping of names to
            sentences.
        baseline: code or name of the language to compare with; None takes English, else the first.

    Raises:
        InvalidSettingError: no texts, languages with different numbers of sentences, or no such baseline.
        InvalidTextError: a sentence with a lone surrogate.

    >>> from lmloupe import load_tokenizer
    >>> texts = {"English": ["Good evening."], "Thai": ["สวัสดีตอนเย็น"]}
    >>> found = fertility(load_tokenizer("llama-3.1"), texts)
    >>> found.n_tokens.tolist(), found.tokens_per_word.tolist(), found.relative.tolist()
    ([3, 6], [1.5, nan], [1.0, 2.0])
    """
    if texts is None:
        texts = parallel_languages()
    languages = languages_of(texts) if isinstance(texts, Mapping) else tuple(texts)
    if not languages:
        raise InvalidSettingError("There are no texts to count: give at least one language.")
    for language in languages:
        if len(language.sentences) != len(languages[0].sentences):
            raise InvalidSettingError(
                f"{language.name} has {len(language.sentences)} sentences and {languages[0].name} "
                f"{len(languages[0].sentences)}: give the same sentences in every language."
            )
        check_text("".join(language.sentences))
    place = _baseline(languages, baseline)
    n_tokens = np.array(
        [
            sum(map(len, tok.backend_plain.encode_batch_fast(list(language.sentences), add_special_tokens=False)))
            for language in languages
        ],
        np.int64,
    )
    words = [sum(map(count_words, language.sentences)) if language.spaced else 0 for language in languages]
    n_words = np.array(words, np.int64)
    n_chars = np.array([sum(map(len, language.sentences)) for language in languages], np.int64)
    n_bytes = np.array([len("".join(language.sentences).encode()) for language in languages], np.int64)
    return Fertility(
        tokenizer=tok,
        languages=languages,
        baseline=languages[place].code,
        n_tokens=n_tokens,
        n_words=n_words,
        n_chars=n_chars,
        n_bytes=n_bytes,
        tokens_per_word=_ratio(n_tokens, n_words),
        tokens_per_char=_ratio(n_tokens, n_chars),
        tokens_per_byte=_ratio(n_tokens, n_bytes),
        relative=_ratio(n_tokens, np.full(len(languages), n_tokens[place])),
    )
