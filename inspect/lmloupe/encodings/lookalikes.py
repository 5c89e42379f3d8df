"""What a text spells that looks like a special token and is none: to the model it is ordinary letters and signs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType

import numpy as np

from lmloupe.encodings.encoding import Encoding
from lmloupe.encodings.special_tokens import specials_of
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["OTHER_FORMATS", "Lookalike", "misspelt_special", "special_lookalikes"]

# Formats of families that are not embedded. Sources: the model cards and prompt format pages of Llama 2, Mistral and
# Gemma, and the vocabularies that the papers of BERT and T5 describe.
OTHER_FORMATS = MappingProxyType(
    {
        "[INST]": "opens a person's turn in the formats of Llama 2 and Mistral",
        "[/INST]": "ends a person's turn in the formats of Llama 2 and Mistral",
        "<<SYS>>": "opens the system message in the format of Llama 2",
        "<</SYS>>": "ends the system message in the format of Llama 2",
        "<start_of_turn>": "opens a turn in the format of Gemma",
        "<end_of_turn>": "ends a turn in the format of Gemma",
        "<bos>": "begins a text for Gemma",
        "<eos>": "ends a text for Gemma",
        "<s>": "begins a text for Llama 2 and Mistral",
        "</s>": "ends a text for Llama 2 and Mistral",
        "<pad>": "fills up a batch for Gemma and T5",
        "<mask>": "is the gap for RoBERTa",
        "[CLS]": "begins a text for BERT",
        "[SEP]": "ends a sentence for BERT",
        "[MASK]": "is the gap for BERT",
        "[PAD]": "fills up a batch for BERT",
        "[UNK]": "stands for an unknown word for BERT",
    }
)
"""Marks of well-known families that are not embedded, and what each does there."""

_FORM = re.compile(r"<\|[^<>|\n]{1,40}\|>|<</?[A-Za-z_]{2,20}>>|</?[A-Za-z][\w-]{0,39}>|\[/?[A-Z_]{3,20}\]", re.ASCII)
_ALIKE = 0.8
_LEAST = 4


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A stretch of a text that looks like a special token and is none.

    Attributes:
        text: as it is spelled.
        start: its first character.
        end: the character after its last one.
        n_tokens: how many tokens cover it.
        meant: the special token that it resembles or is elsewhere; empty where only its form is that of one.
        of: name of the tokenizer that has ``meant``; empty where it is one of `OTHER_FORMATS`, or of none.
    """

    text: str
    start: int
    end: int
    n_tokens: int
    meant: str
    of: str


def special_lookalikes(enc: Encoding, others: Iterable[Tokenizer] = (), *, limit: int = 20) -> tuple[Lookalike, ...]:
    """Where the text of an encoding spells something that looks like a special token of its tokenizer and is none.

    ``<|...|>`` has the form of one whatever is in it. ``<word>`` and ``[WORD]`` look like one where the letters are
    those of a special token, nearly so (a typing error), or where another family has exactly this one. Case, underlines
    and bars do not count as letters.

    Args:
        enc: the text as the tokenizer cuts it, special tokens parsed.
        others: other tokenizers, whose special tokens a person may have in mind.
        limit: how many to look for.

    >>> from lmloupe import encode, load_tokenizer
    >>> (found,) = special_lookalikes(encode(load_tokenizer("llama-3.1"), "<beginOfText>Hi"))
    >>> found.text, found.n_tokens, found.meant, found.of
    ('<beginOfText>', 5, '<|begin_of_text|>', 'llama-3.1')
    >>> special_lookalikes(encode(load_tokenizer("llama-3.1"), "<|begin_of_text|><div>a < b > c</div>"))
    ()
    """
    tok = enc.tokenizer
    real = [(special.start, special.end) for special in specials_of(enc)]
    everyone = [tok, *(other for other in others if other.name != tok.name)]
    found: list[Lookalike] = []
    for match in _FORM.finditer(enc.text):
        start, end = match.span()
        if any(first < end and start < last for first, last in real):
            continue
        meant = _meant(match[0], everyone)
        if meant is None:
            continue
        covered = (enc.offsets[:, 0] < end) & (enc.offsets[:, 1] > start)
        found.append(Lookalike(match[0], start, end, int(np.count_nonzero(covered)), *meant))
        if len(found) == limit:
            break
    return tuple(found)


def misspelt_special(tok: Tokenizer) -> tuple[str, str] | None:
    """A special token of the tokenizer, and how people misspell it; None where no special token has such a name.

    >>> from lmloupe import load_tokenizer
    >>> misspelt_special(load_tokenizer("llama-3.1")), misspelt_special(load_tokenizer("phi-3"))
    (('<|begin_of_text|>', '<beginOfText>'), ('<|endoftext|>', '<endoftext>'))
    """
    contents = [name for name in tok.special_tokens if _FORM.fullmatch(name)]
    for content in sorted(contents, key=lambda name: "_" not in name):
        first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", content) if part] or [""]
        wrong = f"<{first}{''.join(part.capitalize() for part in rest)}>"
        if len(first) > 1 and wrong not in tok.special_tokens:
            return content, wrong
    return None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9/]", "", text.lower())


def _meant(text: str, everyone: list[Tokenizer]) -> tuple[str, str] | None:
    """Which special token is meant, and whose; two empty texts where only the form is that of one; else None."""
    for tok in everyone[1:]:
        if text in tok.special_tokens:
            return text, tok.name
    if text in OTHER_FORMATS:
        return text, ""
    for tok in everyone:
        nearest = _nearest(text, tok)
        if nearest is not None:
            return nearest, tok.name
    return ("", "") if text.startswith("<|") else None


def _nearest(text: str, tok: Tokenizer) -> str | None:
    """The special token of a tokenizer whose letters are these, or nearly these."""
    letters = _letters(text)
    if len(letters) < _LEAST:
        return None
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(letters)
    best, ratio = None, _ALIKE
    for name in tok.special_tokens:
        own = _letters(name)
        matcher.set_seq1(own)
        # Names with a number at their end, of which there are hundreds, are alike among themselves.
        if own == letters:
            return name
        if not name[:-2][-1:].isdigit() and matcher.real_quick_ratio() > ratio and matcher.ratio() > ratio:
            best, ratio = name, matcher.ratio()
    return best
