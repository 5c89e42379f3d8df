"""What counts as a text of a person's own."""

from __future__ import annotations

__all__ = ["MAX_TEXT_CHARACTERS", "plain_text"]

MAX_TEXT_CHARACTERS = 2_000_000


def plain_text(value: object) -> str:
    """The text itself.

    Raises:
        ValueError: it is too long, no text, or has lone surrogates.
    """
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"it must be text of at most {MAX_TEXT_CHARACTERS:,} characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it must be text without lone surrogates, which have no UTF-8 bytes") from None
    return value
