"""A class on one model: several generations at once, one alone, a fork, and thirty who come at the same moment."""

from __future__ import annotations

import threading
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import Paired, Row, paired, rate, skipped
from benchmarks.model import PROMPT, forget, generate_of_transformers

N_PEOPLE, N_NEW = 8, 32
N_CLASS = 30
N_TRUNK, FORK_AT, N_AFTER = 128, 100, 8
TARGET_TOGETHER, TARGET_ALONE, TARGET_FORK, TARGET_STOP_MS = 3.0, 0.95, 1.2, 100.0


def rows() -> list[Row]:
    """Eight against one after another; one against ``model.generate``; a fork's first token; thirty at once."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("several people on one model", str(error))]
    engine = lm.load_engine()
    return [together(engine), alone(engine), fork(engine), stop(engine), at_once(engine)]


def prompts(engine: Any, n: int) -> list[Any]:
    """Texts of different lengths, with different beginnings."""
    ids = np.asarray(engine.input_ids(PROMPT))
    return [np.roll(ids, -i)[: 6 + 5 * i % len(ids)] for i in range(n)]


def _write(engine: Any, ids: Any, n_new: int) -> Any:
    import lmloupe as lm

    return engine.generate(ids, lm.Sampling(temperature=0), max_new_tokens=n_new, stop_ids=())


def together(engine: Any, n_people: int = N_PEOPLE, n_new: int = N_NEW, rounds: int = 3) -> Row:
    """The same generations at once and one after another."""
    asked = prompts(engine, n_people)

    def at_once() -> list[list[int]]:
        forget(engine)
        running = [_write(engine, ids, n_new) for ids in asked]
        return [[step.token_id for step in generation] for generation in running]

    def in_turn() -> list[list[int]]:
        forget(engine)
        return [[step.token_id for step in _write(engine, ids, n_new)] for ids in asked]

    assert at_once() == in_turn(), "the texts differ, so the times do not compare"
    got = paired(at_once, in_turn, rounds=rounds, warm_up=0)
    serving = engine.serving()
    return rate(
        f"{n_people} people, {n_new} tokens each", n_people * n_new, got, "the same one after another", TARGET_TOGETHER,
        note="" if serving.batched else serving.reason,
    )  # fmt: skip


def alone(engine: Any, n_new: int = N_NEW, rounds: int = 5) -> Row:
    """One person, against transformers' own loop."""
    ids = engine.input_ids(PROMPT)

    def ours() -> list[int]:
        forget(engine)
        return [step.token_id for step in _write(engine, ids, n_new)]

    greedy = {"do_sample": False, "repetition_penalty": 1.0, "min_new_tokens": n_new}
    floor = generate_of_transformers(engine, ids, n_new, **greedy)
    assert ours() == floor(), "the texts differ, so the times do not compare"
    got = paired(ours, floor, rounds=rounds)
    return rate("one person alone", n_new, got, f"model.generate, {n_new} new tokens", TARGET_ALONE)


def fork(engine: Any, n_trunk: int = N_TRUNK, fork_at: int = FORK_AT, rounds: int = 7) -> Row:
    """Seconds to a fork's first token, against the steps that follow it."""
    forget(engine)
    ids = engine.input_ids(PROMPT)
    trunk = [step.token_id for step in _write(engine, ids, n_trunk)]
    times: list[tuple[float, float]] = []
    for other in range(rounds + 1):
        path = [*ids.tolist(), *trunk[:fork_at], 1_000 + other]
        began = time.perf_counter()
        generation = _write(engine, path, 1 + N_AFTER)
        next(generation)
        first = time.perf_counter()
        assert generation.reused_tokens == len(path) - 1, "the fork read more than its own token"
        steps = list(generation)
        times.append((first - began, (time.perf_counter() - first) / len(steps)))
    got = Paired(tuple(times[1:]))
    return Row(
        f"first token of a fork at step {fork_at} of {n_trunk}",
        got.ours_s * 1e3,
        got.floor_s * 1e3,
        "one decode step",
        unit="ms",
        ratio=got.ratio,
        target=TARGET_FORK,
    )


def stop(engine: Any, rounds: int = 7) -> Row:
    """Milliseconds from Stop until the model does nothing more for it: the step at hand."""
    times = []
    for _ in range(rounds):
        generation = _write(engine, engine.input_ids(PROMPT), 64)
        next(generation)
        next(generation)
        began = time.perf_counter()
        generation.close()
        engine.loaded.worker.call(lambda: None)
        times.append((time.perf_counter() - began) * 1e3)
    return Row("Stop until the model is free", median(times), unit="ms", target=TARGET_STOP_MS, judged="ours")


def at_once(engine: Any, n_people: int = N_CLASS, n_new: int = N_NEW) -> Row:
    """Threads that ask at the same moment, each something else: the slowest first token, and whether all are served."""
    asked = prompts(engine, n_people)
    forget(engine)
    lone = time.perf_counter()
    next(_write(engine, asked[0], n_new))
    lone = time.perf_counter() - lone
    forget(engine)
    first: dict[int, float] = {}
    written: dict[int, int] = {}
    gate = threading.Barrier(n_people)

    def person(number: int) -> None:
        gate.wait()
        began = time.perf_counter()
        generation = _write(engine, asked[number], n_new)
        next(generation)
        first[number] = time.perf_counter() - began
        written[number] = 1 + sum(1 for _ in generation)

    people = [threading.Thread(target=person, args=(number,)) for number in range(n_people)]
    began = time.perf_counter()
    for each in people:
        each.start()
    for each in people:
        each.join()
    took = time.perf_counter() - began
    refused = n_people - sum(n == n_new for n in written.values())
    assert refused == 0, f"{refused} of {n_people} were not served"
    return Row(
        f"{n_people} people at once, slowest first token",
        max(first.values()),
        lone,
        "one person's first token",
        ratio=max(first.values()) / lone,
        note=f"none refused; half had theirs after {median(first.values()):.1f} s; {n_people * n_new / took:.0f} "
        "tokens/s in all",
    )
