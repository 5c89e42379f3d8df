"""Which writing system a token belongs to, from the Unicode data that comes with Python.

The standard library has no Script property (UAX #24), but a letter's name begins with its script: DEVANAGARI LETTER KA.
The names of the common scripts are the table below; the tests hold it against the property itself.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCRIPT_CLASSES", "UNSPACED_SCRIPTS", "script_of", "token_scripts"]

# Without letters a token is the highest of these that it holds: " 1." is a number.
_SIGNS = ("None", "White space", "Other", "Punctuation", "Symbol", "Number", "Pictograph")
_SCRIPT_OF_NAME = {
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
    "CANADIAN": "Canadian Aboriginal",
    "FEMININE": "Latin",
    "MASCULINE": "Latin",
    "KELVIN": "Latin",
    "TURNED": "Latin",
    "ROMAN": "Latin",
    "ANGSTROM": "Latin",
    "OHM": "Greek",
    "NKO": "Nko",
    "YI": "Yi",
}
# fmt: off
_SCRIPT_OF_NAME |= {name.upper(): name for name in (
    "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew", "Arabic", "Syriac", "Thaana", "Devanagari", "Bengali",
    "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao",
    "Tibetan", "Myanmar", "Georgian", "Hangul", "Ethiopic", "Cherokee", "Ogham", "Runic", "Tagalog", "Khmer",
    "Mongolian", "Hiragana", "Katakana", "Bopomofo", "Vai", "Tifinagh", "Coptic", "Glagolitic", "Gothic",
    "Balinese", "Javanese", "Sundanese", "Lisu", "Cuneiform", "Egyptian", "Bamum", "Limbu", "Samaritan",
    "Mandaic", "Buginese", "Cham", "Adlam",
)}
# fmt: on
_MIXED = "Mixed"

SCRIPT_CLASSES: tuple[str, ...] = (*_SIGNS, *dict.fromkeys(_SCRIPT_OF_NAME.values()), "Other script", _MIXED)
"""Names of the classes that `token_scripts` numbers: first what is not a letter, then scripts."""

UNSPACED_SCRIPTS = frozenset({"Thai", "Lao", "Khmer", "Myanmar", "Han", "Hiragana", "Katakana", "Tibetan", "Javanese"})
"""Scripts that put no space between words, so that counting words by spaces means nothing."""

_FIRST_SCRIPT = len(_SIGNS)
_NUMBER_OF = {name: number for number, name in enumerate(SCRIPT_CLASSES)}
_SIGN_OF_CATEGORY = {"Z": "White space", "C": "Other", "P": "Punctuation", "S": "Symbol", "N": "Number"}
# Letters and marks that no script owns: 𝐀 is a symbol, a lone accent takes the script of what it sits on.
_NO_SCRIPT = {"COMBINING": "Other", "VARIATION": "Other", "MATHEMATICAL": "Symbol", "MODIFIER": "Symbol"}
_NO_SCRIPT |= dict.fromkeys(("MICRO", "SCRIPT", "BLACK-LETTER", "DOUBLE-STRUCK", "EULER", "ALEF", "BET"), "Symbol")


@lru_cache(maxsize=1 << 16)
def _class_of(code: int) -> int:
    char = chr(code)
    if char.isspace():
        return _NUMBER_OF["White space"]
    # The blocks of pictographs; Python's data does not have the Emoji property of UTS #51.
    if 0x1F000 <= code < 0x1FB00 or code == 0xFE0F:
        return _NUMBER_OF["Pictograph"]
    sign = _SIGN_OF_CATEGORY.get(unicodedata.category(char)[0])
    if sign is None:
        words = unicodedata.name(char, "OTHER").removeprefix("HALFWIDTH ").removeprefix("FULLWIDTH ").split()
        sign = _NO_SCRIPT.get(words[0]) or _SCRIPT_OF_NAME.get(words[0].split("-")[0], "Other script")
    return _NUMBER_OF[sign]


def token_scripts(texts: list[str]) -> NDArray[np.uint8]:
    """The script class of many short texts at once.

    Args:
        texts: n texts, such as all tokens of a vocabulary.

    Returns:
        uint8 (n,), indices in `SCRIPT_CLASSES`. A text with letters has their script, or ``Mixed``; without letters
        it is what it holds that comes last in ``White space, Other, Punctuation, Symbol, Number, Pictograph``; an empty
        text is ``None``.

    Source: the names and general categories of the Unicode Character Database (UAX #44) in `unicodedata`.

    >>> [SCRIPT_CLASSES[i] for i in token_scripts([" the", "नमस", "こん", "漢字", "aя", " 12", ");", "🤚", ""])]
    ['Latin', 'Devanagari', 'Hiragana', 'Han', 'Mixed', 'Number', 'Punctuation', 'Pictograph', 'None']
    """
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    distinct, inverse = np.unique(codes, return_inverse=True)
    classes = np.fromiter(map(_class_of, distinct.tolist()), np.uint8, len(distinct))[inverse]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    result = np.zeros(len(texts), np.uint8)
    filled = lengths > 0
    if not filled.any():
        return result
    starts = (np.cumsum(lengths) - lengths)[filled]
    highest = np.maximum.reduceat(classes, starts)
    # The lowest script of each text: what is not a letter is lifted out of the way.
    lowest = np.minimum.reduceat(np.where(classes < _FIRST_SCRIPT, np.uint8(255), classes), starts)
    mixed = (highest >= _FIRST_SCRIPT) & (lowest != highest)
    result[filled] = np.where(mixed, np.uint8(_NUMBER_OF[_MIXED]), highest)
    return result


def script_of(text: str) -> str:
    """The script class that most characters of a longer text have, signs and spaces left out.

    >>> script_of("Привет, Anna!"), script_of("42")
    ('Cyrillic', 'None')
    """
    classes = np.fromiter((_class_of(ord(char)) for char in text), np.int64, len(text))
    letters = classes[classes >= _FIRST_SCRIPT]
    return SCRIPT_CLASSES[int(np.bincount(letters).argmax())] if len(letters) else "None"
