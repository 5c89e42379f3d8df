"""Read a fact as a lesson writes it, a call with literal arguments, and put values into a lesson's prose."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from ui.base.errors import escape_markdown
from ui.learn.facts.registry import FACTS, Fact, Literals, Value, accepts, compute, gives

__all__ = ["Mention", "UnreadableValueError", "filled", "formatted", "mentions", "read_fact"]

_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_SPEC = re.compile(r"\+?[0-9]{0,2},?(?:\.[0-9]{1,2})?[defgxbs%]?")


@dataclass(frozen=True, slots=True)
class Mention:
    """A value in a text.

    Attributes:
        start: its place in the text, and ``end``.
        fact: what computes it.
        spec: Python's format specification, such as ".1%"; "" for the usual form.
        as_code: whether it stands between backticks, alone.
    """

    start: int
    end: int
    fact: Fact
    spec: str
    as_code: bool


class UnreadableValueError(ValueError):
    """A value in a text that cannot be read, and the place where it begins."""

    def __init__(self, reason: str, start: int) -> None:
        super().__init__(reason)
        self.start = start


def read_fact(source: str) -> Fact:
    """A call such as ``token_count(tokenizer="phi-3", text="coconut")``. Nothing of it is executed.

    Raises:
        ValueError: it is no call of a fact with literal keyword arguments that the fact takes; the message says why.

    >>> read_fact('token_count(tokenizer="phi-3", text="coconut")').name
    'token_count'
    """
    try:
        call = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{_short(source)} is not a call such as {_EXAMPLE}") from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError(f"{_short(source)} is not a call such as {_EXAMPLE}")
    name = call.func.id
    if name not in FACTS:
        raise ValueError(f"no fact has the name {name}; docs/lessons.md lists them all")
    if call.args:
        raise ValueError(f"every argument of {name} needs its name, as in {_EXAMPLE}")
    arguments = tuple((_keyword(name, word), _literal(name, word)) for word in call.keywords)
    _check(name, arguments)
    return Fact(name, arguments)


_EXAMPLE = 'token_count(tokenizer="phi-3", text="coconut")'


def _keyword(name: str, word: ast.keyword) -> str:
    if word.arg is None:
        raise ValueError(f"{name} takes no arguments with **")
    return word.arg


def _literal(name: str, word: ast.keyword) -> Literals:
    try:
        value = ast.literal_eval(word.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = None
    if not isinstance(value, str | int | float):
        raise ValueError(f"{word.arg} of {name} must be a text in quotes, a number, True or False")
    return value


def _check(name: str, arguments: tuple[tuple[str, Literals], ...]) -> None:
    """Compare the arguments with what the fact takes."""
    function = FACTS[name]
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters
    for word, value in arguments:
        if word not in parameters:
            raise ValueError(f"{name} takes no {word}; it takes {', '.join(parameters)}")
        if not accepts(hints[word], value):
            wanted = inspect.formatannotation(hints[word])
            raise ValueError(f"{word} of {name} is {value!r}, but it must be {_WORDS.get(wanted, wanted)}")
    given = {word for word, _ in arguments}
    for word, parameter in parameters.items():
        if parameter.default is parameter.empty and word not in given:
            raise ValueError(f"{name} needs {word}")


_WORDS = {"str": "a text in quotes", "int": "a whole number", "float": "a number", "bool": "True or False"}


def mentions(markdown: str) -> Iterator[Mention]:
    """The values in a text, ``{{fact(...)}}`` or ``{{fact(...):.1%}}``; what stands in fenced code is left alone.

    Takes time linear in the text.

    Raises:
        UnreadableValueError: one is not a fact, or has no end, or its format does not fit; the message says which.
    """
    fenced = iter(_fenced(markdown))
    skip = next(fenced, None)
    at = 0
    while (start := markdown.find("{{", at)) >= 0:
        while skip is not None and skip[1] <= start:
            skip = next(fenced, None)
        if skip is not None and skip[0] <= start:
            at = skip[1]
            continue
        end = markdown.find("}}", start + 2) + 2
        if end < 2:
            raise UnreadableValueError("a value that begins with {{ has no }}", start)
        try:
            yield _mention(markdown, start, end)
        except ValueError as error:
            raise UnreadableValueError(str(error), start) from None
        at = end


def _mention(markdown: str, start: int, end: int) -> Mention:
    source, spec = _split(markdown[start + 2 : end - 2])
    asked = read_fact(source)
    _check_format(asked.name, spec)
    ticks = markdown[max(start - 1, 0) : start] == "`", markdown[end : end + 1] == "`"
    if ticks[0] != ticks[1]:
        raise ValueError("a value between backticks must stand there alone")
    return Mention(start - ticks[0], end + ticks[1], asked, spec, ticks[0])


def _fenced(markdown: str) -> Iterator[tuple[int, int]]:
    """Where fenced code begins and ends."""
    fence, begin, at = "", 0, 0
    for line in markdown.splitlines(keepends=True):
        found = _FENCE.match(line)
        if found and not fence:
            fence, begin = found[1], at
        elif found and found[1].startswith(fence) and not line[found.end() :].strip():
            yield begin, at + len(line)
            fence = ""
        at += len(line)
    if fence:
        yield begin, len(markdown)


def filled(markdown: str) -> str:
    """The text with every value computed; what a value holds is never read as Markdown.

    Raises:
        ValueError: a value is not a fact, or its format does not fit.
        LoupeError: a fact could not be computed.

    >>> filled('It is {{token_count(tokenizer="llama-3.1", text="coconut")}} tokens.')
    'It is 2 tokens.'
    >>> filled('The second is `{{token_text(tokenizer="llama-3.1", text="coconut", place=2)}}`.')
    'The second is `conut`.'
    """
    parts, at = [], 0
    for one in mentions(markdown):
        text = formatted(compute(one.fact), one.spec)
        parts += [markdown[at : one.start], _code(text) if one.as_code else escape_markdown(text)]
        at = one.end
    return "".join([*parts, markdown[at:]])


def formatted(value: Value, spec: str = "") -> str:
    """A value as a text: as the specification says, else counts with commas, three digits of other numbers.

    Raises:
        ValueError: the specification does not fit the value.

    >>> formatted(128256), formatted(0.12345), formatted((2, 5)), formatted(0.5, ".0%"), formatted("a")
    ('128,256', '0.123', '2, 5', '50%', 'a')
    """
    if isinstance(value, tuple):
        if spec:
            raise ValueError(f"{spec} is no format for places")
        return ", ".join(map(str, value))
    if spec:
        return format(value, spec)
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _split(inner: str) -> tuple[str, str]:
    """The call and what stands after the colon that follows it."""
    end = inner.rfind(")")
    source, rest = inner[: end + 1], inner[end + 1 :].strip()
    if end < 0 or (rest and not rest.startswith(":")):
        raise ValueError(f"{_short(inner)} is not a call such as {_EXAMPLE}")
    return source, rest[1:]


def _check_format(name: str, spec: str) -> None:
    """Refuse a format that the fact's values cannot have, or that would fill the screen."""
    samples = {int: 1, float: 1.0, str: "a"}
    for kind in gives(name):
        try:
            if not spec or (_SPEC.fullmatch(spec) and kind in samples and format(samples[kind], spec)):
                return
        except ValueError:
            continue
    raise ValueError(f"{spec} is no format for {name}; a format is such as .1f, .0% or ,")


def _code(text: str) -> str:
    """The text as inline code of Markdown, whatever backticks are in it."""
    text = " ".join(text.split("\n"))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _short(source: str) -> str:
    source = " ".join(source.split())
    return source if len(source) <= 80 else source[:79] + "…"
