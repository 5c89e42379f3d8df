"""Error messages for tokenizer files that are refused."""

from __future__ import annotations

from typing import Any

from lmloupe.errors import LoadError, LoupeError, TokenizerFailedError, UnsupportedError
from lmloupe.loading.isolated import limits
from lmloupe.names import shown
from lmloupe.processes.frames import MAX_ANSWER_BYTES
from lmloupe.processes.limits import memory
from lmloupe.tokens.panics import gave_up

__all__ = ["WHAT_TO_GIVE", "refusal"]

WHAT_TO_GIVE = "give the file tokenizer.json, which lies beside a model's weights."

_UNREADABLE = {
    "gzip": "is not a whole gzip file ({detail}): upload it again",
    "utf-8": "is not UTF-8 text: byte {place:,} is 0x{byte:02x}; save it as UTF-8",
    "json": "is not JSON ({detail}): " + WHAT_TO_GIVE.rstrip("."),
    "deep": "nests its brackets deeper than any tokenizer.json: " + WHAT_TO_GIVE.rstrip("."),
    "large": f"unpacks to more than {limits.MAX_FILE_BYTES >> 20} MB, which is more than any tokenizer LM Loupe shows",
}

_UNSUPPORTED = {
    "version": "has version {version!r} of the format, of which only '1.0' exists: save it anew with tokenizers",
    "library": "is not accepted by the tokenizers library ({detail}): correct the file",
    "memory": f"needs {memory(limits.LIMITS.memory_bytes)}: LM Loupe cannot show it",
    "vocabulary": "has the id {largest:,} and {added:,} added tokens; LM Loupe shows ids below "
    f"{limits.MAX_VOCABULARY:,} and at most {limits.MAX_ADDED_TOKENS:,} added tokens",
    "piece": f"has a token of {{longest:,}} bytes; LM Loupe shows those of at most {limits.MAX_PIECE_BYTES:,}",
    "empty": "has an empty vocabulary: there is nothing to show",
    "decoder": f"has a decoder of more than {limits.MAX_DECODER_BYTES >> 20} MB: LM Loupe cannot show it",
    "answer": f"makes more than {MAX_ANSWER_BYTES >> 20} MB of this: give it a shorter text",
}


_ANSWERS = {
    "library": "got no answer from the tokenizers library ({detail}): try another text, or correct the file",
    "memory": f"needs {memory(limits.LIMITS.memory_bytes)} for this: give it a shorter text",
    "answer": f"makes more than {MAX_ANSWER_BYTES >> 20} MB of this: give it a shorter text",
}


def refusal(name: str, answer: dict[str, Any], pattern: str | None = None, *, loaded: bool = False) -> LoupeError:
    """The error for an answer of the process that says why there is none.

    Args:
        name: the tokenizer's.
        answer: the header.
        pattern: the pattern that may be at fault.
        loaded: whether the file was opened before, so that it is the question that failed.

    Raises:
        RuntimeError: the process failed by a bug of lmloupe; that is nobody's file.

    >>> print(refusal("a.json", {"refused": "utf-8", "place": 1200, "byte": 255}))
    'a.json' is not UTF-8 text: byte 1,200 is 0xff; save it as UTF-8.
    """
    reason = answer["refused"]
    failed: type[LoupeError] = TokenizerFailedError if loaded else UnsupportedError
    if reason == "bug":
        raise RuntimeError(f"The process that has {shown(name)} open failed with {answer['detail']}")
    if reason == "other":
        what = answer["what"]
        is_what = f"is {what} and no tokenizer.json" if what else "is JSON, but no tokenizer.json: it has no model"
        return UnsupportedError(f"{shown(name)} {is_what}: {WHAT_TO_GIVE}")
    if reason == "panic":
        return failed(gave_up(name, answer["detail"], pattern))
    facts = {key: value for key, value in answer.items() if key != "refused"}
    if reason in _UNREADABLE:
        return LoadError(f"{shown(name)} {_UNREADABLE[reason].format(**facts)}.")
    words = _ANSWERS if loaded else _UNSUPPORTED
    return failed(f"{shown(name)} {words[reason].format(**facts)}.")
