"""A panic of the tokenizers library made an error that can be shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lmloupe.errors import TokenizerFailedError
from lmloupe.sources import shown

__all__ = ["no_panic"]


@contextmanager
def no_panic(name: str) -> Iterator[None]:
    """Turn a panic inside the block into a `TokenizerFailedError`.

    A pattern that gives up panics in Rust and arrives as ``pyo3_runtime.PanicException``, a `BaseException` that cannot
    be imported and that no ``except Exception`` catches.

    Args:
        name: the tokenizer's, for the message.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        words = " ".join(str(error).split())[:160]
        raise TokenizerFailedError(
            f"The tokenizers library gave up on {shown(name)} ({words}): its pattern goes back too often on this text; "
            "try another text, or correct the file."
        ) from error
