"""The questions of `lmloupe.Engine` as a table, read from the protocol itself: no signature is written twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_type_hints

from lmloupe.errors import InvalidSettingError
from lmloupe.model.engine import Engine
from lmloupe.model.generation.results import Generation
from lmloupe.model.running import Running

__all__ = ["QUESTIONS", "Question", "question"]


@dataclass(frozen=True, slots=True)
class Question:
    """One method of the protocol.

    Attributes:
        name: of the method.
        asked: the protocol's own function: its signature and its words.
        follows: whether the answer is work whose results come one after another.
        writes: whether that work is a generation.
    """

    name: str
    asked: Callable[..., Any]
    follows: bool
    writes: bool

    def arguments(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The arguments by name, without those that were left out.

        Raises:
            TypeError: the method has no such argument, or one is missing.
        """
        bound = inspect.signature(self.asked).bind(None, *args, **kwargs)  # None stands for self
        return dict(list(bound.arguments.items())[1:])


def _read(name: str, asked: Callable[..., Any]) -> Question:
    returned = get_type_hints(asked)["return"]
    kinds = getattr(returned, "__mro__", ())
    return Question(name, asked, follows=Running in kinds, writes=Generation in kinds)


QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        name: _read(name, asked)
        for name, asked in sorted(inspect.getmembers(Engine, inspect.isfunction))
        if not name.startswith("_")
    }
)
"""All questions, by name."""


def question(name: str) -> Question:
    """A question by its name.

    Raises:
        InvalidSettingError: there is none.

    >>> question("generate").writes, question("logit_lens").follows, question("lens_rows").follows
    (True, False, True)
    """
    if name not in QUESTIONS:
        raise InvalidSettingError(f"An engine has no question {name!r}.")
    return QUESTIONS[name]
