"""Render a chat template so that every character says which line wrote it and which message it was copied from.

The template is compiled by Jinja's own compiler with other output statements: each gives its place together with its
text. Values of the conversation are `Traced` strings, which keep their origin through trimming, slicing, joining,
filters, macros and blocks. So the trace is the run itself and no guess from the text, and it needs no marks in the
template. Whether a run with traced values wrote the same text as the plain one is checked where the template is not the
project's own; if an exotic operation made a difference, the values are given plain and only the lines are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from lmloupe.chat_template import RUN_ERRORS, render_template
from lmloupe.chat_trace_compiler import Site, compile_traced
from lmloupe.chat_traced_text import Origin, Run, Traced, TracedDict, runs_of

__all__ = ["Piece", "Trace", "trace_template"]

_RESULT_ROLES = ("tool", "ipython", "function")
_KINDS = {"role": "role", "tool_calls": "tool_call"}
_CONTENT_KEYS = ("content", "reasoning_content", "thinking", "reasoning")


class Piece(NamedTuple):
    """Characters of a rendered text that one output of the template wrote, of one origin.

    Attributes:
        length: in characters; may be 0, where an empty value was written.
        line: 1-based line of the template, None where unknown.
        call_line: line of the output that printed the macro or block which wrote this, None without one.
        kind: see `Origin`; None for what stands in the template, or is of unknown origin.
        source: index of the message it was copied from, None where it was copied from none.
        turn: index of the message that the loop around it was at, None outside such a loop.
        is_generation: within ``{% generation %}``.
        is_prompt: written on the condition ``add_generation_prompt``.
        is_literal: text of the template itself, no value of an expression.
    """

    length: int
    line: int | None
    call_line: int | None
    kind: str | None
    source: int | None
    turn: int | None
    is_generation: bool
    is_prompt: bool
    is_literal: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A rendered template and its trace.

    Attributes:
        text: what plain rendering gives.
        pieces: tile ``text``.
        has_generation_marks: the template has ``{% generation %}``.
    """

    text: str
    pieces: tuple[Piece, ...]
    has_generation_marks: bool


def trace_template(source: str, variables: Mapping[str, Any], *, compare: bool = True) -> Trace:
    r"""Render a chat template and follow where its characters come from.

    Args:
        source: see `lmloupe.chat_template.compile_template`.
        variables: what the template can name; plain JSON values only. ``messages`` and ``tools`` are followed by
            message, other texts as variables.
        compare: also render plainly, and give up following the values where the texts differ. Not needed for
            templates that tests have compared.

    Raises:
        TemplateError: as `lmloupe.chat_template.render_template` does.

    >>> source = "{% for m in messages %}\n{{ m.content | upper }}!\n{% endfor %}"
    >>> trace = trace_template(source, {"messages": [{"role": "user", "content": "hi"}]})
    >>> trace.text, [(p.length, p.line, p.kind, p.source) for p in trace.pieces]
    ('HI!\n', [(2, 2, 'content', 0), (2, 2, None, None)])
    """
    given = _frozen_clock(variables) if compare else dict(variables)
    plain = render_template(source, given) if compare else None
    trace = _try(source, _follow_all(given))
    if trace is None or (plain is not None and trace.text != plain):
        # The error, if the template has one, is raised here with the words of plain rendering.
        plain = render_template(source, given)
        trace = _try(source, given)
    if trace is None:
        return Trace(plain or "", (Piece(len(plain or ""), *(None,) * 5, False, False, False),), False)
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
    return Trace(str.__str__(text), tuple(_pieces(runs_of(text), compiled.sites)), compiled.has_generation_marks)


def _pieces(runs: Iterable[Run], sites: tuple[Site, ...]) -> list[Piece]:
    places: dict[tuple[int, ...], tuple[int | None, int | None, bool, bool, bool]] = {}
    made, new = list[Piece](), tuple.__new__  # a long conversation has thousands, and Piece(...) takes twice as long
    for length, origin, written_by, turn in runs:
        if written_by not in places:
            places[written_by] = _place([sites[i] for i in written_by])
        line, call_line, is_generation, is_prompt, is_literal = places[written_by]
        source, kind = origin or _UNKNOWN
        made.append(new(Piece, (length, line, call_line, kind, source, turn, is_generation, is_prompt, is_literal)))
    return made


_UNKNOWN = (None, None)


def _place(through: Sequence[Site]) -> tuple[int | None, int | None, bool, bool, bool]:
    """What a piece says of the sites that wrote it, innermost first."""
    if not through:
        return None, None, False, False, False
    return (
        through[0].line,
        through[-1].line if len(through) > 1 else None,
        any(site.is_generation for site in through),
        any(site.is_prompt for site in through),
        through[0].is_literal,
    )


def _follow_all(variables: Mapping[str, Any]) -> dict[str, Any]:
    followed = {name: _follow(value, Origin(None, "variable")) for name, value in variables.items() if name not in _OWN}
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
    content = _origin(index, "tool_result" if message.get("role") in _RESULT_ROLES else "content")
    made._origin = content
    for key, value in message.items():
        origin = content if key in _CONTENT_KEYS else _origin(index, _KINDS.get(key, "label"))
        made[key] = _follow(value, origin)
    return made


_origin = lru_cache(maxsize=2048)(Origin)


def _follow(value: Any, origin: Origin) -> Any:
    if isinstance(value, str):
        made = Traced(value)
        made._runs = ((len(value), origin, (), None),)
        return made
    if isinstance(value, dict):
        mapping = TracedDict((key, _follow(item, origin)) for key, item in value.items())
        mapping._origin = origin
        return mapping
    if isinstance(value, (list, tuple)):
        return type(value)(_follow(item, origin) for item in value)
    return value
