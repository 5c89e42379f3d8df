"""Conversations and ids that nobody means are refused with a sentence, and JSON that a template may read is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lmloupe as lm

TALK = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("token_id", [-1, 2**31, 2**63, 2**70])
def test_an_id_that_no_array_holds_is_refused_like_any_other(token_id: int) -> None:
    tok = lm.load_tokenizer("qwen2")
    for ask in (lm.decode, lm.spell, lambda tok, ids: lm.compare_reply(tok, TALK, ids)):
        with pytest.raises(lm.InvalidIdError, match=str(token_id)):
            ask(tok, [token_id])


@pytest.mark.parametrize("messages", [None, [["role", "user"]], [{"content": "Hi"}], 3])
def test_what_is_no_conversation_has_no_prefixes(messages: Any) -> None:
    with pytest.raises(lm.InvalidMessagesError):
        lm.prefix_stability(lm.load_tokenizer("qwen2"), messages)


@pytest.mark.parametrize("calls", ["abc", 5, {"name": "f"}, [], [1, {"function": 2}]])
def test_tool_calls_of_any_form_come_back_from_json(calls: Any) -> None:
    talk = [{"role": "assistant", "content": "", "tool_calls": calls}]
    assert json.loads(lm.messages_to_json(talk))["messages"] == talk
    assert lm.messages_from_json(lm.messages_to_json(talk))[0] == talk
