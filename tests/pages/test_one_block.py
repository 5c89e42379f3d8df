"""One block by hand as AppTest runs it: its numbers are the library's, and its own code prints them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from tests.support.tiny_models import tiny_model_folder
from ui.base import loaders
from ui.precision.block import words
from ui.precision.block.outlier_view import outliers_found

__all__ = ["tiny_model_folder"]

model = pytest.mark.model
MODULE = "model.layers.11.mlp.down_proj"


@pytest.fixture(scope="module")
def engine(embedded_model_folder: Path) -> LocalEngine:
    """The copy that the pages have."""
    return cast(LocalEngine, loaders.engine("smollm2-135m-instruct", "none"))


@model
@pytest.mark.parametrize(("kind", "double"), [("nf4", True), ("int8", False), ("q4_0", False)])
def test_the_screen_the_table_and_the_code_have_the_librarys_numbers(
    engine: LocalEngine, kind: str, *, double: bool
) -> None:
    spec = f"{kind}+double" if double else kind
    app = no_exception(
        open_page("block", module=MODULE, block_format=kind, block_double=str(int(double)), block_row="2",
                  block_number="1", block_weight="5", text="The capital of France is")
    )  # fmt: skip
    found = lm.quantization_block(engine, MODULE, 2, 1, spec)
    sent = payload_of(app, "block_view")
    assert sent["chosen"] == 5
    assert [one["value"] for one in sent["weights"]] == found.values.tolist()
    assert [one["back"] for one in sent["weights"]] == found.back.tolist()
    assert sum(one["count"] for one in sent["levels"]) == len(found.codes)
    assert sum(sent["counts"]) == 576 * 1536
    assert "".join(one["hex"] for one in sent["bytes"]) == found.packed.tobytes().hex().upper()
    for one, back in zip(sent["weights"], found.back.tolist(), strict=True):
        assert any(level["at"] == back for level in sent["levels"]), "a level lies where a weight comes back"
        assert words.number(back) in one["arithmetic"]
    table = next(frame.value for frame in app.dataframe if "Code" in frame.value and "Row" in frame.value)
    assert table["Code"].tolist() == found.codes.tolist()
    assert table["Error"].tolist() == found.errors.tolist()
    assert app.header[0].value.replace("\\", "") == words.found(found, 4)
    printed = output_of(app)
    assert json.loads(printed[0]) == json.loads(printed[-2]) == found.codes.tolist()
    assert json.loads(printed[1]) == json.loads(printed[-1]) == found.back.tolist()
    if double and found.double is not None:
        second = payload_of(app, "double_view")
        assert second["chosen"] == found.double.place
        assert [int(one["code"]) for one in second["weights"]] == found.double.codes.tolist()
    if kind == "int8":
        product = lm.int8_product(engine, "The capital of France is", MODULE)
        assert app.header[1].value.replace("\\", "") == outliers_found(product)
        app.slider(key="outlier_threshold").set_value(50.0)
        app.run()
        higher = lm.int8_product(engine, "The capital of France is", MODULE, 50.0)
        assert app.header[1].value.replace("\\", "") == outliers_found(higher)
        assert len(higher.outliers) < len(product.outliers)


@model
def test_buttons_lead_to_the_blocks_that_they_name(engine: LocalEngine) -> None:
    app = no_exception(open_page("block", module=MODULE))
    blocks = lm.matrix_blocks(engine, MODULE, "nf4")
    for label, place in (("Largest error", blocks.with_largest_error), ("Largest weight", blocks.with_largest_weight)):
        next(button for button in app.button if button.label == label).click()
        app.run()
        shown = app.number_input(key="block_row").value - 1, app.number_input(key="block_number").value - 1
        assert shown == place
    # A row that another matrix does not have, and a block that another format does not have.
    app = no_exception(open_page("block", module="model.norm", block_row="575", block_number="40", block_format="q4_0"))
    assert (app.number_input(key="block_row").value, app.number_input(key="block_number").value) == (1, 18)
    assert "bitsandbytes leaves model.norm as it is" in sentences(
        open_page("block", module="model.norm", block_format="nf4")
    )


@model
def test_architecture_leads_to_a_block_of_its_module(engine: LocalEngine) -> None:
    app = open_page("architecture", module=MODULE)
    links = [one.proto for one in app.get("page_link")]
    assert any(
        one.label == "One block of these weights by hand" and f"module={MODULE}" in one.query_string for one in links
    )


def test_a_quantized_model_shows_what_it_holds_and_offers_float32(
    tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tiny_model_folder("llama"))
    monkeypatch.setattr("lmloupe.precision.block.numbers._weight_files", lambda _: [])
    settings = {"model": folder, "quantization": "nf4", "module": "model.layers.0.mlp.up_proj"}
    app = open_page("block", **settings)
    next(button for button in app.button if button.label == "Load").click()
    no_exception(app.run())
    assert "that the loaded model holds" in sentences(app)
    assert all(one["value"] is None for one in payload_of(app, "block_view")["weights"])
    app.segmented_control(key="block_format").set_value("q8_0")
    app.run()
    assert "load the model in float32" in app.error[0].value.replace("\\", "")
    next(button for button in app.button if button.label == "Load the model in float32").click()
    app.run()
    assert app.segmented_control(key="quantization").value == "none"


# Sentences


def test_the_heading_is_true_for_a_block_that_comes_back_exactly(tiny_model_folder: Callable[[str], Path]) -> None:
    import torch

    engine = lm.load_engine(str(tiny_model_folder("llama")))
    with torch.no_grad():
        engine.loaded.model.get_submodule("model.layers.0.mlp.up_proj").weight[0] = 0.0
    found = lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 0, 0)
    assert words.found(found, 4) == "64 weights in 36 bytes instead of 256: every weight comes back exactly"
    assert words.arithmetic(found, 0).endswith("exact")
    assert words.n_bytes(found) == 36
    assert words.n_bytes(lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 1, 0, "nf4+double")) == 33
    # One row alone: its only scale is the mean of all.
    norm = lm.quantization_block(engine, "model.norm", 0, 0, "nf4+double")
    assert norm.double is not None
    assert words.double_found(norm.double) == (
        "The scale is a number to store, too: 1 scale in 1 byte instead of 4: every scale comes back exactly"
    )


def test_the_arithmetic_says_how_a_shorter_last_block_is_scaled(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")))
    found = lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 0, 0)
    assert f"× (1 / {words.number(found.absmax)})" in words.arithmetic(found, 0)
    worst = int(np.abs(found.errors).argmax())
    assert words.steps(found, worst)[-1] == ("error", words.number(float(found.errors[worst])))
