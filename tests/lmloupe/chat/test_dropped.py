"""What a template was given and wrote nothing of: each part named, and none named that was written."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.chat.jinja.dialect import render_template
from lmloupe.chat.jinja.dropped import find_dropped, is_dropped
from lmloupe.chat.jinja.trace import trace_template
from lmloupe.chat.jinja.unwritten import unwritten
from tests.support.chats import TEMPLATES, rendered, user

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Where."}}},
    },
}
CALL = {"type": "function", "id": "call00001", "function": {"name": "weather", "arguments": {"city": "Bern"}}}
CALLING = {"role": "assistant", "content": "Calling.", "tool_calls": [CALL]}


def dropped(messages: Any, tools: Any = None, *, key: str = "qwen2", template: str | None = None) -> list[Any]:
    chat = lm.render_chat(lm.load_tokenizer(key), messages, tools, template=template)
    return [(part.message, part.path) for part in chat.dropped_parts]


@pytest.mark.parametrize("key", ["phi-3", "qwen2", "smollm2"])
def test_families_without_tools_say_so(key: str) -> None:
    tok = lm.load_tokenizer(key)
    assert dropped([user("Hi")], [TOOL], key=key) == [(None, "tools[0]")]
    assert dropped([user("Hi"), CALLING], key=key) == [(1, "tool_calls[0]")]
    assert dropped([user("Hi"), {**CALLING, "content": ""}], key=key) == [(1, "tool_calls[0]")]
    assert lm.render_chat(tok, [user("Hi"), {**CALLING, "content": ""}]).dropped == (1,)
    chat = lm.render_chat(tok, [user("Hi")], [TOOL])
    (warning,) = lm.check_chat(chat, tok, [user("Hi")])
    assert (warning.kind, warning.message) == ("dropped", None)
    assert warning.sentence == f"{key}'s template wrote nothing of the tool 'weather': the model never sees it."


def test_llama_drops_the_content_beside_a_call() -> None:
    tok, talk = lm.load_tokenizer("llama-3.1"), [user("Hi"), CALLING]
    chat = lm.render_chat(tok, talk, [TOOL])
    assert [(part.message, part.path) for part in chat.dropped_parts] == [(1, "content")]
    assert "the content beside the tool call of message 2 (assistant)" in lm.check_chat(chat, tok, talk)[1].sentence


def test_reasoning_and_names_are_parts_too() -> None:
    talk = [user("Hi") | {"name": "Ann"}, {"role": "assistant", "thinking": "Hm", "content": "Yo", "refusal": "no"}]
    assert dropped(talk) == [(0, "name"), (1, "refusal"), (1, "reasoning_content")]
    written = "{% for m in messages %}{{ m.name }}{{ m.reasoning }}{{ m.thinking }}{{ m.content }}{% endfor %}"
    assert dropped(talk, template=written) == [(1, "refusal")]


def test_parts_of_tools_and_calls() -> None:
    names = "{% for t in tools %}{{ t.function.name }}{% endfor %}{{ messages[0].tool_calls[0].function.name }}"
    assert dropped([CALLING], [TOOL], template=names) == [
        (0, "content"),
        (0, "tool_calls[0].function.arguments"),
        (None, "tools[0].function.description"),
        (None, "tools[0].function.parameters"),
    ]
    keys = "{% for name in tools[0].function.parameters.properties %}{{ name }}{% endfor %}{{ messages[0].content }}"
    assert dropped([user("Hi")], [TOOL], template=keys) == [
        (None, "tools[0].function.name"),
        (None, "tools[0].function.description"),
        (None, "tools[0].function.parameters.properties.city.description"),
    ]
    parts = user([{"type": "text", "text": "See"}, {"type": "image", "url": "x.png"}])
    texts = "{% for p in messages[0].content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
    assert dropped([parts], template=texts) == [(0, "content[1]")]
    pictures = texts.replace("{% endif %}", "{% elif p.type == 'image' %}<image>{% endif %}")
    assert dropped([parts], template=pictures) == []


def test_an_id_matters_where_several_calls_could_be_meant() -> None:
    answer = {"role": "tool", "content": "4", "tool_call_id": "call00001", "name": "weather"}
    for calls, said in (([CALL], []), ([CALL, CALL], ["tool_call_id", "name"])):
        talk = [user("Hi"), CALLING | {"tool_calls": calls}, answer]
        template = "{% for m in messages %}{{ m.content }}{{ m.tool_calls }}{% endfor %}"
        tok = lm.load_tokenizer("qwen2")
        chat = lm.render_chat(tok, talk, template=template)
        assert [part.path for part in chat.dropped_parts] == ["tool_call_id", "name"]
        sentences = [warning.sentence for warning in lm.check_chat(chat, tok, talk)]
        assert len(sentences) == len(said)
        assert all(f"nothing of the {key} of message 3" in one for key, one in zip(said, sentences, strict=True))


@pytest.mark.parametrize(
    "written",
    [
        "{{ m.content | wordwrap(3) }}", "{{ '%s' % m.content }}", "{{ '{}'.format(m.content) }}", "{{ m }}",
        "{% for k, v in m.items() %}{{ v | urlencode }}{% endfor %}", "{{ m.content | batch(2) | list }}",
        "{{ m.content | pprint }}", "{{ m | xmlattr }}", "{{ m.content | truncate(9, true) }}", "{{ m | tojson }}",
        "{{ m.content | random }}", "{{ m.values() | list }}", "{{ m.content | striptags }}", "{{ dict(a=m.content) }}",
        "{{ raise_exception('!') if m.content != 'Hello, world' }}{{ m.content | wordwrap(40) }}",
        "{{ '%.3f' | format(m.content | length) }}{{ m.content | reverse }}", "{{ m.content | sort | join }}",
    ],
)  # fmt: skip
def test_no_false_alarm_where_the_trace_loses_its_way(written: str) -> None:
    template = "{% for m in messages %}" + written + "{% endfor %}"
    assert (0, "content") not in dropped([user("Hello, world")], template=template)
    if "random" not in written:  # which writes one character, so that the rest is indeed left out
        assert dropped([user("Hello, world")], template=template) == []


def test_a_template_that_runs_for_ever_on_other_values_is_judged_by_its_trace() -> None:
    loops = (
        "{% if messages[0].content != 'Hi' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
        "{% endfor %}{% endif %}"
    )
    assert dropped([user("Hi")], template=loops) == [(0, "")]


@settings(max_examples=60, deadline=None)
@given(TEMPLATES, st.lists(st.sampled_from(["user", "assistant", "tool"]), min_size=1, max_size=3), st.data())
def test_what_is_dropped_is_what_changes_nothing(source: str, roles: list[str], data: st.DataObject) -> None:
    contents = [data.draw(st.sampled_from(["Abc", "a b\nc", "one1", "!?", "日本"])) for _ in roles]
    talk = [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
    variables: dict[str, Any] = {"messages": talk, "tools": None, "add_generation_prompt": True, "bos_token": "<s>"}
    expected, words = rendered(source, variables)
    if words:
        return
    lost = find_dropped(variables, trace_template(source, variables), partial(unwritten, source, variables))
    for i, message in enumerate(talk):
        other = [*talk[:i], {**message, "content": "".join("q" if c.strip() else c for c in message["content"])}]
        changed = render_template(source, {**variables, "messages": [*other, *talk[i + 1 :]]})
        assert (changed == expected) == is_dropped(lost, i, message)
        assert (changed == expected) == bool({(i, ""), (i, "content")} & {(part.message, part.path) for part in lost})


@pytest.mark.parametrize(
    ("written", "content", "lost"),
    [
        ("m.content.split('</think>')[-1]", "<think>Hm.</think>\n\nYes.", ["content[0:18]"]),
        ("m.content[:5]", "Yes, and no.", ["content[5:12]"]),
        ("m.content[3:-4]", "one two three", ["content[0:3]", "content[9:13]"]),
        ("m.content | trim", "  Yes. \n", []),
        ("m.content.split('</think>')[0] ~ m.content.split('</think>')[1]", "Hm.</think>Yes.", []),
        ("m.content | upper", "Yes.", []),
        ("m.content.replace('Hm', 'hm')", "Hm. Yes.", ["content[0:2]"]),
        ("m.content | tojson", '"Yes" \\ no', []),
        ("m.content | e", "<a> & b", []),
    ],
)
def test_a_content_that_is_cut_off_is_said_with_its_characters(written: str, content: str, lost: list[str]) -> None:
    template = "{% for m in messages %}<{{ m.role }}>{{ " + written + " }}{% endfor %}"
    assert dropped([{"role": "assistant", "content": content}], template=template) == [(0, path) for path in lost]
    talk = [{"role": "assistant", "content": content}]
    tok = lm.load_tokenizer("qwen2")
    said = [w.sentence for w in lm.check_chat(lm.render_chat(tok, talk, template=template), tok, talk)]
    for path in lost:
        first, last = map(int, path[len("content[") : -1].split(":"))
        words = f"characters {first + 1}–{last} of the content of message 1 (assistant): the model never sees it."
        assert any(sentence.endswith(words) for sentence in said)
