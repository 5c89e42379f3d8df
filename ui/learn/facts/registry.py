"""What lessons can ask and state: functions that compute a value, by name.

A module of this folder writes one with the decorator `fact`:

    @fact
    def token_count(*, tokenizer: str, text: str) -> int:
        \"\"\"Number of tokens of the text.\"\"\"
        return len(encoding(tokenizer, text, False, False))

and a lesson names it: ``answer: token_count(tokenizer="phi-3", text="coconut")``. The first sentence of the docstring
goes into docs/lessons.md.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, overload

__all__ = ["FACTS", "Fact", "Literals", "Value", "accepts", "compute", "fact", "gives", "is_slow"]

Literals = str | int | float | bool
Value = int | float | str | tuple[int, ...]
_Function = TypeVar("_Function", bound=Callable[..., Value])

FACTS: dict[str, Callable[..., Value]] = {}
"""All facts by name. `ui.learn.facts` fills it when it is imported."""
_SLOW: set[str] = set()


@dataclass(frozen=True, slots=True)
class Fact:
    """A value that is computed, never written down: the name of a function of `FACTS` and its arguments."""

    name: str
    arguments: tuple[tuple[str, Literals], ...]


@overload
def fact(function: _Function) -> _Function: ...
@overload
def fact(*, slow: bool) -> Callable[[_Function], _Function]: ...
def fact(function: _Function | None = None, *, slow: bool = False) -> Any:
    """Make a function a fact. Its parameters are keywords with types, its result is annotated.

    Args:
        function: the function.
        slow: whether it runs the model, so that it takes seconds; such an answer is not computed when a lesson is
            loaded, only when it is needed.
    """

    def register(function: _Function) -> _Function:
        name = function.__name__
        if name in FACTS and inspect.getsourcefile(FACTS[name]) != inspect.getsourcefile(function):
            raise ValueError(f"two facts have the name {name}")
        FACTS[name] = function
        if slow:
            _SLOW.add(name)
        return function

    return register if function is None else register(function)


def is_slow(asked: Fact) -> bool:
    """Whether it runs the model."""
    return asked.name in _SLOW


def gives(name: str) -> set[type]:
    """The types that a fact's result may have: `int`, `float`, `str` or `tuple`.

    >>> from ui.learn.facts import gives
    >>> gives("token_count")
    {<class 'int'>}
    """
    return set(_types(typing.get_type_hints(FACTS[name])["return"]))


def accepts(hint: Any, value: Literals) -> bool:
    """Whether a parameter with this annotation takes a value; a whole number is also a real one.

    >>> accepts(float, 3), accepts(int, True), accepts(Literal["none", "nf4"], "fp4"), accepts(str | None, "a")
    (True, False, False, True)
    """
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) in (Union, UnionType):
        return any(accepts(one, value) for one in typing.get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint


def compute(asked: Fact) -> Value:
    """The value, kept for the next time.

    Raises:
        LoupeError: the library refuses an argument, such as the name of a tokenizer.
    """
    return _compute(asked, tuple(type(value) for _, value in asked.arguments))  # 1, 1.0 and True are one key


@lru_cache(maxsize=1024)
def _compute(asked: Fact, _types_of_arguments: tuple[type, ...]) -> Value:
    return FACTS[asked.name](**dict(asked.arguments))


def _types(hint: Any) -> list[type]:
    if typing.get_origin(hint) in (Union, UnionType):
        return [found for one in typing.get_args(hint) for found in _types(one)]
    if typing.get_origin(hint) is Literal:
        return [type(value) for value in typing.get_args(hint)]
    return [typing.get_origin(hint) or hint]
