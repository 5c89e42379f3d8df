"""The pages of chat templates as AppTest runs them: what is shown is the library's, and nothing typed is lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from ui.chat.template_editor import diff

import lmloupe as lm
from tests.support import tiny_models
from tests.support.pages import no_exception, open_page, output_of, sentences
from ui.chat.lessons import LESSONS
from ui.chat.request import read_tools
from ui.state.link import decode, encode
from ui.state.settings import DEFAULT_MESSAGES, SETTINGS

FOUR = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
TOOLS = next(lesson for lesson in LESSONS if lesson.name == "Tools")
INJECTED = next(lesson for lesson in LESSONS if lesson.name.startswith("Injected"))


def press(app: AppTest, label: str) -> AppTest:
    """Click the button of that label, or of that end of its key."""
    buttons = (b for b in app.button if b.label == label or (b.key and b.key.endswith(label)))
    next(buttons).click()
    return no_exception(app.run())


def turns(app: AppTest) -> list[str]:
    return [area.value for area in app.text_area if area.label.startswith("Text of turn")]


@pytest.fixture
def chat() -> AppTest:
    return no_exception(open_page("pages/chat/chat_template.py"))


def test_chat_shows_each_familys_own_rendering(chat: AppTest) -> None:
    shown = [block.value for block in chat.code[:-1]]
    expected = [
        lm.render_chat(lm.load_tokenizer(name), DEFAULT_MESSAGES, add_generation_prompt=True).text for name in FOUR[:3]
    ]
    assert sorted(shown) == sorted(expected)
    assert "starcoder2 has no chat template" in sentences(chat)
    # What the switch costs: Llama's header of a reply is four tokens.
    assert "70 tokens with the request for a reply, 66 without (+4)" in sentences(chat)


def test_turns_are_added_edited_moved_and_taken_away_and_the_link_has_them(chat: AppTest) -> None:
    press(chat, "Add a turn")
    area = [area for area in chat.text_area if area.label.startswith("Text of turn")][-1]
    area.set_value("Tokyo, of course.")
    no_exception(chat.run())
    assert sum("Tokyo, of course." in block.value for block in chat.code[:-1]) == 3
    press(chat, "_4_up")
    assert turns(chat)[3:] == ["Tokyo, of course.", "And of Japan?"]
    press(chat, "_0_delete")
    assert turns(chat)[0] == "What is the capital of France?"
    linked = decode(dict(chat.query_params))[0]["messages"]
    assert [message["content"] for message in linked] == turns(chat)


def test_a_click_does_not_lose_what_was_just_typed(chat: AppTest) -> None:
    # The browser may send the text and the click with one run.
    next(area for area in chat.text_area if area.label == "Text of turn 2").set_value("And of Chile?")
    press(chat, "_1_down")
    assert turns(chat)[2] == "And of Chile?"


def test_chat_says_when_a_template_drops_a_turn(chat: AppTest) -> None:
    chat.selectbox[1].set_value("tool")
    assert "Phi-3's template wrote nothing of message 2 (tool)" in sentences(no_exception(chat.run()))


def test_tools_are_a_form_and_its_json(chat: AppTest) -> None:
    press(chat, "Tools")
    name = next(field for field in chat.text_input if field.label == "Name of the function")
    name.set_value("forecast")
    no_exception(chat.run())
    tools = json.loads(chat.text_area(key="tools").value)
    assert tools[0]["function"]["name"] == "forecast"
    expected = lm.render_chat(lm.load_tokenizer("llama-3.1"), TOOLS.messages, tools, add_generation_prompt=True).text
    assert expected in [block.value for block in chat.code]
    arguments = next(field for field in chat.text_input if field.label == "Arguments, JSON")
    arguments.set_value('{"city": ')
    assert "arguments of get_weather are not valid JSON" in sentences(no_exception(chat.run()))
    assert next(f for f in chat.text_input if f.label == "Arguments, JSON").value == '{"city": '
    next(f for f in chat.text_input if f.label == "Arguments, JSON").set_value('{"city": "Oslo"}')
    assert "not valid JSON" not in sentences(no_exception(chat.run()))
    # What is JSON is a value, in the link as in the library.
    (call,) = decode(dict(chat.query_params))[0]["messages"][1]["tool_calls"]
    assert call["function"]["arguments"] == {"city": "Oslo"}
    chat.text_area(key="tools").set_value("[{")
    assert "The tools are not valid JSON" in sentences(no_exception(chat.run()))
    assert chat.text_area(key="tools").value == "[{"


def test_variables_reach_the_template(chat: AppTest) -> None:
    chat.text_input(key="date_string").set_value("1 Jan 2025")
    no_exception(chat.run())
    assert sum("Today Date: 1 Jan 2025" in block.value for block in chat.code[:-1]) == 1
    chat.text_input(key="variables").set_value("date")
    assert "template variables are not valid JSON" in sentences(no_exception(chat.run()))


def test_injected_tokens_are_named_and_read_in_two_ways(chat: AppTest) -> None:
    press(chat, "lesson_Injected special token")
    said = sentences(chat)
    assert "Message 2 spells <|im_end|>" in said
    assert "Message 2 spells <|eot_id|>" in said
    assert any("person typed" in header.value for header in chat.subheader)
    text = INJECTED.messages[1]["content"]
    tok = lm.load_tokenizer("qwen2")
    assert lm.encode(tok, text).special_tokens_mask.any()
    assert not lm.encode(tok, text, parse_special_tokens=False).special_tokens_mask.any()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "is not JSON"),
        ('[{"content": "hi"}]', "has no role"),
        ('[{"role": "wizard", "content": "hi"}]', "has the role 'wizard'"),
        ("{}", "has no messages"),
    ],
)
def test_bad_messages_give_one_sentence_and_stay_typed(chat: AppTest, text: str, sentence: str) -> None:
    next(area for area in chat.text_area if area.label == "Messages").set_value(text)
    no_exception(chat.run())
    assert sentence in sentences(chat)
    assert next(area for area in chat.text_area if area.label == "Messages").value == text
    assert turns(chat) == [message["content"] for message in DEFAULT_MESSAGES]


def test_json_of_the_openai_form_comes_in_and_goes_out(chat: AppTest) -> None:
    tools = json.loads(TOOLS.tools)
    written = json.loads(lm.messages_to_json(TOOLS.messages))["messages"]
    assert written[1]["tool_calls"][0]["function"]["arguments"] == '{"city": "Suva"}'
    # A link or a file may have them as a text or as a value: both are one form.
    assert SETTINGS["messages"].check(written) == SETTINGS["messages"].check(TOOLS.messages) == list(TOOLS.messages)
    given = json.loads(json.dumps(TOOLS.messages))
    given[1]["content"] = None
    next(area for area in chat.text_area if area.label == "Messages").set_value(
        json.dumps({"messages": given, "tools": tools})
    )
    no_exception(chat.run())
    shown = json.loads(next(area for area in chat.text_area if area.label == "Messages").value)
    written[1]["content"] = None
    assert shown == {"messages": written, "tools": tools}
    assert json.loads(chat.text_area(key="tools").value) == tools
    for lesson in LESSONS:
        values = {"messages": list(lesson.messages), "tools": lesson.tools, "templates": {"phi-3": "{{ 1 }}"}}
        params = encode({name: SETTINGS[name].default for name in SETTINGS} | values).params
        brought = {name: SETTINGS[name].default for name in values} | decode(params)[0]
        assert {name: brought[name] for name in values} == values


UNUSUAL = [
    {"role": "developer", "content": "Be brief.", "name": "Ann"},
    {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image"}]},
    {"role": "assistant", "reasoning_content": "hm"},
    {"role": "assistant", "content": "", "refusal": "no", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]},
    {"role": "function", "name": "f", "content": 42},
    {"role": "tool", "content": {"a": [1.5, True, None]}, "tool_call_id": "c1"},
]


def test_unusual_messages_are_held_whole_by_form_import_and_link(chat: AppTest) -> None:
    next(area for area in chat.text_area if area.label == "Messages").set_value("\ufeff" + json.dumps(UNUSUAL))
    no_exception(chat.run())

    def held() -> list[dict[str, Any]]:
        linked = decode(dict(chat.query_params))[0]["messages"]
        assert json.loads(next(area for area in chat.text_area if area.label == "Messages").value) == {
            "messages": [{**message, "content": message.get("content")} if "tool_calls" in message else message
                         for message in linked]
        }  # fmt: skip
        return linked

    assert held() == UNUSUAL
    next(area for area in chat.text_area if area.label == "reasoning_content of turn 3").set_value("hmm")
    next(area for area in chat.text_area if area.label == "Content of turn 5, JSON").set_value('{"b": 2}')
    press(chat, "_0_down")
    expected = [UNUSUAL[1], UNUSUAL[0], UNUSUAL[2] | {"reasoning_content": "hmm"}, UNUSUAL[3],
                UNUSUAL[4] | {"content": {"b": 2}}, UNUSUAL[5]]  # fmt: skip
    assert held() == expected
    captions = " ".join(caption.value for caption in chat.caption).replace("\\", "")
    assert "Also in this turn, to edit as JSON: refusal, tool_calls." in captions


def test_json_with_a_byte_order_mark_is_read() -> None:
    assert read_tools("\ufeff[]") == ([], "")
    assert read_tools("\ufeff \n") == (None, "")
    app = no_exception(
        open_page("pages/chat/chat_template.py", date_string="x", variables='\ufeff{"date_string": "y"}')
    )
    assert "not valid JSON" not in sentences(app)


def test_what_a_template_wrote_nothing_of_is_red_on_three_pages(chat: AppTest) -> None:
    press(chat, "lesson_Tools")
    red = [box.value.replace("\\", "") for box in chat.error]
    assert len(red) == 2  # Phi-3 and Qwen2; Llama 3.1 writes tools
    assert all("wrote nothing of the tool 'get_weather': the model never sees it" in box for box in red)
    tools = {"messages": list(TOOLS.messages), "tools": TOOLS.tools, "template_of": "qwen2"}
    provenance = no_exception(open_page("pages/chat/template_line_by_line.py", **encode(tools).params))
    assert "Qwen2's template wrote nothing of the tool" in provenance.error[0].value.replace("\\", "")


def test_a_named_template_is_chosen_on_provenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_models.save_tokenizer(tmp_path / "team" / "model")
    (tmp_path / "team" / "model" / "chat_template.jinja").unlink(missing_ok=True)
    (tmp_path / "team" / "model" / "additional_chat_templates").mkdir()
    for name in ("rag", "tool_use"):
        (tmp_path / "team" / "model" / "additional_chat_templates" / f"{name}.jinja").write_text(f"{name} writes")
    tok = replace(lm.load_tokenizer(tmp_path / "team" / "model"), name="team/model")
    load = lm.load_tokenizer
    monkeypatch.setattr(lm, "load_tokenizer", lambda name: tok if name == tok.name else load(name))
    app = no_exception(open_page("pages/chat/template_line_by_line.py", template_of="team/model"))
    assert "names: 'rag', 'tool_use'" in app.info[0].value.replace("\\", "")
    next(box for box in app.selectbox if box.label == "Named template").set_value("rag")
    no_exception(app.run())
    assert next(area for area in app.text_area if area.label == "Template source").value == "rag writes"
    assert not app.info


def test_the_code_of_chat_prints_each_prompt(chat: AppTest) -> None:
    for lesson in ("Tools", LESSONS[-1].name):
        press(chat, lesson)
        app = chat.multiselect(key="tokenizers").set_value(["llama-3.1", "qwen2", "starcoder2", "smollm2"]).run()
        printed = output_of(no_exception(app))
        assert all(block.value.strip() in "\n".join(printed) for block in app.code[:-1])
        assert [line for line in printed if line.startswith("transformers")] == ["transformers agrees: True"] * 3


@pytest.fixture
def template() -> AppTest:
    return no_exception(open_page("pages/chat/template_line_by_line.py"))


def test_provenance_edits_fails_with_its_line_and_goes_back(template: AppTest) -> None:
    original = lm.load_tokenizer("llama-3.1").chat_template
    area = next(area for area in template.text_area if area.label == "Template source")
    assert area.value == original
    edited = original.replace("Cutting Knowledge Date", "Cut")
    area.set_value(edited)
    no_exception(template.run())
    assert diff(original, edited) in [block.value for block in template.code]
    assert "Cut: December 2023" in template.code[-1].value
    broken = edited.replace("{% for turn in turns %}", "{% for turn in %}")
    line = broken[: broken.index("{% for turn in %}")].count("\n") + 1
    next(area for area in template.text_area if area.label == "Template source").set_value(broken)
    no_exception(template.run())
    assert f"line {line}" in sentences(template)
    assert any(f"▶ {line}" in block.value for block in template.code)
    assert next(area for area in template.text_area if area.label == "Template source").value == broken
    press(template, "Reset")
    assert next(area for area in template.text_area if area.label == "Template source").value == original
    assert not template.error


def test_the_code_of_provenance_prints_the_mask(template: AppTest) -> None:
    chat = lm.render_chat(lm.load_tokenizer("llama-3.1"), DEFAULT_MESSAGES, add_generation_prompt=True)
    printed = output_of(template)
    assert len(printed) == len(chat.spans) + 1
    own = int(chat.assistant_mask.sum())
    assert printed[-1] == f"{own} of {len(chat.encoding)} tokens are the assistant's own"
    said = " ".join(block.value for block in template.markdown)
    assert f"{own} of {len(chat.encoding)} tokens are the assistant's own" in said


def test_a_base_model_has_no_template_to_show() -> None:
    app = no_exception(open_page("pages/chat/template_line_by_line.py", template_of="starcoder2"))
    assert "no chat template" in sentences(app)


def test_fill_in_the_middle_is_two_prompts_and_their_ids() -> None:
    app = no_exception(open_page("pages/chat/fill_in_the_middle.py", fim_prefix="a = ", fim_suffix="+ 1"))
    press(app, "Add a file")
    next(area for area in app.text_area if area.label == "Text of file 3").set_value("<file_sep>x")
    no_exception(app.run())
    assert "Your text spells <file_sep>" in sentences(app)
    gap, repository = output_of(app)
    backend = lm.load_tokenizer("starcoder2").backend
    ids = backend.encode("<fim_prefix>a = <fim_suffix>+ 1<fim_middle>", add_special_tokens=False).ids
    assert gap == f"{len(ids)} tokens: {ids}"
    text = (
        "<repo_name>coconut/trees<file_sep>trees.py\nclass Tree:\n    def __init__(self, height):\n"
        "        self.height = height\n<file_sep>main.py\nfrom trees import Tree\n\npalm = Tree(<file_sep>file_3.py\n"
        "<file_sep>x"
    )
    assert repository.endswith(str(backend.encode(text, add_special_tokens=False).ids))


@pytest.mark.model
def test_the_wrong_template_costs_what_the_code_prints(embedded_model_folder: Path) -> None:
    app = no_exception(open_page("pages/chat/the_wrong_format.py", max_new_tokens="3"))
    printed = [line for line in output_of(app) if "bits per token: " in line]
    assert len(printed) == 6
    assert printed[0].endswith("SmolLM2")
    own = float(printed[0].split()[0])
    assert all(float(line.split()[0]) > own for line in printed[2:4])  # Llama 3.1, Phi-3
    press(app, "Generate answers")
    assert sum(bool(re.search("tokens?, greedy", caption.value)) for caption in app.caption) == 6
