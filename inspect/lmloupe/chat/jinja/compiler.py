"""Jinja's own compiler with outputs that say which place of the template wrote them."""

# ruff: noqa: N802 - Jinja's compiler calls its methods so
from __future__ import annotations

import re
import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lmloupe.chat.jinja.dialect import FILENAME, GENERATION, new_environment
from lmloupe.chat.jinja.filters import FILTERS, escaped, written
from lmloupe.chat.jinja.traced import UNKNOWN, Run, Site, Traced, TracedDict, followed, joined, traced

__all__ = ["Compiled", "compile_traced", "concat"]


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


def concat(stream: Iterable[Any]) -> str:
    """Join what outputs gave, pairs of a site and a value, into a string that knows both.

    A negative number in place of a site begins a turn of a loop; its value is the loop's item. 0 ends the loop.
    """
    texts: list[str] = []
    runs: list[Run] = []
    add_text, add_run = texts.append, runs.append
    loops: list[tuple[int, int | None]] = []
    turn: int | None = None
    for site, value in stream:
        kind = value.__class__
        if site.__class__ is Site:
            if kind is not str and kind is not Traced:
                value = concat((value.event,)) if kind is _Event else written(value)
                kind = value.__class__
            add_text(value)
            if kind is str:
                add_run((len(value), None, site, turn))
                continue
            for length, origin, inner, own in value._runs:
                place = site if inner is UNKNOWN else _through(inner, site)
                add_run((length, origin, place, turn if own is None else own))
        elif site:
            if not loops or loops[-1][0] != site:
                loops.append((site, turn))
            turn = value._origin.message if kind is TracedDict else _message_of(value)
            if turn is None:
                turn = loops[-1][1]
        elif loops and loops[-1][0] == value:
            turn = loops.pop()[1]
    return traced("".join(texts), runs)


@dataclass(frozen=True, slots=True)
class _Event:
    """What a block of a template yielded, given on; a tuple that a template prints is a value."""

    event: tuple[Any, Any]


def _text(value: Any) -> Any:
    """What stands for text where Jinja takes no other value: itself."""
    if isinstance(value, tuple):
        return _Event(value)
    if not isinstance(value, str):
        raise TypeError(f"expected str instance, {type(value).__name__} found")
    return value


def _message_of(item: Any) -> int | None:
    origin = item._runs[0][1] if type(item) is Traced and item._runs else None
    return None if origin is None else origin.message


class _Generator(CodeGenerator):
    """Jinja's compiler with outputs that name their place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept: dict[str, Any] = {}
        self._generation = False
        self._n_loops = 0
        self._marks: dict[int, int] = {}
        self.has_generation_marks = False

    def _site(self, line: int | None, is_literal: bool = False, is_prompt: bool = False) -> str:
        return self._keep(Site(line, None, self._generation, is_prompt, is_literal))

    def _keep(self, value: Any) -> str:
        """A name for a value that the template's code can read."""
        name = f"kept_{len(self.kept)}"
        self.kept[name] = value
        return name

    def start_write(self, frame: Frame, node: nodes.Node | None = None) -> None:
        super().start_write(frame, node)
        self.write(f"({self._site(node.lineno if node is not None else None)}, environment.text(")

    def end_write(self, frame: Frame) -> None:
        self.write("))")
        super().end_write(frame)

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        if frame.require_output_check:
            if self.has_known_extends:
                return
            self.writeline("if parent_template is None:")
            self.indent()
        is_prompt = "is_prompt" in node.__dict__
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                self._visit_data(child, frame, is_prompt)
            else:
                super().start_write(frame, child)
                self.write(f"({self._site(child.lineno, False, is_prompt or _asks_for_prompt(child))}, ")
                # What is yielded is written at once, and `concat` makes it a text. What is kept may change till then.
                self.write(self._printed(frame))
                self.visit(child, frame)
                self.write("))")
                super().end_write(frame)
        if frame.require_output_check:
            self.outdent()

    @staticmethod
    def _printed(frame: Frame) -> str:
        if frame.eval_ctx.volatile:
            return "(environment.escaped if context.eval_ctx.autoescape else str)("
        if frame.eval_ctx.autoescape:
            return "environment.escaped("
        return "environment.written(" if frame.buffer is not None else "("

    def _visit_data(self, node: nodes.TemplateData, frame: Frame, is_prompt: bool) -> None:
        for i, text in enumerate(re.split(r"(?<=\n)", node.data)):
            if text:
                super().start_write(frame, node)
                self.write(self._keep((self.kept[self._site(node.lineno + i, True, is_prompt)], text)))
                super().end_write(frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        if frame.eval_ctx.volatile or frame.eval_ctx.autoescape:
            super().visit_Concat(node, frame)
            return
        self.write("environment.joined((")
        for arg in node.nodes:
            self.visit(arg, frame)
            self.write(", ")
        self.write("))")

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        self._n_loops += 1
        mark = -self._n_loops
        if isinstance(node.target, nodes.Name):
            begin = nodes.ExprStmt(nodes.Name(node.target.name, "load"), lineno=node.lineno)
            self._marks[id(begin)] = mark
            node.body.insert(0, begin)
        super().visit_For(node, frame)
        super().start_write(frame)
        self.write(f"(0, {mark})")
        super().end_write(frame)

    def visit_ExprStmt(self, node: nodes.ExprStmt, frame: Frame) -> None:
        mark = self._marks.get(id(node))
        if mark is None:
            super().visit_ExprStmt(node, frame)
            return
        super().start_write(frame)
        self.write(f"({mark}, ")
        self.visit(node.node, frame)
        self.write(")")
        super().end_write(frame)

    def visit_Scope(self, node: nodes.Scope, frame: Frame) -> None:
        if GENERATION not in node.__dict__:  # {% autoescape %}
            super().visit_Scope(node, frame)
            return
        before, self._generation, self.has_generation_marks = self._generation, True, True
        super().visit_Scope(node, frame)
        self._generation = before

    def visit_If(self, node: nodes.If, frame: Frame) -> None:
        before: list[bool | None] = []
        for test, branch in [(node.test, node.body), *((other.test, other.body) for other in node.elif_)]:
            wanted = _wants_prompt(test)
            # `else` is for a prompt where a condition before it was that none is wanted.
            before.append(wanted)
            if wanted:
                _mark_prompt(branch)
        if False in before:
            _mark_prompt(node.else_)
        super().visit_If(node, frame)


def _mark_prompt(branch: list[nodes.Node]) -> None:
    for child in branch:
        for output in [child] if isinstance(child, nodes.Output) else child.find_all(nodes.Output):
            output.__dict__["is_prompt"] = True


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


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox of chat templates, whose strings keep their origin."""

    code_generator_class = _Generator
    concat = staticmethod(concat)
    joined = staticmethod(joined)
    text = staticmethod(_text)
    written = staticmethod(written)
    escaped = staticmethod(escaped)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        # A constant of the template is plain: its `join` and `replace` would lose where their arguments are from.
        is_join = __obj.__class__ is types.BuiltinMethodType and __obj.__name__ in ("join", "replace")
        if is_join and __obj.__self__.__class__ is str:
            __obj = getattr(followed(__obj.__self__), __obj.__name__)
        return super().call(__context, __obj, *args, **kwargs)


def _new_environment() -> _Environment:
    env = new_environment(_Environment)
    env.filters.update(FILTERS)
    return env


_ENVIRONMENT = _new_environment()


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
    tree = _ENVIRONMENT.parse(source, filename=FILENAME)
    stream = StringIO()
    generator = _Generator(_ENVIRONMENT, None, FILENAME, stream, optimized=_ENVIRONMENT.optimized)
    generator.visit(tree)
    code = compile(stream.getvalue(), FILENAME, "exec")
    template = jinja2.Template.from_code(_ENVIRONMENT, code, _ENVIRONMENT.make_globals(None))
    template.root_render_func.__globals__.update(generator.kept)
    return Compiled(template, generator.has_generation_marks)
