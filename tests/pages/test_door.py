"""The front door: a guess before each figure, what it shows then, and the page that shows the same."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import embedded_model_loaded_once, no_exception, open_page, sentences
from ui.learn.classes.store.plan import read_question
from ui.learn.door import loading
from ui.learn.door.figure import NO_GUESS, Figure
from ui.learn.door.figures import MODEL_FIGURES, TEXT_FIGURES
from ui.learn.embedded_page import read_address
from ui.state.link import encode

FIGURES = TEXT_FIGURES + MODEL_FIGURES
# Published or known: the issue's two ways to cut coconut, the width of SmolLM2, nf4's sixteen levels, Paris.
ANSWERS = {
    "word": "2",
    "families": "In two ways",
    "merges": "o + n",
    "special": "1",
    "chat": "more than 30",
    "vector": "576",
    "scores": "all of them",
    "temperature": "The same as at temperature 1",
    "nf4": "16",
    "writing": "A special token",
}
SHOWN = {
    "word": "You read 7 characters; Llama 3.1 reads 2 tokens",
    "families": "“coconut” is cut in 2 ways: Llama 3.1 and Qwen2; Phi-3 and StarCoder2",
    "merges": "Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did",
    "special": "“<|begin_of_text|>” is 1 token, a special one",
    "chat": "Llama 3.1 reads 42 tokens; the question by itself is 7",
    "vector": "“␣coconut” is id 17,434, and the id picks 576 numbers",
    "scores": "“␣Paris” gets 77.3%; 49,151 other tokens share the rest",
    "temperature": "Temperature 2: “␣blue” is drawn with 1.0%; the model itself gives it 14.7%",
    "nf4": "64 weights in 36 bytes instead of 256",
    "writing": "The model ended its reply with “<|im_end|>”, an end token, after 8 tokens",
}

MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
FLOAT32: dict[str, object] = {"model": "smollm2-135m-instruct", "quantization": "none"}
OPENS: dict[str, tuple[str, dict[str, object]]] = {
    "word": ("tokens", {"text": "coconut", "tokenizers": ("llama-3.1",), "show_tokens": "both"}),
    "families": ("tokens", {"text": "coconut", "tokenizers": ("llama-3.1", "phi-3", "qwen2", "starcoder2")}),
    "merges": ("how_it_splits", {"text": "coconut", "tokenizer": "llama-3.1", "compare_with": "phi-3"}),
    "special": ("tokens", {"text": "<|begin_of_text|>", "parse_special_tokens": True}),
    "chat": ("chat", {"messages": MESSAGES, "template_of": "llama-3.1", "tools": ""}),
    "vector": ("embeddings", FLOAT32 | {"text": "A coconut", "token_index": 1}),
    "scores": ("next_token", FLOAT32 | {"text": "The capital of France is", "temperature": 1.0, "top_k": 0}),
    "temperature": ("next_token", FLOAT32 | {"text": "My favorite color is", "temperature": 2.0, "top_p": 1.0}),
    "nf4": ("block", FLOAT32 | {"block_format": "nf4", "block_number": 0}),
    "writing": ("generate", FLOAT32 | {"messages": MESSAGES, "prompt": "chat", "temperature": 0.0}),
}


@pytest.fixture(scope="module")
def the_model_is_there(embedded_model_folder: object) -> None:
    loading.model_loader().start()
    assert loading.model_loader().wait(180)


def guessed(**guesses: str) -> AppTest:
    """The front door of somebody who comes with these guesses in the link."""
    return no_exception(open_page("start", **encode({"door_guesses": guesses}).params, start="1"))


def heads(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in app.subheader]


def verdicts(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in (*app.success, *app.info)]


def test_nothing_is_told_before_a_guess() -> None:
    app = no_exception(open_page("start"))
    assert [one.value for one in app.header] == [f"{i}. {figure.title}" for i, figure in enumerate(FIGURES, 1)]
    assert len(FIGURES) == 10
    assert heads(app) == []
    assert verdicts(app) == []
    assert not any(code.language == "python" for code in app.code)


def guess_both_ways(figure: Figure) -> None:
    answer = ANSWERS[figure.key]
    assert figure.answer() == answer
    wrong = next(i for i, choice in enumerate(figure.choices) if choice != answer)
    app = no_exception(open_page("start"))
    no_exception(app.button(key=f"guess_{figure.key}_{wrong}").click().run())
    assert verdicts(app) == [f"**{answer}**. Your guess was {figure.choices[wrong]}."]
    (shown,) = heads(app)
    assert shown.startswith(SHOWN[figure.key])
    assert verdicts(guessed(**{figure.key: answer})) == [f"**{answer}**, as you guessed."]


@pytest.mark.parametrize("figure", TEXT_FIGURES, ids=lambda one: one.key)
def test_a_wrong_and_a_right_guess_get_the_answer_and_the_figure(figure: Figure) -> None:
    guess_both_ways(figure)


@pytest.mark.model
@pytest.mark.usefixtures("the_model_is_there")
@pytest.mark.parametrize("figure", MODEL_FIGURES, ids=lambda one: one.key)
def test_a_wrong_and_a_right_guess_get_the_model_s_answer_and_the_figure(figure: Figure) -> None:
    guess_both_ways(figure)


def test_who_would_rather_see_is_shown_and_can_start_over() -> None:
    app = no_exception(open_page("start"))
    no_exception(app.button(key="guess_word_show").click().run())
    assert verdicts(app) == ["**2**"]
    assert heads(app) == [SHOWN["word"]]
    assert app.query_params["start"] in ("1", ["1"])
    next(one for one in app.button if one.label == "Start over").click()
    assert heads(no_exception(app.run())) == []


def all_shown() -> AppTest:
    return guessed(**dict.fromkeys(ANSWERS, NO_GUESS))


def test_what_is_tried_changes_the_figure_of_a_text() -> None:
    app = all_shown()
    app.text_input(key="door_word").set_value(" coconut")
    app.text_input(key="door_cut_word").set_value("cooking")
    app.text_input(key="door_merge_word").set_value("cooking")
    app.text_input(key="door_special_text").set_value("<beginOfText>")
    app.segmented_control(key="door_family").set_value("phi-3")
    no_exception(app.run())
    assert heads(app)[:2] == [
        "You read 8 characters; Llama 3.1 reads 1 token",
        "“cooking” is cut in 2 ways: Llama 3.1 and Qwen2; Phi-3 and StarCoder2",
    ]
    assert heads(app)[3:5] == [
        "“<beginOfText>” is 5 tokens, none of them special",
        "Phi-3 reads 10 tokens; the question by itself is 7",
    ]
    assert app.query_params["door_cut_word"] in ("cooking", ["cooking"])
    app.text_input(key="door_word").set_value(" ")
    assert "write at least one letter" in sentences(no_exception(app.run()))


@pytest.mark.model
@pytest.mark.usefixtures("the_model_is_there")
def test_what_is_tried_changes_the_figure_of_the_model() -> None:
    app = all_shown()
    app.text_input(key="door_vector_text").set_value("nut nut")
    app.text_input(key="door_prompt").set_value("2 + 2 =")
    app.slider(key="door_temperature").set_value(1.0)
    app.segmented_control(key="door_format").set_value("q8_0")
    app.text_input(key="door_question").set_value("Name one colour.")
    no_exception(app.run())
    vector, scores, temperature, block, writing = heads(app)[5:]
    assert vector.startswith("“␣nut” is id ")
    assert not scores.startswith("“␣Paris”")
    assert temperature == "Temperature 1: “␣blue” is drawn with 14.7%"
    assert block.startswith("32 weights in 34 bytes instead of 128")
    assert not writing.endswith("after 8 tokens")


@pytest.mark.model
@pytest.mark.usefixtures("the_model_is_there")
def test_each_figure_opens_its_page_with_exactly_its_settings() -> None:
    app = all_shown()
    opened = [one.proto for one in app.get("page_link") if one.proto.label.startswith("Open in")]
    links = {figure.key: proto for figure, proto in zip(FIGURES, opened, strict=True)}
    for key, proto in links.items():
        address = read_address(f"/{proto.page}?{proto.query_string}")
        url, known = OPENS[key]
        assert address.page.url == url
        assert known.items() <= address.values.items(), key
    says = {
        "families": "3 tokens against 2",
        "merges": SHOWN["merges"],
        "scores": "“␣Paris” is the model's first guess, with 77.3%",
        "temperature": "“␣blue” is drawn with 1.0%; the model itself gives it 14.7%",
        "nf4": heads(app)[8],
    }
    for key, said in says.items():
        page = no_exception(open_page(links[key].page, **dict(parse_qsl(links[key].query_string))))
        assert any(said in one.value.replace("\\", "") for one in page.header), key


@pytest.mark.model
@pytest.mark.usefixtures("the_model_is_there")
def test_the_code_of_each_figure_prints_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    app = all_shown()
    codes = [one.value for one in app.code if one.language == "python"]
    assert len(codes) == len(FIGURES)
    printed = {}
    with embedded_model_loaded_once():
        for figure, code in zip(FIGURES, codes, strict=True):
            exec(code, {})  # noqa: S102 - the code that the page tells people to run
            printed[figure.key] = capsys.readouterr().out
    assert printed["word"] == "2 [('co', 1030), ('conut', 27357)]\n"
    assert "llama-3.1 2 ['co', 'conut']" in printed["families"]
    assert "as merge 72,303; Phi-3 never did." in printed["merges"]
    assert printed["special"].startswith("1 ")
    assert printed["chat"].startswith("42\n")
    assert " coconut 17434 (576,)" in printed["vector"]
    assert printed["scores"].startswith("49152 of 49152")
    assert "b' Paris' 0.7725" in printed["scores"]
    assert "b' blue' 0.0103" in printed["temperature"]
    assert printed["nf4"].startswith("16 levels")
    assert "8 stop\nThe capital of France is Paris." in printed["writing"]


@pytest.fixture
def no_model() -> Iterator[None]:
    loading.model_loader.clear()
    yield
    loading.model_loader.clear()


@pytest.mark.usefixtures("no_model")
def test_a_guess_waits_for_the_model_and_what_prevents_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def broken(name: str, quantization: str) -> lm.Engine:
        asked.append(name)
        raise lm.LoadError("The disk is full: make room.")

    monkeypatch.setattr(loading, "engine", broken)
    monkeypatch.setattr(lm, "embedded_model_folder", lambda: ".")
    app = no_exception(open_page("start"))
    assert "loading in the background" in sentences(app)
    no_exception(app.button(key="guess_nf4_0").click().run())
    assert verdicts(app) == ["Your guess is kept: the answer comes with the model."]
    assert loading.model_loader().wait(30) is False
    assert asked == [loading.MODEL]
    no_exception(app.run())
    assert [one.value.replace("\\", "") for one in app.error] == ["The disk is full: make room."]
    next(one for one in app.button if one.label == "Try again").click()
    no_exception(app.run())
    loading.model_loader().wait(30)
    assert asked == [loading.MODEL] * 2


def test_the_class_is_asked_in_large_letters_and_the_answer_stays_hidden_until_it_is_shown() -> None:
    def shown(app: AppTest) -> str:
        return next(one.proto.body for one in app.get("html") if "How many tokens is" in one.proto.body)

    app = no_exception(open_page("start"))
    no_exception(app.button(key="ask_word").click().run())
    assert "font-weight:600" not in shown(app)
    assert verdicts(app) == []
    way = next(one.proto for one in app.get("page_link") if one.proto.page == "class")
    asked = read_address(f"/{way.page}?{way.query_string}").values["class_question"]
    question = read_question(asked)
    assert (question.ask, question.choices) == ("How many tokens is “coconut” to Llama 3.1?", ("1", "2", "3", "7"))
    assert question.answer == "2"
    assert read_address(question.view).values["text"] == "coconut"
    app.toggle(key="asked_word_shown").set_value(True)
    app.button(key="ask_word").click()
    assert "font-weight:600" in shown(no_exception(app.run()))
