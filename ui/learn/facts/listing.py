"""The list of all facts in docs/lessons.md, from their docstrings."""

from __future__ import annotations

import inspect

from ui.learn.facts.registry import FACTS

__all__ = ["fact_list", "with_list"]

BEGIN, END = "<!-- facts: python scripts/check_lessons.py --write-facts -->", "<!-- end of facts -->"


def fact_list() -> str:
    """A line of Markdown for each fact: how it is called, and the first paragraph of its docstring."""
    return "\n".join(_line(name) for name in sorted(FACTS)) + "\n"


def with_list(docs: str) -> str:
    """The text with the list between its two comments made anew."""
    before, rest = docs.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{fact_list()}{END}{after}"


def _line(name: str) -> str:
    signature = inspect.signature(FACTS[name])
    words = [word if p.default is p.empty else f"{word}={p.default!r}" for word, p in signature.parameters.items()]
    gives = signature.return_annotation
    about = (inspect.getdoc(FACTS[name]) or "").split("\n\n")[0].replace("\n", " ")
    return f"- `{name}({', '.join(words)})` gives {_GIVES.get(str(gives), str(gives))}: {about}"


_GIVES = {"int": "a whole number", "float": "a number", "str": "a text", "tuple[int, ...]": "places of cuts"}
