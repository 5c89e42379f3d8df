"""Read a traceback: which exception ended the program, and whose file raised it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

from lmloupe.diagnose.linear import compiled

__all__ = ["Raised", "installed", "read_raised"]

# Python's, IPython's and Colab's forms of a frame all have the path in it.
_FRAME = r"(?:site|dist)-packages[\\/]([A-Za-z0-9_]+)[\\/]?([A-Za-z0-9_./\\-]*)"
_EXCEPTION = (
    r"(?m)^[ \t]*(?:E[ \t]+)?((?:[A-Za-z_][A-Za-z0-9_]*\.)*"
    r"[A-Z][A-Za-z0-9_]*(?:Error|Exception|Interrupt|Exit|Timeout))(?::[ \t]+([^\n\r]*))?[ \t\r]*$"
)
_QUOTED = 300


@dataclass(frozen=True, slots=True)
class Raised:
    """The last exception of a text.

    Attributes:
        exception: its class, without the module.
        message: the first line of what it says; may be empty.
        library: package whose file stands last before it; empty where none does.
        file: that file within the package.
        start: first byte of its line in the UTF-8 text.
        end: byte after the last one.
    """

    exception: str
    message: str
    library: str
    file: str
    start: int
    end: int


def read_raised(data: bytes) -> Raised | None:
    r"""The last exception of a text, given as UTF-8; None where there is none.

    >>> text = b'File "/x/site-packages/torch/nn/functional.py", line 9, in embedding\nIndexError: index out of range'
    >>> found = read_raised(text)
    >>> found.exception, found.message, found.library, found.file
    ('IndexError', 'index out of range', 'torch', 'nn/functional.py')
    """
    last = None
    for last in compiled(_EXCEPTION).finditer(data):  # noqa: B007 - the last one is wanted
        pass
    if last is None:
        return None
    frame = None
    for found in compiled(_FRAME).finditer(data):
        if found.start() > last.start():
            break
        frame = found
    name = _text(last.group(1)).rsplit(".", 1)[-1]
    message = _text(last.group(2) or b"").strip()[:_QUOTED]
    library = _text(frame.group(1)) if frame is not None else ""
    file = _text(frame.group(2)).replace("\\", "/") if frame is not None else ""
    return Raised(name, message, library, file, last.start(1), last.end())


def installed(library: str) -> str:
    """The name of a library with its version here, ``"transformers 5.23.0"``; the name alone where it is not here.

    >>> installed("no_such_library")
    'no_such_library'
    """
    try:
        return f"{library} {metadata.version(re.sub('_', '-', library))}"
    except metadata.PackageNotFoundError:
        return library


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
