"""One text as several tokenizers split it, each as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import lmloupe as lm
from ui.base.loaders import encoding, ready
from ui.tokenizers.choice import Choice

__all__ = ["Reading", "encode_with", "read"]


@dataclass(slots=True)
class Reading:
    """What came of it, by the tokenizers' names in the order of the choices.

    Attributes:
        encodings: of those that could read the text.
        failed: why each of the others could not.
    """

    encodings: dict[str, lm.Encoding] = field(default_factory=dict)
    failed: dict[str, lm.LoupeError] = field(default_factory=dict)


def encode_with(
    choice: Choice, text: str, *, add_special_tokens: bool = False, parse_special_tokens: bool = True
) -> lm.Encoding:
    """The text as a chosen tokenizer splits it; see `lmloupe.encode` for what it raises."""
    # Uploads belong to this session alone: they never go through the caches that serve everyone.
    if choice.uploaded is not None:
        return lm.encode(choice.uploaded, text, add_special_tokens, parse_special_tokens)
    return encoding(choice.name, text, add_special_tokens, parse_special_tokens)


def read(
    choices: Sequence[Choice],
    text: str,
    *,
    add_special_tokens: bool,
    parse_special_tokens: bool,
    on_row: Callable[[Mapping[str, lm.Encoding]], None],
) -> Reading:
    """Encode the text with every choice; those whose tokenizer is in memory go first.

    Args:
        choices: what to read with.
        text: what to read.
        add_special_tokens: as in `lmloupe.encode`.
        parse_special_tokens: as in `lmloupe.encode`.
        on_row: called with the encodings so far before each tokenizer that has to be waited for.
    """
    reading = Reading()
    waiting = list(choices)
    while waiting:
        choice = next((one for one in waiting if _is_here(one)), waiting[0])
        if reading.encodings and not _is_here(choice):
            on_row(dict(reading.encodings))
        waiting.remove(choice)
        try:
            reading.encodings[choice.name] = encode_with(
                choice, text, add_special_tokens=add_special_tokens, parse_special_tokens=parse_special_tokens
            )
        except (lm.LoadError, lm.QuestionError) as error:
            reading.failed[choice.name] = error
        in_order = [one.name for one in choices if one.name in reading.encodings]
        reading.encodings = {name: reading.encodings[name] for name in in_order}
    return reading


def _is_here(choice: Choice) -> bool:
    return choice.uploaded is not None or ready(choice.name)
