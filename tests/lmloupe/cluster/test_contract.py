"""A model answers the same here and on a cluster: the same cases against both, and the same refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lmloupe as lm
from lmloupe.cluster.engine import RemoteEngine, remote_engine
from lmloupe.cluster.questions import QUESTIONS
from lmloupe.cluster.replica import Replica
from tests.support.questions import CASES, REFUSED, answer, difference
from tests.support.ray_cluster import served_engine
from tests.support.replicas import ReplicaCalls


@pytest.fixture(scope="module")
def folder(tiny_model_folder: Callable[[str], Path]) -> Path:
    return tiny_model_folder("llama")


@pytest.fixture(scope="module")
def local(folder: Path) -> lm.Engine:
    return lm.load_engine(folder, device="cpu")


@pytest.fixture(scope="module", params=["replica", "ray"])
def remote(request: pytest.FixtureRequest, folder: Path) -> Iterator[lm.Engine]:
    if request.param == "ray":
        yield served_engine(request, folder)
        return
    calls = ReplicaCalls(Replica(lambda: lm.load_engine(folder, device="cpu")))
    yield remote_engine(calls, lm.load_tokenizer(folder))


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_that_of_the_local_engine(local: lm.Engine, remote: lm.Engine, case: str) -> None:
    name, arguments = CASES[case]
    assert difference(answer(remote, name, arguments), answer(local, name, arguments)) == ""


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_that_of_the_local_engine(local: lm.Engine, remote: lm.Engine, case: str) -> None:
    name, arguments = REFUSED[case]
    with pytest.raises(lm.LoupeError) as here:
        getattr(local, name)(**arguments)
    with pytest.raises(type(here.value)) as there:
        getattr(remote, name)(**arguments)
    assert str(there.value) == str(here.value)


def test_the_tokenizer_is_here_and_knows_the_rows_of_the_matrix(local: lm.Engine, remote: lm.Engine) -> None:
    assert remote.tokenizer.matrix_rows == local.tokenizer.matrix_rows
    assert not remote.tokenizer.has(511)


def test_work_can_be_polled_and_closed(remote: lm.Engine) -> None:
    running = remote.generate("A coconut", max_new_tokens=100, stop_ids=())
    first = next(running)
    assert first.elapsed_s > 0
    assert running.poll(5) is not None
    running.close()
    running.close()
    with pytest.raises(StopIteration):
        running.poll(5)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_method_has_the_words_and_the_signature_of_the_protocol(name: str) -> None:
    method, asked = getattr(RemoteEngine, name), getattr(lm.Engine, name)
    assert inspect.signature(method) == inspect.signature(asked)
    assert method.__doc__ == asked.__doc__
    with pytest.raises(TypeError, match="argument"):
        QUESTIONS[name].arguments(nonsense=1)
