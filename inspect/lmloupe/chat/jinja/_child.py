"""The other process: renders chat templates that nobody vouches for.

`lmloupe.chat.jinja.untrusted` runs this module and kills it when it does not answer in time. A sandbox keeps a
template from attributes and files, not from looping for ever or multiplying strings until the memory is gone; limits on
a process do. Frames, limits and the loop that answers are those of `lmloupe.processes`; nothing is pickled.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from lmloupe.chat.jinja.trace import trace_template
from lmloupe.chat.jinja.traced import Origin
from lmloupe.chat.jinja.unwritten import unwritten
from lmloupe.errors import TemplateError
from lmloupe.processes.frames import Answer, serve
from lmloupe.processes.limits import Limits, limit_this_process

__all__ = ["LIMITS", "MAX_CHARACTERS", "MAX_PIECES", "main", "packed", "unpacked"]

LIMITS = Limits(memory_bytes=1 << 30)
MAX_CHARACTERS = 2_000_000
MAX_PIECES = 200_000


def packed(value: Any) -> Any:
    """A plain value as JSON that tells tuples from lists, and keys that are numbers from texts: templates do too."""
    if isinstance(value, (list, tuple)):
        return ["t" if isinstance(value, tuple) else "l", *map(packed, value)]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: packed(item) for key, item in value.items()}
        return ["d", *([key, packed(item)] for key, item in value.items())]
    return value


def unpacked(value: Any) -> Any:
    """What `packed` was given."""
    if isinstance(value, dict):
        return {key: unpacked(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    kind, *items = value
    if kind == "d":
        return {key: unpacked(item) for key, item in items}
    return tuple(map(unpacked, items)) if kind == "t" else [unpacked(item) for item in items]


def answer(what: str, body: bytes) -> Answer:
    """The trace of one template with its variables, or what it writes nothing of; or why there is none."""
    request = json.loads(body)
    variables = unpacked(request["variables"])
    try:
        if what == "unwritten":
            found = unwritten(request["source"], variables, unpacked(request["places"]))
            return {}, json.dumps(found).encode()
        trace = trace_template(request["source"], variables)
    except TemplateError as error:
        if isinstance(error.__cause__, MemoryError):
            return {"refused": "memory", "last": True}, b""
        return {"refused": "template", "words": str(error)}, b""
    if len(trace.text) > MAX_CHARACTERS or len(trace.pieces) > MAX_PIECES:
        return {"refused": "long", "characters": len(trace.text), "last": True}, b""
    # Thousands of pieces share a few paths: as a text each is packed once, and unpacked once.
    pieces = [(length, origin and _packed_origin(origin), site, turn) for length, origin, site, turn in trace.pieces]
    written = {
        "text": trace.text,
        "pieces": pieces,
        "marks": trace.has_generation_marks,
        "followed": trace.followed,
    }
    return {}, json.dumps(written).encode()


@lru_cache(maxsize=4096)
def _packed_origin(origin: Origin) -> tuple[int | None, str, str]:
    return origin.message, origin.kind, json.dumps(origin.path)


def respond(request: dict[str, Any], body: bytes) -> Answer:
    """One request's answer; the first only asks whether the process has come up."""
    return ({}, b"") if request["do"] == "start" else answer(request["do"], body)


def main() -> None:
    """Answer requests until the parent is gone."""
    limit_this_process(LIMITS)
    serve(respond)


if __name__ == "__main__":
    main()
