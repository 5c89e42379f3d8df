"""A model on a real cluster of this machine against the same model in this process, and two replicas against one.

Every question is about a text of its own: a replica keeps answers, and an engine keeps the beginnings of texts.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Paired, Row, paired, rate, skipped
from benchmarks.model import PROMPT
from benchmarks.server import environment

WHAT = "a model on a cluster"
N_PEOPLE, N_NEW = 8, 48
TARGET_QUESTION, TARGET_STREAM, TARGET_TWO = 1.15, 0.95, 1.0
_CORES = 16
"""As Ray is told, which counts them and binds nobody to one: room for all replicas of the measurement."""
_STORE = 150_000_000
_seeds = itertools.count()


def rows() -> list[Row]:
    """A question, the lens, one stream, eight at once; then two replicas of one core against one of both."""
    if importlib.util.find_spec("ray") is None:
        return [skipped(WHAT, "Ray is not installed: pip install -r requirements-cluster.txt")]
    import lmloupe as lm

    try:
        folder = lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped(WHAT, str(error))]
    # The threads of a replica are what Ray gives it, and those of this process all cores; unless somebody has said so.
    os.environ.pop("OMP_NUM_THREADS", None)
    cores = _usable_cores()
    with cluster() as address, tempfile.TemporaryDirectory() as names:

        def replicas_named(name: str, **given: Any) -> Any:
            return served(address, Path(names) / name, folder, **given)

        local, remote = lm.load_engine(device="cpu"), replicas_named("one", cpus=cores)
        result = [
            next_token(remote, local),
            logit_lens(remote, local),
            lens_rows(remote, local),
            stream(remote, local),
            streams(remote, local),
        ]
        if cores < 2:
            return [*result, skipped("two replicas", "this machine has one core")]
        two = replicas_named("two", replicas=2, cpus=cores // 2)
        small = replicas_named("half", cpus=cores // 2)
        return [*result, *replicas(two, remote, small)]


@contextmanager
def cluster(cores: int = _CORES) -> Iterator[str]:
    """A cluster of this machine alone, a driver of which is this process; gives its address and ends it."""
    with warnings.catch_warnings():  # Ray's modules use what pydantic calls deprecated
        warnings.simplefilter("ignore")
        import ray.serve
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
    # The names of Ray's sockets are its folder's and a hundred characters more do not fit.
    with tempfile.TemporaryDirectory(prefix="lm", ignore_cleanup_errors=True) as folder:
        ray.init(
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=_STORE,
            log_to_driver=False,
            logging_level="warning",
            _temp_dir=folder,
            runtime_env={"env_vars": {"PYTHONPATH": environment()["PYTHONPATH"]}},
        )
        try:
            yield f"ray://{ray.get_runtime_context().gcs_address}"
        finally:
            ray.shutdown()


def served(address: str, name: Path, folder: Path, *, replicas: int = 1, cpus: float = 1.0) -> Any:
    """The engine of a model that the cluster serves under another name than its folder's, so that it may be twice."""
    import lmloupe as lm
    from lmloupe.cluster.deploy import serve_model

    name.symlink_to(folder, target_is_directory=True)
    serve_model(str(name), device="cpu", least=replicas, cpus=cpus)
    return lm.connect_engine(address, str(name))


def texts(engine: Any, seed: int) -> Iterator[Any]:
    """Ids of texts of one length that nobody has asked about; the same ones for the same seed."""
    import lmloupe as lm

    ids, draw = np.asarray(lm.encode(engine.tokenizer, PROMPT).input_ids), np.random.default_rng(seed)
    while True:
        yield draw.permutation(ids)


def _in_turns(ours: Any, floor: Any, asks: Callable[[Any, Any], object], rounds: int, warm_up: int = 2) -> Paired:
    """The same new question to both in each round."""
    seed = next(_seeds)
    ours_texts, floor_texts = texts(floor, seed), texts(floor, seed)
    return paired(
        lambda: asks(ours, next(ours_texts)), lambda: asks(floor, next(floor_texts)), rounds=rounds, warm_up=warm_up
    )


def _question(what: str, remote: Any, local: Any, asks: Callable[[Any, Any], object], rounds: int) -> Row:
    got = _in_turns(remote, local, asks, rounds)
    return Row(
        what, got.ours_s * 1e3, got.floor_s * 1e3, "the same in this process",
        unit="ms", ratio=got.ratio, target=TARGET_QUESTION, note=got.spread,
    )  # fmt: skip


def next_token(remote: Any, local: Any, rounds: int = 25) -> Row:
    """Scores of all tokens, one answer of 200 kB for the embedded model."""
    ids = next(texts(local, next(_seeds)))
    assert np.allclose(remote.next_token(ids).logits, local.next_token(ids).logits, atol=1e-3), "the answers differ"
    return _question(
        f"next_token, {len(ids)} tokens", remote, local, lambda engine, ids: engine.next_token(ids), rounds
    )


def logit_lens(remote: Any, local: Any, rounds: int = 7) -> Row:
    """The whole lens in one answer."""
    return _question("logit_lens, all layers", remote, local, lambda engine, ids: engine.logit_lens(ids), rounds)


def lens_rows(remote: Any, local: Any, rounds: int = 7) -> Row:
    """The lens as a page asks for it: its rows as they come."""
    return _question("lens_rows, all layers", remote, local, lambda engine, ids: list(engine.lens_rows(ids)), rounds)


def write(engine: Any, ids: Any, n_new: int = N_NEW) -> Any:
    """A greedy generation of so many tokens."""
    import lmloupe as lm

    return engine.generate(ids, lm.Sampling(temperature=0), max_new_tokens=n_new, stop_ids=())


def write_together(engine: Any, prompts: list[Any], n_new: int) -> int:
    """The same from so many people at once, each with a text of their own; gives the number of tokens."""
    written = [0] * len(prompts)

    def person(number: int) -> None:
        written[number] = sum(1 for _ in write(engine, prompts[number], n_new))

    people = [threading.Thread(target=person, args=(number,)) for number in range(len(prompts))]
    for each in people:
        each.start()
    for each in people:
        each.join()
    assert written == [n_new] * len(prompts), f"of {n_new} tokens each came {written}"
    return sum(written)


def stream(remote: Any, local: Any, n_new: int = N_NEW, rounds: int = 9) -> Row:
    """One person's generation."""

    def written(engine: Any, ids: Any) -> list[int]:
        return [step.token_id for step in write(engine, ids, n_new)]

    ids = next(texts(local, next(_seeds)))
    assert written(remote, ids) == written(local, ids), "the texts differ, so the times do not compare"
    got = _in_turns(remote, local, written, rounds, warm_up=1)
    return rate(
        "generate, one person", n_new, got, "the same in this process", TARGET_STREAM, note=got.inverse_spread
    )  # fmt: skip


def _class(n_people: int, n_new: int) -> Callable[[Any, Any], int]:
    """What asks for texts of so many people; the first text is given, the others follow from it."""
    return lambda asked, ids: write_together(asked, [np.roll(ids, number) for number in range(n_people)], n_new)


def streams(remote: Any, local: Any, n_people: int = N_PEOPLE, n_new: int = N_NEW, rounds: int = 5) -> Row:
    """Several people's at once."""
    got = _in_turns(remote, local, _class(n_people, n_new), rounds, warm_up=1)
    return rate(
        f"generate, {n_people} people at once", n_people * n_new, got, "the same in this process", TARGET_STREAM,
        note=got.inverse_spread,
    )  # fmt: skip


def _questions(n_people: int) -> Callable[[Any, Any], None]:
    """The same for `next_token`."""

    def asked(engine: Any, ids: Any) -> None:
        texts_ = [np.roll(ids, number) for number in range(n_people)]
        people = [threading.Thread(target=engine.next_token, args=(text,)) for text in texts_]
        for each in people:
            each.start()
        for each in people:
            each.join()

    return asked


def replicas(
    two: Any, one: Any, small: Any, n_people: int = N_PEOPLE, n_new: int = N_NEW, rounds: int = 5
) -> list[Row]:
    """Two replicas that share the cores against one that has all of them, and against one of the two alone."""
    result = []
    for floor, name, target in ((one, "one with all cores", TARGET_TWO), (small, "one with half of the cores", None)):
        got = _in_turns(two, floor, _questions(n_people), rounds, warm_up=1)
        answered = rate(f"two replicas, next_token of {n_people}", n_people, got, name, TARGET_TWO, unit="questions/s")
        got_ = _in_turns(two, floor, _class(n_people, n_new), rounds, warm_up=1)
        written = rate(f"two replicas, generate of {n_people}", n_people * n_new, got_, name, TARGET_TWO)
        result += [
            replace(answered, target=target, note=got.inverse_spread),
            replace(written, target=target, note=got_.inverse_spread),
        ]
    return result


def _usable_cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
