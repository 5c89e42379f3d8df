"""What one front end has computed another one reads: every answer and every job, without a pass of the model."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lmloupe as lm
from ui.base import loaders
from ui.base.jobs import Job, Jobs, server_jobs
from ui.base.kept import finished as finished_module
from ui.base.kept.finished import Finished
from ui.base.kept.folder import folder, require_folder
from ui.generation.levels import views as levels
from ui.generation.padding import batches
from ui.generation.speculative.drafting import Drafting
from ui.generation.strategies import work as strategies
from ui.generation.strategies.asked import Asked
from ui.model import answers
from ui.precision.block import answers as block
from ui.precision.compare import question as compare
from ui.precision.kv_cache import answers as kv_cache
from ui.precision.layers import work as layers
from ui.precision.speed import view as speed
from ui.prediction.masked import answers as gaps
from ui.vectors import architecture_view, map_view, meanings

LONG_S = 240
IDS = tuple(range(3, 15))
MODULE = "model.layers.0.mlp.up_proj"
GREEDY = lm.Sampling(temperature=0)

ASKED: dict[str, tuple[Callable[..., Any], Callable[[Any, str], object]]] = {
    "next token": (loaders.next_token, lambda ask, model: ask(model, "none", IDS)),
    "score": (answers.scored, lambda ask, model: ask(model, "none", IDS)),
    "attention": (answers.attention, lambda ask, model: ask(model, "none", IDS, 1)),
    "attention summary": (answers.attention_summary, lambda ask, model: ask(model, "none", IDS)),
    "attribution": (answers.attribution, lambda ask, model: ask(model, "none", IDS, 5, 3)),
    "gap": (gaps.gap, lambda ask, model: ask(model, "none", ("The cat", "sat."), (" big", " one"), (" ran.",), 3)),
    "two levels": (levels._two_levels, lambda ask, model: ask(model, "none", "The cat", 3, 0.0, 0)),
    "padded batch": (
        batches.batch_of, lambda ask, model: ask(model, "none", (IDS, IDS[:4]), 0, ("left", True, "mask"))
    ),
    "blocks": (block.blocks_of, lambda ask, model: ask(model, "none", MODULE, "nf4")),
    "largest inputs": (block.outliers_of, lambda ask, model: ask(model, "none", IDS)),
    "int8 product": (block.product_of, lambda ask, model: ask(model, "none", IDS, MODULE, 6.0)),
    "map": (map_view.points, lambda ask, model: ask(model, "none", "pca", 2, "input", None)),
    "undertrained": (map_view.undertrained, lambda ask, model: ask(model, "none")),
    "histogram": (architecture_view.histogram, lambda ask, model: ask(model, "none", MODULE)),
    "states": (meanings.states_of, lambda ask, model: ask(model, "none", IDS, 4)),
    "activations": (layers.activations, lambda ask, model: ask(model, IDS)),
    "features": (layers.features, lambda ask, model: ask(model, IDS)),
    "cache": (kv_cache.cache_now, lambda ask, model: ask(model, "none", IDS)),
    "keys and values": (kv_cache.keys_values, lambda ask, model: ask(model, "none", IDS, 0)),
}  # fmt: skip


def strategy(name: str, model: str, **more: Any) -> Job[Any]:
    asked = Asked(name, model, "none", IDS, 6, **more)
    return strategies.ask([asked])[1]  # type: ignore[return-value]


LOOKUP, EARLY = Drafting("prompt_lookup", 3, 3, None), Drafting("early_layer", 3, 3, 1)
JOBS: dict[str, Callable[[str], Job[Any] | None]] = {
    "errors": lambda model: layers.ask(model, "nf4", IDS, "only").errors,
    "layers": lambda model: layers._effects(model, "nf4", IDS, "only"),
    "matrices": lambda model: layers.ask_matrices(model, "nf4", IDS, 1),
    "growth": lambda model: kv_cache.growth_job(model, "none", IDS),
    "race": lambda model: kv_cache.race_job(model, "none", IDS, 3, start=True),
    "precisions": lambda model: compare.Question(model, IDS, "auto", ("nf4", "q8_0"), 3).ask(),
    "speed": lambda model: speed.measurement((model, ("float32", "nf4"), 8, 3, 2), start=True),
    "greedy": lambda model: strategy("greedy", model, sampling=GREEDY),
    "sampling": lambda model: strategy("sampling", model, sampling=lm.Sampling(), seed=3),
    "beams": lambda model: strategy("beam", model, num_beams=3),
    "contrastive": lambda model: strategy("contrastive", model, penalty_alpha=0.6, top_k=4),
    "prompt lookup": lambda model: strategy("prompt_lookup", model, sampling=GREEDY, drafting=LOOKUP),
    "early layer": lambda model: strategy("early_layer", model, sampling=GREEDY, drafting=EARLY),
}


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is shared, in which everything is kept."""
    monkeypatch.setenv("LMLOUPE_RESULTS", str(tmp_path / "results"))
    made = folder()
    assert made is not None
    monkeypatch.setattr(made, "slow_s", -1.0)
    another_front_end()
    yield made.path
    another_front_end()


def another_front_end() -> None:
    """Forget what this process has computed, as a process that has just started does not know it."""
    server_jobs.clear()
    strategies._finished.clear()
    compare._known.clear()
    for ask, _ in ASKED.values():
        ask.clear()  # type: ignore[attr-defined]


@pytest.fixture
def passes(tiny_model_folder: Callable[[str], Path]) -> Iterator[tuple[str, list[int]]]:
    """A model by its name, and a list that grows with each of its passes."""
    model, seen = str(tiny_model_folder("llama")), []
    hook = loaders.engine(model, "none").loaded.model.register_forward_hook(lambda *_: seen.append(1))  # type: ignore[attr-defined]
    yield model, seen
    hook.remove()


def same(one: Any, other: Any) -> None:
    """Nothing is lost and nothing added: kinds, shapes, dtypes and all numbers."""
    if dataclasses.is_dataclass(one):
        assert type(other) is type(one)
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for each in zip(one, other, strict=True):
            same(*each)
    elif isinstance(one, dict):
        same(sorted(one.items()), sorted(other.items()))
    else:
        assert one == other or one != one
        assert isinstance(other, type(one)) or isinstance(one, np.generic)


@pytest.mark.parametrize("what", ASKED)
def test_an_answer_of_one_front_end_is_read_by_another(what: str, shared: Path, passes: tuple[str, list[int]]) -> None:
    model, seen = passes
    ask, question = ASKED[what]
    here = question(ask, model)
    (written,) = shared.iterdir()
    inode = written.stat().st_ino
    another_front_end()
    seen.clear()
    there = question(ask, model)
    assert there is not here
    assert not seen
    assert [path.stat().st_ino for path in shared.iterdir()] == [inode]  # read, not written anew
    same(here, there)


@pytest.mark.parametrize("what", JOBS)
def test_a_job_that_has_finished_has_finished_on_every_front_end(
    what: str, shared: Path, passes: tuple[str, list[int]]
) -> None:
    model, seen = passes
    here = JOBS[what](model)
    assert here is not None
    assert here.wait(LONG_S)
    assert here.error is None, here.error
    another_front_end()
    seen.clear()
    there = JOBS[what](model)
    if isinstance(there, Job):  # of a strategy that is finished there is no job any more
        assert there.ended
        same(here.result(), there.result())
    assert not seen
    assert list(shared.iterdir())


def test_a_strategy_that_another_front_end_has_written_is_finished(shared: Path, passes: tuple[str, list[int]]) -> None:
    asked = Asked("beam", passes[0], "none", IDS, 6, num_beams=3)
    job = strategies.ask([asked])[1]
    assert job is not None
    assert job.wait(LONG_S)
    another_front_end()
    (row,), running = strategies.ask([asked])
    assert running is None
    assert row.finished
    same(row.written, job.result())


def test_nothing_is_kept_where_nobody_asked_for_it(
    passes: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LMLOUPE_RESULTS", raising=False)
    monkeypatch.setenv("LMLOUPE_CACHE", str(tmp_path))
    another_front_end()
    assert folder() is None
    answers.scored(passes[0], "none", IDS)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_had_ends_the_start_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LMLOUPE_RESULTS", str(tmp_path / "file"))
    with pytest.raises(SystemExit, match=r"^LMLOUPE_RESULTS: Answers cannot be kept in .*: .* Choose a folder"):
        require_folder()


class Front:
    """A front end: its own jobs over the folder that all share."""

    def __init__(self) -> None:
        self.jobs = Jobs()

    def ask(self, work: Callable[[], Iterator[int]] | None, name: str = "q") -> Job[int] | None:
        return self.jobs.job(name, work, Finished(lambda: name.ljust(64, "0"), int))


def started(front: Front, work: Callable[[], Iterator[int]], name: str = "q") -> Job[int]:
    found = front.ask(work, name)
    assert found is not None
    return found


def test_a_job_of_another_front_end_is_waited_for_and_its_steps_are_seen(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished_module, "PART_S", -1.0)
    begun, go = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        yield 3
        begun.set()
        assert go.wait(LONG_S)
        yield 4

    def never() -> Iterator[int]:
        raise AssertionError("computed twice")

    one, other = Front(), Front()
    mine = started(one, slow)
    assert begun.wait(LONG_S)
    theirs = started(other, never)
    beside = started(other, lambda: iter([8]), "r")
    assert beside.wait(LONG_S)  # what waits for another front end holds up nothing here
    while theirs.latest is None or not theirs.elsewhere:
        theirs.look()
        assert not theirs.wait(0.05)
    assert (theirs.latest, theirs.elsewhere, theirs.running, theirs.ended) == (3, True, False, False)
    go.set()
    assert theirs.wait(LONG_S)
    assert (mine.result(), theirs.result(), theirs.elsewhere) == (4, 4, False)
    assert Front().ask(None) is not None
    assert sorted(path.name[0] for path in shared.iterdir()) == ["q", "r"]  # no part and no lock is left


def test_what_finishes_on_another_front_end_has_finished_for_who_waits_behind_others_here(shared: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        begun.set()
        assert go.wait(LONG_S)
        yield 4

    here, there = Front(), Front()
    first = started(here, slow, "long")
    assert begun.wait(LONG_S)
    behind = started(here, lambda: iter([5]))
    assert here.jobs.ahead(behind) == 1
    quick = started(there, lambda: iter([6]))
    assert quick.wait(LONG_S)
    behind.look()
    assert (behind.ended, behind.result(), first.ended) == (True, 6, False)
    go.set()
    assert first.wait(LONG_S)


def test_stop_ends_the_waiting_here_and_what_is_stopped_there_is_computed_here(shared: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> Iterator[int]:
        yield 3
        begun.set()
        assert go.wait(LONG_S)
        yield 4

    one, other, third = Front(), Front(), Front()
    mine = started(one, slow)
    assert begun.wait(LONG_S)
    theirs = started(other, lambda: iter([5]))
    theirs.stop()
    assert theirs.wait(LONG_S)
    assert theirs.stopped
    waits = started(third, lambda: iter([6]))
    mine.stop()
    go.set()
    assert mine.wait(LONG_S)
    assert waits.wait(LONG_S)
    assert waits.result() == 6
    other.jobs.again(theirs)
    again = other.ask(None)
    assert again is not None
    assert again.wait(LONG_S)
    assert again.result() == 6  # read: the third has computed it meanwhile
