"""What a class goes through: steps of lessons, and questions of its teacher's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

__all__ = ["MAX_ITEMS", "Item", "OwnKind", "OwnQuestion", "plan_from_json", "plan_to_json", "read_question"]

OwnKind = Literal["choice", "number", "word", "cut"]
MAX_ITEMS = 200
MAX_ASK, MAX_CHOICE, MAX_CHOICES, MAX_WORD, MAX_VIEW = 300, 100, 6, 60, 2000


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A question that the teacher wrote, or that the front door asks.

    Attributes:
        kind: how it is answered.
        ask: the question, plain text.
        choices: of a choice.
        unit: of a number.
        text: the word that is to be cut.
        answer: the right answer as a guess is written; "" where there is none.
        view: the address of the page that answers it, such as "/tokens?text=coconut"; "" for none.
    """

    kind: OwnKind
    ask: str
    choices: tuple[str, ...] = ()
    unit: str = ""
    text: str = ""
    answer: str = ""
    view: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One step of a class: a step of a lesson, or a question of the teacher's own.

    Attributes:
        lesson: the lesson's key; "" for a question of the teacher's own.
        step: the step of the lesson, from 0.
        asks: whether it has a question.
        own: the question, where it is the teacher's own.
    """

    lesson: str = ""
    step: int = 0
    asks: bool = True
    own: OwnQuestion | None = None


def read_question(value: object) -> OwnQuestion:
    """A question from what a link, a form or the database holds.

    Raises:
        ValueError: it is none; the message says why, in the form "it must ...".

    >>> read_question({"kind": "choice", "ask": "Which?", "choices": ["A", "B"], "answer": "B"}).answer
    'B'
    """
    if not isinstance(value, Mapping) or not value.keys() <= OwnQuestion.__dataclass_fields__.keys():
        raise ValueError("it must be a question with its kind, its words and its answer")
    kind: OwnKind | None = value.get("kind")
    if kind is None or kind not in get_args(OwnKind):
        raise ValueError(f"its kind must be one of {', '.join(get_args(OwnKind))}")
    ask = _text(value, "ask", MAX_ASK)
    given = value.get("choices", ())
    if not isinstance(given, list | tuple):
        raise ValueError("its choices must be a list")
    choices = tuple(dict.fromkeys(_text({"choice": one}, "choice", MAX_CHOICE) for one in given))
    question = OwnQuestion(
        kind, ask, choices if kind == "choice" else (), _text(value, "unit", 30), _text(value, "text", MAX_WORD),
        _text(value, "answer", MAX_ASK), _text(value, "view", MAX_VIEW),
    )  # fmt: skip
    if not ask:
        raise ValueError("it must ask something")
    if kind == "choice" and not 2 <= len([one for one in choices if one]) == len(choices) <= MAX_CHOICES:
        raise ValueError(f"it must have 2 to {MAX_CHOICES} different choices")
    if kind == "choice" and question.answer and question.answer not in choices:
        raise ValueError("its right answer must be one of its choices")
    if kind == "cut" and len(question.text) < 2:
        raise ValueError("it must name a word of at least two letters that is to be cut")
    return question


def _text(value: Mapping[str, Any], name: str, most: int) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise ValueError(f"its {name} must be text")
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(text) > most:
        raise ValueError(f"its {name} must have at most {most} characters")
    return text


def plan_to_json(plan: Sequence[Item]) -> str:
    """The plan as the database keeps it."""
    return json.dumps([asdict(item) for item in plan], ensure_ascii=False, separators=(",", ":"))


def plan_from_json(text: str) -> tuple[Item, ...]:
    """The plan that `plan_to_json` wrote.

    >>> plan = (Item("cut", 2), Item(own=OwnQuestion("word", "Which?")))
    >>> plan_from_json(plan_to_json(plan)) == plan
    True
    """
    return tuple(
        Item(one["lesson"], one["step"], one["asks"], read_question(one["own"]) if one["own"] else None)
        for one in json.loads(text)
    )
