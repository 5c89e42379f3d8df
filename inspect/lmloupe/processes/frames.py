"""How a process is asked and answers: frames of bytes, and the loop that answers them.

Requests come from standard input and answers go to standard output. Both are frames: two little-endian uint32, the
lengths of a JSON header and of a body of bytes, then those two. Nothing is pickled.
"""

from __future__ import annotations

import faulthandler
import json
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Refused", "read_frame", "serve", "write_frame"]

MAX_ANSWER_BYTES = 64 << 20

_FRAME = struct.Struct("<II")

Answer = tuple[dict[str, Any], bytes]


class Refused(Exception):  # noqa: N818 - not a failure of this process, but its answer
    """A file or a request that is not taken; the words for people are written by the parent."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.answer = {"refused": reason, **facts}


def write_frame(stream: IO[bytes], header: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame."""
    head = json.dumps(header, ensure_ascii=True).encode()
    stream.write(_FRAME.pack(len(head), len(body)) + head)
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Answer:
    """Wait for one frame.

    Raises:
        EOFError: the other side is gone, or sends more than a frame may hold.
    """
    start = stream.read(_FRAME.size)
    if len(start) < _FRAME.size:
        raise EOFError
    head_size, body_size = _FRAME.unpack(start)
    if head_size + body_size > 2 * MAX_ANSWER_BYTES:
        raise EOFError
    head, body = stream.read(head_size), stream.read(body_size)
    if len(head) + len(body) < head_size + body_size:
        raise EOFError
    return json.loads(head), body


def serve(respond: Callable[[dict[str, Any], bytes], Answer]) -> None:
    """Read a request and write its answer, until the parent is gone or an answer says that it is the last."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            request, body = read_frame(incoming)
        except EOFError:
            return
        # Kills this process from a thread of its own, so that none goes on for ever if the parent is gone too.
        faulthandler.dump_traceback_later(request.pop("limit_s") + 5, exit=True)
        try:
            header, result = respond(request, body)
        except Refused as error:
            header, result = error.answer, b""
        except MemoryError:
            header, result = {"refused": "memory", "last": True}, b""
        except Exception as error:  # ours, and the parent raises it as such
            header, result = {"refused": "bug", "detail": f"{type(error).__name__}: {error}"[:300]}, b""
        except BaseException as error:
            # A panic of the library is not an Exception, and leaves its locks in a state that nothing may use.
            header, result = {"refused": "panic", "detail": str(error)[:300], "last": True}, b""
        faulthandler.cancel_dump_traceback_later()
        write_frame(outgoing, header, result)
        if header.get("last"):
            return
