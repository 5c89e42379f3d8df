"""Read the file of a lesson; every mistake is one sentence with the file and the line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ui.learn.embedded_page import Address, read_address
from ui.learn.facts import gives
from ui.learn.facts.calls import UnreadableValueError, mentions, read_fact
from ui.learn.lessons.fields import Fields, Mistake
from ui.learn.lessons.lesson import Kind, Lesson, LessonError, Question, Step
from ui.state.settings.learn import MAX_GUESS_CHARACTERS

__all__ = ["MAX_BYTES", "MAX_STEPS", "read_lesson"]

MAX_STEPS = 50
MAX_BYTES = 500_000
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)[ ]*([^`]*)$")
_READABLE = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]*")
_GIVEN: dict[Kind, set[type]] = {"choice": {str, int}, "number": {int, float}, "word": {str}, "cut": {tuple}}
_ONLY: dict[Kind, tuple[str, ...]] = {
    "choice": ("choices",),
    "number": ("unit", "within"),
    "word": (),
    "cut": ("text",),
}
_NOUNS: dict[Kind, str] = {"choice": "a text", "number": "a number", "word": "a text", "cut": "places of cuts"}


def read_lesson(source: str, file: str) -> Lesson:
    """The lesson that a file holds.

    Args:
        source: its text.
        file: its name, which ends in ".md".

    Raises:
        LessonError: something in it is not as docs/lessons.md describes; the message names the line.
    """
    try:
        return _lesson(source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), file)
    except Mistake as mistake:
        raise LessonError(f"{file}, line {mistake.line}: {mistake.reason}.") from None


def _lesson(source: str, file: str) -> Lesson:
    key = file.removesuffix(".md")
    if len(key) > MAX_GUESS_CHARACTERS:
        raise Mistake(1, f"its name has more than {MAX_GUESS_CHARACTERS} characters")
    if len(source.encode("utf-8", "replace")) > MAX_BYTES:
        raise Mistake(1, f"it has more than {MAX_BYTES:,} bytes")
    lines = source.split("\n")
    for number, line in enumerate(lines, 1):
        if not _READABLE.fullmatch(line):
            raise Mistake(number, "it has a control character, which is no text")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if lines[0].rstrip() != "---" or end is None:
        raise Mistake(1, "a lesson begins with its title, minutes, words and about between two lines of ---")
    head = Fields.read("\n".join(lines[1:end]), "head", 2)
    head.allow(("title", "minutes", "words", "about"))
    minutes = head.text("minutes")
    if not re.fullmatch(r"[1-9][0-9]?", minutes):
        raise head.mistake("minutes", f"minutes must be a whole number from 1 to 99, not {minutes}")
    steps = tuple(_step(lines, start, stop) for start, stop in _parts(lines, end + 1))
    if len(steps) > MAX_STEPS:
        raise Mistake(steps[MAX_STEPS].line, f"a lesson has at most {MAX_STEPS} steps")
    about, words = head.text("about"), head.texts("words")
    return Lesson(key, head.text("title"), int(minutes), words, about, steps, file)


def _parts(lines: list[str], first: int) -> list[tuple[int, int]]:
    """Where each step begins and ends: from its heading to the next one that stands outside of fences."""
    starts, fence = [], ""
    for i in range(first, len(lines)):
        line = lines[i]
        fence = _after(line, fence)
        if not fence and line.startswith("# "):
            starts.append(i)
        elif not fence and re.match(r"#{2,6} ", line):
            raise Mistake(i + 1, "a step has one heading, which begins with one #")
        elif not starts and line.strip():
            raise Mistake(i + 1, "a step begins with a line such as # Two ways to cut coconut")
    if not starts:
        raise Mistake(len(lines), "a lesson needs at least one step, which begins with a line such as # A word")
    return list(zip(starts, [*starts[1:], len(lines)], strict=True))


def _after(line: str, fence: str) -> str:
    """The fence that is open after a line, "" outside of one."""
    found = _FENCE.match(line.rstrip())
    if not found:
        return fence
    if not fence:
        return found[1]
    return "" if found[1].startswith(fence) and not found[2] else fence


@dataclass(slots=True)
class _Block:
    """A fence of ours, or prose: its kind ("question", "view", ""), its lines and the first one's number, from 1."""

    kind: str
    line: int
    lines: list[str]

    @property
    def source(self) -> str:
        return "\n".join(self.lines).strip("\n")


def _blocks(lines: list[str], start: int, stop: int) -> list[_Block]:
    blocks, fence = [_Block("", start + 1, [])], ""
    for i in range(start, stop):
        line = lines[i]
        before, fence = fence, _after(line, fence)
        found = _FENCE.match(line.rstrip())
        if not before and fence and found and found[2].strip().casefold() in ("question", "view"):
            blocks.append(_Block(found[2].strip().casefold(), i + 2, []))
        elif before and not fence and blocks[-1].kind:
            blocks.append(_Block("", i + 2, []))
        else:
            blocks[-1].lines.append(line)
    if fence:
        raise Mistake(
            blocks[-1].line - (1 if blocks[-1].kind else 0), f"the {blocks[-1].kind or 'code'} has no end ```"
        )
    return blocks


def _step(lines: list[str], start: int, stop: int) -> Step:
    title = lines[start][2:].strip()
    if not title:
        raise Mistake(start + 1, "the heading of the step is empty")
    blocks = _blocks(lines, start + 1, stop)
    ours = [block for block in blocks if block.kind]
    kinds = [block.kind for block in ours]
    if kinds not in ([], ["question"], ["view"], ["question", "view"]):
        raise Mistake(ours[-1].line - 1, "a step has at most one question, and after it at most one view")
    for block in blocks:
        if not block.kind:
            _check_prose(block)
    between = blocks[2] if len(ours) == 2 else None
    if between is not None and between.source.strip():
        line = between.line + next(i for i, line in enumerate(between.lines) if line.strip())
        raise Mistake(line, "what stands between question and view would give the answer away; write it after the view")
    question = _question(ours[0]) if kinds[:1] == ["question"] else None
    view = _view(ours[-1]) if kinds[-1:] == ["view"] else None
    why = blocks[-1].source if ours else ""
    return Step(title, blocks[0].source.strip(), question, view, why.strip(), start + 1)


def _check_prose(block: _Block) -> None:
    text = "\n".join(block.lines)
    try:
        for _ in mentions(text):
            pass
    except UnreadableValueError as error:
        raise Mistake(block.line + text.count("\n", 0, error.start), str(error)) from None


def _view(block: _Block) -> Address:
    addresses = block.source.split()
    if len(addresses) != 1:
        raise Mistake(block.line, "a view is one address of a page, such as /tokens?text=coconut")
    try:
        view = read_address(addresses[0])
    except ValueError as error:
        raise Mistake(block.line, str(error)) from None
    if view.page.url in ("lessons", "class"):
        raise Mistake(block.line, f"the page {view.page.title} shows lessons itself and cannot stand in one")
    return view


def _question(block: _Block) -> Question:
    fields = Fields.read("\n".join(block.lines), "question", block.line)
    fields.allow(("kind", "ask", "answer"), (name for names in _ONLY.values() for name in names))
    written = fields.text("kind")
    if written not in _ONLY:
        raise fields.mistake("kind", f"kind must be {', '.join(_ONLY)}, not {written}")
    kind: Kind = next(known for known in _ONLY if known == written)
    fields.allow(("kind", "ask", "answer"), _ONLY[kind])
    choices = fields.texts("choices")
    if kind == "choice":
        _check_choices(fields, choices)
    if kind == "cut" and not 2 <= len(fields.text("text")) <= 60:
        raise fields.mistake("text", "a cut needs text, of 2 to 60 characters")
    source = fields.text("answer")
    try:
        answer = read_fact(source)
    except ValueError as error:
        raise fields.mistake("answer", str(error)) from None
    if not gives(answer.name) & _GIVEN[kind]:
        raise fields.mistake("answer", f"a {kind} needs {_NOUNS[kind]}, which {answer.name} does not give")
    return Question(
        kind, fields.text("ask"), answer, choices, fields.text("unit"), _within(fields), fields.text("text"),
        fields.lines["answer"],
    )  # fmt: skip


def _check_choices(fields: Fields, choices: tuple[str, ...]) -> None:
    if not 2 <= len(choices) <= 6 or len(set(choices)) < len(choices):
        raise fields.mistake("choices", "a choice needs choices, two to six different ones, such as [more, fewer]")
    if any(len(choice) > MAX_GUESS_CHARACTERS for choice in choices):
        raise fields.mistake("choices", f"a choice has at most {MAX_GUESS_CHARACTERS} characters")


def _within(fields: Fields) -> float:
    text = fields.text("within", "0%")
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)[ ]?%", text)
    if not found or float(found[1]) > 100:
        raise fields.mistake("within", f"within must be percent up to 100, such as 10%, not {text}")
    return float(found[1]) / 100
