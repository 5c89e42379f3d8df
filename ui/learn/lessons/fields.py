"""Read the YAML of a lesson: names with a text or a list of texts each, and the line of every one.

Only YAML's structure is used, so that ``choices: [Yes, No]`` are the words that they look like.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

__all__ = ["Fields", "Mistake"]

MAX_CHARACTERS = 1000
MAX_BLOCK = 20_000
DEEPEST = 3


class Mistake(Exception):  # noqa: N818 - becomes a LessonError where the file's name is known
    """What is wrong, as the end of a sentence, and the line, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(slots=True)
class Fields:
    """The names and values of one block.

    Attributes:
        block: what the block is called in sentences.
        line: its first line, from 1.
        values: a text or a list of texts by name.
        lines: the line of each name, from 1.
    """

    block: str
    line: int
    values: dict[str, str | list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, source: str, block: str, line: int) -> Fields:
        """Read a block of YAML.

        Args:
            source: the lines between the fences.
            block: its name in sentences.
            line: the line of the file that the source begins with, from 1.

        Raises:
            Mistake: it is no YAML, or no names with texts and lists of texts.
        """
        fields = cls(block, line)
        if len(source) > MAX_BLOCK:
            raise Mistake(line, f"the {block} has more than {MAX_BLOCK:,} characters")
        try:
            _check_depth(source, block, line)
            root = yaml.compose(source, Loader=yaml.BaseLoader)
        except yaml.MarkedYAMLError as error:
            at = line + (error.problem_mark.line if error.problem_mark else 0)
            problem = " ".join((error.problem or "something is missing").split())
            hint = "; put a text with a colon or a # in it between quotes" if "mapping" in problem else ""
            raise Mistake(at, f"the {block} is not YAML: {problem}{hint}") from None
        except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # the last two: no such character
            raise Mistake(
                line, f"the {block} is not YAML: it has characters or nested lists that YAML forbids"
            ) from None
        if root is None:
            return fields
        if not isinstance(root, yaml.MappingNode):
            raise Mistake(line, f"the {block} must be lines such as title: Where a word is cut")
        for key, value in root.value:
            fields._add(key, value)
        return fields

    def _add(self, key: yaml.Node, value: yaml.Node) -> None:
        line = self.line + key.start_mark.line
        if not isinstance(key, yaml.ScalarNode):
            raise Mistake(line, f"the {self.block} has a name that is no word")
        name = str(key.value)
        if name in self.values:
            raise Mistake(line, f"the {self.block} has {name} twice")
        self.lines[name] = line
        self.values[name] = _value(value, name, line)

    def allow(self, required: Iterable[str], others: Iterable[str] = ()) -> None:
        """Refuse names that are not among these, and a block without the required ones.

        Raises:
            Mistake: one is unknown or missing.
        """
        required = tuple(required)
        known = (*required, *others)
        for name in self.values:
            if name not in known:
                raise Mistake(self.lines[name], f"the {self.block} has {name}, but only {', '.join(known)} are known")
        for name in required:
            if name not in self.values:
                raise Mistake(self.line, f"the {self.block} lacks {name}")

    def text(self, name: str, otherwise: str = "") -> str:
        """A text on one line.

        Raises:
            Mistake: it is a list, or empty.
        """
        if name not in self.values:
            return otherwise
        value = self.values[name]
        if not isinstance(value, str):
            raise self.mistake(name, f"{name} must be a text, not a list")
        if not value.strip():
            raise self.mistake(name, f"{name} is empty")
        return " ".join(value.split("\n"))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts.

        Raises:
            Mistake: it is no list, or one of its texts is empty.
        """
        if name not in self.values:
            return ()
        value = self.values[name]
        if isinstance(value, str):
            raise self.mistake(name, f"{name} must be a list such as [one, two]")
        if any(not item.strip() for item in value):
            raise self.mistake(name, f"{name} has an empty text")
        return tuple(value)

    def mistake(self, name: str, reason: str) -> Mistake:
        """A mistake in the value of a name."""
        return Mistake(self.lines.get(name, self.line), reason)


def _check_depth(source: str, block: str, line: int) -> None:
    """Refuse lists in lists before all is read: YAML's time grows with the square of their depth."""
    depth = 0
    for event in yaml.parse(source, Loader=yaml.BaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Mistake(line + event.start_mark.line, f"the {block} has lists in lists; a value is a text or a list")


def _value(node: yaml.Node, name: str, line: int) -> str | list[str]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(item, yaml.ScalarNode) for item in items):
        raise Mistake(line, f"{name} must be a text or a list of texts")
    texts = [str(item.value) for item in items]
    if any(len(text) > MAX_CHARACTERS for text in texts) or len(texts) > 100:
        raise Mistake(line, f"{name} is longer than {MAX_CHARACTERS:,} characters or has more than 100 texts")
    if any(
        unicodedata.category(character) in ("Cc", "Cs")
        for text in texts
        for character in text
        if character not in "\t\n"
    ):
        raise Mistake(line, f"{name} has a control character or half a surrogate pair, which is no text")
    return texts if isinstance(node, yaml.SequenceNode) else texts[0]
