"""Compile a template so that each character of its text carries the place of the template that wrote it.

The tree that Jinja parses is changed before Jinja compiles it: every output goes through a filter that adds its place
to the text, and loops write an empty text that says which message they have come to. Only public parts of Jinja are
used: its parser, its nodes, filters, and an environment with another ``concat``, as Jinja's own ``NativeEnvironment``.
Of these ``concat`` alone is in no manual.
"""

# ruff: noqa: N802 - Jinja calls the methods of a visitor so
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.nodes import EvalContext
from jinja2.visitor import NodeTransformer

from lmloupe.chat.jinja.dialect import FILENAME, GENERATION
from lmloupe.chat.jinja.outputs import AS_IT_IS, CONCAT, ENVIRONMENT, ESCAPE, TURN, WRITE, loop_end
from lmloupe.chat.jinja.traced import Site, traced

__all__ = ["Compiled", "compile_traced"]


class _Placing(NodeTransformer):
    """Change each output of a template into one that names its place.

    Attributes:
        kept: values that the template's code reads from its environment, by name.
        has_generation_marks: the template has ``{% generation %}``.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.has_generation_marks = False
        self._is_generation = self._is_prompt = False
        self._autoescape: bool | None = False  # None: not known before the template runs
        self._n_loops = 0

    @contextmanager
    def _within(self, **state: Any) -> Iterator[None]:
        before = {name: getattr(self, name) for name in state}
        vars(self).update(state)
        yield
        vars(self).update(before)

    def _keep(self, value: Any, line: int) -> nodes.Expr:
        name = f"kept_{len(self.kept)}"
        self.kept[name] = value
        return nodes.EnvironmentAttribute(name, lineno=line)

    def _site(self, line: int, is_prompt: bool = False, is_literal: bool = False) -> Site:
        return Site(line, None, self._is_generation, is_prompt or self._is_prompt, is_literal)

    def _output(self, values: list[nodes.Expr]) -> list[nodes.Node]:
        """Statements that write values as they are."""
        if self._autoescape is False:
            return [nodes.Output(values, lineno=values[0].lineno)]
        # An output would escape what it is given, and an escaped text has no origin. A block of a filter does not.
        filters = [value if isinstance(value, nodes.Filter) else _filtered(value, AS_IT_IS) for value in values]
        return [nodes.FilterBlock([], value, lineno=value.lineno) for value in filters]

    def visit_Output(self, node: nodes.Output) -> list[nodes.Node]:
        made: list[nodes.Expr] = []
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                for line, text in enumerate(filter(None, re.split(r"(?<=\n)", child.data)), start=child.lineno):
                    site = self._site(line, is_literal=True)
                    made.append(self._keep(traced(text, ((len(text), None, site, None),)), line))
                continue
            place = self._keep(self._site(child.lineno, _asks_for_prompt(child)), child.lineno)
            value = self.visit(child)
            if self._autoescape is False:
                made.append(_filtered(value, WRITE, place))
            else:
                made.append(_filtered(value, ESCAPE, place, nodes.Const(bool(self._autoescape))))
        return self._output(made) if made else []

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:
        self.generic_visit(node)
        node.filter = _filtered(node.filter, WRITE, self._keep(self._site(node.lineno), node.lineno))
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        place = self._keep(self._site(node.lineno), node.lineno)
        node.call.args = [place, node.call.node, *node.call.args]
        node.call.node = nodes.EnvironmentAttribute("write_call", lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        if self._autoescape is not False:
            return node  # it may join texts that are escaped already
        return _filtered(nodes.Tuple(node.nodes, "load", lineno=node.lineno), CONCAT)

    def visit_For(self, node: nodes.For) -> list[nodes.Node]:
        self._n_loops += 1
        loop, line = self._n_loops, node.lineno
        self.generic_visit(node)
        if isinstance(node.target, nodes.Name):
            item = nodes.Name(node.target.name, "load", lineno=line)
            node.body[:0] = self._output([_filtered(item, TURN, nodes.Const(loop))])
        return [node, *self._output([self._keep(loop_end(loop), line)])]

    def visit_Scope(self, node: nodes.Scope) -> nodes.Node:
        if GENERATION not in node.__dict__:  # {% autoescape %}
            return self.generic_visit(node)
        self.has_generation_marks = True
        with self._within(_is_generation=True):
            return self.generic_visit(node)

    def visit_ScopedEvalContextModifier(self, node: nodes.ScopedEvalContextModifier) -> nodes.Node:
        """``{% autoescape %}``: Jinja compiles a constant in, and asks for any other value when the template runs."""
        autoescape = self._autoescape
        for option in node.options:
            try:
                said = bool(option.value.as_const(EvalContext(ENVIRONMENT)))
            except nodes.Impossible:
                autoescape = None
            else:
                autoescape = None if autoescape is None else said
        with self._within(_autoescape=autoescape):
            return self.generic_visit(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Node:
        with self._within(_autoescape=False):  # Jinja compiles a block by itself
            return self.generic_visit(node)

    def visit_If(self, node: nodes.If) -> nodes.Node:
        # `else` is for a prompt where a condition before it was that none is wanted.
        is_unwanted = False
        for choice in [node, *node.elif_]:
            wanted = _wants_prompt(choice.test)
            is_unwanted = is_unwanted or wanted is False
            choice.test = self.visit(choice.test)
            choice.body = self._branch(choice.body, is_prompt=bool(wanted))
        node.else_ = self._branch(node.else_, is_prompt=is_unwanted)
        return node

    def _branch(self, body: list[nodes.Node], *, is_prompt: bool) -> list[nodes.Node]:
        with self._within(_is_prompt=self._is_prompt or is_prompt):
            return [made for node in body for made in self.visit_list(node)]


def _filtered(value: nodes.Expr | None, name: str, *args: nodes.Expr) -> nodes.Filter:
    line = next(node.lineno for node in (value, *args) if node is not None)
    return nodes.Filter(value, name, list(args), [], None, None, lineno=line)


def _wants_prompt(test: nodes.Node) -> bool | None:
    """Whether a condition holds if a generation prompt is asked for; None where it does not speak of it."""
    if isinstance(test, nodes.Not):
        wanted = _wants_prompt(test.node)
        return None if wanted is None else not wanted
    names = [test] if isinstance(test, nodes.Name) else test.find_all(nodes.Name)
    return True if any(name.name == "add_generation_prompt" for name in names) else None


def _asks_for_prompt(node: nodes.Node) -> bool:
    choices = [node] if isinstance(node, nodes.CondExpr) else node.find_all(nodes.CondExpr)
    return any(_wants_prompt(choice.test) for choice in choices)


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A template ready to be traced.

    Attributes:
        template: what renders it, to a `Traced` string.
        has_generation_marks: it has ``{% generation %}``.
    """

    template: jinja2.Template
    has_generation_marks: bool


@lru_cache(maxsize=32)
def compile_traced(source: str) -> Compiled:
    """Compile a chat template whose text says where it is from; the last 32 are kept.

    Raises:
        jinja2.TemplateSyntaxError: and what else compiling raises; `lmloupe.chat.jinja.dialect` has the words for
        people.
    """
    placing = _Placing()
    tree = placing.visit(ENVIRONMENT.parse(source, filename=FILENAME))
    environment = ENVIRONMENT.overlay()
    environment.extend(**placing.kept)
    tree.set_environment(environment)
    code = environment.compile(tree, filename=FILENAME)
    template = jinja2.Template.from_code(environment, code, environment.make_globals(None))
    return Compiled(template, placing.has_generation_marks)
