"""Packed values as bytes: they come back as they were, and whatever else somebody writes is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lmloupe.wire.written import from_bytes, to_bytes

ARRAYS = st.one_of(
    arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    for kind in (
        arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.unsigned_integer_dtypes(), arrays.floating_dtypes(),
        arrays.unicode_string_dtypes(max_len=5), arrays.byte_string_dtypes(max_len=5),
    )
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
PACKED = st.recursive(PLAIN | ARRAYS, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return type(other) is tuple and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    return type(one) is type(other) and (one == other or one != one)


@given(PACKED)
def test_it_comes_back_as_it_was_and_equal_values_are_equal_bytes(packed: Any) -> None:
    written = to_bytes(packed)
    back = from_bytes(written)
    assert same(packed, back)
    assert to_bytes(back) == written


def test_arrays_are_views_that_nobody_can_write_to() -> None:
    written = to_bytes(("x", np.arange(5, dtype=np.float32), np.arange(6).reshape(2, 3).T))
    _, first, second = from_bytes(written)
    assert not first.flags.owndata
    assert not first.flags.writeable
    assert first.flags.aligned
    assert second.tolist() == [[0, 3], [1, 4], [2, 5]]


@given(PACKED, st.data())
def test_what_is_cut_or_followed_by_something_is_refused(packed: Any, data: st.DataObject) -> None:
    written = to_bytes(packed)
    with pytest.raises(ValueError, match="Not written by LM Loupe"):
        from_bytes(written[: data.draw(st.integers(0, len(written) - 1))])
    with pytest.raises(ValueError, match="follows its end"):
        from_bytes(written + b"N")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_else(written: bytes) -> None:
    try:
        from_bytes(written)
    except ValueError:
        return


@pytest.mark.parametrize("kind", ["O", "V8", "M8[s]"])
def test_no_array_of_objects_is_made(kind: str) -> None:
    name = kind.encode()
    forged = b"a" + len(name).to_bytes(8, "little") + name + b"\x01" + (1).to_bytes(8, "little") + bytes(32)
    with pytest.raises(ValueError, match="Not written by LM Loupe"):
        from_bytes(forged)
    with pytest.raises(TypeError, match="nothing that `pack` makes"):
        to_bytes(np.array([object()]))


def test_nested_beyond_reason_is_refused() -> None:
    deep: Any = None
    for _ in range(100):
        deep = (deep,)
    with pytest.raises(ValueError, match="nested too deeply"):
        from_bytes(to_bytes(deep))
