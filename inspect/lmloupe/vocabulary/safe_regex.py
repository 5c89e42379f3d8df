"""Regular expressions that anybody may type: no pattern can hang the program.

Python's `re` backtracks: ``(a+)+$`` on forty letters runs for hours, holds the interpreter, and cannot be stopped but
by killing its process. RE2 runs every pattern in time linear in the text, so it needs no process of its own, which on
macOS and Windows would take longer to start than the search takes. The price, which the error names: no look-around and
no backreferences. Source: Cox, "Regular Expression Matching in the Wild" (2010); syntax: RE2's wiki page of that name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.names import seconds

__all__ = ["MAX_PATTERN_LENGTH", "regex_mask"]

MAX_PATTERN_LENGTH = 500
"""Longest pattern taken, in characters."""

# Linear time is linear in text times pattern: a large pattern is refused by its compiled size.
_MAX_PROGRAM_BYTES = 1 << 20
_CHECK_CLOCK_EVERY = 16


def _compile(pattern: str, ignore_case: bool) -> Callable[[bytes], Any]:
    import re2  # type: ignore[import-untyped]

    if not pattern or len(pattern) > MAX_PATTERN_LENGTH:
        raise InvalidSettingError(
            f"The regular expression has {len(pattern):,} characters; give one of 1 to {MAX_PATTERN_LENGTH}."
        )
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_PROGRAM_BYTES
    try:
        search: Callable[[bytes], Any] = re2.compile(pattern, options).search
    except UnicodeEncodeError as error:
        raise InvalidSettingError(
            "The regular expression has half of a surrogate pair in it, which is not a character: remove it."
        ) from error
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise InvalidSettingError(
            f"The regular expression cannot be used ({reason}): correct it; look-around such as (?=…) and "
            "backreferences such as \\1 do not exist here, because they can run for ever."
        ) from error
    return search


def regex_mask(
    pattern: str, texts: Sequence[bytes], *, ignore_case: bool = False, time_limit_s: float = 2.0
) -> NDArray[np.bool_]:
    r"""Which texts a regular expression matches somewhere in them.

    Args:
        pattern: RE2's syntax: Python's without look-around and backreferences; ``\d`` and ``\w`` are ASCII, ``\p{L}``
            and ``\p{Thai}`` are Unicode's; ``\z`` is the end.
        texts: UTF-8 bytes. Bytes that are not a whole character match ``\C`` alone.
        ignore_case: whether ``a`` matches ``A`` too.
        time_limit_s: seconds after which the search ends with an error.

    Returns:
        bool (len(texts),).

    Raises:
        InvalidSettingError: the pattern is empty, too long, not valid, too large once compiled, or the time is over.

    >>> regex_mask(r"^ ?\p{Thai}+$", ["ไทย".encode(), b"thai"]).tolist()
    [True, False]
    >>> regex_mask("(a+)+$", [b"a" * 1000 + b"!"]).tolist()
    [False]
    """
    search = _compile(pattern, ignore_case)
    mask = np.zeros(len(texts), np.bool_)
    end = time.monotonic() + time_limit_s
    for start in range(0, len(texts), _CHECK_CLOCK_EVERY):
        if time.monotonic() > end:
            raise InvalidSettingError(
                f"The regular expression took longer than {seconds(time_limit_s)} on this vocabulary: simplify it."
            )
        some = texts[start : start + _CHECK_CLOCK_EVERY]
        mask[start : start + len(some)] = [search(text) is not None for text in some]
    return mask
