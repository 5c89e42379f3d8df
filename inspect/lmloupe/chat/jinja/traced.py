"""A string that knows where each of its characters comes from, through whatever a template does to it.

`Traced` is a ``str`` in everything that a template can see. Beside its characters it carries runs: how many characters,
the message value that they were copied from, the place of the template that wrote them, and the message that the loop
around it had come to. Operations that copy
characters copy their runs; one that makes new characters in a way not followed here gives a plain ``str``, whose
origin is then unknown. The characters themselves always come from ``str``'s own methods.
"""

# ruff: noqa: D102 - the methods are those of str, and do what they do there
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, SupportsIndex

__all__ = [
    "UNKNOWN",
    "Origin",
    "Run",
    "Site",
    "Traced",
    "TracedDict",
    "followed",
    "joined",
    "runs_of",
    "traced",
]


class Origin(NamedTuple):
    """The value of a conversation that characters were copied from.

    Attributes:
        message: index of the message, None for a tool definition or a template variable.
        kind: ``"role"``, ``"content"``, ``"tool_call"``, ``"tool_result"``, ``"label"``, ``"tools"`` or ``"variable"``.
        path: keys and indexes that lead to it within the message, or within the tools.
    """

    message: int | None
    kind: str
    path: tuple[Any, ...] = ()


class Site(NamedTuple):
    """A place of the template that writes.

    Attributes:
        line: 1-based, None where unknown.
        call_line: line of the output that printed the macro or block which writes there, None without one.
        is_generation: within ``{% generation %}``.
        is_prompt: written on the condition ``add_generation_prompt``.
        is_literal: text of the template itself, no value of an expression.
    """

    line: int | None
    call_line: int | None
    is_generation: bool
    is_prompt: bool
    is_literal: bool


UNKNOWN = Site(None, None, False, False, False)
"""No place, or none that is known."""


# Length; what it was copied from; the place that wrote it; the message whose turn of a loop it was.
Run = tuple[int, Origin | None, Site, int | None]


class TracedDict(dict[Any, Any]):
    """A message, or a mapping within one, that remembers which."""

    __slots__ = ("_origin",)
    _origin: Origin


class Traced(str):
    """A string with the origin of its characters, made by `traced` alone."""

    __slots__ = ("_runs",)
    _runs: tuple[Run, ...]

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> str:
        if not isinstance(other, str):
            return NotImplemented
        return traced(str.__add__(self, other), (*runs_of(self), *runs_of(other)))

    def __radd__(self, other: str) -> str:
        if not isinstance(other, str):
            return NotImplemented
        return traced(str.__add__(other, self), (*runs_of(other), *runs_of(self)))

    def __mul__(self, times: SupportsIndex) -> str:
        text = str.__mul__(self, times)
        runs = runs_of(self)
        # A run for each repetition would cost more memory than the text.
        return traced(text, runs * (len(text) // (len(self) or 1))) if len(text) < 1000 * len(runs) else text

    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> str:
        text = str.__getitem__(self, index)
        if not isinstance(index, slice):
            at = index.__index__()
            return _cut(self, text, at if at >= 0 else at + len(self))
        start, stop, step = index.indices(len(self))
        if step == 1:
            return _cut(self, text, min(start, len(self))) if stop > start else _cut(self, text, 0)
        each = [run for run in runs_of(self) for _ in range(run[0])]
        return traced(text, [(1, *run[1:]) for run in each[index]])

    def __iter__(self) -> Iterator[str]:
        at = 0
        for run in runs_of(self):
            for character in str.__getitem__(self, slice(at, at + run[0])):
                yield traced(character, ((1, *run[1:]),))
            at += run[0]

    def strip(self, chars: str | None = None, /) -> str:
        text = str.strip(self, chars)
        if len(text) == len(self):
            return self
        return _cut(self, text, len(self) - len(str.lstrip(self, chars)))

    def lstrip(self, chars: str | None = None, /) -> str:
        text = str.lstrip(self, chars)
        return _cut(self, text, len(self) - len(text))

    def rstrip(self, chars: str | None = None, /) -> str:
        return _cut(self, str.rstrip(self, chars), 0)

    def removeprefix(self, prefix: str, /) -> str:
        text = str.removeprefix(self, prefix)
        return _cut(self, text, len(self) - len(text))

    def removesuffix(self, suffix: str, /) -> str:
        return _cut(self, str.removesuffix(self, suffix), 0)

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._pieces(str.split(self, sep, maxsplit), sep)

    def rsplit(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._pieces(str.rsplit(self, sep, maxsplit), sep)

    def _pieces(self, pieces: list[str], sep: str | None) -> list[str]:
        found, at = [], 0
        for piece in pieces:
            # Pieces between white space begin at the next character that is none: the first place where they are found.
            at = at if sep is not None else str.find(self, piece, at)
            found.append(_cut(self, piece, at))
            at += len(piece) + len(sep or "")
        return found

    def splitlines(self, keepends: bool = False) -> list[str]:
        found, at = [], 0
        for line, whole in zip(str.splitlines(self, keepends), str.splitlines(self, True), strict=True):
            found.append(_cut(self, line, at))
            at += len(whole)
        return found

    def partition(self, sep: str, /) -> tuple[str, str, str]:
        return self._three(str.partition(self, sep))

    def rpartition(self, sep: str, /) -> tuple[str, str, str]:
        return self._three(str.rpartition(self, sep))

    def _three(self, parts: tuple[str, str, str]) -> tuple[str, str, str]:
        first, second, third = parts
        before = len(first) + len(second)
        return _cut(self, first, 0), _cut(self, second, len(first)), _cut(self, third, before)

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str:
        text = str.replace(self, old, new, count)
        if not old:
            return text
        parts = str.split(self, old, count)
        inserted, at, runs = runs_of(new), 0, list[Run]()
        for i, part in enumerate(parts):
            if i:
                runs += inserted
            runs += _runs_between(self, at, at + len(part))
            at += len(part) + len(old)
        return traced(text, runs)

    def join(self, values: Iterable[str], /) -> str:
        listed = list(values)
        text, between, runs = str.join(self, listed), runs_of(self) if len(self) else (), list[Run]()
        for i, value in enumerate(listed):
            if i:
                runs += between
            runs += runs_of(value)
        return traced(text, runs)

    def ljust(self, width: SupportsIndex, fillchar: str = " ", /) -> str:
        return _padded(self, str.ljust(self, width, fillchar), 0)

    def rjust(self, width: SupportsIndex, fillchar: str = " ", /) -> str:
        text = str.rjust(self, width, fillchar)
        return _padded(self, text, len(text) - len(self))

    def center(self, width: SupportsIndex, fillchar: str = " ", /) -> str:
        text = str.center(self, width, fillchar)
        padding = len(text) - len(self)
        return _padded(self, text, padding // 2 + (padding & len(text) & 1))

    def upper(self) -> str:
        return _mapped(self, str.upper)

    def lower(self) -> str:
        return _mapped(self, str.lower)

    def casefold(self) -> str:
        return _mapped(self, str.casefold)

    def swapcase(self) -> str:
        return _mapped(self, str.swapcase)

    def title(self) -> str:
        return _mapped(self, str.title)

    def capitalize(self) -> str:
        return _mapped(self, str.capitalize)


def traced(text: str, runs: Iterable[Run]) -> Traced:
    """A string with these runs, which together are as long as it is."""
    made = Traced(text)
    made._runs = tuple(runs) or ((len(text), None, UNKNOWN, None),)
    return made


def runs_of(text: str) -> tuple[Run, ...]:
    """The runs of any string; a plain one is one run of unknown origin."""
    return text._runs if type(text) is Traced else ((len(text), None, UNKNOWN, None),)


def joined(values: Iterable[Any]) -> str:
    """The values as one string, as Jinja's ``~`` makes it."""
    return _NOTHING.join(map(str, values))


def followed(text: str) -> Traced:
    """The string itself if it is one of these, else one of unknown origin."""
    return text if type(text) is Traced else traced(text, runs_of(text))


def _runs_between(text: str, start: int, stop: int) -> tuple[Run, ...]:
    runs = runs_of(text)
    if len(runs) == 1:
        _, origin, site, turn = runs[0]
        return ((stop - start, origin, site, turn),)
    kept, at = list[Run](), 0
    for run in runs:
        first, last = max(start, at), min(stop, at + run[0])
        if first < last:
            kept.append((last - first, *run[1:]))
        at += run[0]
    # Nothing is left of it, and yet it is written there: where an empty content stands matters.
    return tuple(kept) or ((0, *runs[0][1:]),)


def _cut(whole: Traced, part: str, start: int) -> str:
    """A part of a string that was found by one of ``str``'s own methods, with its runs."""
    return whole if len(part) == len(whole) else traced(part, _runs_between(whole, start, start + len(part)))


def _padded(inner: Traced, text: str, left: int) -> str:
    right = len(text) - left - len(inner)
    if not left + right:
        return inner
    return traced(text, ((left, None, UNKNOWN, None), *runs_of(inner), (right, None, UNKNOWN, None)))


def _mapped(text: Traced, change: Callable[[str], str]) -> str:
    """Each character to one or several, as a change of case does it."""
    changed = change(text)
    runs = runs_of(text)
    if len(changed) == len(text):
        return traced(changed, runs)
    if len(runs) == 1:
        return traced(changed, ((len(changed), *runs[0][1:]),))
    each = [(len(change(character)), *run[1:]) for run in runs for character in _characters(text, run, runs)]
    return traced(changed, each) if sum(run[0] for run in each) == len(changed) else changed


def _characters(text: Traced, run: Run, runs: tuple[Run, ...]) -> str:
    at = 0
    for other in runs:
        if other is run:
            break
        at += other[0]
    return str.__getitem__(text, slice(at, at + run[0]))


_NOTHING = traced("", ())
