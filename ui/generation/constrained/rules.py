"""What a person asks for: a rule, a prompt, and examples of both."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["EXAMPLES", "KINDS", "Example", "choose_rule", "current_rule", "examples"]

KINDS = {"choices": "A list", "regex": "A pattern", "json_schema": "A JSON schema"}


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a rule for the answer; ``source`` as the page's own box holds it."""

    question: str
    kind: str
    source: str
    shows: str


_VERDICT = """{
  "type": "object",
  "properties": {
    "thinking": {"type": "string", "maxLength": 80},
    "is_a_nut": {"type": "boolean"}
  },
  "required": ["thinking", "is_a_nut"],
  "additionalProperties": false
}"""
EXAMPLES = {
    "A date": Example(
        str(SETTINGS["grammar_question"].default),
        "regex",
        str(SETTINGS["grammar_regex"].default),
        "A pattern keeps the form of a date; whether it is the right one is up to the model.",
    ),
    "A label": Example(
        "“The film was a waste of two hours.” Is this review positive or negative?",
        "choices",
        "positive\nnegative\nneutral",
        "A small model becomes a classifier: one of three words.",
    ),
    "A record": Example(
        "Ada Lovelace, born in London in 1815, wrote the first program. Who is this about?",
        "json_schema",
        str(SETTINGS["grammar_json_schema"].default),
        "JSON from a model that was not asked for JSON.",
    ),
    "Without the letter e": Example(
        "Tell me about Paris.",
        "regex",
        "[ A-DF-Za-df-z,.]{20,100}",
        "Any text of 20 to 100 characters, but none with an e.",
    ),
    "Think first": Example(
        "Is a coconut a nut?",
        "json_schema",
        _VERDICT,
        "The order of the properties is the order of writing: a reason before the verdict.",
    ),
}


def examples() -> None:
    """One button for each of `EXAMPLES`; Back brings what was there before."""
    for name, example in EXAMPLES.items():
        st.button(name, key=f"grammar_{name}", help=example.shows, on_click=_take, args=(example,))


def _take(example: Example) -> None:
    state.put("grammar", example.kind)
    state.put(f"grammar_{example.kind}", example.source)
    state.put("grammar_prompt", "question")
    state.put("grammar_question", example.question)
    state.put("grammar_step", -1)


def current_rule() -> lm.Constraint:
    """The rule as it is set, for a page that draws its box below the result.

    Raises:
        InvalidConstraintError: it cannot be kept.
    """
    kind = state.get("grammar")
    source = state.get(f"grammar_{kind}")
    if kind == "choices":
        return lm.Constraint.choices([line for line in source.splitlines() if line.strip()])
    if kind == "regex":
        return lm.Constraint.regex(source)
    return lm.Constraint.json_schema(source, any_whitespace=state.get("grammar_whitespace"))


def choose_rule() -> None:
    """Draw the kinds, and the box of the one that is chosen."""
    kind = state.segmented("grammar", "The answer is", format_func=KINDS.__getitem__)
    if kind == "choices":
        state.text_area("grammar_choices", "Choices, one on each line", height=140)
    elif kind == "regex":
        state.text_area(
            "grammar_regex",
            "Regular expression for the whole answer",
            height=100,
            help="As in Python, without look-around, backreferences and \\b.",
        )
    else:
        state.text_area(
            "grammar_json_schema",
            "JSON schema",
            height=320,
            help="JSON Schema 2020-12. Keywords that cannot be kept at each step are refused, not ignored.",
        )
        state.toggle(
            "grammar_whitespace",
            "Any whitespace",
            help="Off: one space after each colon and comma, as json.dumps writes it.",
        )
