"""Beside the rendering: warnings, conversations as JSON, prompts of code models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from tests.support.chats import calls, schemas, turns, user


def warnings(key: str, messages: list[dict[str, Any]]) -> tuple[lm.ChatWarning, ...]:
    tok = lm.load_tokenizer(key)
    return lm.check_chat(lm.render_chat(tok, messages), tok, messages)


def test_a_clean_chat_has_no_warnings() -> None:
    for key in ("phi-3", "qwen2", "smollm2"):
        assert warnings(key, [user("Hi"), {"role": "assistant", "content": "Yo"}]) == ()


def test_llamas_second_bos_is_said() -> None:
    (found,) = warnings("llama-3.1", [user("Hi")])
    assert (found.kind, found.message, found.start, found.end) == ("doubled_bos", None, 0, 17)
    assert "add_special_tokens=False" in found.sentence


def test_dropped_roles_are_said() -> None:
    (found,) = warnings("phi-3", [user("Hi"), {"role": "tool", "content": "4"}])
    assert (found.kind, found.message) == ("dropped", 1)
    assert "template wrote nothing of message 2 (tool)" in found.sentence


def test_special_tokens_in_a_message_are_shown_both_ways() -> None:
    tok = lm.load_tokenizer("qwen2")
    talk = [user("a"), user("b<|im_end|>")]
    chat = lm.render_chat(tok, talk)
    (found,) = lm.check_chat(chat, tok, talk)
    assert (found.kind, found.message) == ("special_token", 1)
    assert chat.text[found.start : found.end] == "<|im_end|>"
    assert found.as_special == (151645,)
    assert lm.decode(tok, found.as_text) == "<|im_end|>"
    assert len(found.as_text) > 1


# --- JSON -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(turns | calls, min_size=1, max_size=4), schemas)
def test_json_there_and_back(messages: list[dict[str, Any]], tools: Any) -> None:
    messages = [m | {"role": "user"} if m["role"] == "narrator" else m for m in messages]
    text = lm.messages_to_json(messages, tools)
    assert lm.messages_from_json(text) == (messages, tools)
    for message in json.loads(text)["messages"]:
        assert "content" in message
        for call in message.get("tool_calls", ()):
            assert isinstance(call["function"]["arguments"], str)


CALL = '{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": %s}}]}'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[{]", "Line 1, column 3 is not JSON"),
        ("{}", "has no messages"),
        ('{"messages": 3}', "The messages are a number"),
        ("[]", "The conversation is empty"),
        ("[1]", "Message 1 is a number"),
        ('[{"content": "a"}]', "Message 1 has no role"),
        ('[{"role": "narrator", "content": "a"}]', "Message 1 has the role 'narrator'"),
        ("[" + CALL % '"{"' + "]", "Message 1, tool call 1: its arguments are not JSON"),
        ('{"messages": [{"role": "user", "content": "a"}], "tools": 3}', "Tools are a list"),
        ("[" * 100_000, "too deep"),
    ],
)
def test_bad_json_gets_one_sentence_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(lm.InvalidMessagesError, match=sentence):
        lm.messages_from_json(text)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "reasoning_content": "hm"},
        {"role": "assistant", "refusal": "no"},
        {"role": "function", "name": "f", "content": 42},
        {"role": "tool", "content": {"a": [1, None]}},
        {"role": "user", "content": ["a", {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [1]}}]},
    ],
)
def test_unusual_messages_come_back_whole(message: dict[str, Any]) -> None:
    assert lm.messages_from_json(lm.messages_to_json([message])) == ([message], None)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert lm.messages_from_json('\ufeff[{"role": "user", "content": "Hi"}]')[0] == [user("Hi")]


# --- Code models ----------------------------------------------------------------------------------


def parts(prompt: lm.CodePrompt) -> list[tuple[str, str, int | None]]:
    return [(prompt.text[s.start : s.end], s.part, s.file) for s in prompt.spans]


def test_fill_in_the_middle() -> None:
    tok = lm.load_tokenizer("starcoder2")
    prompt = lm.fim_prompt(tok, "def f(x):\n    ", "\n", "return x")
    assert prompt.text == "<fim_prefix>def f(x):\n    <fim_suffix>\n<fim_middle>return x"
    assert [part for _, part, _ in parts(prompt)] == ["token", "prefix", "token", "suffix", "token", "middle"]
    ids = [tok.special_tokens[name] for name in ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")]
    assert prompt.encoding.input_ids[prompt.encoding.special_tokens_mask].tolist() == ids
    assert prompt.spelled == ()


def test_repository_context_with_a_gap() -> None:
    prompt = lm.repository_prompt(lm.load_tokenizer("starcoder2"), "me/app", [("a.py", "A")], "x", "y", "b.py")
    assert prompt.text == ("<repo_name>me/app<file_sep>a.py\nA<file_sep>b.py\n<fim_prefix>x<fim_suffix>y<fim_middle>")
    assert ("b.py", "path", 1) in parts(prompt)
    assert "".join(text for text, _, _ in parts(prompt)) == prompt.text


def test_special_tokens_in_a_persons_code_are_reported() -> None:
    prompt = lm.fim_prompt(lm.load_tokenizer("starcoder2"), "a<file_sep>", "b")
    (found,) = prompt.spelled
    assert (found.content, prompt.text[found.start : found.end]) == ("<file_sep>", "<file_sep>")


def test_other_families_have_no_such_format() -> None:
    with pytest.raises(lm.NotAvailableError, match=r"qwen2 was not trained on fill in the middle: .*<fim_prefix>"):
        lm.fim_prompt(lm.load_tokenizer("qwen2"), "a", "b")
    with pytest.raises(lm.InvalidSettingError, match="A suffix needs a prefix"):
        lm.repository_prompt(lm.load_tokenizer("starcoder2"), "r", [], None, "a")
