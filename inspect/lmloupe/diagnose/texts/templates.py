"""Read a chat template by rendering it: what it drops, whether it can ask for a reply, why it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lmloupe.chat.render import RenderedChat, render_chat
from lmloupe.diagnose.linear import searched
from lmloupe.diagnose.pattern import address
from lmloupe.diagnose.places import Places
from lmloupe.diagnose.results import Diagnosis
from lmloupe.errors import LoupeError, TemplateError
from lmloupe.tokens.embedded import load_embedded

__all__ = ["looks_like_template", "template_findings"]

_TOKENIZER = "smollm2"
_MAX_TEMPLATE = 100_000
_TALK = (
    {"role": "user", "content": "Name a fruit that floats."},
    {"role": "assistant", "content": "A coconut."},
    {"role": "user", "content": "And one that sinks?"},
)
_SYSTEM = {"role": "system", "content": "You are a gardener."}
_TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    },
)
_ASKING = """{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
# Pages of web frameworks are Jinja as well, and "{%" and "{{" stand in strings of code.
_TAG = (
    r"\{%[-+]?\s*(?:for|if|elif|else|endfor|endif|set|macro|generation)\b"
    r"|\{\{[^{}]{0,300}(?:message|\b(?:bos|eos)_token\b)"
)
_WEB_PAGE = r"\{%[-+]?\s*(?:extends|block|load|include|url)\b"
_FINAL = "{{ message['content'] }}"


def looks_like_template(text: str) -> bool:
    """Whether a text is a chat template, alone or in a tokenizer_config.json."""
    data = text.encode("utf-8")
    return "message" in text and searched(_TAG, data) is not None and searched(_WEB_PAGE, data) is None


def template_findings(places: Places) -> Iterator[Diagnosis]:
    """What is wrong with a template, found by rendering a short conversation with a system turn and with a tool."""
    source = _source(places.text)
    if len(source) > _MAX_TEMPLATE:
        yield _diagnosis(
            places, "template_too_long", "{%",
            means=f"The template has {len(source):,} characters, and only {_MAX_TEMPLATE:,} are tried here.",
            why="The longest published ones have some ten thousand. Template, line by line takes it.",
            page=address("template"),
        )  # fmt: skip
        return
    plain = _rendered(source, _TALK, None, ask=True)
    if isinstance(plain, LoupeError):
        yield _failed(places, plain)
        return
    found = [*_system(places, source), *_tools(places, source), *_asks(places, source, plain.text)]
    if plain.dropped:
        found.append(
            _diagnosis(
                places,
                "template_drops_messages",
                "{%",
                means="This template writes nothing of "
                + " and ".join(f"message {i + 1}" for i in plain.dropped)
                + ".",
                why="The conversation was user, assistant, user. What is not written, the model never sees.",
                page=address("template"),
            )
        )
    yield from found or [
        _diagnosis(
            places,
            "template_in_order",
            "{%",
            means="This template writes system turns and tools, and asks for a reply.",
            why="Tried with a system turn, three more turns, and one tool. To see which line writes what, edit it on "
            "Template, line by line.",
            page=address("template"),
        )
    ]


def _source(text: str) -> str:
    if not text.lstrip().startswith("{"):
        return text
    try:
        whole = json.loads(text)
    except ValueError:  # not JSON, so the template itself
        return text
    template = whole.get("chat_template") if isinstance(whole, dict) else None
    if isinstance(template, list):  # several by name
        template = next((one.get("template") for one in template if isinstance(one, dict)), None)
    return template if isinstance(template, str) else text


def _rendered(source: str, messages: Any, tools: Any, *, ask: bool) -> RenderedChat | LoupeError:
    try:
        return render_chat(load_embedded(_TOKENIZER), messages, tools, add_generation_prompt=ask, template=source)
    except LoupeError as error:  # the answer: why it cannot be rendered
        return error


def _system(places: Places, source: str) -> Iterator[Diagnosis]:
    chat = _rendered(source, (_SYSTEM, *_TALK), None, ask=True)
    if isinstance(chat, LoupeError):
        yield _diagnosis(
            places, "template_refuses_system", "raise_exception",
            means="This template refuses a system turn.",
            why=f"{chat} Put the instruction at the beginning of the first user turn.",
            before='[{"role": "system", "content": rules}, {"role": "user", "content": question}]',
            after='[{"role": "user", "content": f"{rules}\\n\\n{question}"}]',
            page=address("template"),
        )  # fmt: skip
    elif 0 in chat.dropped:
        yield _diagnosis(
            places, "template_drops_system", "system",
            means="This template writes nothing of a system turn and raises no error.",
            why="The model never sees the instruction. Let the loop write every role, or put the text into the first "
            "user turn.",
            before="{% if message['role'] != 'system' %}" + _FINAL + "{% endif %}", after=_FINAL,
            page=address("template"),
        )  # fmt: skip


def _tools(places: Places, source: str) -> Iterator[Diagnosis]:
    chat = _rendered(source, _TALK, _TOOLS, ask=True)
    if isinstance(chat, LoupeError):
        yield _diagnosis(
            places, "template_fails_with_tools", "tools",
            means="This template fails when it is given tools.",
            why=str(chat), page=address("template"),
        )  # fmt: skip
    elif any(part.message is None and part.matters for part in chat.dropped_parts):
        yield _diagnosis(
            places, "template_drops_tools", "tools",
            means="This template writes nothing of tools: the model never hears of them.",
            why="The family was not trained on tools, or the loop over tools is missing. Tools given to it are dropped "
            "without an error.",
            before="{% for message in messages %}",
            after="{% if tools %}{{ tools | tojson }}{% endif %}\n{% for message in messages %}",
            page=address("chat", template_of="llama-3.1"),
        )  # fmt: skip


def _asks(places: Places, source: str, asked: str) -> Iterator[Diagnosis]:
    silent = _rendered(source, _TALK, None, ask=False)
    if isinstance(silent, LoupeError) or silent.text != asked:
        return
    yield _diagnosis(
        places, "template_never_asks", "add_generation_prompt",
        means="This template never asks for a reply: add_generation_prompt changes nothing.",
        why="Rendered with and without it, the text is the same. The model then writes the header of its turn itself, "
        "or speaks for the person.",
        before="{% endfor %}", after="{% endfor %}" + _ASKING,
        page=address("chat", add_generation_prompt=False),
    )  # fmt: skip


def _failed(places: Places, error: LoupeError) -> Diagnosis:
    line = re.search(r"at line (\d{1,6})", str(error)) if isinstance(error, TemplateError) else None
    start, end = places.of_line(int(line.group(1))) if line else (0, 0)
    why = str(error)
    undefined = "has no attribute" in why or "is undefined" in why
    return Diagnosis(
        key="template_fails",
        kind="template",
        means="This template cannot be rendered.",
        why=why,
        before="{{ message.tool_calls[0].name }}" if undefined else "",
        after="{% if message.tool_calls %}{{ message.tool_calls[0].name }}{% endif %}" if undefined else "",
        start=start,
        end=end,
        line=int(line.group(1)) if line else 1,
        times=1,
        page=address("template"),
        library="jinja2",
    )


def _diagnosis(
    places: Places, key: str, near: str, *, means: str, why: str, before: str = "", after: str = "", page: str = ""
) -> Diagnosis:
    """A finding, at the first place of what it is about, else at the beginning."""
    start = max(places.text.find(near), 0)
    end = start + len(near) if places.text.startswith(near, start) else start
    return Diagnosis(key, "template", means, why, before, after, start, end, places.line_of(start), 1, page, "")
