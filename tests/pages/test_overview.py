"""Overview with the embedded model: every number on the picture is the model's own, and each part is a door."""

from __future__ import annotations

import ast
import json
from urllib.parse import SplitResult, parse_qs, urlsplit

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import no_exception, open_page, output_of
from ui.base.labels import token_label
from ui.pages import PAGES
from ui.prediction.lens.view import first_window

pytestmark = pytest.mark.model
TEXT = "A coconut fell.\nThe capital of France is"


@pytest.fixture
def engine(embedded_engine: LocalEngine) -> LocalEngine:
    return embedded_engine


def opened(text: str, token: int) -> AppTest:
    params = {"text": text, "token_index": str(token)}
    return no_exception(open_page("overview", quantization="none", **params))


def test_the_way_of_a_token_is_the_models_own_and_the_code_prints_it(engine: LocalEngine) -> None:
    app = no_exception(open_page("overview", quantization="none", text=TEXT))
    ids, tok = engine.input_ids(TEXT), engine.tokenizer
    answer, lens = engine.next_token(TEXT), engine.logit_lens(TEXT, top_k=5)
    best = token_label(tok, int(answer.logits.argmax()))
    label, share = token_label(tok, int(ids[-1])), float(np.exp(answer.log_probs.max()))
    title = app.header[0].value.replace("\\", "")
    assert title == f"“{label}” is id {ids[-1]:,}, 576 numbers, 30 layers, and then “{best}” ({share:.0%})"
    way = app.dataframe[0].value.set_index("Step")["What it is"]
    assert way["Id"] == f"{ids[-1]:,}"
    numbers = engine.embed([int(ids[-1])])[0]
    assert way["Vector"].startswith(", ".join(f"{number:.3f}" for number in numbers[:12]))
    for layer in (1, 17, 30):
        said = token_label(tok, int(lens.token_ids[layer, -1, 0]))
        assert way[f"Layer {layer}"] == f"{said} {np.exp(lens.log_probs[layer, -1, 0]):.1%}"
    assert way["Next token"].startswith(f"{best} {share:.1%}, ")
    printed = output_of(app)
    np.testing.assert_allclose(ast.literal_eval(printed[1]), numbers[:12], rtol=1e-5)
    assert ast.literal_eval(printed[2]) == lens.token_ids[:, -1, 0].tolist()
    own, theirs = (ast.literal_eval(line.replace("] [", "], [")) for line in (printed[3], printed[5]))
    assert own[0] == theirs[0] == lens.token_ids[-1, -1].tolist()
    np.testing.assert_allclose(own[1], theirs[1], atol=1e-4)
    np.testing.assert_allclose(own[1][0], share, atol=1e-4)


def test_each_door_leads_to_its_page_with_the_same_token(engine: LocalEngine) -> None:
    enc = lm.encode(engine.tokenizer, TEXT)
    index = len(enc) - 3
    app = opened(TEXT, index)
    assert app.dataframe[0].value["What it is"][0].endswith(f"(token {index + 1})")
    addresses = {page.url for page in PAGES}
    doors = doors_of(app)
    assert set(doors) == {"tokens", "ids", "vectors", "layers", "attention", "next"}
    assert all(door.path in (addresses | {"."}) for door in doors.values())
    for part in ("vectors", "layers", "attention"):
        params = {key: value[0] for key, value in parse_qs(doors[part].query).items()}
        page = no_exception(open_page(doors[part].path, **({"quantization": "none", "text": TEXT} | params)))
        assert any(f"token {index + 1} of {len(enc)}" in block.value for block in page.markdown), part
    searched = parse_qs(doors["ids"].query)
    assert searched["vocabulary_search"] == [str(int(enc.input_ids[index]))]
    assert (searched["search_by"], searched["tokenizer"]) == (["ids"], ["smollm2"])


def doors_of(app: AppTest) -> dict[str, SplitResult]:
    """The links of the picture, by its parts."""
    sent = next(one.proto.json for one in app.get("bidi_component") if '"doors"' in one.proto.json)
    return {part: urlsplit(href) for part, (_, _, href) in json.loads(sent)["doors"].items()}


def test_a_token_out_of_the_last_line_brings_its_neighbours(engine: LocalEngine) -> None:
    text = "coconut palm " * 12
    app = opened(text, 4)
    assert app.dataframe[0].value["What it is"][0].endswith("(token 5)")
    assert not app.error
    assert first_window([True] * 20, 8) == 19
