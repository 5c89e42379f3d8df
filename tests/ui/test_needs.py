"""A page whose engine lacks something: one sentence says what and why, and leads to what works."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import REPOSITORY, no_exception, open_page, sentences
from ui.model import choice
from ui.model.needs import NEEDS, able, lacking
from ui.pages import PAGES, page
from ui.state.settings import EMBEDDED_MODEL

REASON = "the cluster sends no attention weights"


def test_every_page_that_chooses_a_model_says_what_it_needs() -> None:
    choosing = {one.url for one in PAGES if re.search(r"\bchoose_model\(", (REPOSITORY / one.path).read_text("utf-8"))}
    assert choosing == set(NEEDS)


def test_the_pages_that_work_are_offered_and_those_near_by_come_first() -> None:
    without = lm.Capabilities(attention=lm.Capability(REASON), scores=lm.Capability("it is a test"))
    assert lacking("attention", without) == ("attention",)
    offered = [one.url for one in able("attention", without)]
    assert offered[0] == "layers"
    assert not {"attention", "surprise", "masked", "next_token", "wrong_format", "tokens"} & set(offered)
    assert "kv_cache" in offered


def fake(monkeypatch: pytest.MonkeyPatch, **missing: lm.Capability) -> None:
    """An engine that can be described, and asked nothing: whatever a page asks of it is an AttributeError."""
    described: Any = SimpleNamespace(
        notes=(), n_quantized=0, quantization="none", compute_dtype="float32", context_length=128, n_layers=3, width=64,
        n_parameters=1, bytes=4, device="cpu", name="fake", published_as="", architecture="Fake",
    )  # fmt: skip
    engine = SimpleNamespace(capabilities=lm.Capabilities(**missing), describe=lambda: described)
    monkeypatch.setattr(choice, "engine", lambda *_: engine)
    monkeypatch.setattr(choice, "_loaded_before", lambda: {(EMBEDDED_MODEL, "none"), ("some/model", "none")})
    monkeypatch.setattr(choice, "_asked_for", lambda: {("some/model", "none")})
    monkeypatch.setattr(lm, "embedded_model_folder", lambda: Path())


def opened(url: str, **params: str) -> AppTest:
    return no_exception(open_page(url, quantization="none", **params))


@pytest.mark.parametrize("url", ["attention", "precision", "kv_cache", "padding"])
def test_a_page_without_what_it_needs_says_so_and_asks_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = NEEDS[url][0]
    fake(monkeypatch, **{name: lm.Capability("the cluster *sends* none")})
    app = opened(url)
    assert len(app.info) == 1
    assert re.fullmatch(
        rf"{page(url).title} needs [^.]+, but the cluster \*sends\* none\.", app.info[0].value.replace("\\", "")
    )
    assert "These pages work with this model" in sentences(app)
    assert not app.error
    assert "Use SmolLM2" not in [button.label for button in app.button]


def test_another_model_is_offered_where_it_is_the_model_that_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, attention=lm.Capability("Rwkv has no attention", of_model=True))
    app = opened("attention", model="some/model")
    button = next(button for button in app.button if button.label == "Use SmolLM2")
    assert button
