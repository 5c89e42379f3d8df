"""What may travel arrives as it was; all else is refused on both sides."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.inside.results import LensRow
from lmloupe.wire.packed import pack, unpack

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(
    PLAIN, lambda inner: st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=5
)


@dataclass(frozen=True)
class Foreign:
    """No dataclass of the library."""

    a: int


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_plain_values_arrive_as_they_were(value: Any) -> None:
    assert unpack(pickle.loads(pickle.dumps(pack(value)))) == value  # noqa: S301 - made here


def test_arrays_dataclasses_and_errors_arrive_as_they_were() -> None:
    wide, narrow, ids = np.ones((4, 2), np.float32), np.ones(4, np.float32), np.zeros((4, 2), np.int32)
    row = LensRow(3, np.arange(4, dtype=np.int32), ids, wide, narrow, wide, ids, narrow)
    found = unpack(pack((row, lm.Sampling(0.5, dry_breakers=[7]), lm.Constraint.choices(["a", "b"]))))
    assert isinstance(found[0], LensRow)
    assert found[0].layer == 3
    assert all(
        np.array_equal(getattr(found[0], name), getattr(row, name)) and getattr(found[0], name).dtype == value.dtype
        for name, value in ((name, getattr(row, name)) for name in row.__slots__ if name != "layer")
    )
    assert found[1:] == (lm.Sampling(0.5, dry_breakers=(7,)), lm.Constraint.choices(["a", "b"]))
    error = unpack(pack(lm.ContextLengthError("Shorten it.")))
    assert type(error) is lm.ContextLengthError
    assert str(error) == "Shorten it."
    assert unpack(pack(np.float32(0.5))) == 0.5
    assert unpack(pack({3, 1})) == (1, 3)


@pytest.mark.parametrize(
    "value", [object(), Foreign(1), np.array([object()]), {1: 2}, lambda: 1, np.ma.array([1]), ValueError("x"), int]
)
def test_nothing_else_is_sent(value: Any) -> None:
    with pytest.raises(TypeError, match=r"may (not )?travel"):
        pack((1, value))


@pytest.mark.parametrize(
    "packed",
    [
        ("dataclass", "pathlib:Path", "x"),
        ("dataclass", "tests.lmloupe.wire.test_packed:Foreign", 1),
        ("dataclass", "lmloupe.errors:LoupeError"),
        ("dataclass", "lmloupe.tokens.tokenizer:load.anything"),
        ("call", "os:system", "true"),
        [1, 2],
        (),
        Foreign(1),
    ],
)
def test_nothing_else_is_taken(packed: Any) -> None:
    with pytest.raises(TypeError):
        unpack(packed)


@pytest.mark.parametrize(
    "packed",
    [
        ("dataclass", "lmloupe.model.sampling.settings:Sampling", 1.0),
        ("dataclass", "lmloupe.model.sampling.settings:Sampled", 1.0),
        ("error", "NewError", "words"),
        ("error", "annotations", "words"),
    ],
)
def test_another_version_is_said(packed: Any) -> None:
    with pytest.raises(lm.ClusterVersionError, match="different versions"):
        unpack(packed)


def test_the_rules_of_a_dataclass_hold_where_it_arrives() -> None:
    packed = pack(lm.Sampling())
    with pytest.raises(lm.InvalidSettingError):
        unpack((*packed[:2], -1.0, *packed[3:]))


def test_what_is_too_large_is_refused_on_both_sides() -> None:
    for value in (np.zeros(1 << 18), "x" * (1 << 21), b"x" * (1 << 21), [0] * (1 << 18)):
        with pytest.raises(lm.ClusterSizeError, match="shorten the text"):
            pack(value, 1 << 20)
        with pytest.raises(lm.ClusterSizeError, match="shorten the text"):
            unpack(pack(value), 1 << 20)
    deep: Any = 1
    for _ in range(40):
        deep = (deep,)
    with pytest.raises(lm.ClusterSizeError, match="nested"):
        pack(deep)
