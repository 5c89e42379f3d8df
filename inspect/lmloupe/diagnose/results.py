"""What is said about a pasted text: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Diagnosis", "DiagnosisKind"]

DiagnosisKind: TypeAlias = Literal["error", "warning", "prompt", "template", "config"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding in a text that somebody pasted.

    Attributes:
        key: its name, ``"right_padding"``; ``"unknown"`` where nothing in the text is known.
        kind: what it was found in.
        means: what it means, one sentence.
        why: the reason, one to three sentences.
        before: the line or lines of code as they most probably are; empty where no line has to change.
        after: the same lines, changed.
        start: first character of the text where it was seen.
        end: character after the last one.
        line: of ``start``, from 1.
        times: how often it was seen.
        page: address of the page of LM Loupe that shows it, from the slash on, ``"/padding?padding_side=right"``; empty
            where none does.
        library: who wrote the message, as pip calls it; empty where it is not known, or where it is no message.
    """

    key: str
    kind: DiagnosisKind
    means: str
    why: str
    before: str
    after: str
    start: int
    end: int
    line: int
    times: int
    page: str
    library: str
