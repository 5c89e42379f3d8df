"""Render a chat template so that every character says which line wrote it and which message it was copied from.

Each output of the template writes its place together with its text (`lmloupe.chat.jinja.compiler`). Values of the
conversation are `Traced` strings, which keep their origin through trimming, slicing, joining, filters, macros and
blocks. So the trace is recorded while the template runs, not guessed from its text, and the template needs no marks.
Each trace is compared with plain rendering. Where an unusual operation changed the text, the template runs again with
plain values, and only the lines are known; where the text still differs, it is returned without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from lmloupe.chat.jinja.compiler import compile_traced
from lmloupe.chat.jinja.dialect import RUN_ERRORS, render_template
from lmloupe.chat.jinja.filters import TracedFloat, TracedInt
from lmloupe.chat.jinja.traced import (
    UNKNOWN,
    Origin,
    Run,
    Traced,
    TracedDict,
    runs_of,
    traced,
)
from lmloupe.chat.messages import REASONING_KEYS, RESULT_ROLES

__all__ = ["REASONING", "Followed", "Trace", "frozen_clock", "trace_template"]

_KINDS = {"role": "role", "tool_calls": "tool_call"}
REASONING = REASONING_KEYS[0]
"""The path of a model's reasoning, under whichever name a template reads it."""

Followed = Literal["values", "lines", "nothing"]


@dataclass(frozen=True, slots=True)
class Trace:
    """A rendered template and its trace.

    Attributes:
        text: what plain rendering gives.
        pieces: tile ``text``. Of each: the number of characters, 0 where an empty value was written; the `Origin` that
            they were copied from, None for what stands in the template and what is unknown; the `Site` of the template
            that wrote them; and the message that the loop around it was at, None outside such a loop. A long
            conversation has thousands of them, so they are plain tuples.
        has_generation_marks: the template has ``{% generation %}``.
        followed: ``"values"``; ``"lines"``, where following the values of the conversation changed the text, so that
            no piece has an origin; ``"nothing"``, where following the lines changed it too: one piece, of no place.
    """

    text: str
    pieces: tuple[Run, ...]
    has_generation_marks: bool
    followed: Followed = "values"


def trace_template(source: str, variables: Mapping[str, Any]) -> Trace:
    r"""Render a chat template and follow where its characters come from.

    Args:
        source: see `lmloupe.chat.jinja.dialect.compile_template`.
        variables: what the template can name; plain JSON values only. ``messages`` and ``tools`` are followed by
            message, other texts as variables.

    Raises:
        TemplateError: as `lmloupe.chat.jinja.dialect.render_template` does.

    >>> source = "{% for m in messages %}\n{{ m.content | upper }}!\n{% endfor %}"
    >>> trace = trace_template(source, {"messages": [{"role": "user", "content": "hi"}]})
    >>> trace.text, [(length, site.line, origin) for length, origin, site, turn in trace.pieces]
    ('HI!\n', [(2, 2, Origin(message=0, kind='content', path=('content',))), (2, 2, None)])
    """
    given = frozen_clock(variables)
    plain = render_template(source, given)
    trace = _try(source, _follow_all(given), "values")
    if trace is None or trace.text != plain:
        trace = _try(source, given, "lines")
    if trace is None or trace.text != plain:
        return Trace(plain, ((len(plain), None, UNKNOWN, None),), False, "nothing")
    return trace


def frozen_clock(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with a clock that gives one time to several renderings."""
    now = datetime.now()

    def strftime_now(fmt: str) -> str:
        return now.strftime(fmt)

    return {"strftime_now": strftime_now, **variables}


def _try(source: str, variables: dict[str, Any], followed: Followed) -> Trace | None:
    """A trace, or None where the template fails."""
    try:
        compiled = compile_traced(source)
        text = compiled.template.render(variables)
    except (SyntaxError, *RUN_ERRORS):
        return None
    return Trace(str.__str__(text), runs_of(text), compiled.has_generation_marks, followed)


def _follow_all(variables: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in variables.items() if name not in _OWN}
    followed = {name: _follow(value, Origin(None, "variable", (name,))) for name, value in others.items()}
    messages = [_follow_message(message, i) for i, message in enumerate(variables.get("messages") or ())]
    return {
        **variables,
        **followed,
        "messages": messages,
        "tools": _follow(variables.get("tools"), Origin(None, "tools")),
    }


_OWN = ("messages", "tools", "bos_token", "eos_token")


def _follow_message(message: dict[str, Any], index: int) -> TracedDict:
    made = TracedDict(message)
    kind = "tool_result" if message.get("role") in RESULT_ROLES else "content"
    made._origin = _origin(index, kind, ())
    for key, value in message.items():
        # The reasoning is under each of its names, and it is one part of the message.
        path = (REASONING if key in REASONING_KEYS else key,)
        is_content = key == "content" or path[0] == REASONING
        origin = _origin(index, kind if is_content else _KINDS.get(key, "label"), path)
        if value.__class__ is str:
            made[key] = text = Traced(value)
            text._runs = ((len(value), origin, UNKNOWN, None),)
        else:
            made[key] = _follow(value, origin)
    return made


_origin = lru_cache(maxsize=2048)(Origin)


def _follow(value: Any, origin: Origin) -> Any:
    message, kind, path = origin
    if isinstance(value, str):
        return traced(value, ((len(value), origin, UNKNOWN, None),))
    if isinstance(value, dict):
        mapping = TracedDict((key, _follow(item, Origin(message, kind, (*path, key)))) for key, item in value.items())
        mapping._origin = origin
        return mapping
    if isinstance(value, (list, tuple)):
        return type(value)(_follow(item, Origin(message, kind, (*path, i))) for i, item in enumerate(value))
    number = {int: TracedInt, float: TracedFloat}.get(value.__class__)
    if number is None:
        return value
    made = number(value)
    made._origin = origin
    return made
