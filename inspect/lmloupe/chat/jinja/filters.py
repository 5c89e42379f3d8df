"""Filters of chat templates that keep the origin of characters where Jinja's own would lose it, and of numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import takewhile
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from jinja2 import filters
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context

from lmloupe.chat.jinja.dialect import to_json
from lmloupe.chat.jinja.traced import (
    UNKNOWN,
    Origin,
    Run,
    Traced,
    TracedDict,
    followed,
    runs_of,
    traced,
)

__all__ = ["FILTERS", "TracedFloat", "TracedInt", "escaped", "written"]


class TracedInt(int):
    """A whole number that remembers where it was given; what is computed from it does not."""

    _origin: Origin


class TracedFloat(float):
    """Any other number that does."""

    _origin: Origin


@pass_eval_context
def _join(eval_ctx: EvalContext, value: Any, d: Any = "", attribute: Any = None) -> str:
    return filters.sync_do_join(eval_ctx, value, followed(str(d)), attribute)


@pass_eval_context
def _replace(eval_ctx: EvalContext, s: Any, old: str, new: str, count: int | None = None) -> str:
    return filters.do_replace(eval_ctx, followed(s) if s.__class__ is str else s, old, new, count)


def _indent(s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    plain = filters.do_indent(s, width, first, blank)
    if not isinstance(s, Traced):
        return plain
    indention = width if isinstance(width, str) else " " * width
    lines = (s + "\n").splitlines()
    parts = [indention * first + lines[0]]
    parts += [indention + line if line or blank else line for line in lines[1:]]
    made = followed("\n").join(parts)
    return made if made == plain else plain


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    plain = to_json(value, ensure_ascii, indent, separators, sort_keys)
    origin = _origin(value)
    if origin is None:
        return plain
    if isinstance(value, Traced) and len(runs_of(value)) > 1:
        quote = encode_basestring_ascii if ensure_ascii else encode_basestring
        runs: list[Run] = [(1, None, UNKNOWN, None)]
        at = 0
        for run in runs_of(value):
            part = str.__getitem__(value, slice(at, at + run[0]))
            runs.append((len(quote(part)) - 2, *run[1:]))
            at += run[0]
        return traced(plain, [*runs, (1, None, UNKNOWN, None)])
    # Keys and brackets belong to the value too: all of it is of one message, or of the tools.
    return traced(plain, ((len(plain), origin, UNKNOWN, None),))


def _origin(value: Any) -> Origin | None:
    """What a value was given as: where its parts are of one message, all that they share; else None."""
    if isinstance(value, (TracedDict, TracedInt, TracedFloat)):
        return value._origin
    if isinstance(value, Traced):
        return runs_of(value)[0][1]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    found = {_origin(item) for item in items if item is not None and item.__class__ is not bool}
    return reduce(_shared, found) if found else None


def _shared(one: Origin | None, other: Origin | None) -> Origin | None:
    if one is None or other is None or one[:2] != other[:2]:
        return None
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one.path, other.path, strict=False))
    return one._replace(path=tuple(key for key, _ in same))


def written(value: Any) -> str:
    """A value that is not text as a template prints it."""
    text = str(value)
    runs = _printed(value)
    return traced(text, runs) if sum(run[0] for run in runs) == len(text) else text


def _printed(value: Any) -> list[Run]:
    """The runs of a value as Python prints it, those of what it holds where they differ."""
    origin = _origin(value)
    if origin is not None or not isinstance(value, (list, tuple, dict)) or not value:
        return [(len(repr(value) if isinstance(value, str) else str(value)), origin, UNKNOWN, None)]
    runs: list[Run] = [_sign(1)]
    for i, item in enumerate(value):
        runs += [_sign(2)] if i else []
        runs += _printed(item)
        if isinstance(value, dict):
            runs += [_sign(2), *_printed(value[item])]
    return [*runs, _sign(2 if isinstance(value, tuple) and len(value) == 1 else 1)]


_escape = filters.FILTERS["escape"]


def _sign(length: int) -> Run:
    return length, None, UNKNOWN, None


def escaped(value: Any) -> str:
    """A value as a template prints it within ``{% autoescape true %}``."""
    if not isinstance(value, Traced):
        return str(_escape(value))
    parts, runs, at = [], list[Run](), 0
    for run in runs_of(value):
        parts.append(str(_escape(str.__getitem__(value, slice(at, at + run[0])))))
        runs.append((len(parts[-1]), *run[1:]))
        at += run[0]
    return traced("".join(parts), runs)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def _trim(value: Any, chars: str | None = None) -> str:
    return _string(value).strip(chars)


FILTERS: dict[str, Callable[..., Any]] = {
    "join": _join,
    "replace": _replace,
    "indent": _indent,
    "tojson": _tojson,
    "string": _string,
    "trim": _trim,
}
