"""The capacity of a class: against a simulation, against closed forms, and in the order that must hold."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm


def simulated(students: int, think_s: float, question_s: list[float], n_answers: int, seed: int) -> float:
    """Mean seconds to an answer where n who ask share the rate of one question in ``question_s[n - 1]`` seconds."""
    rng = np.random.default_rng(seed)
    asks = [(float(rng.exponential(think_s)), i) for i in range(students)]
    heapq.heapify(asks)
    now, left, began, waited = 0.0, {}, {}, []
    while len(waited) < n_answers:
        # Answers of one size each, not drawn: the mean does not depend on it.
        speed = 1 / (question_s[len(left) - 1] * len(left)) if left else 0.0
        ends = now + min(left.values()) / speed if left else math.inf
        at = min(ends, asks[0][0] if asks else math.inf)
        left = {i: work - (at - now) * speed for i, work in left.items()}
        now = at
        if ends <= at:
            done = min(left, key=lambda i: left[i])
            del left[done]
            waited.append(now - began[done])
            heapq.heappush(asks, (now + float(rng.exponential(think_s)), done))
        else:
            _, i = heapq.heappop(asks)
            left[i], began[i] = 1.0, now
    return float(np.mean(waited[n_answers // 10 :]))


def test_it_is_what_a_simulated_class_meets() -> None:
    found = lm.class_capacity(30, 20.0, think_s=30, tokens_per_question=60, prompt_tokens=0, pass_of_32=3)
    question_s = [60 / 20 * (1 + 2 / 31 * (n - 1)) / n for n in range(1, 31)]
    assert found.answer_s == pytest.approx(simulated(30, 30, question_s, 20_000, 1), rel=0.02)


def test_one_alone_waits_for_its_own_answer_and_taking_turns_is_the_repairman() -> None:
    alone = lm.class_capacity(1, 10, prompt_tokens=80, tokens_per_question=20)
    assert alone.answer_s == pytest.approx(alone.alone_s) == pytest.approx(80 / 80 + 20 / 10)
    # Erlang's machine repairman with one repairman: 3 machines, ratio r of a repair to a run.
    r = 0.5
    weights = [math.perm(3, n) * r**n for n in range(4)]
    found = lm.class_capacity(3, 10, think_s=4, tokens_per_question=20, prompt_tokens=0, pass_of_32=32)
    assert found.busy == pytest.approx(1 - weights[0] / sum(weights))
    assert found.asking == pytest.approx(sum(n * weight for n, weight in enumerate(weights)) / sum(weights))


def test_all_at_once_are_served_in_groups_of_as_many_as_there_is_room_for() -> None:
    def ask(n: int, **more: float) -> lm.ClassCapacity:
        asked = {"tokens_per_question": 30, "prompt_tokens": 0, "pass_of_32": 3, "most_together": 4} | more
        return lm.class_capacity(n, 10.0, **asked)  # type: ignore[arg-type]

    def pass_s(n: int) -> float:
        return (1 + 2 / 31 * (n - 1)) / 10

    assert ask(1).at_once_s == pytest.approx(ask(1).alone_s) == pytest.approx(3.0)
    assert ask(4).at_once_s == pytest.approx(30 * pass_s(4))
    assert ask(11).at_once_s == pytest.approx(30 * (2 * pass_s(4) + pass_s(3)))
    assert ask(8, replicas=2).at_once_s == pytest.approx(30 * pass_s(4))
    assert ask(10_000, most_together=10_000, replicas=3).at_once_s > 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 200), st.floats(0.5, 500), st.floats(1, 300), st.floats(0, 500), st.floats(1, 32),
    st.integers(1, 8), st.floats(1, 100),
)  # fmt: skip
def test_more_people_wait_longer_and_more_copies_less(
    students: int, speed: float, think: float, tokens: float, cost: float, replicas: int, patience: float
) -> None:
    def ask(n: int, copies: int) -> lm.ClassCapacity:
        return lm.class_capacity(
            n, speed, think_s=think, tokens_per_question=tokens, pass_of_32=cost, replicas=copies, patience_s=patience
        )

    found = ask(students, replicas)
    assert found.answer_s >= found.alone_s * (1 - 1e-9)
    assert ask(students + 1, replicas).answer_s >= found.answer_s * (1 - 1e-9)
    assert ask(students, replicas + 1).answer_s <= found.answer_s * (1 + 1e-9)
    # Little's law over the whole circle, thinking included.
    assert found.questions_per_minute / 60 * (found.answer_s + think) == pytest.approx(students)
    if 0 < found.most_students < 10_000:
        assert ask(found.most_students, replicas).answer_s <= patience < ask(found.most_students + 1, replicas).answer_s


@pytest.mark.parametrize(
    "wrong",
    [
        {"students": 0},
        {"students": 10_001},
        {"tokens_per_s": 0.0},
        {"tokens_per_s": math.inf},
        {"think_s": -1.0},
        {"tokens_per_question": math.nan},
        {"tokens_per_question": 0.0, "prompt_tokens": 0.0},
        {"pass_of_32": 0.5},
        {"replicas": 0},
    ],
)
def test_a_number_out_of_its_range_is_named(wrong: dict[str, float]) -> None:
    asked = {"students": 30, "tokens_per_s": 10.0} | wrong
    with pytest.raises(lm.InvalidSettingError):
        lm.class_capacity(**asked)  # type: ignore[arg-type]
