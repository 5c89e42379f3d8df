"""What a compiled template calls to write: filters that add the place of an output, and the sandbox that has them."""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lmloupe.chat.jinja.dialect import new_environment
from lmloupe.chat.jinja.filters import FILTERS, escaped, written
from lmloupe.chat.jinja.traced import UNKNOWN, Run, Site, Traced, TracedDict, followed, joined, runs_of, traced

__all__ = ["AS_IT_IS", "CONCAT", "ENVIRONMENT", "ESCAPE", "TURN", "WRITE", "Environment", "concat", "loop_end"]

# Names of filters that no template can spell.
WRITE, ESCAPE, AS_IT_IS, CONCAT, TURN = "write at", "escape at", "as it is", "concat", "turn of"


class _Turn(str):
    """An empty text that begins a turn of a loop, or ends the loop.

    Attributes:
        loop: number of the loop in the template.
        message: the message that the loop has come to, None where its item is of no message.
        is_end: the loop ends.
    """

    __slots__ = ("is_end", "loop", "message")
    loop: int
    message: int | None
    is_end: bool

    def __str__(self) -> str:
        return self


def _turn(item: Any, loop: int) -> _Turn:
    origin = item._origin if item.__class__ is TracedDict else item._runs[0][1] if item.__class__ is Traced else None
    made = _Turn()
    made.loop, made.message, made.is_end = loop, None if origin is None else origin.message, False
    return made


def loop_end(loop: int) -> str:
    """The text that ends a loop."""
    made = _Turn()
    made.loop, made.message, made.is_end = loop, None, True
    return made


def concat(stream: Iterable[str]) -> str:
    """Join what outputs wrote; texts without a message of their own get that of the loop around them."""
    texts: list[str] = []
    runs: list[Run] = []
    loops: list[tuple[int, int | None]] = []
    turn: int | None = None
    for text in stream:
        if text.__class__ is not _Turn:
            texts.append(text)
            if turn is None:
                runs += runs_of(text)
            else:
                for length, origin, site, own in runs_of(text):
                    runs.append((length, origin, site, turn if own is None else own))
        elif text.is_end:
            if loops and loops[-1][0] == text.loop:
                turn = loops.pop()[1]
        else:
            if not loops or loops[-1][0] != text.loop:
                loops.append((text.loop, turn))
            turn = loops[-1][1] if text.message is None else text.message
    return traced("".join(texts), runs)


def _write(value: Any, site: Site) -> str:
    """A value as the template prints it at a place."""
    kind = value.__class__
    if kind is not Traced and kind is not str:
        value = str(value) if isinstance(value, str) else written(value)
    runs = []
    for length, origin, inner, own in runs_of(value):
        runs.append((length, origin, site if inner is UNKNOWN else _through(inner, site), own))
    return traced(value, runs)


@lru_cache(maxsize=4096)
def _through(inner: Site, outer: Site) -> Site:
    """Where a macro or block wrote what this place printed."""
    return Site(
        inner.line,
        outer.line,
        inner.is_generation or outer.is_generation,
        inner.is_prompt or outer.is_prompt,
        inner.is_literal,
    )


@jinja2.pass_eval_context
def _escape(eval_ctx: EvalContext, value: Any, site: Site, is_sure: bool) -> str:
    """The same within ``{% autoescape %}``; where it is not sure, the running template knows whether that is on."""
    return _write(escaped(value) if is_sure or eval_ctx.autoescape else value, site)


class Environment(ImmutableSandboxedEnvironment):
    """The sandbox of chat templates, whose strings keep their origin."""

    concat = staticmethod(concat)

    @jinja2.pass_context
    def write_call(self, context: Context, site: Site, function: Any, /, *args: Any, **kwargs: Any) -> str:
        """What a ``{% call %}`` block writes at a place."""
        return _write(self.call(context, function, *args, **kwargs), site)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a function of a template, as the sandbox does it."""
        # A constant of the template is plain: its `join` and `replace` would lose where their arguments are from.
        is_join = __obj.__class__ is types.BuiltinMethodType and __obj.__name__ in ("join", "replace")
        if is_join and __obj.__self__.__class__ is str:
            __obj = getattr(followed(__obj.__self__), __obj.__name__)
        return super().call(__context, __obj, *args, **kwargs)


def _new_environment() -> Environment:
    env = new_environment(Environment)
    env.filters.update(FILTERS)
    env.filters.update({WRITE: _write, ESCAPE: _escape, CONCAT: joined, TURN: _turn, AS_IT_IS: lambda text: text})
    return env


ENVIRONMENT = _new_environment()
