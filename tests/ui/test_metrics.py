"""What an operator watches: what is counted, and the endpoint as Prometheus reads it, on a server of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import urllib.error
import urllib.request

import pytest

import lmloupe as lm
from benchmarks.server import join, serve, wait_until_up
from tests.support.loops import run
from tests.support.pages import no_exception, open_page
from ui.base import loaders, tally
from ui.metrics import endpoint
from ui.metrics.readings import readings


def value(name: str, **labels: str) -> float:
    found = [one.value for one in readings() if one.name == name and dict(one.labels) == labels]
    return found[0] if found else 0.0


def test_an_error_that_a_page_shows_and_a_run_of_a_page_are_counted() -> None:
    shown, runs = value("lmloupe_errors", kind="InvalidTextError"), value("lmloupe_page_runs", page="vocabulary")
    no_exception(open_page("vocabulary"))
    assert value("lmloupe_page_runs", page="vocabulary") == runs + 1
    from ui.base.errors import show_errors

    with show_errors():
        raise lm.InvalidTextError("Nothing to read.")
    endpoint.count_error(KeyError("x"))
    assert value("lmloupe_errors", kind="InvalidTextError") == shown + 1
    assert tally.counts("errors")["KeyError"] >= 1


def test_tokens_are_counted_while_the_model_is_in_memory(tiny_model_folder: object) -> None:
    folder = str(tiny_model_folder("llama"))  # type: ignore[operator]
    engine = loaders.engine(folder, "none")
    labels = {"model": folder, "precision": "none"}
    before = value("lmloupe_tokens_written", **labels)
    steps = list(engine.generate("A coconut", max_new_tokens=3))
    assert value("lmloupe_tokens_written", **labels) - before == len(steps) > 0
    assert value("lmloupe_generations", **labels, state="writing") == 0


def test_it_is_served_where_it_is_asked_for_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(endpoint.VARIABLE, raising=False)
    assert endpoint.routes() == []
    monkeypatch.setenv(endpoint.VARIABLE, "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=r"requirements-server\.txt"):
        endpoint.routes()


def test_prometheus_reads_sessions_pages_and_memory_from_a_server() -> None:
    if importlib.util.find_spec("prometheus_client") is None:
        assert not os.environ.get("CI"), "prometheus-client is not installed"
        pytest.skip("prometheus-client is not installed: pip install -r requirements-server.txt")
    from prometheus_client.parser import text_string_to_metric_families

    with serve(LMLOUPE_METRICS="1") as server:
        wait_until_up(server)

        def samples() -> dict[tuple[str, str], float]:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as answer:
                read = answer.read().decode()
            families = text_string_to_metric_families(read)
            return {(one.name, one.labels.get("page", "")): one.value for each in families for one in each.samples}

        async def with_a_tab() -> dict[tuple[str, str], float]:
            tab = await join(server, "vocabulary")
            try:
                return await asyncio.to_thread(samples)
            finally:
                await tab.close()

        found = run(with_a_tab())
    assert found["lmloupe_sessions", ""] == 1
    assert found["lmloupe_page_runs_total", "vocabulary"] == 1
    assert found["lmloupe_page_run_seconds_total", "vocabulary"] > 0
    assert found["process_resident_memory_bytes", ""] > 50e6
