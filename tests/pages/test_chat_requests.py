"""One chat request behind every page that renders a chat, and what the pages say of a prompt and a reply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.chat_pages import TOOLS, text_of
from tests.support.pages import grown, no_exception, open_page, output_of, payload_of, sentences, written_steps
from ui.chat.request import ChatRequest
from ui.chat.shorter import shortened
from ui.chat.templates.upload import MAX_OWN
from ui.state.link import encode

BEGUN = [{"role": "user", "content": "Capital?"}, {"role": "assistant", "content": "The capital of France is "}]
CHAT, LINES, GENERATE = "chat", "pages/chat/template_line_by_line.py", "pages/generation/generate.py"
MINE = b"M {{ messages[0].content }}"


def opened(path: str, **values: Any) -> AppTest:
    return no_exception(open_page(path, **encode(values).params))


def tool_talk() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    messages = json.loads(json.dumps(TOOLS.messages))
    return messages, json.loads(TOOLS.tools)


# --- A conversation that is too long for the model keeps its end ------------------------------------

LONG = "coconut " * 2500
TURNS = [
    {"role": "system", "content": "Be brief."},
    *({"role": role, "content": f"{i} {LONG}"} for i, role in enumerate(["user", "assistant"] * 2)),
    {"role": "user", "content": "Which fruit?"},
]


@pytest.mark.parametrize("n", [8000, 3000, 40, 20, 3])
def test_the_end_of_a_conversation_fits_and_one_turn_more_does_not(n: int) -> None:
    tok = lm.load_tokenizer("smollm2")
    request = ChatRequest(TURNS)

    def length(messages: list[dict[str, Any]]) -> int:
        return len(lm.render_chat(tok, messages, add_generation_prompt=True).encoding)

    kept = shortened(request, tok, n)
    if n == 3:  # less than the template itself writes
        assert kept == TURNS
        return
    assert length(kept) <= n
    assert kept[0] == TURNS[0]
    assert TURNS[-1]["content"].endswith(kept[-1]["content"])
    assert length([TURNS[0], *TURNS[len(TURNS) - len(kept) :]]) > n
    last = [TURNS[0], TURNS[1] | {"content": f"no end of it: {LONG}fin"}]
    (head, cut) = shortened(ChatRequest(last), tok, 500)
    assert head == TURNS[0]
    assert last[1]["content"].endswith(cut["content"])
    assert length([head, cut]) <= 500 < length([head, cut | {"content": "coconut " * 3 + cut["content"]}])


@pytest.mark.model
@pytest.mark.parametrize("prompt", ["chat", "text"])
def test_generate_offers_the_end_of_a_prompt_that_is_too_long_and_room_for_the_reply(
    embedded_engine: lm.Engine, prompt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    generate = LocalEngine.generate

    def written(self: LocalEngine, ids: tuple[int, ...], *arguments: Any, **options: Any) -> Any:
        asked.append(len(ids))
        return generate(self, ids[-3:], *arguments, **options)

    monkeypatch.setattr(LocalEngine, "generate", written)
    values = {"messages": TURNS, "text": LONG * 4, "prompt": prompt, "max_new_tokens": 2}
    app = opened(GENERATE, **values)
    assert "at most 8,192 at once, its reply among them" in sentences(app)
    assert not asked
    label = "Keep the end of the conversation" if prompt == "chat" else "Keep the last 8,190 tokens"
    next(button for button in app.button if button.label == label).click()
    no_exception(app.run())
    assert not app.error
    (n,) = asked
    assert 5000 < n <= 8190
    if prompt == "chat":
        assert n == len(lm.render_chat(embedded_engine.tokenizer, [TURNS[0], *TURNS[2:]], None, True).encoding)


# --- Generate asks for what Chat template shows ---------------------------------------------------


@pytest.mark.model
def test_generate_renders_tools_calls_variables_and_the_edited_template(embedded_model_folder: Path) -> None:
    edited = "{# mine #}" + str(lm.load_tokenizer("llama-3.1").chat_template)
    values = {"messages": list(TOOLS.messages), "tools": TOOLS.tools, "date_string": "1 Jan 2025"}
    app = opened(GENERATE, **values, templates={"smollm2": edited}, max_new_tokens=2)
    messages, tools = tool_talk()
    variables = {"date_string": "1 Jan 2025"}
    chat = lm.render_chat(lm.load_tokenizer("smollm2"), messages, tools, True, edited, variables)
    assert '"parameters": {"city": "Suva"}' in chat.text
    assert "get_weather" in chat.text
    assert list(grown(app).ground.ids) == chat.encoding.input_ids.tolist()
    assert "1 tool, your edited template" in sentences(app)
    # The code beside it comes to the same ids and tokens.
    code = app.code[-1].value
    made: dict[str, Any] = {}
    exec(code[: code.index("sampling = ")], made)  # noqa: S102 - the code that the page tells people to run
    assert made["ids"] == chat.encoding.input_ids.tolist()
    steps = written_steps(app)
    assert [line.rsplit(" ", 2)[0] for line in output_of(app)[: len(steps)]] == [repr(step.text) for step in steps]


@pytest.mark.model
def test_generate_goes_on_from_the_last_message(embedded_model_folder: Path) -> None:
    app = opened(GENERATE, messages=BEGUN, continue_final_message=True, temperature=0.0, max_new_tokens=3)
    chat = lm.render_chat(lm.load_tokenizer("smollm2"), BEGUN, continue_final_message=True)
    assert list(grown(app).ground.ids) == chat.encoding.input_ids.tolist()
    ends = "A reply ends at: <|im_end|> (id 2; named by the tokenizer (eos), generation_config, the chat template; "
    assert ends + "fine-tuning on this chat teaches it)" in sentences(app)
    assert any("Does the reply come back" in header.value for header in app.subheader)
    code = app.code[-1].value
    made: dict[str, Any] = {}
    exec(code[: code.index("sampling = ")], made)  # noqa: S102 - the code that the page tells people to run
    assert made["ids"] == chat.encoding.input_ids.tolist()


@pytest.mark.model
def test_arguments_that_are_not_json_are_said_on_generate(embedded_model_folder: Path) -> None:
    messages = json.loads(json.dumps(TOOLS.messages))
    messages[1]["tool_calls"][0]["function"]["arguments"] = "{"
    app = opened(GENERATE, messages=messages, max_new_tokens=1)
    assert "arguments of get_weather" in sentences(app)


def reply_app() -> None:
    import lmloupe as lm
    from ui.chat.facts import show_reply

    tok = lm.load_tokenizer("qwen2")
    talk = [{"role": "user", "content": "Hi"}]
    show_reply(lm.compare_reply(tok, talk, [9707, 151645]), tok)
    show_reply(lm.compare_reply(tok, talk, [39, 68, 75, 385, 151645]), tok)


def test_a_reply_that_does_not_come_back_is_shown_with_its_place() -> None:
    app = no_exception(AppTest.from_function(reply_app, default_timeout=60).run())
    assert "the chat gives the very ids that the model has read and written" in sentences(app)
    (warning,) = app.warning
    said = warning.value.replace("\\", "")
    assert "other ids from token 1 of the reply on" in said
    assert "The model has “H” “e” “l” “lo”; rendered, “Hello”" in said
    assert "5 tokens of its cache cannot be reused" in said


# --- Going on, stops and prefixes on Chat template and Template, line by line --------------------


def test_going_on_is_one_switch_of_all_pages() -> None:
    app = opened(CHAT, messages=BEGUN, template_of="qwen2")
    assert text_of(app).endswith("|>assistant\n")
    app.toggle(key="continue_final_message").set_value(True)
    no_exception(app.run())
    assert text_of(app).endswith("The capital of France is ")
    assert "That text ends with a space, which this template keeps." in payload_of(app, "conversation")["foot"][0]
    assert app.toggle(key="add_generation_prompt").disabled
    assert app.query_params["continue_final_message"] in ("1", ["1"])
    assert output_of(app)[-1] == "transformers agrees: True"
    assert text_of(opened(CHAT, messages=BEGUN, continue_final_message=True)).endswith("The capital of France is")
    app = opened(LINES, messages=BEGUN, continue_final_message=True)
    chat = lm.render_chat(lm.load_tokenizer("llama-3.1"), BEGUN, continue_final_message=True)
    assert (
        output_of(app)[-1] == f"{int(chat.assistant_mask.sum())} of {len(chat.encoding)} tokens are the assistant's own"
    )


def test_what_cannot_be_gone_on_from_is_said_for_its_family_alone() -> None:
    messages = [BEGUN[0], {"role": "tool", "content": "4"}]
    app = opened(CHAT, messages=messages, template_of="phi-3", continue_final_message=True)
    data = payload_of(app, "conversation")
    assert "The last message (tool) cannot be gone on from" in data["error"]
    notes = {tab["name"]: tab["note"] for tab in data["families"]}
    assert notes["Phi-3"] == "cannot write it"
    assert "token" in notes["Qwen2"]


def test_stops_and_prefixes_are_said_for_each_family() -> None:
    talk = [*BEGUN, {"role": "user", "content": "And of Japan?"}]
    said = sentences(opened(CHAT, messages=talk))
    assert "<|eom_id|> (id 128008; named by generation_config; fine-tuning on this chat does not teach it)" in said
    assert "Prefix-stable: the ids of each prompt begin those of the next" in said
    app = opened(CHAT, messages=talk, template_of="phi-3")
    said = sentences(app)
    assert (
        "<|end|> (id 32007; named by generation_config, the chat template; fine-tuning on this chat teaches it)" in said
    )
    step = lm.prefix_stability(lm.load_tokenizer("phi-3"), talk).turns[0]
    assert (
        f"the ids of turn 1 do not begin those of turns 1 to 2. They part at token {step.n_kept + 1} (“<|endoftext|>” "
        f"against “<|assistant|>”), which costs 1 token of {step.n_cached} in the cache."
    ) in said
    table = next(frame.value for frame in app.dataframe if "Lost" in frame.value.columns)
    assert table["Lost"].tolist() == [1, 1, 0]


# --- Templates that a person uploads --------------------------------------------------------------


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    box = next(box for box in app.file_uploader if "tokenizer_config.json" in box.label)
    box.set_value([(name, data, "application/json") for name, data in files])
    return no_exception(app.run())


CONFIG = {
    "chat_template": [
        {"name": "default", "template": "{{ bos_token }}D {{ messages[0].content }}{{ pad_token }}"},
        {"name": "tool_use", "template": "T {{ messages[0].content }}"},
    ],
    "bos_token": {"content": "<go>"},
    "pad_token": "<pad>",
}


def test_an_uploaded_template_is_a_choice_beside_the_families() -> None:
    app = opened(CHAT, messages=BEGUN[:1])
    upload(app, ("tokenizer_config.json", json.dumps(CONFIG).encode()))
    assert text_of(app) == "<go>D Capital?<pad>"
    assert next(box for box in app.selectbox if box.label == "Template of").value == "own:tokenizer_config.json"
    printed = output_of(app)
    assert "<go>D Capital?<pad>" in printed
    assert printed[-1] == "transformers agrees: True"
    next(box for box in app.selectbox if box.label == "Template").set_value("tool_use")
    assert text_of(no_exception(app.run())) == "T Capital?"
    # The choice goes with the person to the other pages.
    app.switch_page(LINES)
    assert payload_of(no_exception(app.run()), "template_lines")["lines"] == ["T {{ messages[0].content }}"]
    next(button for button in app.button if button.label == "Remove").click()
    no_exception(app.run())
    assert next(box for box in app.selectbox if box.label == "Template of").value == "llama-3.1"


def test_files_chosen_together_belong_together_and_bad_ones_get_a_sentence() -> None:
    app = opened(CHAT, messages=BEGUN[:1])
    upload(app, ("tokenizer_config.json", b'{"eos_token": "<end>"}'), ("chat_template.jinja", b"J{{ eos_token }}"))
    assert text_of(app) == "J<end>"
    upload(app, ("tokenizer_config.json", b"{}"))
    assert "'tokenizer_config.json' has no chat_template" in sentences(app)
    upload(app, ("0.jinja", b"{{ 1 }}"))
    assert "has no chat_template" not in sentences(app)  # what was said of the old file is gone with it
    for i in range(1, MAX_OWN - 1):
        upload(app, (f"{i}.jinja", b"{{ 1 }}"))
    assert next(box for box in app.file_uploader if "tokenizer_config.json" in box.label).proto.disabled


@pytest.mark.model
def test_an_uploaded_template_is_a_choice_on_the_other_pages_with_templates(embedded_model_folder: Path) -> None:
    mine = lm.read_chat_templates({"mine.jinja": MINE}, "mine.jinja")
    session = {"own_templates": {"mine.jinja": mine}, "own_for_model": "mine.jinja"}
    params = encode({"messages": BEGUN[:1], "max_new_tokens": 1}).params
    app = no_exception(open_page("generate", session=session, **params))
    assert next(box for box in app.selectbox if box.label == "Template").value == "mine.jinja"
    assert "the template that you uploaded" in sentences(app)
    ids = lm.encode(lm.load_tokenizer("smollm2"), "M Capital?").input_ids.tolist()
    assert list(grown(app).ground.ids) == ids
    params = encode({"messages": BEGUN}).params
    app = no_exception(open_page("wrong_format", session=session, **params))
    made: dict[str, Any] = {}
    exec(app.code[-1].value.split("answer =")[0], made)  # noqa: S102 - the code that the page tells people to run
    assert made["prompts"]["mine.jinja"] == "M Capital?"
