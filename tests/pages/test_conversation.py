"""Conversation: the model replies, replies are branches, the string grows, stop tokens can be left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import REPOSITORY, no_exception, open_page, output_of, payload_of, sentences
from ui.chat.talk import actions
from ui.chat.talk.replies import Ask, Made, Writing
from ui.generation.live.runs import Request, Run
from ui.model.choice import _asked_for
from ui.state.link import encode
from ui.state.settings.defaults import DEFAULT_MESSAGES

pytestmark = pytest.mark.model
MESSAGES = [dict(message) for message in DEFAULT_MESSAGES]
Press: TypeAlias = Callable[..., AppTest]
GREEDY = {"temperature": 0.0, "max_new_tokens": 9}


def opened(**values: Any) -> AppTest:
    return no_exception(open_page("conversation", **encode(GREEDY | values).params))


def value(app: AppTest, name: str) -> Any:
    return app.session_state["shared_state"].values[name]


def link(app: AppTest) -> dict[str, str]:
    return encode(app.session_state["shared_state"].values).params


def turns(app: AppTest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = payload_of(app, "conversation_talk")["turns"]
    return found


def string(app: AppTest) -> list[list[Any]]:
    """The tokens of the string: text, id, zone, whether special, words."""
    stretches = payload_of(app, "conversation_string")["stretches"]
    return [token for stretch in stretches for token in stretch["tokens"]]


def say(app: AppTest, text: str) -> AppTest:
    app.chat_input[0].set_value(text)
    return no_exception(app.run())


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Press:
    """What the browser sends when somebody presses something in the bubbles; AppTest runs no component's JavaScript.

    The button that undoes takes the component's place.
    """
    pressed: dict[str, Any] = {}
    monkeypatch.setattr("ui.chat.talk.actions.kit.sent", lambda *_: pressed)
    monkeypatch.setattr(actions, "undo", actions.pressed)
    monkeypatch.setattr(actions, "undo_label", lambda: "a press")

    def press(app: AppTest, **sent: Any) -> AppTest:
        pressed.clear()
        pressed.update(sent, version=payload_of(app, "conversation_talk")["version"])
        app.button(key="conversation_undo").click()
        return no_exception(app.run())

    return press


def engine_says(engine: lm.Engine, messages: list[dict[str, Any]], seed: int = 0, **options: Any) -> list[int]:
    prompt = lm.render_chat(engine.tokenizer, messages, add_generation_prompt=True).encoding.input_ids
    sampling = options.pop("sampling", lm.Sampling(temperature=0.0))
    return [step.token_id for step in engine.generate(prompt, sampling, options.pop("most", 9), seed, **options)]


def test_the_page_opens_with_the_models_own_reply_and_a_message_gets_one(embedded_engine: lm.Engine) -> None:
    app = opened()
    ids = engine_says(embedded_engine, MESSAGES)
    assert [token[1] for token in string(app) if token[2] == 2] == ids
    prompt = lm.render_chat(embedded_engine.tokenizer, MESSAGES, add_generation_prompt=True)
    assert "".join(token[0] for token in string(app) if token[2] < 2) == prompt.text
    assert [token[1] for token in string(app)] == [*prompt.encoding.input_ids.tolist(), *ids]
    # It is shown, and the other pages' conversation is as it was: a page that is only opened changes nothing.
    assert (turns(app)[-1]["kept"], turns(app)[-1]["same"]) == (False, True)
    assert value(app, "messages") == MESSAGES
    say(app, "And of Peru?")
    first = {"role": "assistant", "content": turns(app)[4]["text"]}
    talk = [*MESSAGES, first, {"role": "user", "content": "And of Peru?"}]
    last = engine_says(embedded_engine, talk)
    assert value(app, "messages") == [
        *talk,
        {"role": "assistant", "content": lm.reply_text(embedded_engine.tokenizer, last)},
    ]
    assert [token[1] for token in string(app) if token[2] == 2] == last
    # A cache has the first exchange, id for id: the prompt and the reply, but for the token that was drawn last.
    assert [token[1] for token in string(app) if token[2] == 0] == [*prompt.encoding.input_ids.tolist(), *ids[:-1]]
    assert all(turn["kept"] for turn in turns(app))
    printed, n = output_of(app), len(string(app)) - len(last)
    n_read = sum(token[2] == 1 for token in string(app))
    assert f"turn 7: {n} tokens, {n - n_read} in the cache, {n_read} read, {len(last)} written" in printed[3]
    assert printed[-2] == f"{last} stop"
    assert printed[-1] == f"{n - n_read} tokens are the same, {n - n_read} come from the cache, {n_read} are read"
    assert app.header[0].value.replace("\\", "").endswith(f"the model wrote {len(last)} until <|im_end|>")
    # The other pages have it, and undo takes it back.
    other = no_exception(open_page("chat", **link(app)))
    assert "Peru" in json.dumps(payload_of(other, "conversation"))
    app.button(key="conversation_undo").click()
    no_exception(app.run())
    assert value(app, "messages") == MESSAGES
    assert [turn["text"] for turn in turns(app)][-1] == first["content"]


def test_replies_are_alternatives_and_the_link_brings_them_back(embedded_engine: lm.Engine, press: Press) -> None:
    app = opened(temperature=1.5, max_new_tokens=3)
    warm = lm.Sampling(temperature=1.5)
    press(app, what="again", turn=4)
    shown = [turns(app)[4]]
    press(app, what="switch", turn=4, step=-1)
    shown.append(turns(app)[4])
    assert [(turn["place"], turn["of"]) for turn in shown] == [(1, 2), (0, 2)]
    tok = embedded_engine.tokenizer
    for turn, seed in zip(shown, (1, 0), strict=True):
        assert turn["text"] == lm.reply_text(tok, engine_says(embedded_engine, MESSAGES, seed, sampling=warm, most=3))
        assert f"seed {seed}" in turn["note"]
    # Back to the first question, other words: a branch, and the model answers there.
    press(app, what="edit", turn=1, text="What is the capital of Peru?")
    talk = [MESSAGES[0], {"role": "user", "content": "What is the capital of Peru?"}]
    assert value(app, "messages")[:2] == talk
    assert turns(app)[2]["text"] == lm.reply_text(tok, engine_says(embedded_engine, talk, 0, sampling=warm, most=3))
    assert (turns(app)[1]["place"], turns(app)[1]["of"]) == (1, 2)
    again = no_exception(open_page("conversation", **link(app)))
    assert turns(again) == turns(app)
    press(again, what="switch", turn=1, step=-1)
    assert [turn["text"] for turn in turns(again)] == [*(m["content"] for m in MESSAGES), shown[1]["text"]]
    assert turns(again)[4]["of"] == 2


def test_another_token_inside_a_reply_goes_on_from_there(embedded_engine: lm.Engine, press: Press) -> None:
    app = opened()
    press(app, what="keep", turn=4)
    assert value(app, "messages")[-1]["content"] == turns(app)[4]["text"]
    n = sum(token[2] < 2 for token in string(app))
    app.session_state["conversation_pinned"] = n + 5
    no_exception(app.run())
    offered = [one for one in app.button if (one.key or "").startswith("conversation_token_5_")]
    assert len(offered) == 10
    other = next(one for one in offered if not one.disabled)
    token_id = int(str(other.key).rsplit("_", 1)[1])
    other.click()
    no_exception(app.run())
    before = engine_says(embedded_engine, MESSAGES)[:5]
    prompt = lm.render_chat(embedded_engine.tokenizer, MESSAGES, add_generation_prompt=True).encoding.input_ids.tolist()
    rest = embedded_engine.generate([*prompt, *before, token_id], lm.Sampling(temperature=0.0), 9)
    written = [*before, token_id, *(step.token_id for step in rest)]
    assert [token[1] for token in string(app) if token[2] == 2] == written
    assert (turns(app)[4]["place"], turns(app)[4]["of"]) == (1, 2)
    assert output_of(app)[-2].startswith(str(written))


def test_what_is_pressed_twice_before_the_page_is_drawn_anew_is_done_once() -> None:
    app = opened()
    app.session_state["conversation_pinned"] = sum(token[2] < 2 for token in string(app)) + 5
    no_exception(app.run())
    other = next(one for one in app.button if (one.key or "").startswith("conversation_token_5_") and not one.disabled)
    other.click()
    app.session_state["conversation_offer"] = None  # what the first press has left of it
    no_exception(app.run())
    assert value(app, "messages") == MESSAGES
    app.session_state["conversation_undos"] = [("Send", {"messages": MESSAGES[:2]})]
    no_exception(app.run())
    app.button(key="conversation_undo").click()
    app.session_state["conversation_undos"] = []
    no_exception(app.run())
    assert value(app, "messages") == MESSAGES


def test_without_its_stop_token_the_model_runs_on(embedded_engine: lm.Engine) -> None:
    app = opened()
    assert "<|im_end|> (id 2; named by the tokenizer (eos), generation_config, the chat template;" in sentences(app)
    app.toggle(key="conversation_stop_2").set_value(False)
    no_exception(app.run())
    ids = engine_says(embedded_engine, MESSAGES, stop_ids=())
    assert len(ids) == 9
    assert ids.index(2) == 7
    assert [token[1] for token in string(app) if token[2] == 2] == ids
    turn = turns(app)[4]
    assert "cut off at the maximum of new tokens, ran on past <|im_end|> at its token 8" in turn["note"]
    assert turn["same"] is False  # the special tokens are gone from the text that the conversation keeps
    assert "These ids do not come back" in sentences(app)
    assert value(app, "stops_changed") == (2,)
    assert output_of(app)[-2] == f"{ids} length"
    # On again: the reply from before, not a third one.
    app.toggle(key="conversation_stop_2").set_value(True)
    no_exception(app.run())
    assert (turns(app)[4]["place"], turns(app)[4]["of"], turns(app)[4]["same"]) == (0, 2, True)


CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Suva"}}\n</tool_call><|im_end|>'


def test_a_tool_call_is_shown_as_one_and_answered_as_the_tool(embedded_engine: lm.Engine) -> None:
    tok = embedded_engine.tokenizer
    talk = [{"role": "user", "content": "Weather in Suva?"}]
    ids = tuple(lm.encode(tok, CALL).input_ids.tolist())
    message = lm.reply_message(lm.reply_text(tok, ids))
    made = Made("smollm2-135m-instruct", "none", lm.Sampling(), 64, 0, None, ids, 0, "stop", "0" * 16)
    nodes = [
        {"parent": -1, "message": talk[0], "made": None, "chosen": True},
        {"parent": 0, "message": message, "made": made.as_dict(), "chosen": True},
    ]
    app = opened(messages=[*talk, message], chat_turns=nodes, max_new_tokens=2)
    assert turns(app)[1]["calls"] == [["get_weather", '{"city": "Suva"}']]
    assert turns(app)[1]["same"] is False  # SmolLM2's template writes nothing of a call
    assert app.chat_input[0].placeholder == "Answer as get_weather"
    say(app, "27 degrees")
    answer = {"role": "tool", "name": "get_weather", "content": "27 degrees"}
    assert value(app, "messages")[2] == answer
    assert value(app, "messages")[3]["role"] == "assistant"


def test_template_tools_and_variables_are_those_of_chat_template(embedded_engine: lm.Engine) -> None:
    edited = (
        "{{ day }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if tools %}{{ tools | length }}{% endif %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    app = opened(
        templates={"smollm2": edited}, variables='{"day": "Friday"}',
        tools='[{"type": "function", "function": {"name": "now"}}]', max_new_tokens=2,
    )  # fmt: skip
    text = "".join(token[0] for token in string(app) if token[2] < 2)
    tools = [{"type": "function", "function": {"name": "now"}}]
    variables = {"day": "Friday"}
    assert text == lm.render_chat(embedded_engine.tokenizer, MESSAGES, tools, True, edited, variables).text
    assert text.startswith("Friday")


def test_nothing_that_was_typed_is_lost(embedded_engine: lm.Engine) -> None:
    long = [MESSAGES[0], {"role": "user", "content": "coconut " * 9000}]
    app = opened(messages=long)
    assert "at most 8,192 at once, its reply among them" in sentences(app)
    assert [turn["role"] for turn in turns(app)] == ["system", "user"]
    assert any(button.label == "Keep the end of the conversation" for button in app.button)
    say(app, "Briefly?")
    assert value(app, "messages")[-1] == {"role": "user", "content": "Briefly?"}
    # A conversation that has as many turns as it may.
    full = [{"role": role, "content": "Hi"} for role in ("user", "assistant") * 32]
    app = opened(messages=full)
    say(app, "One more?")
    assert "at most 64 messages" in sentences(app)
    assert any("One more?" in block.value for block in app.code)
    assert value(app, "messages") == full


def test_a_reply_that_was_stopped_stays_as_it_is(embedded_engine: lm.Engine) -> None:
    tok, talk = embedded_engine.tokenizer, [*MESSAGES[:2]]
    prompt = lm.render_chat(tok, talk, add_generation_prompt=True).encoding.input_ids.tolist()
    request = Request("smollm2-135m-instruct", "none", tuple(prompt), lm.Sampling(temperature=0.0), 9, 41)
    steps = list(embedded_engine.generate(prompt, lm.Sampling(temperature=0.0), 9, 41))[:3]
    run = Run(request, steps, stopped=True)
    session = {
        "conversation_writing": Writing(run, talk, tok, asked=True),
        "conversation_ask": Ask(talk, seed=41),
    }
    app = no_exception(open_page("conversation", session=session, **encode(GREEDY | {"messages": talk}).params))
    assert value(app, "messages")[2]["content"] == "The capital of"
    assert turns(app)[2]["note"] == "stopped by you, seed 41"
    assert app.header[0].value.endswith("the model wrote 3 until you stopped it")


def test_a_model_without_a_template_says_so_and_offers_one_that_talks(
    tiny_model_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model_folder("llama"), tmp_path / "tiny" / "base")
    (tmp_path / "tiny" / "base" / "chat_template.jinja").unlink()
    (tmp_path / "assets").symlink_to(REPOSITORY / "assets")
    monkeypatch.chdir(tmp_path)
    asked = _asked_for()
    asked.add(("tiny/base", "none"))
    try:
        app = opened(model="tiny/base", quantization="none")
    finally:
        asked.discard(("tiny/base", "none"))
    assert "chat template" in sentences(app)
    assert [turn["text"] for turn in turns(app)] == [message["content"] for message in MESSAGES]
    assert app.chat_input[0].disabled
    next(button for button in app.button if button.label == "Talk with SmolLM2").click()
    no_exception(app.run())
    assert turns(app)[-1]["text"]


def test_an_empty_conversation_waits_for_the_person(embedded_engine: lm.Engine) -> None:
    app = opened(messages=[])
    assert "write the first message below" in sentences(app)
    say(app, "Hi")
    assert [turn["role"] for turn in turns(app)] == ["user", "assistant"]
