"""Find what a chat template was given and did not write: tools, calls, contents, reasoning, names, whole messages.

The trace says what was written. What it does not know of is looked for by rendering again,
`lmloupe.chat.jinja.unwritten`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmloupe.chat.jinja.trace import REASONING, Trace
from lmloupe.chat.jinja.unwritten import Place, other_value, value_at
from lmloupe.chat.messages import REASONING_KEYS, RESULT_ROLES

__all__ = ["DroppedPart", "find_dropped", "is_dropped"]

Look = Callable[[Sequence[Place]], "Sequence[bool | None]"]


@dataclass(frozen=True, slots=True)
class DroppedPart:
    """A part of a conversation that a template wrote nothing of.

    Attributes:
        message: index of the message, None for a part of the tools.
        path: where it is: ``"content"``, ``"reasoning_content"`` under whatever name it was given,
            ``"tool_calls[0].function.arguments"``, ``"tools[1]"``; ``"content[0:22]"`` where the beginning or the
            end of a text is cut off (reasoning of an earlier turn, say); empty for a whole message.
        words: how a sentence calls it, such as ``"the tool 'weather'"``.
        matters: False for the id and the name in a tool's answer where one call alone can be meant.
    """

    message: int | None
    path: str
    words: str
    matters: bool = True


@dataclass(frozen=True, slots=True)
class _Node:
    """A value to look for, and the parts of it to look for where some of it is written."""

    place: Place
    words: str
    parts: tuple[_Node, ...] = ()
    matters: bool = True


def find_dropped(variables: Mapping[str, Any], trace: Trace, look: Look) -> tuple[DroppedPart, ...]:
    """Every part that nothing was written of, messages first and in order.

    A value without a text or a number in it cannot be missed, and is never one.

    Args:
        variables: what the template was given.
        trace: what it wrote.
        look: `lmloupe.chat.jinja.unwritten.unwritten` for this template and these variables.
    """
    known = _Written(trace)
    nodes = [*_message_nodes(variables["messages"]), *_tool_nodes(variables.get("tools") or ())]
    found: list[_Node] = []
    while nodes:
        nodes = [node for node in nodes if _says_something(value_at(variables, node.place))]
        suspects = [node for node in nodes if node.place not in known]
        answers = look([node.place for node in suspects])
        lost = {
            node.place
            for node, answer in zip(suspects, answers, strict=True)
            if answer or (answer is None and not _is_spelled(value_at(variables, node.place), trace.text))
        }
        found += [node for node in nodes if node.place in lost]
        nodes = [part for node in nodes if node.place not in lost for part in node.parts]
    whole = _merged(found, variables, known)
    cut = [part for i in range(len(variables["messages"])) for part in _cut_off(i, variables["messages"][i], trace)]
    return tuple(sorted((*whole, *cut), key=lambda part: (part.message is None, part.message or 0)))


def _cut_off(index: int, message: Mapping[str, Any], trace: Trace) -> Iterator[DroppedPart]:
    """The beginning and the end of a message's content where one stretch between them is all that is written of it."""
    content = message.get("content")
    if not isinstance(content, str):
        return
    at, pieces = 0, []
    for length, origin, _, _ in trace.pieces:
        if origin is not None and (origin.message, origin.path) == (index, ("content",)):
            pieces.append(trace.text[at : at + length])
        at += length
    kept = "".join(pieces).strip()
    start = content.rfind(kept) if kept else -1
    if start < 0:
        return
    of = f"of the content of message {index + 1} ({str(message['role'])[:40]})"
    for first, last in ((0, start), (start + len(kept), len(content))):
        lost = content[first:last].strip()
        # Where the same words are in the text, the trace may have lost the way that they came.
        if _says_something(lost) and lost not in trace.text:
            first = content.index(lost, first)
            words = f"characters {first + 1}–{first + len(lost)} {of}"
            yield DroppedPart(index, f"content[{first}:{first + len(lost)}]", words)


def is_dropped(parts: Iterable[DroppedPart], index: int, message: Mapping[str, Any]) -> bool:
    """Whether a message has a content or tool calls, and nothing of either was written."""
    lost = {part.path for part in parts if part.message == index}
    calls = message.get("tool_calls")
    wanted = ["content"] if _says_something(message.get("content")) else []
    wanted += [f"tool_calls[{i}]" for i in range(len(calls))] if isinstance(calls, (list, tuple)) else []
    return "" in lost or (bool(wanted) and lost.issuperset(wanted))


class _Written:
    """The places that the trace knows characters from."""

    def __init__(self, trace: Trace) -> None:
        self._whole: set[Place] = set()
        self._under: set[Place] = set()
        # Messages of which a header at least, or any other text of their turn, is there.
        self.messages: set[int | None] = set()
        at = 0
        for length, origin, _, turn in trace.pieces:
            if trace.text[at : at + length].strip():
                self.messages.update((turn, None if origin is None else origin.message))
            at += length
        for origin in {run[1] for run in trace.pieces if run[1] is not None and run[0]}:
            if origin.kind == "variable":
                continue
            self._whole.add((origin.message, origin.path))
            self._under.update((origin.message, origin.path[:n]) for n in range(len(origin.path) + 1))

    def __contains__(self, place: Place) -> bool:
        message, path = place
        return place in self._under or any((message, path[:n]) in self._whole for n in range(len(path)))


def _message_nodes(messages: Sequence[Mapping[str, Any]]) -> Iterator[_Node]:
    n_calls = 0
    for i, message in enumerate(messages):
        role = str(message.get("role"))[:40]
        of = f"of message {i + 1} ({role})"
        is_result = role in RESULT_ROLES
        calls = message.get("tool_calls")
        if not is_result:
            n_calls = len(calls) if isinstance(calls, (list, tuple)) else 0
        for key, value in message.items():
            place: Place = (i, (key,))
            if key in ("role", *REASONING_KEYS[1:]) or (key == "tool_calls" and not value):
                continue
            if key == "content":
                beside = " beside the tool call" if calls else ""
                yield _Node(place, f"the content{beside} {of}", tuple(_content_nodes(place, value, of)))
            elif key == REASONING:
                yield _Node(place, f"the reasoning {of}")
            elif key == "tool_calls" and isinstance(value, (list, tuple)):
                yield from (_call_node(i, j, call, of.replace("of", "in", 1)) for j, call in enumerate(value))
            else:
                matters = not (is_result and key in ("name", "tool_call_id")) or n_calls > 1
                yield _Node(place, f"the {key!s:.40} {of}", matters=matters)


def _content_nodes(place: Place, content: Any, of: str) -> Iterator[_Node]:
    if isinstance(content, (list, tuple)):
        for i, part in enumerate(content):
            kind = part.get("type") if isinstance(part, dict) else None
            what = f", of the type {kind!s:.40}," if kind else ""
            yield _Node((place[0], (*place[1], i)), f"part {i + 1}{what} of the content {of}")


def _call_node(i: int, j: int, call: Any, of: str) -> _Node:
    place: Place = (i, ("tool_calls", j))
    inside = ("function",) if isinstance(call, dict) and isinstance(call.get("function"), dict) else ()
    function = call["function"] if inside else call
    name = function.get("name") if isinstance(function, dict) else None
    called = f"the call of {_quoted(name)}" if name else f"tool call {j + 1}"
    parts = tuple(_Node((i, (*place[1], *inside, key)), f"the {key} in {called} {of}") for key in ("name", "arguments"))
    return _Node(place, f"{called} {of}", parts)


def _tool_nodes(tools: Sequence[Mapping[str, Any]]) -> Iterator[_Node]:
    for j, tool in enumerate(tools):
        inside = ("function",) if isinstance(tool.get("function"), dict) else ()
        function: Mapping[str, Any] = tool["function"] if inside else tool
        root = (j, *inside)
        whole = f"the tool {_quoted(function['name'])}" if function.get("name") else f"tool {j + 1}"
        parts = [_Node((None, (*root, key)), f"the {key} of {whole}") for key in ("name", "description")]
        schema = function.get("parameters")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        inner = []
        for name, entry in properties.items() if isinstance(properties, dict) else ():
            place: Place = (None, (*root, "parameters", "properties", name))
            of = f"the parameter {_quoted(name)} of {whole}"
            described = isinstance(entry, dict) and "description" in entry
            deeper = (_Node((None, (*place[1], "description")), f"the description of {of}"),) if described else ()
            inner.append(_Node(place, of, deeper))
        parts.append(_Node((None, (*root, "parameters")), f"the parameters of {whole}", tuple(inner)))
        yield _Node((None, (j,)), whole, tuple(parts))


def _says_something(value: Any) -> bool:
    return bool(other_value(value, "changed", types=True) != value)


def _is_spelled(value: Any, text: str) -> bool:
    """Whether some text or number of the value is found in the rendered text."""
    if isinstance(value, dict):
        return any(_is_spelled(item, text) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_spelled(item, text) for item in value)
    return value is not None and str(value).strip() in text


def _merged(found: Iterable[_Node], variables: Mapping[str, Any], known: _Written) -> Iterator[DroppedPart]:
    """The parts in order; one for a message of which nothing at all is written."""
    by_message: dict[int, list[_Node]] = {}
    for node in found:
        if node.place[0] is not None:
            by_message.setdefault(node.place[0], []).append(node)
    for i, nodes in sorted(by_message.items()):
        message = variables["messages"][i]
        parts = [DroppedPart(i, _path(node.place), node.words, node.matters) for node in nodes]
        if i not in known.messages and is_dropped(parts, i, message):
            yield DroppedPart(i, "", f"message {i + 1} ({str(message['role'])[:40]})")
        else:
            yield from parts
    for node in found:
        if node.place[0] is None:
            yield DroppedPart(None, _path(node.place), node.words)


def _path(place: Place) -> str:
    message, path = place
    written = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
    return written if message is not None else f"tools{written}"


def _quoted(name: object) -> str:
    return repr(str(name)[:40])
