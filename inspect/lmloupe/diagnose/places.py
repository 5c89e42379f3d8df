"""Where in the text something was seen: bytes of its UTF-8 form, which RE2 counts, as characters and lines."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    r"""A text and its UTF-8 form.

    >>> Places("ä\nb").span(3, 4)
    (2, 3, 2)
    """

    text: str
    data: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", self.text.encode("utf-8"))

    def span(self, start: int, end: int) -> tuple[int, int, int]:
        """First character, character after the last one, and line (from 1) of a stretch of bytes."""
        before = self.data[:start].decode("utf-8")
        return len(before), len(before) + len(self.data[start:end].decode("utf-8", "ignore")), before.count("\n") + 1

    def line_of(self, start: int) -> int:
        """The line of a character, from 1."""
        return self.text.count("\n", 0, start) + 1

    def of_line(self, line: int) -> tuple[int, int]:
        """First character of a line (from 1) and the character after its last one."""
        lines = self.text.splitlines(keepends=True)[:line]
        end = sum(map(len, lines))
        return end - len(lines[-1]) if lines else 0, len(self.text[:end].rstrip("\r\n")) if lines else 0
