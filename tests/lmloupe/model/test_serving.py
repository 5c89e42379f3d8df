"""Several generations of one model in one pass a step, joining and leaving; forks from what was read; who waits."""

from __future__ import annotations

import gc
import itertools
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.generation import answers
from lmloupe.model.generation.serving import scheduler as scheduling
from lmloupe.model.generation.serving.prefixes import KeptTexts
from lmloupe.model.generation.serving.scheduler import Scheduler
from lmloupe.model.passes.worker import Ticket
from tests.support import architectures
from tests.support.tiny_models import ARCHITECTURES

GREEDY = lm.Sampling(temperature=0)
DRAWN = lm.Sampling(temperature=1.3, top_p=0.9)
PROMPTS = [np.random.default_rng(n).integers(6, 400, n).tolist() for n in (1, 2, 3, 5, 8, 13, 21, 40)]
MOST = 12


class ByHand:
    """A worker whose steps the test makes, so that who joins or leaves at which step is its choice."""

    def __init__(self) -> None:
        self.tickets: list[Ticket[Any]] = []

    def submit(self, work: Iterator[Any], *, background: bool = False) -> Ticket[Any]:
        self.tickets.append(Ticket(work, background=background))
        return self.tickets[-1]

    def step(self) -> bool:
        """One step of what is to be done; False when there is nothing."""
        with torch.inference_mode():
            self.tickets = [ticket for ticket in self.tickets if ticket.advance()]
        return bool(self.tickets)

    def call(self, function: Callable[[], Any]) -> Any:
        with torch.inference_mode():
            return function()

    def finish(self) -> None:
        while self.step():
            pass


@dataclass
class Room:
    """A tiny model whose scheduler is driven by hand, and what each prompt gives alone."""

    engine: Any
    worker: ByHand
    scheduler: Scheduler

    def ask(self, ids: list[int], sampling: lm.Sampling, most: int = MOST, seed: int = 0, **options: Any) -> Any:
        rules = {"lens": False, "stop_ids": None} | options
        loaded = replace(self.engine.loaded, worker=self.worker)
        return answers.generate(loaded, self.scheduler, np.array(ids, np.int32), sampling, most, seed, **rules)

    def write(self, *asked: Any, **options: Any) -> Any:
        """A generation that has come to its end."""
        generation = self.ask(*asked, **options)
        self.worker.finish()
        return generation

    def alone(self, ids: list[int], sampling: lm.Sampling, most: int = MOST, seed: int = 0) -> list[lm.Step]:
        self.scheduler.texts.clear()
        generation = self.write(ids, sampling, most, seed)
        self.scheduler.texts.clear()
        return list(generation)


def room_of(engine: Any) -> Room:
    worker = ByHand()
    # Every pass takes as long as any other.
    scheduler = Scheduler(replace(engine.loaded, worker=worker), clock=itertools.count().__next__)
    return Room(engine, worker, scheduler)


@pytest.fixture(scope="module")
def engines(tiny_model_folder: Callable[[str], Path]) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda arch: made.setdefault(arch, None) or made.__setitem__(
        arch, lm.load_engine(tiny_model_folder(arch), device="cpu")
    ) or made[arch]  # fmt: skip


@pytest.fixture(scope="module")
def room(engines: Callable[[str], Any]) -> Room:
    return room_of(engines("llama"))


@pytest.fixture(scope="module")
def expected(room: Room) -> dict[tuple[int, bool], list[lm.Step]]:
    return {
        (i, drawn): room.alone(ids, DRAWN if drawn else GREEDY, seed=i)
        for i, ids in enumerate(PROMPTS)
        for drawn in (False, True)
    }


@dataclass
class Passes:
    """The shapes of the ids in each pass of a model, and whether it was given a mask."""

    shapes: list[tuple[int, int]]
    masked: list[bool]


@pytest.fixture
def passes(room: Room) -> Iterator[Passes]:
    found = Passes([], [])

    def note(_: Any, __: Any, kwargs: Any) -> None:
        found.shapes.append(tuple(kwargs["input_ids"].shape))
        found.masked.append(kwargs.get("attention_mask") is not None)

    handle = room.engine.loaded.model.register_forward_pre_hook(note, with_kwargs=True)
    yield found
    handle.remove()


def tokens(steps: list[lm.Step]) -> list[int]:
    return [step.token_id for step in steps]


# Together is as alone


COMERS = st.lists(
    st.tuples(
        st.integers(0, len(PROMPTS) - 1), st.booleans(), st.integers(1, MOST), st.integers(0, 9), st.integers(1, 40)
    ),
    min_size=2,
    max_size=9,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(comers=COMERS, most_served=st.integers(2, 6))
def test_whoever_joins_and_leaves_when_each_gets_what_it_gets_alone(
    room: Room, expected: dict[tuple[int, bool], list[lm.Step]], comers: list[Any], most_served: int
) -> None:
    """Each comes some steps after the one before, writes some tokens, and is closed after some steps."""
    room.scheduler._line.most = most_served
    running = []
    for prompt, drawn, most, pause, patience in comers:
        for _ in range(pause):
            room.worker.step()
        generation = room.ask(PROMPTS[prompt], DRAWN if drawn else GREEDY, most, seed=prompt)
        running.append((generation, patience, expected[prompt, drawn][:most], []))
    for step in range(1, 400):
        more = room.worker.step()
        for generation, patience, _, got in running:
            try:
                while (result := generation.poll(0)) is not None:
                    got.append(result)
            except StopIteration:
                pass
            if step == patience:
                generation.close()
        if not more:
            break
    for _, patience, right, got in running:
        if patience == 40:
            assert len(got) == len(right)
        assert tokens(got) == tokens(right)[: len(got)]
        for mine, its in zip(got, right, strict=False):
            assert mine.text == its.text or mine.ended_by != its.ended_by
            assert mine.log_prob == pytest.approx(its.log_prob, abs=1e-3)
            np.testing.assert_allclose(mine.top_log_probs, its.top_log_probs, atol=1e-3)
            assert mine.entropy_bits == pytest.approx(its.entropy_bits, abs=1e-3)
    assert room.scheduler.serving().n_writing == room.scheduler.serving().n_waiting == 0


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_all_in_one_pass_give_what_each_gives_alone(engines: Callable[[str], Any], arch: str) -> None:
    room = room_of(engines(arch))
    alone = [tokens(room.alone(ids, DRAWN, 10, seed=3)) for ids in PROMPTS[::2]]
    running = [room.ask(ids, DRAWN, 10, seed=3) for ids in PROMPTS[::2]]
    room.worker.finish()
    assert [tokens(list(generation)) for generation in running] == alone
    assert room.scheduler.serving().batched


# Bias by distance (bloom, mpt), positions that a mask counts (opt), windows, experts, latents, one state.
TOGETHER = {
    "bloom": True, "gpt2": True, "opt": True, "gemma2": True, "mixtral": True, "deepseek_v3": True,
    "mamba": False, "jamba": False, "bart": False, "recurrent_gemma": False,
}  # fmt: skip


@pytest.mark.parametrize("kind", TOGETHER)
def test_models_of_other_builds_are_written_together_or_take_turns(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    room = room_of(architectures.engine_of(kind))
    prompts = [architectures.IDS[i : i + n].tolist() for i, n in enumerate((3, 20, 9))]
    alone = [tokens(room.alone(ids, DRAWN, 6, seed=5)) for ids in prompts]
    with caplog.at_level(logging.WARNING):
        running = [room.ask(ids, DRAWN, 6, seed=5) for ids in prompts]
        room.worker.finish()
    assert [tokens(list(generation)) for generation in running] == alone
    serving = room.scheduler.serving()
    assert serving.batched == TOGETHER[kind]
    assert (serving.reason == "") == serving.batched
    assert serving.reason in caplog.text


@pytest.mark.parametrize("window", [32])
def test_a_text_that_may_outgrow_its_window_takes_turns(window: int) -> None:
    room = room_of(lm.load_engine(architectures.build("mistral", sliding_window=window), device="cpu"))
    prompts = [architectures.IDS[i : i + n].tolist() for i, n in enumerate((4, 12, 28))]
    alone = [tokens(room.alone(ids, DRAWN, 6, seed=5)) for ids in prompts]
    running = [room.ask(ids, DRAWN, 6, seed=5) for ids in prompts]
    most_together = 0
    while room.worker.step():
        most_together = max(most_together, *(len(rows.requests) for rows in room.scheduler._rows), 0)
    assert [tokens(list(generation)) for generation in running] == alone
    assert (room.scheduler.serving().batched, most_together) == (True, 2)


def test_texts_of_very_different_lengths_are_not_padded_to_one(room: Room) -> None:
    room.scheduler._line.most = 32
    long = (PROMPTS[-1] * 3)[:110]
    right = [tokens(room.alone(ids, GREEDY)) for ids in (long, *PROMPTS[:4])]
    monkey = pytest.MonkeyPatch()
    monkey.setattr("lmloupe.model.generation.serving.rows._FREE_SLOTS", 8)
    with monkey.context():
        running = [room.ask(ids, GREEDY) for ids in (long, *PROMPTS[:4])]
        sizes = set()
        while room.worker.step():
            sizes.add(tuple(sorted(len(rows.requests) for rows in room.scheduler._rows)))
    monkey.undo()
    assert [tokens(list(generation)) for generation in running] == right
    assert (1, 4) in sizes


def test_one_alone_is_read_without_a_mask_and_several_in_one_pass(room: Room, passes: Passes) -> None:
    room.alone(PROMPTS[4], GREEDY, 6)
    assert passes.shapes == [(1, 8)] + [(1, 1)] * 5
    assert not any(passes.masked)
    passes.shapes.clear()
    running = [room.ask(ids, lm.Sampling(temperature=0, top_k=7), 9) for ids in PROMPTS[:4]]
    room.worker.finish()
    assert (4, 1) in passes.shapes
    assert len(passes.shapes) < sum(len(list(generation)) for generation in running)


def test_each_step_of_the_worker_is_one_pass(room: Room, passes: Passes) -> None:
    """So a short question waits for one pass, and closing stops after the one at hand."""
    running = [room.ask(ids, DRAWN, 30, seed=i, stop_ids=()) for i, ids in enumerate(PROMPTS[:6])]
    before = 0
    for _ in range(25):
        room.worker.step()
        assert len(passes.shapes) - before <= 1
        before = len(passes.shapes)
    for generation in running:
        generation.close()
    room.worker.finish()
    assert len(passes.shapes) == before
    assert room.scheduler.serving().n_writing == 0


def test_a_long_prompt_does_not_hold_up_those_who_write_nor_they_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmloupe.model.passes.residual.PREFILL_CHUNK", {"cpu": 8})
    room.scheduler.texts.clear()
    writing = room.ask(PROMPTS[2], DRAWN, 60, stop_ids=())
    for _ in range(3):
        room.worker.step()
    long = room.ask((PROMPTS[-1] * 2)[:64], GREEDY, 4, stop_ids=())
    written = []
    for _ in range(20):
        room.worker.step()
        while (step := writing.poll(0)) is not None:
            written.append(step)
    assert len(written) >= 3 + 8, "a token of one after each piece of the other"
    assert long.poll(0) is not None
    for generation in (writing, long):
        generation.close()
    room.worker.finish()


def test_the_error_of_one_text_ends_that_one_alone(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    room = room_of(engine)
    right = [tokens(room.alone(ids, GREEDY, 20)) for ids in PROMPTS[:5]]
    other = {token for steps in right[:4] for token in steps} | {token for ids in PROMPTS[:5] for token in ids}
    at, broken = next((i, token) for i, token in enumerate(right[4]) if token not in other)
    with torch.inference_mode():
        engine.loaded.model.get_input_embeddings().weight[broken] = float("nan")
    running = [room.ask(ids, GREEDY, 20) for ids in PROMPTS[:5]]
    room.worker.finish()
    assert [tokens(list(generation)) for generation in running[:4]] == right[:4]
    got = []
    with pytest.raises(lm.NotFiniteError):
        got.extend(step.token_id for step in running[4])
    assert got == right[4][: at + 1]


def test_where_a_pass_over_several_fails_each_goes_on_by_itself(
    engines: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room = room_of(engines("qwen2"))
    right = [
        tokens(
            room.alone(
                ids,
                DRAWN,
                20,
                seed=1,
            )
        )
        for ids in PROMPTS[:4]
    ]
    block = room.engine.loaded.model.model.layers[1]
    forward = block.forward

    def failing(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(hidden) == 4:
            raise torch.OutOfMemoryError("no room")
        return forward(hidden, *args, **kwargs)

    monkeypatch.setattr(block, "forward", failing)
    running = [room.ask(ids, DRAWN, 20, seed=1) for ids in PROMPTS[:4]]
    with caplog.at_level(logging.WARNING):
        room.worker.finish()
    assert [tokens(list(generation)) for generation in running] == right
    assert "no room" in room.scheduler.serving().reason
    assert "no room" in caplog.text


def test_with_the_lens_too_others_write_in_between(room: Room) -> None:
    right, its = room.alone(PROMPTS[3], DRAWN, 9, seed=2), room.alone(PROMPTS[5], DRAWN, 9, seed=2)
    plain, with_lens = room.ask(PROMPTS[3], DRAWN, 9, seed=2), room.ask(PROMPTS[5], DRAWN, 9, seed=2, lens=True)
    room.worker.finish()
    assert tokens(list(plain)) == tokens(right)
    steps = list(with_lens)
    assert tokens(steps) == tokens(its)
    assert all(step.lens_ids is not None and step.lens_ids[-1] == step.top_ids[0] for step in steps)


# Who waits, who shares


def test_who_comes_when_all_places_are_taken_waits_in_order(room: Room) -> None:
    room.scheduler._line.most = 2
    running = [room.ask(ids, DRAWN, 6, seed=9, stop_ids=()) for ids in PROMPTS[:6]]
    room.worker.step()
    assert [generation.ahead for generation in running] == [0, 0, 0, 1, 2, 3]
    assert room.scheduler.serving() == lm.Serving(2, 4, 2, batched=True)
    running[3].close()
    assert [generation.ahead for generation in running] == [0, 0, 0, 1, 1, 2]
    first: list[int] = []
    while room.worker.step():
        for i, generation in enumerate(running):
            if i not in first and i != 3 and generation.poll(0) is not None:
                first.append(i)
    assert first == [0, 1, 2, 4, 5]
    room.scheduler._line.most = 32


def test_equal_requests_at_once_are_computed_once(room: Room, passes: Passes) -> None:
    right = room.alone(PROMPTS[5], DRAWN, 10, seed=4)
    n_passes = len(passes.shapes)
    first = room.ask(PROMPTS[5], DRAWN, 10, seed=4)
    for _ in range(5):
        room.worker.step()
    second, other = room.ask(PROMPTS[5], DRAWN, 10, seed=4), room.ask(PROMPTS[5], DRAWN, 10, seed=5)
    assert room.scheduler.serving().n_writing + room.scheduler.serving().n_waiting == 2
    other.close()
    first.close()
    room.worker.finish()
    assert tokens(list(second)) == tokens(right)
    assert len(passes.shapes) == 2 * n_passes


def test_thirty_people_at_once_on_the_real_worker(engines: Callable[[str], Any]) -> None:
    """None is refused, each gets its own text, and a short question in between is answered."""
    engine = engines("llama")
    asked = [(PROMPTS[i % len(PROMPTS)], i) for i in range(30)]

    def run(ids: list[int], seed: int) -> list[int]:
        return [step.token_id for step in engine.generate(ids, DRAWN, 6, seed=seed)]

    alone = [run(*one) for one in asked]
    together: dict[int, list[int]] = {}
    threads = [threading.Thread(target=lambda one=one: together.__setitem__(one[1], run(*one))) for one in asked]
    for thread in threads:
        thread.start()
    assert engine.next_token(PROMPTS[0]).logits.shape == (512,)
    for thread in threads:
        thread.join(60)
    assert [together[seed] for _, seed in asked] == alone
    assert engine.serving().n_writing == 0


# Forks


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_fork_reads_its_own_token_alone_and_the_other_branch_stays(
    engines: Callable[[str], Any], arch: str, drawn: bool
) -> None:
    room, sampling = room_of(engines(arch)), DRAWN if drawn else GREEDY
    trunk = tokens(room.alone(PROMPTS[5], sampling, 30, seed=1))
    path = [*PROMPTS[5], *trunk[:9], 77]
    fork, longer = room.alone(path, sampling, 12, seed=2), room.alone([*PROMPTS[5], *trunk], sampling, 5, seed=3)
    begun = room.ask(PROMPTS[5], sampling, 30, seed=1)
    room.worker.finish()
    assert (tokens(list(begun)), begun.reused_tokens) == (trunk, 0)
    again = room.ask(path, sampling, 12, seed=2)
    room.worker.finish()
    assert (tokens(list(again)), again.reused_tokens) == (tokens(fork), len(path) - 1)
    on = room.ask([*PROMPTS[5], *trunk], sampling, 5, seed=3)
    room.worker.finish()
    assert (tokens(list(on)), on.reused_tokens) == (tokens(longer), len(PROMPTS[5]) + len(trunk) - 1)


def test_a_fork_from_a_text_that_is_being_written_with_others(room: Room, passes: Passes) -> None:
    trunk = tokens(room.alone(PROMPTS[6], DRAWN, 30, seed=1))
    path = [*PROMPTS[6], *trunk[:6], 99]
    right = tokens(room.alone(path, DRAWN, 9, seed=8))
    running = [room.ask(ids, DRAWN, 30, seed=1, stop_ids=()) for ids in (PROMPTS[6], PROMPTS[2], PROMPTS[3])]
    for _ in range(24):
        room.worker.step()
    passes.shapes.clear()
    fork = room.ask(path, DRAWN, 9, seed=8)
    room.worker.finish()
    assert fork.reused_tokens == len(path) - 1
    assert (tokens(list(fork)), max(n for _, n in passes.shapes)) == (right, 1)
    assert tokens(list(running[0]))[: len(trunk)] == trunk


@pytest.mark.parametrize(
    "kind", ["bloom", "gpt2", "gemma2", "deepseek_v32", "mamba", "jamba", "bart", "rwkv", "gemma3n_text"]
)
def test_a_fork_of_any_architecture_is_what_the_whole_text_gives(kind: str) -> None:
    room = room_of(architectures.engine_of(kind))
    ids = architectures.IDS[:30].tolist()
    for path in ([*ids[:20], 50, 51], [*ids, 52]):
        right = room.alone(path, GREEDY, 6)
        first = room.ask(ids, GREEDY, 3)
        room.worker.finish()
        fork = room.ask(path, GREEDY, 6)
        room.worker.finish()
        steps = list(fork)
        assert tokens(steps) == tokens(right)
        for mine, its in zip(steps, right, strict=True):
            assert mine.log_prob == pytest.approx(its.log_prob, abs=2e-3)
        assert len(list(first)) == 3


def test_what_is_kept_of_texts_has_an_end(room: Room) -> None:
    room.scheduler.texts.clear()
    list(room.alone(PROMPTS[7], GREEDY, 2))
    room.write(PROMPTS[7], GREEDY, 2)
    texts = room.scheduler.texts
    each = texts.nbytes
    # Three layers, keys and values, two heads of 16 numbers of four bytes; the last token is not read.
    assert each == 3 * 2 * 2 * 16 * 4 * (len(PROMPTS[7]) + 1)
    texts._most_bytes = 2 * each
    try:
        for seed in range(4):
            room.write([seed + 300, *PROMPTS[7][1:]], GREEDY, 2)
            assert texts.nbytes <= 2 * each
        assert len(texts) == 2
        oldest = room.write([302, *PROMPTS[7][1:], 9], GREEDY, 2)
        gone = room.write([300, *PROMPTS[7][1:], 9], GREEDY, 2)
        assert (oldest.reused_tokens > 0, gone.reused_tokens) == (True, 0)
    finally:
        texts._most_bytes = 256 << 20


def test_the_same_text_and_its_beginnings_are_kept_once(room: Room) -> None:
    texts = KeptTexts(1 << 20)
    room.scheduler.texts = texts
    for most in (2, 9, 4):
        room.write(PROMPTS[6], GREEDY, most, stop_ids=())
    assert len(texts) == 1


def test_what_is_kept_goes_with_the_model(tiny_model_folder: Callable[[str], Path]) -> None:
    engine: Any = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    generation = engine.generate(PROMPTS[5], GREEDY, 4)
    assert len(list(generation)) == 4
    # The worker comes to the end of its work after the last step has been handed out.
    worker, texts = engine.loaded.worker, engine.scheduler.texts
    while not worker.call(texts.__len__):
        pass
    (kept,) = engine.scheduler.texts._texts.values()
    tensor, model = weakref.ref(kept.layers[0].keys), weakref.ref(engine.loaded.model)
    del engine, kept, texts
    worker.call(lambda: None)
    gc.collect()
    assert (tensor(), model()) == (None, None), "a generation that is kept does not keep the model"
    assert generation.ahead == 0


def test_int8_takes_turns_and_reads_every_prompt(
    engines: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "stored_as", lambda _: "int8")
    monkeypatch.setattr("lmloupe.model.generation.serving.batching.stored_as", lambda _: "int8")
    room = room_of(engines("starcoder2"))
    assert "int8" in room.scheduler.serving().reason
    for _ in range(2):
        assert room.write(PROMPTS[5], GREEDY, 3).reused_tokens == 0
