"""Check a conversation, edited templates and files of a repository, whether from a form or from a link.

The library checks a conversation; this module adds how large it may be. Arguments of a tool call that are not JSON yet
stay the text that was typed, and the sentence about them comes when they are rendered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import lmloupe as lm
from lmloupe.chat.messages import ROLES, argument_values, plain_messages

__all__ = [
    "MAX_MESSAGES",
    "MAX_PRECISIONS",
    "MAX_PROMPTS",
    "files_check",
    "messages_check",
    "precisions",
    "prompts_check",
    "stored_precisions",
    "templates_check",
    "tree_check",
]

MAX_MESSAGES = 64
MAX_CALLS = 8
MAX_TEMPLATES = 16
MAX_FILES = 16
MAX_PRECISIONS = 8
MAX_PROMPTS = 8

TextCheck = Callable[[object], str]


def messages_check(most_characters: int) -> Callable[[object], list[dict[str, Any]]]:
    """A check of conversations, in which no text may be longer than this."""

    def check(value: object) -> list[dict[str, Any]]:
        if not isinstance(value, list | tuple) or len(value) > MAX_MESSAGES:
            raise ValueError(f"it must be a list of at most {MAX_MESSAGES} messages")
        try:
            messages = argument_values(plain_messages(value, ROLES, may_be_empty=True))
        except lm.InputError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        for message in messages:
            calls = message.get("tool_calls")
            if isinstance(calls, list | tuple) and len(calls) > MAX_CALLS:
                raise ValueError(f"tool_calls must be a list of at most {MAX_CALLS} calls")
        if _longest_text(messages) > most_characters:
            raise ValueError(f"every text must have at most {most_characters:,} characters")
        return messages

    return check


def _longest_text(value: object) -> int:
    if isinstance(value, dict):
        return max((_longest_text(part) for item in value.items() for part in item), default=0)
    if isinstance(value, list | tuple):
        return max(map(_longest_text, value), default=0)
    return len(value) if isinstance(value, str) else 0


def templates_check(name: Callable[[object], str], text: TextCheck) -> Callable[[object], dict[str, str]]:
    """A check of edited templates by family."""

    def check(value: object) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > MAX_TEMPLATES:
            raise ValueError(f"it must contain at most {MAX_TEMPLATES} templates by family")
        return {name(family): text(source) for family, source in value.items()}

    return check


def files_check(text: TextCheck) -> Callable[[object], list[dict[str, str]]]:
    """A check of a repository's files, each with a path and a text."""

    def check(value: object) -> list[dict[str, str]]:
        if not isinstance(value, list | tuple) or len(value) > MAX_FILES:
            raise ValueError(f"it must be a list of at most {MAX_FILES} files")
        if not all(isinstance(file, dict) and set(file) == {"path", "text"} for file in value):
            raise ValueError("every file must have a path and a text")
        return [{"path": text(file["path"]), "text": text(file["text"])} for file in value]

    return check


def prompts_check(text: TextCheck) -> Callable[[object], list[str]]:
    """A check of the prompts of one batch."""

    def check(value: object) -> list[str]:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_PROMPTS:
            raise ValueError(f"it must be a list of 1 to {MAX_PROMPTS} prompts")
        return [text(one) for one in value]

    return check


def precisions(value: object) -> tuple[str, ...]:
    """Precisions in their short form, each once, as `lmloupe.Precision.parse` reads them.

    Raises:
        ValueError: too many of them, or one that is none.

    >>> precisions([" nf4+double", "int8", "int8"])
    ('nf4+double', 'int8')
    """
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError("it must be a list of precisions such as nf4 or int8")
    try:
        found = tuple(dict.fromkeys(lm.Precision.parse(one).spec for one in value))
    except lm.InputError as error:
        raise ValueError(str(error).removesuffix(".")) from error
    if len(found) > MAX_PRECISIONS:
        raise ValueError(f"it must be at most {MAX_PRECISIONS} precisions")
    return found


def stored_precisions(value: object) -> tuple[str, ...]:
    """`precisions` that a model can be loaded in; at least one.

    Raises:
        ValueError: none, or one that is simulated.

    >>> stored_precisions(["nf4+double", "int8", "int8"])
    ('nf4+double', 'int8')
    """
    found = precisions(value)
    if not found or any(lm.Precision.parse(one).is_simulated for one in found):
        raise ValueError("it must be one or more of float32, bfloat16, float16, int8, fp4 and nf4")
    return found


def tree_check(value: object) -> dict[str, Any]:
    """The shape of a tree of generations: which prompt it belongs to, and its branches as `lmloupe.branch_plans` reads.

    Raises:
        ValueError: it is something else.

    >>> tree_check({"prompt": "00c0ffee", "branches": [["", False, [[[], 0, 8]]]]})["branches"]
    [['', False, [[[], 0, 8]]]]
    """
    if value == {}:
        return {}
    if not isinstance(value, dict) or set(value) != {"prompt", "branches"}:
        raise ValueError("it must have the prompt that it belongs to, and branches")
    prompt = value["prompt"]
    if not isinstance(prompt, str) or not re.fullmatch("[0-9a-f]{8}", prompt):
        raise ValueError("its prompt must be eight digits from 0 to f")
    try:
        plans = lm.branch_plans(value["branches"])
    except lm.InputError as error:
        raise ValueError(str(error).removesuffix(".")) from error
    return {"prompt": prompt, "branches": [plan.plain() for plan in plans]}
