"""Layer by layer: its code prints its numbers, its sentences are true while it computes, and what it cannot show."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.jobs import finish_jobs
from tests.support.pages import REPOSITORY, no_exception, open_page, output_of, payload_of, sentences
from tests.support.tiny_models import tiny_model_folder
from ui.base import loaders
from ui.model.choice import _asked_for
from ui.precision.layers.details import crest_words, feature_words, matrices_words
from ui.precision.layers.view import errors_words, layers_finding, row_order, rows_of, sum_words

__all__ = ["tiny_model_folder"]

MODEL = "tiny/llama"
TEXT = "The model reads tokens, one after another."
PICTURE = "layers_picture"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Callable[[str], Path]) -> Iterator[Path]:
    """A folder with the model under a name like a hub's, as the page takes one."""
    root = tmp_path_factory.mktemp("layer_by_layer")
    (root / "assets").symlink_to(REPOSITORY / "assets")
    (root / "tiny").mkdir()
    (root / MODEL).symlink_to(tiny_model_folder("llama"))
    _asked_for().add((MODEL, "none"))
    yield root
    loaders.engine.clear()


def computed(**params: str) -> AppTest:
    """The page when all its jobs have ended."""
    app = no_exception(open_page("layer_by_layer", model=MODEL, text=TEXT, **params))
    for _ in range(6):
        if not finish_jobs():
            return app
        no_exception(app.run())
    raise AssertionError("the page goes on asking for more")


def test_its_code_prints_its_numbers(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    app = computed(layers_format="fp4", module="model.layers.1.mlp.up_proj")
    shown = payload_of(app, PICTURE)
    modules, errors, effects, by_hand = output_of(app)[-4:]
    assert [long for _, long in shown["columns"]] == list(ast.literal_eval(modules))
    table = np.array(ast.literal_eval(errors))
    assert [[cell[1] for cell in row["cells"]] for row in shown["rows"]] == [
        [f"{100 * value:.1f}" for value in row] for row in table
    ]
    found, whole = effects.rsplit(" ", 1)
    values = ast.literal_eval(found)
    assert [row["bar"][0] for row in shown["rows"]] == pytest.approx([value / max(values) for value in values])
    assert shown["foot"]["bar"][0] == pytest.approx(float(whole) / max(values))
    assert by_hand.startswith("layer 2 ")
    assert float(by_hand.split()[-1]) == pytest.approx(values[1], rel=1e-3)
    assert shown["picked"] == [1, modules_index(shown, "mlp.up_proj")]
    assert all(cell is not None for cell in shown["foot"]["cells"])
    assert "fp4 changes every matrix by" in app.header[0].value
    assert "alone costs" in app.subheader[1].value


def modules_index(shown: dict[str, list[list[str]]], module: str) -> int:
    return [long for _, long in shown["columns"]].index(module)


def test_all_but_one_has_the_whole_model_as_a_line(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    app = computed(layers_format="nf4", layers_mode="all_but", layers_order="effect", layers_shade="least")
    shown = payload_of(app, PICTURE)
    lengths = [row["bar"][0] for row in shown["rows"]]
    assert lengths == sorted(lengths)
    assert 0 < shown["mark"] <= 1
    shares = [cell[0] for row in shown["rows"] for cell in row["cells"]]
    assert (min(shares), max(shares)) == (0, 1)
    assert "bits remain" in app.header[0].value
    assert "kernel is not run" in sentences(app)


def test_what_it_cannot_show_is_said(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    monkeypatch.setattr("lmloupe.precision.layers.places.stored_as", lambda _: "nf4")
    app = no_exception(open_page("layer_by_layer", model=MODEL, text=TEXT, layers_format="q8_0"))
    finish_jobs()
    app = no_exception(app.run())
    assert "quantized already" in sentences(app)
    long = no_exception(open_page("layer_by_layer", model=MODEL, text="a " * 600))
    assert "at most" in sentences(long)


@pytest.fixture(scope="module")
def reports(tiny_model_folder: Callable[[str], Path]) -> tuple[lm.QuantizationErrors, lm.LayerSensitivity]:
    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    *_, effects = lm.layer_sensitivity(engine, TEXT)
    return lm.quantization_errors(engine), effects


def alike(effect: lm.Effect, bits: float) -> lm.Effect:
    return replace(effect, kl_bits=np.full_like(effect.kl_bits, bits))


def test_the_heading_is_true_of_what_there_is(
    reports: tuple[lm.QuantizationErrors, lm.LayerSensitivity],
) -> None:
    errors, effects = reports
    first = effects.effects[0]
    assert errors_words(replace(errors, matrices=errors.matrices[:1])).startswith("nf4 changes the first matrix by")
    assert layers_finding(None, None) == "Rounding the matrices …"
    one = layers_finding(errors, replace(effects, effects=(alike(first, 0.25),)))
    assert one.endswith("; so far, of 1 of 3 layers, layer 1 alone costs 0.250 bits")
    two = layers_finding(errors, replace(effects, effects=(alike(first, 0.25), alike(first, 0.5))))
    assert two.endswith("; so far, of 2 of 3 layers, layer 2 alone costs 0.500 bits and layer 1 only 0.250")
    tie = layers_finding(errors, replace(effects, effects=(alike(first, 0.25),) * 3))
    assert tie.endswith("; each layer alone costs 0.250 bits")
    none = layers_finding(errors, replace(effects, effects=(alike(first, 0.0),) * 3))
    assert none.endswith("; no layer changes the predictions")
    done = (alike(first, 0.1), alike(first, 0.5), alike(first, 0.2))
    assert layers_finding(errors, replace(effects, effects=done)).endswith(
        ", but layer 2 alone costs 0.500 bits and layer 1 only 0.100"
    )
    spared = replace(effects, mode="all_but", effects=done, whole=alike(first, 0.6))
    assert layers_finding(errors, spared).endswith("; sparing layer 1 brings most: 0.100 of 0.600 bits remain")
    assert "brings nothing" in layers_finding(errors, replace(spared, whole=alike(first, 0.1)))
    assert sum_words(spared) == ""
    assert "add up to 0.800 bits; all rounded at once they cost 0.600" in sum_words(replace(spared, mode="only"))


def test_rows_that_are_not_computed_yet_have_no_bar_and_come_last(
    reports: tuple[lm.QuantizationErrors, lm.LayerSensitivity],
) -> None:
    errors, effects = reports
    first = effects.effects[0]
    part = replace(effects, effects=(alike(first, 0.25), alike(first, 0.5)))
    assert row_order(3, part, "effect") == [1, 0, 2]
    rows, (_, kinds, whole), mark = rows_of(errors, part, None, order="effect", shade="zero")
    assert [row.bar is None for row in rows] == [False, False, True]
    assert mark is None
    assert whole is not None
    assert set(kinds) == {None}
    few = replace(errors, matrices=errors.matrices[:2])
    rows, _, _ = rows_of(few, None, None, order="effect", shade="least")
    assert [cell.share is None for cell in rows[0].cells if cell] == [False, False, True, True, True, True, True]
    gone = replace(errors, n_matrices=2, matrices=errors.matrices[:2])
    assert rows_of(gone, None, None, order="layer", shade="zero")[0][0].cells[2:] == (None,) * 5


def test_what_explains_an_error_is_said_only_where_it_does(
    reports: tuple[lm.QuantizationErrors, lm.LayerSensitivity],
) -> None:
    errors, effects = reports

    def with_crests(*crests: float) -> lm.QuantizationErrors:
        pairs = zip(errors.matrices, crests, strict=False)
        matrices = tuple(replace(one, crest=crest, relative_error=i / 10) for i, (one, crest) in enumerate(pairs))
        return replace(errors, matrices=matrices)

    assert "go with the peaks" in crest_words(with_crests(1, 2, 3, 4))
    assert "the smaller the errors" in crest_words(with_crests(4, 3, 2, 1))
    assert "hardly go with" in crest_words(with_crests(2, 1, 1, 2))
    assert "loosely" in crest_words(with_crests(1, 3, 4, 2))
    assert "cannot be said of 1 matrix" in crest_words(with_crests(1))
    assert matrices_words(None, 4) == "Which matrix of layer 5?"
    assert matrices_words(replace(effects, effects=effects.effects[:1]), 1).startswith("So far, of 1 of 3: ")
    quiet = replace(effects, effects=tuple(alike(one, 0.0) for one in effects.effects))
    assert matrices_words(quiet, 1) == "No matrix of layer 2 changes the predictions"


def test_massive_dimensions_are_counted_and_none_is_said() -> None:
    largest = np.zeros((2, 5), np.float32)
    found = lm.OutlierFeatures(np.arange(3), np.array([0.01, 0.01]), largest, np.zeros((2, 5), np.int32))
    largest[1, 3] = 5.0
    assert feature_words(found).startswith("No dimension is massive on this text; dimension 4 is the largest: 5,")
    largest[1, 3] = -2400.0
    assert feature_words(found).startswith("1 dimension is massive on this text; dimension 4 is the largest: -2,400,")
