"""Rendering of templates that nobody vouches for, in processes that are killed when they do not answer in time.

What holds where: the time limit everywhere, on Linux counted as time that the process worked; the limit on memory on
Linux (address space) and Windows (a job object); on macOS the system does not always take one, and there a template may
fill memory until its time is over.
"""

from __future__ import annotations

import atexit
import json
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from lmloupe.chat.jinja import _child as _chat_child
from lmloupe.chat.jinja.trace import Trace
from lmloupe.chat.jinja.traced import Origin, Site
from lmloupe.chat.jinja.unwritten import Place
from lmloupe.errors import TemplateError, TemplateTimeoutError
from lmloupe.loading.isolated.guard import Child
from lmloupe.names import seconds
from lmloupe.processes.frames import memory

__all__ = ["RENDER_LIMIT_S", "trace_untrusted", "unwritten_untrusted"]

RENDER_LIMIT_S = 1.0
"""Seconds of work that a template may take; with starting a process, an answer is there within two."""

_MAX_PROCESSES = 2
_START_LIMIT_S = 30.0
_WAIT_FOR_TURN_S = 30.0


class _Pool:
    """Warm processes, at most so many; whoever finds none starts one."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Child] = []

    def ask(self, what: str, body: bytes) -> tuple[dict[str, Any], bytes]:
        if not self._free.acquire(timeout=_WAIT_FOR_TURN_S):
            raise TemplateTimeoutError("All places for chat templates are busy: try again in a moment.")
        child: Child | None = None
        try:
            child = self._take()
            answer = child.ask({"do": what}, body, RENDER_LIMIT_S)
            if answer is None:
                raise TemplateTimeoutError(
                    f"The chat template did not end within {seconds(RENDER_LIMIT_S)} and was stopped: "
                    "it loops for ever or far too long; shorten its loops."
                )
            if answer[0].get("last"):
                child.end()
            return answer
        except EOFError as error:
            raise TemplateTimeoutError(
                "The chat template made its process end, as one does that takes too long or "
                f"{memory(_chat_child.MAX_MEMORY_BYTES)}: make it write less."
            ) from error
        finally:
            if child is not None:
                if child.is_alive:
                    with self._lock:
                        self._idle.append(child)
                else:
                    child.end()
            self._free.release()

    def end(self) -> None:
        """End the idle ones."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()

    def _take(self) -> Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive:
                    return child
                child.end()
        try:
            child = Child(_chat_child.__name__)
        except OSError as error:
            raise TemplateError(
                f"A template of your own needs a process of its own, and this system gives none ({error.strerror})."
            ) from error
        if child.ask({"do": "start"}, b"", _START_LIMIT_S) is None:
            raise TemplateTimeoutError("The process for chat templates did not start: try again in a moment.")
        return child


_pool = _Pool(_MAX_PROCESSES)
atexit.register(_pool.end)


def trace_untrusted(source: str, variables: Mapping[str, Any]) -> Trace:
    """`lmloupe.chat.jinja.trace.trace_template` in a process of its own, with limits.

    Raises:
        TemplateError: not valid, failed, refused the conversation, or asked for too much memory or text.
        TemplateTimeoutError: it did not end in time, and was stopped.

    >>> trace_untrusted("{{ x ~ '!' }}", {"x": "Hi"}).text
    'Hi!'
    """
    answer = _ask("render", {"source": source, "variables": _chat_child.packed(dict(variables))})
    pieces = tuple((length, _origin(origin), Site(*site), turn) for length, origin, site, turn in answer["pieces"])
    return Trace(answer["text"], pieces, answer["marks"], answer["followed"])


def unwritten_untrusted(source: str, variables: Mapping[str, Any], places: Sequence[Place]) -> list[bool | None]:
    """`lmloupe.chat.jinja.unwritten.unwritten` in a process of its own; None for all where it did not end in time.

    Raises:
        TemplateError: as `trace_untrusted` does, of a template that has changed its mind since.

    >>> unwritten_untrusted("{{ tools[0].name }}", {"messages": [], "tools": [{"name": "f"}]}, [(None, (0, "name"))])
    [False]
    """
    if not places:
        return []
    request = {"source": source, "variables": _chat_child.packed(dict(variables)), "places": _chat_child.packed(places)}
    try:
        answer: list[bool | None] = _ask("unwritten", request)
    except TemplateTimeoutError:
        # With another value it may loop for ever. What the trace says has to do then.
        return [None] * len(places)
    return answer


def _ask(what: str, request: dict[str, Any]) -> Any:
    header, result = _pool.ask(what, json.dumps(request).encode())
    if header.get("refused") == "template":
        raise TemplateError(header["words"])
    if header.get("refused") == "memory":
        raise TemplateError(
            f"The chat template asked for {memory(_chat_child.MAX_MEMORY_BYTES)} and was "
            "stopped: make it multiply or repeat less."
        )
    if header.get("refused") == "long":
        raise TemplateError(
            f"The chat template wrote {header['characters']:,} characters; LM Loupe takes at most "
            f"{_chat_child.MAX_CHARACTERS:,}, in {_chat_child.MAX_PIECES:,} pieces: make it write less."
        )
    if "refused" in header:
        raise TemplateError(f"The chat template could not be run: {header.get('detail') or 'its process failed'}.")
    return json.loads(result)


@lru_cache(maxsize=4096)
def _unpacked(message: int | None, kind: str, path: str) -> Origin:
    return Origin(message, kind, tuple(json.loads(path)))


def _origin(packed: list[Any] | None) -> Origin | None:
    return None if packed is None else _unpacked(*packed)
