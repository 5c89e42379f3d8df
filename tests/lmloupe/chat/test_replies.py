"""A conversation request by request, and tool calls read out of a reply."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from tests.support.chats import FAMILIES, WEATHER, user

TALK = [
    {"role": "system", "content": "Be brief."},
    user("Hi"),
    {"role": "assistant", "content": "Hello there."},
    user("And now?"),
    {"role": "assistant", "content": "Now it rains."},
    user("Thanks"),
]
ENDS = {"llama-3.1": "<|eot_id|>", "phi-3": "<|end|>", "qwen2": "<|im_end|>", "smollm2": "<|im_end|>"}


@pytest.mark.parametrize("key", FAMILIES)
def test_requests_are_what_a_server_gets_and_every_token_has_its_turn(key: str) -> None:
    tok = lm.load_tokenizer(key)
    found = lm.exchanges(tok, TALK)
    assert [one.message for one in found] == [2, 4, 6]
    served = lm.prefix_stability(tok, TALK).served
    assert [(one.n_prompt, one.n_same) for one in found[1:]] == [(step.n_next, step.n_kept) for step in served]
    assert [len(one.ids) for one in found[:-1]] == [step.n_cached for step in served]
    for before, one in pairwise(found):
        assert one.n_reused == min(one.n_same, len(before.ids) - 1), "the model has not read what it drew last"
    for one in found:
        prompt = lm.render_chat(tok, TALK[: one.message], add_generation_prompt=True)
        assert one.ids[: one.n_prompt].tolist() == prompt.encoding.input_ids.tolist()
        assert len(one.turns) == len(one.ids)
        assert one.comes_back is (None if one.message == len(TALK) else True)
        for place, message in enumerate(TALK[: one.message]):
            said = lm.decode(tok, one.ids[one.turns == place].tolist())
            # Phi-3's published template knows no system turn.
            assert message["content"] in said or (key == "phi-3" and place == 0)
        asks = one.ids[: one.n_prompt][one.turns[: one.n_prompt] == one.message]
        assert "assistant" in "".join(tok.piece(int(i)) for i in asks).replace("ass istant", "assistant")


@pytest.mark.parametrize("key", FAMILIES)
def test_ids_that_the_model_wrote_come_back_or_not(key: str) -> None:
    tok = lm.load_tokenizer(key)
    prompt = lm.render_chat(tok, TALK[:2], add_generation_prompt=True)
    whole = lm.encode(tok, f"{prompt.text}Hello there.{ENDS[key]}").input_ids[len(prompt.encoding) :].tolist()
    same, after = lm.exchanges(tok, TALK[:4], {2: whole})
    assert same.is_known
    assert same.comes_back
    assert after.n_same == len(same.ids) == after.n_reused + 1
    # The same words in other tokens, and a reply that ended at another token than the template writes.
    pieces = [i for part in ("H", "ello", " there", ".", ENDS[key]) for i in lm.encode(tok, part).input_ids.tolist()]
    for ids in (pieces, [*whole[:-1], *lm.encode(tok, "\n\n").input_ids.tolist()]):
        other, after = lm.exchanges(tok, TALK[:4], {2: ids})
        assert other.comes_back is False
        assert other.n_kept == after.n_same < len(other.ids)
        found = lm.compare_reply(tok, TALK[:2], ids)
        if found.text == "Hello there.":
            assert found.n_kept == other.n_kept


def test_a_request_that_the_template_refuses_is_left_out_or_said() -> None:
    tok = lm.load_tokenizer("qwen2")
    refuses = "{% if messages | length == 2 %}{{ raise_exception('No.') }}{% endif %}{{ messages | length }}"
    assert [one.message for one in lm.exchanges(tok, TALK, template=refuses)] == [4, 6]
    with pytest.raises(lm.TemplateError, match=r"No\."):
        lm.exchanges(tok, TALK[:2], template=refuses)
    with pytest.raises(lm.NoChatTemplateError):
        lm.exchanges(lm.load_tokenizer("starcoder2"), TALK)
    assert [one.message for one in lm.exchanges(tok, [{"role": "assistant", "content": "Hi"}, user("Hi")])] == [2]


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)
ARGUMENTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)


@settings(deadline=None)
@given(st.text(min_size=1), ARGUMENTS, st.sampled_from(["", "One moment."]))
def test_a_call_in_any_form_is_read_as_the_call_that_it_is(name: str, arguments: dict[str, Any], words: str) -> None:
    call = {"name": name, "arguments": arguments}
    expected = {"id": "call_1", "type": "function", "function": call}
    tagged = lm.reply_message(f"{words}\n<tool_call>\n{json.dumps(call)}\n</tool_call>")
    assert tagged == {"role": "assistant", "content": words, "tool_calls": [expected]}
    llama = json.dumps({"name": name, "parameters": arguments})
    for text in (llama, f"<|python_tag|>{llama}", f"[TOOL_CALLS] [{json.dumps(call)}]"):
        assert lm.reply_message(text) == {"role": "assistant", "content": "", "tool_calls": [expected]}


@given(
    st.text() | st.sampled_from(["{", "[]", '{"name": 1}', "<tool_call>{", '{"name": "a", "arguments": 1}', "[" * 9999])
)
def test_what_is_not_a_call_is_a_text(text: str) -> None:
    assert lm.reply_message(text) == {"role": "assistant", "content": text}


def test_what_llama_writes_for_a_call_is_read_back() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    message = lm.reply_message('{"name": "weather", "parameters": {"city": "Suva"}}')
    chat = lm.render_chat(tok, [user("Weather?"), message], [WEATHER])
    prompt = lm.render_chat(tok, [user("Weather?")], [WEATHER], add_generation_prompt=True)
    written = chat.encoding.input_ids[len(prompt.encoding) :]
    assert lm.reply_message(lm.reply_text(tok, written)) == message
    (one,) = lm.exchanges(tok, [user("Weather?"), message], {1: written}, [WEATHER])
    assert one.comes_back
