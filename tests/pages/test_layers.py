"""The Layers page with tiny models of many architectures: its code prints its numbers; no number is made up."""

from __future__ import annotations

import ast
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.passes.parts import ModelParts
from tests.support.pages import REPOSITORY, no_exception, open_page, output_of
from tests.support.tiny_models import VOCAB_SIZE, save_tokenizer
from ui.base.labels import token_label
from ui.base.loaders import encoding
from ui.base.loaders import engine as engine_of
from ui.model.choice import _asked_for
from ui.prediction.lens.background import Background
from ui.prediction.lens.run import LensRequest, LensRun, lens_run
from ui.prediction.lens.stream import draw_rows

LAYERS = "pages/prediction/layers.py"
TEXT = "The model reads tokens."
N_LAYERS = 3
SIZES: dict[str, Any] = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4, "max_position_embeddings": 128, "initializer_range": 0.3,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
GPT2 = {"vocab_size": VOCAB_SIZE, "n_embd": 32, "n_layer": N_LAYERS, "n_head": 4, "n_positions": 128}
BUILT: dict[str, tuple[Callable[[], transformers.PreTrainedConfig], str]] = {
    "llama": (lambda: transformers.LlamaConfig(**GROUPED), "model.norm"),
    "gpt2": (
        lambda: transformers.GPT2Config(**GPT2, initializer_range=0.3, bos_token_id=1, eos_token_id=2),
        "transformer.ln_f",
    ),
    "neox": (lambda: transformers.GPTNeoXConfig(**SIZES), "gpt_neox.final_layer_norm"),
    "gemma2": (lambda: transformers.Gemma2Config(**GROUPED, head_dim=8, final_logit_softcapping=3.0), "model.norm"),
    "granite": (lambda: transformers.GraniteConfig(**GROUPED, logits_scaling=4.0), "model.norm"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models in ``tiny/NAME``: to the page a name like a hub's, to the engine a folder."""
    root = tmp_path_factory.mktemp("layers")
    (root / "assets").symlink_to(REPOSITORY / "assets")
    for name, (config, _) in BUILT.items():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config())
        for path, parameter in model.named_parameters():
            if parameter.ndim == 1:  # fresh norms and biases are ones and zeros: left out, they would not be missed
                torch.nn.init.normal_(parameter, mean=float("bias" not in path and name != "gemma2"), std=0.1)
        model.save_pretrained(root / "tiny" / name)
        save_tokenizer(root / "tiny" / name)
    return root


@pytest.fixture(autouse=True)
def in_the_folder(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)


def layers_of(model: str, text: str = TEXT, **params: str) -> AppTest:
    """The page with a model, loaded as if somebody had pressed the button."""
    _asked_for().add((model, "none"))
    return no_exception(open_page(LAYERS, model=model, quantization="none", text=text, **params))


def ids_of(engine: lm.Engine, text: str) -> tuple[int, ...]:
    return tuple(encoding(engine.tokenizer.name, text, True, True).input_ids.tolist())


@pytest.mark.parametrize(("name", "layer"), [*((name, 1) for name in BUILT), ("gpt2", N_LAYERS)])
def test_the_code_of_any_model_prints_the_cell_that_is_chosen(name: str, layer: int) -> None:
    app = layers_of(f"tiny/{name}", lens_layer=str(layer))
    engine = engine_of(f"tiny/{name}", "none")
    assert engine.lens_parts().norm == BUILT[name][1]
    ids = ids_of(engine, TEXT)
    cell = lens_run(LensRequest(f"tiny/{name}", "none", ids)).cells[layer, len(ids) - 1]
    own, theirs = (ast.literal_eval(line.replace("] [", "], [")) for line in output_of(app))
    assert own[0] == theirs[0] == cell.token_ids.tolist()
    np.testing.assert_allclose(own[1], cell.log_probs, atol=1e-5)
    np.testing.assert_allclose(theirs[1], cell.log_probs, atol=1e-4)
    terms = {metric.label: float(metric.value) for metric in app.metric if metric.label != "Token"}
    assert ("Soft cap" in terms) == (name == "gemma2")
    assert sum(terms.values()) - terms["Logit"] == pytest.approx(terms["Logit"], abs=0.01)
    assert abs(terms["Unexplained"]) < 0.001


@pytest.mark.parametrize("page", [LAYERS, "pages/prediction/next_token.py", "pages/vectors/embeddings.py"])
def test_a_models_tokenizer_is_not_read_a_second_time(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(name: str, **_: object) -> None:
        pytest.fail(f"{name} was read")

    monkeypatch.setattr("lmloupe.load_tokenizer", read, raising=False)
    _asked_for().add(("tiny/gpt2", "none"))
    no_exception(open_page(page, model="tiny/gpt2", quantization="none", text=f"{TEXT} {page}"))


# What stands in the grid


def columns_of(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value.columns)


def test_the_grid_begins_with_the_last_line_and_its_slider_counts_as_its_columns() -> None:
    lines = "coconut palm " * 8 + "\nThe model reads tokens."
    model = "tiny/llama"
    app = layers_of(model, lines)
    enc = encoding(engine_of(model, "none").tokenizer.name, lines, True, True)
    start = next(i for i, (at, _) in enumerate(enc.offsets.tolist()) if at > lines.index("\n"))
    numbers = [int(name.split()[0]) for name in columns_of(app)[1:]]
    assert numbers == list(range(start + 1, len(enc) + 1)), "the last line alone, from its first token on"
    slider = app.slider(key="lens_from")
    assert (slider.value, slider.max) == (start + 1, start + 1)
    slider.set_value(7)
    no_exception(app.run())
    assert [int(name.split()[0]) for name in columns_of(app)[1:]] == list(range(7, 19))
    assert app.query_params["lens_from"] == "6"


def test_the_title_says_from_which_layer_on_the_answer_is_the_first_guess() -> None:
    app = layers_of("tiny/llama")
    engine = engine_of("tiny/llama", "none")
    lens = engine.logit_lens(TEXT)
    best = lens.token_ids[:, -1, 0].tolist()
    since = next(layer for layer in range(N_LAYERS + 1) if best[layer:] == [best[-1]] * (N_LAYERS + 1 - layer))
    words = {0: "in every layer", N_LAYERS: f"only in the last layer, {N_LAYERS}"}.get(since, f"from layer {since} on")
    title = app.header[0].value.replace("\\", "")
    assert f"“{token_label(engine.tokenizer, best[-1])}” is the first guess {words}" in title


def test_only_the_layers_that_change_the_guess() -> None:
    app = layers_of("tiny/llama", lens_changes="1")
    best = engine_of("tiny/llama", "none").logit_lens(TEXT).token_ids[:, -1, 0].tolist()
    kept = [at for at in range(N_LAYERS + 1) if at in (0, N_LAYERS) or best[at] != best[at - 1]]
    rows = app.dataframe[0].value["Layer"].tolist()
    assert [int(row.split()[0]) for row in rows] == kept[::-1]
    assert (rows[-1], rows[0]) == ("0 embedding", f"{N_LAYERS} output")


# The rest of the text, in the background


class Products:
    """Rows of logits that the model's output matrix was asked for; after so many, each product lasts a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.wait_s = 0.15
        self.quick = 12 * (N_LAYERS + 1)
        plain = ModelParts.logits

        def counted(parts: ModelParts, normed: torch.Tensor) -> torch.Tensor:
            if normed.ndim == 2:
                self.sizes.append(len(normed))
                if sum(self.sizes) > self.quick:
                    time.sleep(self.wait_s)
            return plain(parts, normed)

        monkeypatch.setattr(ModelParts, "logits", counted)
        monkeypatch.setattr(
            "lmloupe.model.passes.logit_facts._BLOCK_BYTES", {"cpu": 4 * 4 * VOCAB_SIZE}
        )  # four rows a product


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Products:
    return Products(monkeypatch)


def until(true: Callable[[], bool], what: str) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    pytest.fail(f"waited for 30 s: {what}")


def test_the_rest_follows_gives_way_to_questions_and_stops(products: Products) -> None:
    text = "coconut palm " * 16
    model = "tiny/llama"
    app = layers_of(model, text)
    engine = engine_of(model, "none")
    ids = ids_of(engine, text)
    run = lens_run(LensRequest(model, "none", ids))
    n_cells = (N_LAYERS + 1) * len(ids)
    assert len(ids) > 60
    assert run.has(N_LAYERS, range(len(ids) - 12, len(ids))), "the positions on the screen come first"
    began = run.n_missing(N_LAYERS)
    assert began > 0
    assert any(f"of {n_cells:,} cells of the text are computed; the rest follows" in box.value for box in app.caption)

    # A question goes ahead: not even one layer of the rest is done meanwhile.
    until(lambda: run.n_missing(N_LAYERS) < began, "some of the rest, without another question")
    before = len(products.sizes)
    engine.next_token(ids)
    assert len(products.sizes) - before <= 2
    assert run.n_missing(N_LAYERS)

    # Stop, and no product begins any more.
    next(button for button in app.button if button.label == "Stop the rest").click()
    no_exception(app.run())
    time.sleep(0.5)
    stopped = len(products.sizes)
    time.sleep(0.5)
    assert len(products.sizes) == stopped
    assert run.n_missing(N_LAYERS)
    assert any(f"of {n_cells:,} cells of the text are computed." in box.value for box in app.caption)

    # Go on: all the rest, and another window asks the model for nothing.
    products.wait_s = 0
    next(button for button in app.button if button.label == "Compute the rest").click()
    no_exception(app.run())
    until(lambda: not run.n_missing(N_LAYERS), "the whole text")
    done = len(products.sizes)
    app.slider(key="lens_from").set_value(0)
    no_exception(app.run())
    assert len(products.sizes) == done
    assert any(f"All {n_cells:,} cells" in box.value for box in app.caption)
    whole = engine.logit_lens(ids)
    for layer, position in run.cells:
        np.testing.assert_allclose(run.cells[layer, position].log_probs, whole.log_probs[layer, position], atol=1e-4)

    # Another text, and this one's rest would no longer be worth computing.
    assert run.watched
    app.text_area(key="text").set_value(TEXT)
    no_exception(app.run())
    assert not run.watched


class _Screen:
    """A place on a page that takes what is drawn."""

    drawn = 0

    def html(self, _: str) -> None:
        self.drawn += 1


def test_two_sessions_have_each_row_computed_once(products: Products) -> None:
    engine = engine_of("tiny/llama", "none")
    engine.lens_parts()
    ids = tuple(range(6, 106))
    run = LensRun(LensRequest("tiny/llama", "none", ids))
    screens = [_Screen(), _Screen()]
    labels = list("x" * 24)
    threads = [
        threading.Thread(target=draw_rows, args=(run, engine, range(at, at + 24), "rank", labels, screen))
        for screen, at in zip(screens, (0, 12), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert run.has(N_LAYERS, range(36))
    assert all(screen.drawn for screen in screens)
    assert sum(products.sizes) == 36 * (N_LAYERS + 1)
    products.wait_s = 0
    everywhere = Background()
    for session in ("one", "two"):
        run.watch(session)
        everywhere.add(run, engine)
    until(lambda: not run.n_missing(N_LAYERS), "the whole text")
    assert sum(products.sizes) == len(ids) * (N_LAYERS + 1)


def test_a_page_takes_positions_from_the_background_and_leaving_ends_it(products: Products) -> None:
    engine = engine_of("tiny/llama", "none")
    ids = tuple(range(106, 6, -1))
    run = LensRun(LensRequest("tiny/llama", "none", ids))
    run.watch("one")
    products.wait_s = 0.05
    behind = Background()
    behind.add(run, engine)
    until(lambda: len(run.cells) > 0, "the background has begun")
    draw_rows(run, engine, range(40, 64), "rank", list("x" * 24), _Screen())  # type: ignore[arg-type]
    assert run.has(N_LAYERS, range(40, 64))
    assert run.n_missing(N_LAYERS), "the page did not wait for all of the text"
    run.leave("one")
    until(lambda: behind._thread is None, "nobody looks")
    assert run.n_missing(N_LAYERS)


def test_scores_that_are_no_numbers_are_said_and_nothing_is_drawn(tiny: Path) -> None:
    broken = tiny / "tiny" / "broken"
    shutil.copytree(tiny / "tiny" / "llama", broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.weight"].fill_(float("nan"))
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    app = layers_of("tiny/broken")
    assert [box.value.replace("\\", "").split(":")[0] for box in app.error] == [
        "The model's scores are not numbers (NaN or infinite), as after a broken quantization or an overflow"
    ]
    kinds = ("plotly_chart", "metric", "header", "download_button", "code")
    assert [kind for kind in kinds if len(app.get(kind))] == []
    assert len(app.get("html")) == 1, "the page's own style, and no half of a grid"
    assert not any(button.label in ("Stop", "Go on") for button in app.button)
    assert app.text_area(key="text").value == TEXT
    sound = layers_of("tiny/llama")
    assert not sound.error
    assert [kind for kind in kinds if not len(sound.get(kind))] == [], "so that none of these is missed for its name"
