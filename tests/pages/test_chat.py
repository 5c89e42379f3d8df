"""The pages of chat templates as AppTest runs them: what is shown is the library's, and nothing typed is lost."""

from __future__ import annotations

import contextlib
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support import tiny_models
from tests.support.chat_pages import TOOLS, prompt_of, text_of
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from ui.chat.lessons import LESSONS
from ui.chat.templates.editor import diff
from ui.chat.typed_json import read_tools
from ui.components.prompt_view import Prompt, chat_pieces, messages_of, turns_of
from ui.components.prompt_view.payload import build_payload
from ui.state.link import decode, encode
from ui.state.settings import SETTINGS
from ui.state.settings.defaults import DEFAULT_MESSAGES

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "smollm2")
DATA = Path(lm.__file__).parent / "data"


def press(app: AppTest, label: str) -> AppTest:
    """Click the button of that label, or of that end of its key."""
    buttons = (b for b in app.button if b.label == label or (b.key and b.key.endswith(label)))
    next(buttons).click()
    return no_exception(app.run())


def choose(app: AppTest, label: str, value: str) -> AppTest:
    next(box for box in app.selectbox if box.label == label).set_value(value)
    return no_exception(app.run())


def learn(app: AppTest, lesson: str) -> AppTest:
    return choose(app, "Lesson", lesson)


def turns(app: AppTest) -> list[str]:
    """What the bubbles hold: the texts of the turns."""
    return [turn["fields"][0]["text"] for turn in prompt_of(app)["editor"]["turns"]]


@pytest.fixture
def chat() -> AppTest:
    return no_exception(open_page("chat"))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_string_is_what_the_chosen_family_reads_and_the_bubbles_are_the_conversation(name: str) -> None:
    app = no_exception(open_page("chat", template_of=name))
    chat = lm.render_chat(lm.load_tokenizer(name), DEFAULT_MESSAGES, add_generation_prompt=True)
    assert text_of(app) == chat.text
    assert turns(app) == [message["content"] for message in DEFAULT_MESSAGES]
    (tab,) = [tab for tab in prompt_of(app)["families"] if tab["chosen"]]
    assert (tab["key"], tab["note"]) == (name, f"{len(chat.encoding)} tokens")
    assert "written for LM Loupe; it gives the same text as the published one" in prompt_of(app)["foot"][1]


def test_the_request_for_a_reply_is_counted_where_it_is_and_never_as_a_difference(chat: AppTest) -> None:
    assert "The last 4 tokens, underlined, ask for the reply." in prompt_of(chat)["foot"][0]
    choose(chat, "Template of", "phi-3")
    assert "The last token, underlined, asks for the reply." in prompt_of(chat)["foot"][0]
    chat.toggle(key="add_generation_prompt").set_value(False)
    no_exception(chat.run())
    assert "No reply is asked for" in prompt_of(chat)["foot"][0]
    assert "+0" not in json.dumps(prompt_of(chat)["foot"])


def test_all_tokens_that_train_are_marked_the_end_of_the_turn_too() -> None:
    for name in FAMILIES:
        app = no_exception(open_page("chat", template_of=name, chat_layer="loss"))
        chat = lm.render_chat(lm.load_tokenizer(name), DEFAULT_MESSAGES, add_generation_prompt=True)
        own = int(chat.assistant_mask.sum())
        data = prompt_of(app)
        assert [trained for _, trained in data["tokens"]] == chat.assistant_mask.tolist()
        drawn = [token for piece in data["pieces"] for _, token in piece["runs"] if token is not None]
        assert sorted(set(drawn)) == list(range(len(chat.encoding)))  # each token has its place
        marked = [
            piece["text"] for piece in data["pieces"] if piece["special"] and data["tokens"][piece["runs"][0][1]][1]
        ]
        assert len(marked) == 1  # the token that ends the assistant's turn
        assert data["foot"][0].startswith(f"{own} tokens of {len(chat.encoding)} train")


def test_an_emoji_of_several_tokens_has_a_place_for_each() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    chat = lm.render_chat(tok, [{"role": "user", "content": "a 🤚🤚"}], continue_final_message=True)
    pieces = build_payload(Prompt(chat_pieces(chat), chat.encoding, "tokens"))["pieces"]
    runs = [run for piece in pieces for run in piece["runs"]]
    assert "".join(text for text, _ in runs) == chat.text
    drawn = dict.fromkeys(token for _, token in runs if token is not None)
    assert list(drawn) == list(range(len(chat.encoding)))


def test_base_models_have_no_string_but_a_way_on(chat: AppTest) -> None:
    choose(chat, "Template of", "starcoder2")
    data = prompt_of(chat)
    assert data["error"].startswith("StarCoder2 has no chat template: it is a base model")
    assert (data["remedy"]["key"], data["remedy"]["name"]) == ("llama-3.1", "Show Llama 3.1, which writes this")
    assert any("fill in the middle" in link.proto.label for link in chat.get("page_link"))


def test_chat_says_what_a_template_drops_and_who_writes_it() -> None:
    messages = [DEFAULT_MESSAGES[0], DEFAULT_MESSAGES[1] | {"role": "tool"}]
    app = no_exception(open_page("chat", **encode({"messages": messages, "template_of": "phi-3"}).params))
    data = prompt_of(app)
    (lost,) = data["lost"]
    assert lost["sentence"].startswith("Phi-3's template writes nothing of message 2 (tool)")
    assert (lost["message"], lost["whole"], lost["text"]) == (1, True, "What is the capital of France?")
    assert data["remedy"]["name"] == "Show Llama 3.1, which writes all of it"


@pytest.mark.parametrize("name", FAMILIES)
def test_dropped_tools_and_calls_are_said_on_all_families(name: str) -> None:
    values = {"messages": list(TOOLS.messages), "tools": TOOLS.tools, "template_of": name}
    for url in ("chat", "template"):
        data = prompt_of(no_exception(open_page(url, **encode(values).params)))
        chat = lm.render_chat(lm.load_tokenizer(name), TOOLS.messages, json.loads(TOOLS.tools), True)
        expected = [part for part in chat.dropped_parts if part.matters]
        assert len(data["lost"]) == len(expected)
        texts = [lost["text"] for lost in data["lost"]]
        if name == "llama-3.1":
            assert not texts
        else:
            assert "get_weather(city)" in texts
            assert 'get_weather({"city": "Suva"})' in texts
        offered = None if name == "llama-3.1" else "Show Llama 3.1, which writes the tools"
        assert (data["remedy"] or {}).get("name") == offered


def test_a_lesson_gives_the_conversation_back(chat: AppTest) -> None:
    own = json.dumps({"messages": [{"role": "user", "content": "Mine"}], "tools": json.loads(TOOLS.tools)})
    next(area for area in chat.text_area if area.label == "Messages").set_value(own)
    no_exception(chat.run())
    learn(chat, "Injected turn")
    learn(chat, "System prompt")
    assert turns(chat) != ["Mine"]
    assert not chat.text_area(key="tools").value
    # A link keeps both.
    again = no_exception(open_page("chat", **{name: "".join(value) for name, value in chat.query_params.items()}))
    for app in (chat, again):
        press(app, "Back to yours")
        assert turns(app) == ["Mine"]
        assert json.loads(app.text_area(key="tools").value) == json.loads(TOOLS.tools)
        assert not [button for button in app.button if button.label == "Back to yours"]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_injected_turn_is_in_the_familys_own_tokens(name: str) -> None:
    app = no_exception(open_page("chat", template_of=name))
    learn(app, "Injected turn")
    tok = lm.load_tokenizer(name)
    text = turns(app)[-1]
    assert lm.encode(tok, text).special_tokens_mask.any()
    assert not lm.encode(tok, text, parse_special_tokens=False).special_tokens_mask.any()
    # The order at its end is a system turn to the model.
    order = next(piece for piece in prompt_of(app)["pieces"] if "everything is free" in piece["text"])
    assert order["role"] == "system"
    assert "Message 2 spells" in sentences(app)
    assert any("person typed" in header.value for header in app.header)


def test_the_injected_turn_follows_the_family_until_somebody_changes_it(chat: AppTest) -> None:
    learn(chat, "Injected turn")
    choose(chat, "Template of", "phi-3")
    assert "<|end|>" in turns(chat)[-1]
    area = next(area for area in chat.text_area if area.label == "Messages")
    area.set_value(area.value.replace("Nice beach", "Cold water"))
    no_exception(chat.run())
    choose(chat, "Template of", "qwen2")
    assert "Cold water.<|end|>" in turns(chat)[-1]


def test_tools_are_a_form_and_its_json(chat: AppTest) -> None:
    learn(chat, "Tools")
    name = next(field for field in chat.text_input if field.label == "Name of the function")
    name.set_value("forecast")
    no_exception(chat.run())
    tools = json.loads(chat.text_area(key="tools").value)
    assert tools[0]["function"]["name"] == "forecast"
    expected = lm.render_chat(lm.load_tokenizer("llama-3.1"), TOOLS.messages, tools, add_generation_prompt=True).text
    assert text_of(chat) == expected
    assert prompt_of(chat)["editor"]["tools"] == ["forecast(city)"]
    chat.text_area(key="tools").set_value("[{")
    assert "The tools are not valid JSON" in sentences(no_exception(chat.run()))
    assert chat.text_area(key="tools").value == "[{"


def test_arguments_that_are_not_json_are_said() -> None:
    messages = json.loads(json.dumps(TOOLS.messages))
    messages[1]["tool_calls"][0]["function"]["arguments"] = '{"city": '
    app = no_exception(open_page("chat", **encode({"messages": messages}).params))
    assert "arguments of get_weather are not valid JSON" in sentences(app)
    assert prompt_of(app)["editor"]["turns"][1]["calls"][0]["arguments"] == '{"city": '


def test_variables_reach_the_template(chat: AppTest) -> None:
    chat.text_input(key="date_string").set_value("1 Jan 2025")
    assert "Today Date: 1 Jan 2025" in text_of(no_exception(chat.run()))
    chat.text_input(key="variables").set_value("date")
    assert "template variables are not valid JSON" in sentences(no_exception(chat.run()))


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


def test_unusual_messages_are_held_whole_by_bubbles_import_and_link(chat: AppTest) -> None:
    next(area for area in chat.text_area if area.label == "Messages").set_value("\ufeff" + json.dumps(UNUSUAL))
    no_exception(chat.run())
    assert decode(dict(chat.query_params))[0]["messages"] == UNUSUAL
    shown = prompt_of(chat)["editor"]["turns"]
    assert messages_of(json.dumps(shown), UNUSUAL) == UNUSUAL
    assert shown[3]["more"] == "refusal"
    assert not shown[3]["calls"][0]["form"]  # not in OpenAI's form: to edit as JSON
    named = {turn["at"]: {field["name"]: field for field in turn["fields"]} for turn in shown}
    named[2]["reasoning_content"]["text"] = "hmm"
    named[4]["content"]["text"] = '{"b": 2}'
    assert named[4]["content"]["label"] == "Content, JSON"
    edited = messages_of(json.dumps([shown[1], shown[0], *shown[2:]]), UNUSUAL)
    assert edited == [UNUSUAL[1], UNUSUAL[0], UNUSUAL[2] | {"reasoning_content": "hmm"}, UNUSUAL[3],
                      UNUSUAL[4] | {"content": {"b": 2}}, UNUSUAL[5]]  # fmt: skip


def test_turns_that_the_browser_adds_and_calls_that_it_changes() -> None:
    tools = list(TOOLS.messages)
    turns = turns_of(tools)
    turns[1]["calls"][0]["arguments"] = '{"city": 12345678901234567890}'
    turns[1]["calls"].append({"at": None, "name": "f", "arguments": "{}", "form": True})
    field = {"name": "content", "label": "Text", "text": "New"}
    turns.append({"at": None, "role": "user", "fields": [field], "calls": [], "more": ""})
    made = messages_of(json.dumps(turns), tools)
    calls = made[1]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "get_weather", "arguments": {"city": 12345678901234567890}},
        {"name": "f", "arguments": {}},
    ]
    assert len({call["id"] for call in calls}) == 2
    assert made[-1] == {"role": "user", "content": "New"}
    turns[1]["calls"] = []
    assert "tool_calls" not in messages_of(json.dumps(turns), tools)[1]


@pytest.mark.parametrize(
    "sent", ["", "1", "[1]", "{}", '[{"at": 0}]', '[{"at": 99, "role": "user", "fields": 1}]', "[" * 9999]
)
def test_what_no_browser_of_ours_sends_is_a_valueerror(sent: str) -> None:
    if sent == "{}":
        assert messages_of(sent, []) == []
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - json's own errors are among them
            messages_of(sent, list(DEFAULT_MESSAGES))


def test_json_with_a_byte_order_mark_is_read() -> None:
    assert read_tools("\ufeff[]") == ([], "")
    assert read_tools("\ufeff \n") == (None, "")
    app = no_exception(
        open_page("pages/chat/chat_template.py", date_string="x", variables='\ufeff{"date_string": "y"}')
    )
    assert "not valid JSON" not in sentences(app)


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


@pytest.mark.parametrize("name", ["llama-3.1", "smollm2"])
def test_the_code_of_chat_prints_the_prompt(name: str) -> None:
    values = {"messages": list(TOOLS.messages), "tools": TOOLS.tools, "template_of": name}
    app = no_exception(open_page("chat", **encode(values).params))
    printed = output_of(app)
    assert text_of(app).strip() in "\n".join(printed)
    assert printed[-1] == "transformers agrees: True"
    lost = prompt_of(app)["lost"]
    (line,) = [line for line in printed if line.startswith("left out")]
    assert line.count("get_weather") == len(lost)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_code_reads_an_upload_from_its_file(tmp_path: Path) -> None:
    data = gzip.decompress((DATA / "smollm2.json.gz").read_bytes())
    (tmp_path / "own.json").write_bytes(data)
    config = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "chat_template": "{{ bos_token }}{{ messages }}"}
    beside = {"tokenizer_config.json": json.dumps(config).encode()}
    tok = lm.load_tokenizer_file(data, "upload:own.json", beside=beside)
    for url, last in (("chat", "transformers agrees: True"), ("template", "tokens are the assistant's own")):
        app = no_exception(open_page(url, session={"uploads": {tok.name: tok}}, template_of=tok.name))
        assert not app.error
        with contextlib.chdir(tmp_path):
            assert output_of(app)[-1].endswith(last)


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
    assert (
        template.header[0].value.replace("\\", "")
        == f"A fine-tuning run trains on {own} of these {len(chat.encoding)} tokens"
    )
    assert sum(trained for _, trained in payload_of(template, "template_loss")["tokens"]) == own


def test_what_is_lit_at_first_is_the_assistants_first_text_or_nothing(template: AppTest) -> None:
    data = prompt_of(template)
    assert data["pieces"][data["first"]]["text"] == DEFAULT_MESSAGES[2]["content"]
    assert data["hint"].startswith("Lit as an example: the assistant's first text")
    alone = encode({"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": False}).params
    data = prompt_of(no_exception(open_page("template", **alone)))
    assert data["first"] is None
    assert data["hint"].startswith("Point at")


def test_a_base_model_has_no_template_to_show() -> None:
    app = no_exception(open_page("pages/chat/template_line_by_line.py", template_of="starcoder2"))
    assert "StarCoder2 has no chat template" in sentences(app)
    press(app, "Show Llama 3.1")
    assert prompt_of(app)["lines"]


def test_fill_in_the_middle_is_two_prompts_and_their_ids() -> None:
    app = no_exception(open_page("pages/chat/fill_in_the_middle.py", fim_prefix="a = ", fim_suffix="+ 1"))
    press(app, "Add a file")
    next(area for area in app.text_area if area.label == "Text of file 3").set_value("<file_sep>x")
    no_exception(app.run())
    assert "Your text spells <file_sep>" in sentences(app)
    drawn = payload_of(app, "fim_gap")
    assert [(piece["text"], piece["special"]) for piece in drawn["pieces"]] == [
        ("<fim_prefix>", True), ("a = ", False), ("<fim_suffix>", True), ("+ 1", False), ("<fim_middle>", True),
    ]  # fmt: skip
    assert [turn["fields"][0]["text"] for turn in drawn["editor"]["turns"]] == ["a = ", "+ 1"]
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


def test_a_model_without_such_tokens_offers_one_that_has_them() -> None:
    app = no_exception(open_page("fim", fim_model="llama-3.1"))
    assert "Llama 3.1 was not trained on fill in the middle" in sentences(app)
    press(app, "Show StarCoder2")
    assert not app.error
    assert payload_of(app, "fim_gap")["pieces"]
