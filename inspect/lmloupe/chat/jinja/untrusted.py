"""Rendering of templates that nobody vouches for, in processes that are killed when they do not answer in time.

What holds where: the time limit everywhere, on Linux counted as time that the process worked; the limit on memory on
Linux (address space) and Windows (a job object); on macOS the system does not always take one, and there a template may
fill memory until its time is over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from lmloupe.chat.jinja import _child
from lmloupe.chat.jinja.trace import Trace
from lmloupe.chat.jinja.traced import Origin, Site
from lmloupe.chat.jinja.unwritten import Place
from lmloupe.errors import TemplateError, TemplateTimeoutError
from lmloupe.names import seconds
from lmloupe.processes.frames import Answer
from lmloupe.processes.limits import memory
from lmloupe.processes.pool import AllBusyError, Pool

__all__ = ["RENDER_LIMIT_S", "trace_untrusted", "unwritten_untrusted"]

RENDER_LIMIT_S = 1.0
"""Seconds of work that a template may take; with starting a process, an answer is there within two."""

_MAX_PROCESSES = 2
_START_LIMIT_S = 30.0


_pool = Pool(_child.__name__, _MAX_PROCESSES)
_STARTED = object()
"""What a process holds that has come up, so that its start does not count as the template's work."""


def _ask_process(what: str, body: bytes) -> Answer:
    with ExitStack() as stack:
        try:
            child = stack.enter_context(_pool.lease(_STARTED))
        except AllBusyError as error:
            raise TemplateTimeoutError("All places for chat templates are busy: try again in a moment.") from error
        except OSError as error:
            raise TemplateError(
                f"A template of your own needs a process of its own, and this system gives none ({error.strerror})."
            ) from error
        try:
            if child.holds is None and child.ask({"do": "start"}, b"", _START_LIMIT_S) is None:
                raise TemplateTimeoutError("The process for chat templates did not start: try again in a moment.")
            child.holds = _STARTED
            answer = child.ask({"do": what}, body, RENDER_LIMIT_S)
        except EOFError as error:
            raise TemplateTimeoutError(
                "The chat template made its process end, as one does that takes too long or "
                f"{memory(_child.LIMITS.memory_bytes)}: make it write less."
            ) from error
        if answer is None:
            raise TemplateTimeoutError(
                f"The chat template did not end within {seconds(RENDER_LIMIT_S)} and was stopped: "
                "it loops for ever or far too long; shorten its loops."
            )
        if answer[0].get("last"):
            child.end()
        return answer


def trace_untrusted(source: str, variables: Mapping[str, Any]) -> Trace:
    """`lmloupe.chat.jinja.trace.trace_template` in a process of its own, with limits.

    Raises:
        TemplateError: not valid, failed, refused the conversation, or asked for too much memory or text.
        TemplateTimeoutError: it did not end in time, and was stopped.

    >>> trace_untrusted("{{ x ~ '!' }}", {"x": "Hi"}).text
    'Hi!'
    """
    answer = _ask("render", {"source": source, "variables": _child.packed(dict(variables))})
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
    request = {"source": source, "variables": _child.packed(dict(variables)), "places": _child.packed(places)}
    try:
        answer: list[bool | None] = _ask("unwritten", request)
    except TemplateTimeoutError:
        # With another value it may loop for ever. What the trace says has to do then.
        return [None] * len(places)
    return answer


def _ask(what: str, request: dict[str, Any]) -> Any:
    header, result = _ask_process(what, json.dumps(request).encode())
    if header.get("refused") == "template":
        raise TemplateError(header["words"])
    if header.get("refused") == "memory":
        raise TemplateError(
            f"The chat template asked for {memory(_child.LIMITS.memory_bytes)} and was "
            "stopped: make it multiply or repeat less."
        )
    if header.get("refused") == "long":
        raise TemplateError(
            f"The chat template wrote {header['characters']:,} characters; LM Loupe takes at most "
            f"{_child.MAX_CHARACTERS:,}, in {_child.MAX_PIECES:,} pieces: make it write less."
        )
    if "refused" in header:
        raise TemplateError(f"The chat template could not be run: {header.get('detail') or 'its process failed'}.")
    return json.loads(result)


@lru_cache(maxsize=4096)
def _unpacked(message: int | None, kind: str, path: str) -> Origin:
    return Origin(message, kind, tuple(json.loads(path)))


def _origin(packed: list[Any] | None) -> Origin | None:
    return None if packed is None else _unpacked(*packed)
