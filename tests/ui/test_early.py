"""What is read in advance, and when nothing is."""

from __future__ import annotations

import threading

import pytest

from lmloupe.tokens import embedded
from ui import early
from ui.base import loaders


def test_no_step_begins_while_a_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    at_port = threading.Event()
    monkeypatch.setattr(early, "load_embedded", done.append)
    monkeypatch.setattr(early.importlib, "import_module", done.append)
    monkeypatch.setattr(early, "_port_opens", at_port)
    monkeypatch.setattr(early, "_no_page_runs", idle := threading.Event())
    idle.set()
    with early.a_page_runs("tokens"):
        with early.a_page_runs("tokens"):
            pass
        assert not idle.is_set()  # the outer one still runs
        thread = early.begin()
        at_port.set()
        thread.join(0.2)
        assert thread.is_alive()
        assert done == ["phi-3", "starcoder2"]
    thread.join(30)
    assert done[2:] == [*early._MODULES, "qwen2", "llama-3.1", "pandas", "plotly.graph_objects", "smollm2"]
    assert sorted(set(done) & set(embedded.embedded_tokenizers())) == sorted(embedded.embedded_tokenizers())


def test_a_tokenizer_is_ready_once_it_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_loaded", {})
    assert not loaders.ready("phi-3")
    embedded.load_embedded("phi-3")
    assert loaders.ready("phi-3")
    assert not loaders.ready("smollm2")
    assert not loaders.ready("owner/name")


def test_who_asks_for_a_small_one_does_not_wait_for_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_loaded", {})
    with embedded._locks["llama-3.1"]:
        assert embedded.load_embedded("phi-3").name == "phi-3"
