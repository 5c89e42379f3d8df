"""Facts about characters, words, vocabularies and merges."""

from __future__ import annotations

import lmloupe as lm
from ui.base.chips import visible
from ui.base.loaders import display_name, encoding, tokenizer
from ui.learn.facts.registry import fact

__all__ = [
    "bos_count",
    "byte_count",
    "character_count",
    "cut_alike",
    "fewest_tokens",
    "first_merge",
    "merge_count",
    "most_tokens",
    "parting",
    "plain_compared",
    "special_token_count",
    "token_id",
    "tokens_with",
    "vocabulary_size",
    "word_count",
]

_FAMILIES = ("llama-3.1", "phi-3", "qwen2", "starcoder2")


def _counts(text: str) -> dict[str, int]:
    return {display_name(name): len(encoding(name, text, False, True)) for name in _FAMILIES}


def _only(names: list[str], text: str, most: str) -> str:
    if len(names) > 1:
        raise lm.QuestionError(f"{' and '.join(names)} both need the {most} tokens for {text!r}.")
    return names[0]


@fact
def character_count(*, text: str) -> int:
    """Number of characters (code points) of the text.

    >>> character_count(text="coconut")
    7
    """
    return len(text)


@fact
def byte_count(*, text: str) -> int:
    """Number of bytes of the text in UTF-8.

    >>> byte_count(text="🥥")
    4
    """
    return len(text.encode())


@fact
def word_count(*, text: str) -> int:
    """Number of words of the text, what spaces part.

    >>> word_count(text="a row of words")
    4
    """
    return len(text.split())


@fact
def token_id(*, tokenizer: str, text: str, place: int) -> int:
    """Id of one token of the text; ``place`` counts from 1.

    >>> token_id(tokenizer="llama-3.1", text=" coconut", place=1)
    34557
    """
    enc = encoding(tokenizer, text, False, True)
    if not 1 <= place <= len(enc):
        raise lm.QuestionError(f"place is {place}, but the text has {len(enc)} tokens.")
    return int(enc.input_ids[place - 1])


@fact
def cut_alike(*, tokenizer: str, text: str, other: str) -> str:
    """``Yes`` where both texts become the same tokens but for spaces and capital letters, else ``No``.

    >>> cut_alike(tokenizer="llama-3.1", text="coconut", other=" coconut")
    'No'
    """
    one, two = (
        [encoded.token_bytes(i).decode("utf-8", "replace").strip().lower() for i in range(len(encoded))]
        for encoded in (encoding(tokenizer, one, False, True) for one in (text, other))
    )
    return "Yes" if [piece for piece in one if piece] == [piece for piece in two if piece] else "No"


@fact
def most_tokens(*, text: str) -> str:
    """Which of Llama 3.1, Phi-3, Qwen2 and StarCoder2 needs the most tokens for the text; an error where two do.

    >>> most_tokens(text=" coconut")
    'Phi-3'
    """
    counts = _counts(text)
    return _only([name for name, n in counts.items() if n == max(counts.values())], text, "most")


@fact
def fewest_tokens(*, text: str) -> str:
    """Which of Llama 3.1, Phi-3, Qwen2 and StarCoder2 needs the fewest tokens for the text; an error where two do.

    >>> fewest_tokens(text="🥥")
    'Qwen2'
    """
    counts = _counts(text)
    return _only([name for name, n in counts.items() if n == min(counts.values())], text, "fewest")


@fact
def vocabulary_size(*, tokenizer: str) -> int:
    """Number of tokens in the vocabulary.

    >>> vocabulary_size(tokenizer="llama-3.1")
    128256
    """
    return _tokenizer(tokenizer).vocab_size


@fact
def special_token_count(*, tokenizer: str) -> int:
    """Number of special tokens in the vocabulary.

    >>> special_token_count(tokenizer="qwen2")
    3
    """
    return len(_tokenizer(tokenizer).special_tokens)


@fact
def tokens_with(*, tokenizer: str, text: str) -> int:
    """Number of tokens of the vocabulary whose text contains this text, upper and lower case apart.

    >>> tokens_with(tokenizer="llama-3.1", text="coconut")
    1
    """
    return lm.search_vocabulary(_tokenizer(tokenizer), text).total


@fact
def merge_count(*, tokenizer: str, word: str) -> int:
    """Number of merges that are done until the word is cut as it is.

    >>> merge_count(tokenizer="llama-3.1", word="coconut")
    5
    """
    return len(_steps(tokenizer, word))


@fact
def first_merge(*, tokenizer: str, word: str) -> str:
    """What the first merge of the word makes.

    >>> first_merge(tokenizer="phi-3", word="coconut")
    'on'
    """
    return visible(_steps(tokenizer, word)[0].merged)


@fact
def parting(*, tokenizer: str, other: str, word: str) -> str:
    """Sentence on the merge at which two tokenizers begin to cut a word differently.

    >>> parting(tokenizer="llama-3.1", other="phi-3", word="coconut")
    'Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did.'
    """
    both = lm.compare_merges(_tokenizer(tokenizer), _tokenizer(other), word)
    return both.sentence(display_name(tokenizer), display_name(other))


@fact
def bos_count(*, tokenizer: str, text: str) -> int:
    """Number of begin-of-text tokens in front of the text, with those that the tokenizer adds by itself.

    >>> bos_count(tokenizer="llama-3.1", text="<|begin_of_text|>Hi")
    2
    """
    ids = encoding(tokenizer, text, True, True).input_ids.tolist()
    tok = _tokenizer(tokenizer)
    bos = None if tok.bos_token is None else tok.special_tokens.get(tok.bos_token)
    return next((i for i, one in enumerate(ids) if one != bos), len(ids))


def _tokenizer(name: str) -> lm.Tokenizer:
    return tokenizer(name)


def _steps(name: str, word: str) -> tuple[lm.MergeStep, ...]:
    shown = lm.stages(_tokenizer(name), word)
    if len(shown.pieces) != 1:
        raise lm.QuestionError(f"{word!r} is not one word to {name}.")
    return tuple(lm.merge_steps(_tokenizer(name), shown.piece(0)).steps)


@fact
def plain_compared(*, tokenizer: str, text: str) -> str:
    """``fewer``, ``as many`` or ``more``: the tokens as plain characters against those with special tokens read.

    >>> plain_compared(tokenizer="llama-3.1", text="Hi<|eot_id|>")
    'more'
    """
    plain, read = (len(encoding(tokenizer, text, False, parse)) for parse in (False, True))
    return "as many" if plain == read else "fewer" if plain < read else "more"
