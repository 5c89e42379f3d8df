"""Pages whose model is on a cluster: each works over the wire or says its one sentence, and outlives the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.cluster.served import ServedModel
from tests.support.pages import no_exception, open_page, output_of, sentences, written_steps
from tests.support.pages_on_a_cluster import ADDRESS, Cluster, pages_ask
from tests.support.tiny_models import build
from ui.cluster import presence as presences
from ui.model.needs import NEEDS

N_WRITTEN = 12
WHEN_PRESSED = {"generate", "conversation"}
ONLY_HERE = {"precision", "block", "layer_by_layer", "speed"}


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    folder = build("llama", tmp_path_factory.mktemp("served"), max_position_embeddings=1024)
    return Cluster(folder, lambda: lm.load_engine(folder, device="cpu"))


@pytest.fixture
def cluster(replica: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(presences, "KEPT_S", 0.0)
    replica.there, replica.served = True, (ServedModel(replica.model, "none", 2),)
    replica.lose, replica.n_looked = (lambda n: False), 0
    replica.questions()
    with pages_ask(replica):
        yield replica


def press(app: AppTest, label: str) -> None:
    next(one for one in app.button if one.label.startswith(label)).click()
    no_exception(app.run())


@pytest.mark.parametrize("url", NEEDS)
def test_a_page_with_a_model_works_over_the_wire_or_says_why_not(cluster: Cluster, url: str) -> None:
    app = no_exception(open_page(url, text=f"A coconut rolls to {url}"))
    assert not app.error, sentences(app)
    if url in ONLY_HERE:
        assert "the model is on a cluster" in sentences(app)
        assert not cluster.questions()
    else:
        assert "the model is on a cluster" not in sentences(app)
        assert cluster.questions() or url in WHEN_PRESSED


def test_front_ends_that_share_answers_ask_the_cluster_as_one_alone_does(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LMLOUPE_RESULTS", str(tmp_path))
    for url in ("next_token", "surprise", "attention"):
        app = no_exception(open_page(url, text=f"A coconut of all front ends rolls to {url}"))
        assert not app.error, sentences(app)
        assert "the model is on a cluster" not in sentences(app)
        assert cluster.questions(), url


def test_a_page_that_finds_no_cluster_says_so_keeps_what_was_typed_and_comes_back(cluster: Cluster) -> None:
    cluster.there = False
    app = no_exception(open_page("next_token", text="A coconut that was typed"))
    assert sentences(app).count("No cluster answers at 127.0.0.1:6379.") == 1
    assert "comes back by itself" in sentences(app)
    assert app.session_state["shared_state"].values["text"] == "A coconut that was typed"
    no_exception(open_page("tokens", text="No model here"))
    cluster.there = True
    no_exception(app.run())
    assert not app.error
    assert app.session_state["shared_state"].values["text"] == "A coconut that was typed"
    assert "next_token" in cluster.questions()


def test_what_was_computed_stays_while_the_cluster_is_away_and_the_rest_follows(cluster: Cluster) -> None:
    app = open_page("next_token", text="A coconut before")
    before = [one.value for one in app.header]
    cluster.there = False
    no_exception(app.run())
    assert [one.value for one in app.header] == before
    assert not app.error
    app.session_state["shared_state"].values["text"] = "A coconut after"
    no_exception(app.run())
    assert sentences(app).count("No cluster answers") == 1
    cluster.there = True
    n = cluster.n_connected
    no_exception(app.run())
    assert not app.error
    assert [one.value for one in app.header] != before
    assert cluster.n_connected == n + 1  # whoever answers now may be of another version


@pytest.mark.parametrize("url", [url for url in NEEDS if url not in ONLY_HERE])
def test_no_page_ends_in_an_exception_when_the_cluster_goes_under_it(cluster: Cluster, url: str) -> None:
    app = open_page(url, text="The first text")
    cluster.there = False
    app.session_state["shared_state"].values["text"] = f"Another text, as {url} was open"
    no_exception(app.run())
    assert len(app.error) <= 2


class OneByOne:
    """A generation of which no two tokens come at the same time, however fast the model is."""

    def __init__(self, running: Any) -> None:
        self._running, self._waits = running, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._running, name)

    def poll(self, timeout_s: float) -> lm.Step | None:
        self._waits = not self._waits
        step: lm.Step | None = self._running.poll(timeout_s) if self._waits else None
        return step


def test_a_generation_that_lost_the_cluster_goes_on_with_the_same_tokens(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = cluster.replicas[0]._engine
    generate = there.generate
    monkeypatch.setattr(there, "generate", lambda *args, **options: OneByOne(generate(*args, **options)))
    engine = lm.load_engine(cluster.model, device="cpu")
    wanted = [one.token_id for one in engine.generate("A coconut rolls", lm.Sampling(), N_WRITTEN, 4)]
    gone: list[int] = []

    def lose(n_message: int) -> bool:
        if n_message < 6:
            return False
        gone.append(n_message)
        cluster.there = False
        return True

    cluster.lose = lose
    app = no_exception(
        open_page("generate", text="A coconut rolls", max_new_tokens=str(N_WRITTEN), prompt="text", seed="4")
    )
    assert gone
    assert sentences(app).count("No cluster answers") == 1
    assert 0 < len(written_steps(app)) < N_WRITTEN
    cluster.there, cluster.lose = True, lambda n: False
    no_exception(app.run())
    assert not app.error
    assert [one.token_id for one in written_steps(app)] == wanted


def test_a_link_to_what_is_not_served_offers_what_is(cluster: Cluster) -> None:
    app = no_exception(open_page("next_token", model="Qwen/Qwen2-0.5B-Instruct", text="A coconut"))
    assert "does not serve Qwen/Qwen2-0.5B-Instruct; it serves" in sentences(app)
    press(app, "Use ")
    assert not app.error
    assert "next_token" in cluster.questions()
    app = no_exception(open_page("next_token", quantization="nf4", text="Another coconut"))
    assert "in nf4; it serves" in sentences(app)
    press(app, "Use ")
    assert "next_token" in cluster.questions()


def test_a_model_whose_replicas_start_is_waited_for(cluster: Cluster) -> None:
    cluster.served = (ServedModel(cluster.model, "none", 0, "DEPLOYING"),)
    app = no_exception(open_page("surprise", text="A coconut"))
    assert "no replica of it answers yet (deploying)" in sentences(app)
    cluster.served = (ServedModel(cluster.model, "none", 1),)
    assert not no_exception(app.run()).error


def test_the_code_loads_the_model_here_and_says_how_to_ask_a_cluster(cluster: Cluster) -> None:
    app = open_page("next_token", text="A coconut")
    code = app.code[-1].value
    assert f"# engine = lm.connect_engine(\"ray://HOST:PORT\", {cluster.model!r}, quantization='none')" in code
    assert ADDRESS not in code
    assert output_of(app)


def test_all_sessions_together_look_for_the_cluster_once_in_two_seconds(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presences, "KEPT_S", 60.0)
    cluster.there = False
    for _ in range(5):
        open_page("next_token")
    assert cluster.n_looked == 1
