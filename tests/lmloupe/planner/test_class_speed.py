"""What is measured of a model for a class: against an engine whose speeds are known, and on a real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lmloupe as lm

READ_S, STEP_S = 0.002, 0.05
"""Of a token of a prompt, and of a step for one person."""


@dataclass
class Timed:
    """Writes in no time and says how long it took: a pass for n takes 1 + (n - 1) / 10 times as long."""

    most: int
    context: int = 2048
    running: int = 0
    seen: int = 0

    def __post_init__(self) -> None:
        self.tokenizer = lm.load_tokenizer("smollm2")
        self.prompts: list[tuple[int, ...]] = []

    def describe(self) -> Any:
        return SimpleNamespace(name="timed", device="cpu", context_length=self.context)

    def serving(self) -> Any:
        return SimpleNamespace(most=self.most, n_written=self.seen, batched=True)

    def next_token(self, ids: object) -> None:
        assert not self.running

    def generate(self, ids: np.ndarray, *_: object, max_new_tokens: int, stop_ids: object) -> Any:
        self.prompts.append(tuple(ids.tolist()))
        assert len(ids) + max_new_tokens <= self.context
        return Writing(self, len(ids), max_new_tokens)


class Writing:
    reused_tokens = 0

    def __init__(self, engine: Timed, n_read: int, n_new: int) -> None:
        self.engine, self.now, self.left, self.open = engine, n_read * READ_S, n_new, True
        engine.running += 1

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self.left:
            raise StopIteration
        self.left, at = self.left - 1, self.now
        self.now += STEP_S * (1 + (self.engine.running - 1) / 10)
        self.engine.seen += 1
        return SimpleNamespace(elapsed_s=at)

    def close(self) -> None:
        self.engine.running -= self.open
        self.open = False


@pytest.mark.parametrize(("most", "context"), [(32, 2048), (64, 2048), (8, 100)])
def test_the_speeds_of_an_engine_that_has_them_are_found(most: int, context: int) -> None:
    engine = Timed(most, context)
    grown: list[lm.ClassSpeed] = []
    found = lm.class_speed(engine, progress=grown.append)  # type: ignore[arg-type]
    assert found.tokens_per_s == pytest.approx(1 / STEP_S)
    assert found.prompt_tokens_per_s == pytest.approx(1 / READ_S)
    assert found.together == min(32, most)
    assert found.pass_of_32 == pytest.approx(1 + 31 / 10)
    assert [one.done for one in grown] == sorted(one.done for one in grown)
    assert grown[-1] == found
    assert found.done == 1
    assert not engine.running
    # No two prompts begin alike, or the model would not read the second one.
    assert len({prompt[:8] for prompt in engine.prompts}) == len(engine.prompts)


def test_a_real_model_is_measured_and_nobody_is_left_writing(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(tiny_model_folder("llama"))
    for _ in range(2):
        found = lm.class_speed(engine, rounds=2, together=4)
        assert found.batched
        assert found.together == 4
        assert 1 <= found.pass_of_32 <= 32
        assert min(found.tokens_per_s, found.prompt_tokens_per_s) > 0
        assert engine.serving().n_writing == 0


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(lm.UnsupportedError, match="too few to measure"):
        lm.class_speed(Timed(32, context=40))  # type: ignore[arg-type]
    for wrong in ({"rounds": 0}, {"together": 1}, {"together": 33}):
        with pytest.raises(lm.InvalidSettingError, match="together"):
            lm.class_speed(Timed(32), **wrong)  # type: ignore[arg-type]
