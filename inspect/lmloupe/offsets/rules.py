"""The steps of a tokenizer's normalizer and pre-tokenizer, one after another, each with what it does in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["PipelineStep", "normalizer_steps", "pre_tokenizer_steps"]


@dataclass(frozen=True, slots=True, eq=False)
class PipelineStep:
    """One step of a normalizer or of a pre-tokenizer.

    Attributes:
        name: its type in the tokenizers library, ``"NFC"``, ``"Split"``, ``"ByteLevel"``.
        settings: its settings as ``tokenizer.json`` stores them.
        meaning: one sentence, empty for a type that is not known here.
        component: the object of the tokenizers library that does it; None where it works in a process of its own.
    """

    name: str
    settings: Mapping[str, Any]
    meaning: str
    component: Any


_NORMALIZERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "NFC": lambda _: "Composes characters: a letter and its accent become one character (NFC).",
    "NFD": lambda _: "Takes characters apart: a letter and its accent become two (NFD).",
    "NFKC": lambda _: "Composes characters and replaces look-alikes such as ﬁ and ① by plain ones (NFKC).",
    "NFKD": lambda _: "Takes characters apart and replaces look-alikes such as ﬁ and ① by plain ones (NFKD).",
    "Lowercase": lambda _: "Makes every letter small.",
    "StripAccents": lambda _: "Removes accents that stand as characters of their own.",
    "Strip": lambda s: "Removes white space " + _sides(s["strip_left"], s["strip_right"]) + " the text.",
    "Prepend": lambda s: f"Puts {_short(s['prepend'])} in front of the text.",
    "Replace": lambda s: f"Replaces {_spelled(s['pattern'])} by {_short(s['content']) or 'nothing'}.",
    "BertNormalizer": lambda s: (
        "Cleans control characters, puts spaces round Chinese characters"
        + (" and makes every letter small." if s["lowercase"] else ".")
    ),
    "ByteLevel": lambda _: "Spells every byte as one printable character.",
    "Precompiled": lambda _: "Replaces characters by SentencePiece's table, mostly as NFKC does.",
    "Nmt": lambda _: "Removes control characters and turns odd white space into spaces.",
}

_PRE_TOKENIZERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Split": lambda s: f"Cuts by a pattern; what matches is {_behaviour(s['behavior'], s['invert'])}.",
    "ByteLevel": lambda s: (
        ("Puts a space in front. " if s["add_prefix_space"] else "")
        + ("Cuts by GPT-2's pattern, then spells" if s.get("use_regex", True) else "Cuts nothing: spells")
        + " every byte as one printable character (a space is Ġ)."
    ),
    "Digits": lambda s: (
        "Cuts out every digit alone." if s["individual_digits"] else "Cuts out numbers, digits together."
    ),
    "Metaspace": lambda s: (
        f"Replaces spaces by {s['replacement']}" + (" and cuts in front of each." if s.get("split", True) else ".")
    ),
    "Whitespace": lambda _: "Cuts at white space, which it drops, and between words and punctuation.",
    "WhitespaceSplit": lambda _: "Cuts at white space, which it drops.",
    "Punctuation": lambda s: f"Cuts at punctuation, which is {_behaviour(s['behavior'], False)}.",
    "BertPreTokenizer": lambda _: "Cuts at white space, which it drops, and cuts out every punctuation mark.",
    "CharDelimiterSplit": lambda s: f"Cuts at {s['delimiter']!r}, which it drops.",
    "UnicodeScripts": lambda _: "Cuts where the script changes.",
    "FixedLength": lambda s: f"Cuts every {s['length']} characters.",
}


def _sides(left: bool, right: bool) -> str:
    return {(True, True): "at both ends of", (True, False): "in front of", (False, True): "behind"}.get(
        (left, right), "nowhere in"
    )


def _spelled(pattern: Mapping[str, str]) -> str:
    ((kind, value),) = pattern.items()
    return ("a space" if value == " " else _short(value)) if kind == "String" else f"what matches {_short(value)}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _behaviour(behaviour: str, invert: bool) -> str:
    word = {
        "Isolated": "a piece of its own",
        "Removed": "dropped",
        "MergedWithPrevious": "joined to what stands before it",
        "MergedWithNext": "joined to what follows",
        "Contiguous": "one piece as long as it goes on",
    }[behaviour]
    return word + (", and matched are the gaps" if invert else "")


def _flat(component: Any, state: Mapping[str, Any], key: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    if state["type"] != "Sequence":
        yield component, state
        return
    for i, step in enumerate(state[key]):
        yield from _flat(None if component is None else component[i], step, key)


def _steps(component: Any, state: Any, key: str, meanings: Mapping[str, Any]) -> tuple[PipelineStep, ...]:
    if state is None:
        return ()
    steps = []
    for part, settings in _flat(component, state, key):
        kind = settings["type"]
        meaning = meanings[kind](settings) if kind in meanings else ""
        own = {name: value for name, value in settings.items() if name != "type"}
        steps.append(PipelineStep(kind, own, meaning, part))
    return tuple(steps)


def normalizer_steps(tok: Tokenizer) -> tuple[PipelineStep, ...]:
    """The steps of the normalizer in order, sequences within sequences laid out flat; empty where there is none.

    >>> from lmloupe import load_tokenizer
    >>> [(step.name, step.meaning) for step in normalizer_steps(load_tokenizer("phi-3"))]
    [('Prepend', 'Puts ▁ in front of the text.'), ('Replace', 'Replaces a space by ▁.')]
    """
    return _steps(*tok.rules.part("normalizer"), "normalizers", _NORMALIZERS)


def pre_tokenizer_steps(tok: Tokenizer) -> tuple[PipelineStep, ...]:
    """The steps of the pre-tokenizer in order, laid out flat; empty where the text is not cut before the model.

    >>> from lmloupe import load_tokenizer
    >>> [step.name for step in pre_tokenizer_steps(load_tokenizer("starcoder2"))]
    ['Digits', 'ByteLevel']
    """
    return _steps(*tok.rules.part("pre_tokenizer"), "pretokenizers", _PRE_TOKENIZERS)
