"""The other process: renders chat templates that nobody vouches for.

`lmloupe.chat_guarded` runs this module and kills it when it does not answer in time. A sandbox keeps a
template from attributes and files, not from looping for ever or multiplying strings until the memory is gone; limits on
a process do. Frames, limits and the loop that answers are those of `lmloupe._process`; nothing is pickled.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lmloupe._process import Answer, limit_resources, serve
from lmloupe.chat_trace import trace_template
from lmloupe.errors import TemplateError

__all__ = ["MAX_CHARACTERS", "MAX_MEMORY_BYTES", "MAX_PIECES", "main", "packed", "unpacked"]

MAX_MEMORY_BYTES = 1 << 30
MAX_CHARACTERS = 2_000_000
MAX_PIECES = 200_000


def packed(value: Any) -> Any:
    """A plain value as JSON that tells tuples from lists: templates write them differently."""
    if isinstance(value, (list, tuple)):
        return ["t" if isinstance(value, tuple) else "l", *map(packed, value)]
    if isinstance(value, dict):
        return {key: packed(item) for key, item in value.items()}
    return value


def unpacked(value: Any) -> Any:
    """What `packed` was given."""
    if isinstance(value, list):
        items = [unpacked(item) for item in value[1:]]
        return tuple(items) if value[0] == "t" else items
    if isinstance(value, dict):
        return {key: unpacked(item) for key, item in value.items()}
    return value


def render(body: bytes) -> Answer:
    """The trace of one template with its variables, or why there is none."""
    request = json.loads(body)
    try:
        trace = trace_template(request["source"], unpacked(request["variables"]), continued=request["continued"])
    except TemplateError as error:
        if isinstance(error.__cause__, MemoryError):
            return {"refused": "memory", "last": True}, b""
        return {"refused": "template", "words": str(error)}, b""
    if len(trace.text) > MAX_CHARACTERS or len(trace.pieces) > MAX_PIECES:
        return {"refused": "long", "characters": len(trace.text), "last": True}, b""
    answer = {"text": trace.text, "pieces": trace.pieces, "marks": trace.has_generation_marks}
    return {}, json.dumps(answer).encode()


def respond(request: dict[str, Any], body: bytes) -> Answer:
    """One request's answer; the first only asks whether the process has come up."""
    return ({}, b"") if request["do"] == "start" else render(body)


def main() -> None:
    """Answer requests until the parent is gone."""
    if sys.platform == "win32":
        from lmloupe.windows_job import limit_own_memory

        limit_own_memory(MAX_MEMORY_BYTES)
    else:
        limit_resources(MAX_MEMORY_BYTES)
    serve(respond)


if __name__ == "__main__":
    main()
