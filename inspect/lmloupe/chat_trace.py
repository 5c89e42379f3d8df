"""Render a chat template so that every character says which line wrote it and which message it was copied from.

The template is compiled by Jinja's own compiler with other output statements: each gives its place together with its
text. Values of the conversation are `Traced` strings, which keep their origin through trimming, slicing, joining,
filters, macros and blocks. So the trace is the run itself and no guess from the text, and it needs no marks in the
template. Whether a run with traced values wrote the same text as the plain one is checked where the template is not the
project's own; if an exotic operation made a difference, the values are given plain and only the lines are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from lmloupe.chat_template import RUN_ERRORS, render_template
from lmloupe.chat_trace_compiler import compile_traced
from lmloupe.chat_traced_text import UNKNOWN, Origin, Run, Traced, TracedDict, runs_of, traced

__all__ = ["CONTINUED", "REASONING_KEYS", "RESULT_ROLES", "Trace", "trace_template"]

RESULT_ROLES = ("tool", "ipython", "function")
CONTINUED = "continued"
"""The kind of origin that the text has which the model is to go on from, while its end is looked for."""

_KINDS = {"role": "role", "tool_calls": "tool_call"}
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
"""Names under which templates read a model's reasoning; `lmloupe.chat_messages` files it under each."""
_CONTENT_KEYS = ("content", *REASONING_KEYS)


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
    """

    text: str
    pieces: tuple[Run, ...]
    has_generation_marks: bool


def trace_template(
    source: str, variables: Mapping[str, Any], *, compare: bool = True, continued: str | None = None
) -> Trace:
    r"""Render a chat template and follow where its characters come from.

    Args:
        source: see `lmloupe.chat_template.compile_template`.
        variables: what the template can name; plain JSON values only. ``messages`` and ``tools`` are followed by
            message, other texts as variables.
        compare: also render plainly, and give up following the values where the texts differ. Not needed for
            templates that tests have compared.
        continued: field of the last message whose text gets origins of the kind ``CONTINUED``.

    Raises:
        TemplateError: as `lmloupe.chat_template.render_template` does.

    >>> source = "{% for m in messages %}\n{{ m.content | upper }}!\n{% endfor %}"
    >>> trace = trace_template(source, {"messages": [{"role": "user", "content": "hi"}]})
    >>> trace.text, [(length, site.line, origin) for length, origin, site, turn in trace.pieces]
    ('HI!\n', [(2, 2, Origin(message=0, kind='content')), (2, 2, None)])
    """
    given = _frozen_clock(variables) if compare else dict(variables)
    plain = render_template(source, given) if compare else None
    trace = _try(source, _follow_all(given, continued))
    if trace is None or (plain is not None and trace.text != plain):
        # The error, if the template has one, is raised here with the words of plain rendering.
        plain = render_template(source, given)
        trace = _try(source, given)
    if trace is None:
        return Trace(plain or "", ((len(plain or ""), None, UNKNOWN, None),), False)
    return trace


def _frozen_clock(variables: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now()

    def strftime_now(fmt: str) -> str:
        return now.strftime(fmt)

    return {"strftime_now": strftime_now, **variables}


def _try(source: str, variables: dict[str, Any]) -> Trace | None:
    """A trace, or None where the template fails."""
    try:
        compiled = compile_traced(source)
        text = compiled.template.render(variables)
    except (SyntaxError, *RUN_ERRORS):
        return None
    return Trace(str.__str__(text), runs_of(text), compiled.has_generation_marks)


def _follow_all(variables: Mapping[str, Any], continued: str | None) -> dict[str, Any]:
    followed = {name: _follow(value, Origin(None, "variable")) for name, value in variables.items() if name not in _OWN}
    messages = [_follow_message(message, i) for i, message in enumerate(variables.get("messages") or ())]
    if continued is not None:
        _mark_continued(messages[-1], continued, Origin(len(messages) - 1, CONTINUED))
    return {
        **variables,
        **followed,
        "messages": messages,
        "tools": _follow(variables.get("tools"), Origin(None, "tools")),
    }


_OWN = ("messages", "tools", "bos_token", "eos_token")


def _follow_message(message: dict[str, Any], index: int) -> TracedDict:
    made = TracedDict(message)
    content = _origin(index, "tool_result" if message.get("role") in RESULT_ROLES else "content")
    made._origin = content
    for key, value in message.items():
        origin = content if key in _CONTENT_KEYS else _origin(index, _KINDS.get(key, "label"))
        if value.__class__ is str:
            made[key] = text = Traced(value)
            text._runs = ((len(value), origin, UNKNOWN, None),)
        else:
            made[key] = _follow(value, origin)
    return made


def _mark_continued(message: TracedDict, field: str, origin: Origin) -> None:
    value = message[field]
    if isinstance(value, (list, tuple)):
        last = next(part for part in reversed(value) if isinstance(part, TracedDict) and "text" in part)
        last["text"] = _follow(last["text"], origin)
        return
    copies = REASONING_KEYS if field in REASONING_KEYS else (field,)
    message.update({key: _follow(value, origin) for key in copies if message.get(key) == value})


_origin = lru_cache(maxsize=2048)(Origin)


def _follow(value: Any, origin: Origin) -> Any:
    if isinstance(value, str):
        return traced(value, ((len(value), origin, UNKNOWN, None),))
    if isinstance(value, dict):
        mapping = TracedDict((key, _follow(item, origin)) for key, item in value.items())
        mapping._origin = origin
        return mapping
    if isinstance(value, (list, tuple)):
        return type(value)(_follow(item, origin) for item in value)
    return value
