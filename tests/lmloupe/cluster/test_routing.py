"""Which replica a question goes to: the same for equal ones everywhere, and the one that has its text."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmloupe.cluster.sharing.routing import EVEN, Places, trail
from lmloupe.wire.packed import pack

REPLICAS = ["a1", "b2", "c3", "d4"]


def asked(text: object) -> str:
    return trail(pack({"text_or_ids": text, "top_k": 5}))


def even(_: str) -> int:
    return 0


def first(places: Places, text: object, replicas: list[str] = REPLICAS) -> str:
    return places.order(asked(text), replicas, even)[0]


@given(st.text(max_size=300), st.permutations(REPLICAS))
def test_front_ends_that_know_nothing_of_each_other_ask_the_same_replica(text: str, replicas: list[str]) -> None:
    assert Places().order(asked(text), replicas, even) == Places().order(asked(text), REPLICAS, even)


def test_different_questions_go_to_all_replicas() -> None:
    n = Counter(first(Places(), f"Question {i}") for i in range(400))
    assert set(n) == set(REPLICAS)
    assert min(n.values()) > 60


@pytest.mark.parametrize("as_ids", [False, True])
def test_a_text_that_goes_on_meets_the_replica_that_has_it(as_ids: bool) -> None:
    def text(n: int, number: int) -> object:
        return np.arange(number, number + n, dtype=np.int32) if as_ids else f"{number} " * n

    moved = 0
    for number in range(40):
        places = Places()
        begun = first(places, text(100, number))
        moved += first(Places(), text(130, number)) != begun
        assert first(places, text(130, number)) == begun
        assert first(places, text(160, number)) == begun
    assert moved > 10  # by the rule alone it would have gone elsewhere


def test_what_all_conversations_begin_with_binds_none_of_them() -> None:
    places = Places()
    template = "You are a helpful assistant. " * 10
    n = Counter(first(places, template + f"{i} " * 300) for i in range(100))
    assert len(n) == len(REPLICAS)


def test_a_replica_with_much_more_to_do_is_let_be_and_one_that_is_gone_too() -> None:
    places = Places()
    text = "A coconut " * 40
    has_it = first(places, text)
    load = dict.fromkeys(REPLICAS, 3)
    load[has_it] = 3 + EVEN
    assert places.order(asked(text), REPLICAS, load.__getitem__)[0] == has_it
    load[has_it] += 1
    other = places.order(asked(text), REPLICAS, load.__getitem__)
    assert other[0] != has_it
    assert other[-1] == has_it
    left = [one for one in REPLICAS if one != has_it]
    assert sorted(places.order(asked(text), left, even)) == left


def test_a_trail_is_short_whatever_is_asked() -> None:
    assert len(asked("x" * 1_000_000)) < 64 * 14
    assert asked(np.arange(1_000_000)).split()[0] != asked(np.arange(1, 1_000_001)).split()[0]
    for nothing in (pack({}), pack({"module_name": "", "bins": 80}), None):
        assert len(trail(nothing).split()) == 1


def test_the_memory_of_places_has_a_bound() -> None:
    places = Places()
    for i in range(20_000):
        first(places, f"{i}")
    assert len(places._of_mark) <= 16_384
