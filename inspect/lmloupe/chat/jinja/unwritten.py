"""Find values of a conversation that a template does not write, by rendering it with other values in their place.

If the text stays the same, no character of it came from them, whatever filters and formats the template uses. This
holds for any template, also where the trace of `lmloupe.chat.jinja.trace` has lost the way of a value.
"""

from __future__ import annotations

import copy
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lmloupe.chat.jinja.dialect import render_template
from lmloupe.chat.jinja.trace import REASONING, frozen_clock
from lmloupe.chat.messages import REASONING_KEYS
from lmloupe.errors import TemplateError

__all__ = ["Place", "other_value", "unwritten", "value_at"]

Place = tuple[int | None, tuple[Any, ...]]
"""Index of a message, None for the tools; and the keys and indexes that lead to the value."""

Keys = Literal["kept", "changed", "changed below"]

_BUDGET_S = 0.5
_AT_RANDOM = re.compile(r"\|\s*random\b|\blipsum\b")  # what else Jinja has gives the same text each time
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OTHER = str.maketrans(
    _LETTERS + _LETTERS.upper() + "0123456789",
    _LETTERS[1:] + "a" + _LETTERS[1:].upper() + "A" + "1234567890",
)


def unwritten(source: str, variables: Mapping[str, Any], places: Sequence[Place]) -> list[bool | None]:
    """Of each place, whether the text stays as it is when its value is another one of the same kind and length.

    Args:
        source: of the template.
        variables: what it was rendered with; ``messages`` and ``tools`` are plain values.
        places: where to look.

    Returns:
        True: nothing of it is written. False: the text changes, or would by itself, or the time was over. None: the
        template refuses the other value, so that nothing is known.

    >>> talk = {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}
    >>> unwritten("{{ messages[0].content }}", talk, [(0, ("content",)), (0, ("name",))])
    [False, True]
    """
    if _AT_RANDOM.search(source):
        return [False] * len(places)
    given = frozen_clock(variables)
    plain = render_template(source, given)
    answers: dict[int, bool | None] = {}
    ends = time.process_time() + _BUDGET_S
    # Most often all of a kind are written or none, so whole groups are tried first, and halves of those that are mixed.
    alike: dict[Place, list[int]] = {}
    for i, (message, path) in enumerate(places):
        kind = None if message is None else 0, tuple(key for key in path if not isinstance(key, int))
        alike.setdefault(kind, []).append(i)
    groups = deque(alike.values())
    while groups and time.process_time() < ends:
        group = groups.popleft()
        same = _same(source, plain, _changed(given, [places[i] for i in group]))
        if same or len(group) == 1:
            answers.update(dict.fromkeys(group, same))
        else:
            half = len(group) // 2
            groups += (group[:half], group[half:])
    return [answers.get(i, False) for i in range(len(places))]


def _same(source: str, plain: str, variables: Mapping[str, Any]) -> bool | None:
    try:
        return render_template(source, variables) == plain
    except TemplateError:
        return None


def _changed(variables: Mapping[str, Any], places: Sequence[Place]) -> dict[str, Any]:
    changed: dict[str, Any] = {**variables, "messages": [*variables["messages"]]}
    copied: set[int | None] = set()
    for message, path in places:
        if message not in copied:
            copied.add(message)
            if message is None:
                changed["tools"] = copy.deepcopy(variables["tools"])
            else:
                changed["messages"][message] = copy.deepcopy(variables["messages"][message])
        root = changed["tools"] if message is None else changed["messages"][message]
        names = path[:1] if path != (REASONING,) else [name for name in REASONING_KEYS if name in root]
        for name in names:
            _change(root, (name, *path[1:]))
    return changed


def _change(root: Any, path: tuple[Any, ...]) -> None:
    *above, last = path
    for key in above:
        root = root[key]
    under = above[-1] if above else None
    keys: Keys = "changed" if last in ("arguments", "content") else "changed below" if last == "properties" else "kept"
    if last == "content" and isinstance(root[last], (list, tuple)):
        keys = "kept"  # parts, whose keys say what they are
    value = other_value(root[last], keys, types="content" in path)
    if under == "properties" and isinstance(root, dict):
        # The name of a parameter is a key, and belongs to it.
        root[other_value(last)] = value
        del root[last]
    else:
        root[last] = value


def other_value(value: Any, keys: Keys = "kept", *, types: bool = False) -> Any:
    """A value of the same shape in which every text and number is another one; white space, true and null stay.

    Args:
        value: any plain value.
        keys: what becomes of a mapping's keys: those of a schema mean something, those of arguments are values too.
        types: change what stands under the key ``type`` as well, which in a schema is not a value.

    >>> other_value({"city": "Bern 3"}), other_value({"city": ["é", None]}, "changed")
    ({'city': 'Cfso 4'}, {'djuz': ['x', None]})
    """
    if isinstance(value, str):
        return _other_text(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value + 1
    if isinstance(value, (list, tuple)):
        return type(value)(other_value(item, keys, types=types) for item in value)
    if not isinstance(value, dict):
        return value
    made = {}
    for key, item in value.items():
        below: Keys = "changed" if keys == "changed" or key == "arguments" else "kept"
        if key == "properties" and keys != "changed":
            below = "changed below"
        kept = keys == "kept" or not isinstance(key, str)
        made[key if kept else _other_text(key)] = (
            item if key == "type" and not types and keys == "kept" else other_value(item, below, types=types)
        )
    return made


def _other_text(text: str) -> str:
    changed = "".join("x" if ord(c) > 127 and c.isalpha() else c for c in text.translate(_OTHER))
    # Nothing but signs: they are what is written.
    return changed if changed != text else "".join(c if c.isspace() else "x" for c in text)


def value_at(variables: Mapping[str, Any], place: Place) -> Any:
    """The value at a place, None where there is none."""
    message, path = place
    value: Any = variables.get("tools") if message is None else variables["messages"][message]
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
