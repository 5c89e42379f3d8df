"""Chat templates: the Jinja dialect that the hub's models agreed on, compiled and run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, NoReturn, TypeVar

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from lmloupe.errors import TemplateError

__all__ = [
    "FILENAME",
    "GENERATION",
    "RUN_ERRORS",
    "compile_template",
    "new_environment",
    "render_template",
    "to_json",
]

# The name under which Jinja reports a template's frames in a traceback: how an error's line is found.
FILENAME = "<chat template>"

# The mark on the node of a ``{% generation %}`` block.
GENERATION = "is_generation"

# What a template can make Python raise. Inside `render` nothing runs but the template's own code and
# Jinja's filters, so these are the template's failures and not this package's.
RUN_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


class _GenerationTag(Extension):
    """``{% generation %}…{% endgeneration %}``, which some templates put round the assistant's own text.

    The text inside is written as it is; the marks matter only to who wants a loss mask.
    """

    tags = {"generation"}  # noqa: RUF012 - Jinja declares it so

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        scope = nodes.Scope(body, lineno=line)
        # Jinja takes no node classes of others, and ``{% autoescape %}`` is a scope as well.
        scope.__dict__[GENERATION] = True
        return scope


class _Namespace(Namespace):
    """Jinja's ``namespace()`` without underscore names, which could reach Python's internals."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        # `self` has no name of its own here, so that a template may say namespace(self=1).
        own, *rest = args
        values: dict[str, Any] = dict(*rest, **kwargs)
        for name in values:
            _refuse_underscore(name)
        Namespace.__init__(own, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_underscore(name)
        super().__setitem__(name, value)


class _MakeDict:
    """``dict(a=1)`` for templates. The type itself would hand out its methods and bases."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


def _refuse_underscore(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace may not hold the name {name!r}: drop the underscore")


def _raise_exception(message: object) -> NoReturn:
    raise jinja2.TemplateError(str(message))


def _strftime_now(fmt: str) -> str:
    # The local day, as transformers writes it: a template asks for the day that the person has.
    return datetime.now().strftime(fmt)


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write a value as JSON."""
    # Jinja's own filter escapes for HTML (`<` becomes `\u003c`); models were trained on plain JSON.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


_Environment = TypeVar("_Environment", bound=ImmutableSandboxedEnvironment)


def new_environment(kind: type[_Environment]) -> _Environment:
    """A sandbox with what chat templates may use, of a class of its own."""
    env = kind(trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, "jinja2.ext.loopcontrols"])
    env.filters["tojson"] = to_json
    env.globals.update(
        raise_exception=_raise_exception, strftime_now=_strftime_now, dict=_MakeDict(), namespace=_Namespace
    )
    return env


_ENVIRONMENT = new_environment(ImmutableSandboxedEnvironment)


@lru_cache(maxsize=32)
def compile_template(source: str) -> jinja2.Template:
    r"""Compile a chat template. The last 32 sources are kept compiled; sharing between threads is safe.

    Args:
        source: Jinja, in the dialect of transformers' ``apply_chat_template``: ``trim_blocks`` and
            ``lstrip_blocks`` on, ``break`` and ``continue``, ``tojson`` without HTML escapes,
            ``raise_exception``, ``strftime_now``, ``{% generation %}``, run in a sandbox.

    Raises:
        TemplateError: it is not valid Jinja; the message has the line.

    >>> compile_template("{% for m in messages %}{{ m.role }} {% endfor %}").render(messages=[{"role": "user"}])
    'user '
    >>> compile_template("{% if tools %}\n{{ tools }")
    Traceback (most recent call last):
    lmloupe.TemplateError: The chat template is not valid at line 2: unexpected '}'
    """
    try:
        code = _ENVIRONMENT.compile(source, filename=FILENAME)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"The chat template is not valid at line {error.lineno}: {_words(error)}") from error
    except (SyntaxError, *RUN_ERRORS) as error:
        # Valid Jinja that makes no valid Python, such as `break` outside a loop or blocks nested 25 deep.
        raise TemplateError(f"The chat template cannot be compiled: {_words(error)}") from error
    return jinja2.Template.from_code(_ENVIRONMENT, code, _ENVIRONMENT.make_globals(None))


def render_template(source: str, variables: Mapping[str, Any]) -> str:
    r"""Compile and run a chat template.

    Args:
        source: see `compile_template`.
        variables: what the template can name. Plain JSON values only: a sandbox cannot know what the
            methods of other objects do.

    Raises:
        TemplateError: not valid, or it failed while running, or it called ``raise_exception``; the
            message has the template's own words and the line.

    >>> render_template("{{ messages | length }} turns", {"messages": [1, 2]})
    '2 turns'
    >>> render_template("\n{{ raise_exception('No tools, please.') }}", {})
    Traceback (most recent call last):
    lmloupe.TemplateError: The chat template stopped at line 2: No tools, please.
    """
    template = compile_template(source)
    try:
        return template.render(dict(variables))
    except RUN_ERRORS as error:
        line = _line_of(error.__traceback__)
        where = f" at line {line}" if line else ""
        raise TemplateError(f"The chat template stopped{where}: {_words(error)}") from error


def _line_of(traceback: TracebackType | None) -> int | None:
    """The line of the innermost template frame: inside a macro, the macro's line."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILENAME:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _words(error: BaseException) -> str:
    said = error.msg if isinstance(error, SyntaxError) else getattr(error, "message", None) or str(error)
    # A template may raise with a whole conversation in its message.
    return str(said)[:500] or type(error).__name__
