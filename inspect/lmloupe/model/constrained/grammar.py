"""Rules as grammars of llguidance, and what is wrong with one in a sentence."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from llguidance import LLMatcher, regex_to_lark

from lmloupe.errors import InvalidConstraintError
from lmloupe.model.constrained.schema import ends, read_schema
from lmloupe.model.constrained.vocabulary import BYTES

__all__ = ["grammar", "reason", "require_usable"]

Kind = Literal["choices", "regex", "json_schema"]

MAX_CHARACTERS = 50_000
MAX_REASON = 200
_NAMES = {"choices": "list of choices", "regex": "regular expression", "json_schema": "JSON schema"}
# Where only one text can come next, llguidance would allow the tokenizer's own way to spell it alone: a mask is to say
# what the grammar allows, not how a tokenizer would write it.
_NO_FORCING = '%llguidance {"no_forcing": true}\nstart: '
_SPACED = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_ANY_SPACE = {"whitespace_flexible": True, "item_separator": ",", "key_separator": ":"}


def grammar(kind: Kind, source: str, *, any_whitespace: bool) -> str:
    """The rule in llguidance's notation.

    Raises:
        InvalidConstraintError: an empty list, an empty choice, or text that is not JSON.
    """
    if kind == "regex":
        if (len(source) - len(source.rstrip("\\"))) % 2:  # it would escape the end of the pattern in the notation
            raise InvalidConstraintError("The regular expression cannot be used: it ends in a lone backslash.")
        return f"{_NO_FORCING}/{regex_to_lark(source, '')}/"
    if kind == "choices":
        # One terminal, whose size has no limit; as rules of their own, two thousand would be too many.
        return f"{_NO_FORCING}CHOICE\nCHOICE: " + " | ".join(json.dumps(text) for text in _choices(source))
    schema = read_schema(source)
    if schema is False or not ends(schema):
        why = "it has to contain itself without end" if schema else "it is false"
        raise InvalidConstraintError(f"Nothing satisfies the JSON schema: {why}.")
    own = {} if schema is True else schema
    given = own.get("x-guidance", {})
    spacing = _ANY_SPACE if any_whitespace else _SPACED
    options = {**given, **spacing} if isinstance(given, dict) else given
    return f"{_NO_FORCING}%json {json.dumps({**own, 'x-guidance': options}, ensure_ascii=False)}"


def _choices(source: str) -> list[str]:
    try:
        choices = json.loads(source)
    except json.JSONDecodeError as error:
        raise InvalidConstraintError(f"The choices are not a JSON list of texts: {error.msg}.") from error
    if not isinstance(choices, list):
        raise InvalidConstraintError("The choices must be a list of texts.")
    if not choices:
        raise InvalidConstraintError("The list of choices is empty: name at least one text.")
    for i, choice in enumerate(choices, 1):
        if not isinstance(choice, str) or not choice:
            what = "is empty" if choice == "" else f"is {choice!r}, but it must be a text"
            raise InvalidConstraintError(f"Choice {i} of {len(choices)} {what}.")
    return choices


@lru_cache(maxsize=64)
def require_usable(kind: Kind, source: str, *, any_whitespace: bool) -> None:
    """Refuse a rule that llguidance does not take, or that no text satisfies.

    Raises:
        InvalidConstraintError: see there.
    """
    if kind not in get_args(Kind):
        raise InvalidConstraintError(f"The kind of a constraint is {kind!r}, but it must be one of {get_args(Kind)}.")
    name = _NAMES[kind]
    if not isinstance(source, str):
        raise InvalidConstraintError(f"The {name} must be text, but it is {type(source).__name__}.")
    if len(source) > MAX_CHARACTERS:
        raise InvalidConstraintError(
            f"The {name} has {len(source):,} characters; at most {MAX_CHARACTERS:,} are taken: shorten it."
        )
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise InvalidConstraintError(f"The {name} holds a lone surrogate, which is no text.") from error
    matcher = LLMatcher(BYTES, grammar(kind, source, any_whitespace=any_whitespace), log_level=0)
    if matcher.is_error():
        said = reason(matcher)
        impossible = said.removeprefix("Unsatisfiable schema: ")
        if impossible != said:
            raise InvalidConstraintError(f"Nothing satisfies the JSON schema: {impossible}.")
        raise InvalidConstraintError(f"The {name} cannot be used: {said}.")
    mask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    if matcher.is_error() and "NoExtension" not in matcher.get_error():
        raise InvalidConstraintError(f"The {name} cannot be used: {reason(matcher)}.")
    if matcher.is_error() or not mask[: len(mask)].any():
        raise InvalidConstraintError(f"Nothing satisfies the {name}: no text can begin it.")


def reason(matcher: LLMatcher) -> str:
    """Why a matcher gave up, as one phrase of llguidance's own words."""
    words = matcher.get_error()
    regex = re.search(r"^error: (.+)$", words, re.MULTILINE)
    phrase = (regex[1] if regex else _first_line(words)).strip().rstrip(".")
    return phrase if len(phrase) <= MAX_REASON else f"{phrase[:MAX_REASON]}…"


def _first_line(words: str) -> str:
    first = re.sub(r"^at \d+\(\d+\): ", "", words.strip().split("\n")[0]).removeprefix(
        "failed to compile JSON schema: "
    )
    first = re.sub(r'^invalid regex ".*" \(in regex\): ', "", first)
    first = re.sub(r" in regex /.*/$", "", first)
    # What follows is advice to who calls llguidance, or the whole of an expression.
    return re.sub(r"; (?:either|consider) .*$|:  ?\(And .*$", "", first)
