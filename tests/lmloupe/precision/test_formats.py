"""Simulated formats against references written from their specifications, number by number, in plain Python."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.model.precision import SIMULATED

f = np.float32
E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
E4M3 = sorted(
    {2.0**-9 * m for m in range(8)} | {(1 + m / 8) * 2.0 ** (e - 7) for e in range(1, 16) for m in range(8)} - {480.0}
)
"""All magnitudes of FP8 E4M3 (OCP 8-bit floating point, 1.0): eight subnormals; 480 would be NaN's pattern."""


def half(number: float) -> np.float32:
    """Through IEEE float16, as a file stores it."""
    return f(struct.unpack("e", struct.pack("e", float(number)))[0])


def nearest_even(number: float, levels: list[float]) -> int:
    """Place of the nearest level; a number in the middle goes to the level with the even place."""
    distances = [abs(float(number) - level) for level in levels]
    least = min(distances)
    found = [i for i, distance in enumerate(distances) if distance == least]
    return found[0] if len(found) == 1 else next(i for i in found if i % 2 == 0)


def e2m1(number: np.float32) -> tuple[int, float]:
    place = nearest_even(min(abs(float(number)), 6.0), E2M1)
    minus = math.copysign(1, float(number)) < 0
    return place + 8 * minus, -E2M1[place] if minus else E2M1[place]


def q4_0(block: list[np.float32]) -> tuple[list[int], list[np.float32]]:
    """ggml-quants.c, `quantize_row_q4_0_ref` and `dequantize_row_q4_0`."""
    largest = f(0)
    for number in block:
        if abs(number) > abs(largest):
            largest = number
    scale = f(largest / f(-8))
    inverse = f(1) / scale if scale else f(0)
    if not np.isfinite(inverse):  # ggml's own result is undefined here; the scale is stored as 0
        inverse = f(0)
    codes = [min(15, int(f(number * inverse) + f(8.5))) for number in block]
    return codes, [f((code - 8) * half(scale)) for code in codes]


def q8_0(block: list[np.float32]) -> tuple[list[int], list[np.float32]]:
    """ggml-quants.c, `quantize_row_q8_0_ref`: C's roundf takes halves away from zero."""
    scale = f(max(abs(number) for number in block) / f(127))
    inverse = f(1) / scale if scale else f(0)
    if not np.isfinite(inverse):
        inverse = f(0)
    codes = []
    for number in block:
        scaled = float(f(number * inverse))
        codes.append(int(math.copysign(math.floor(abs(scaled) + 0.5), scaled)))  # float64: the sum is exact
    return codes, [f(code * half(scale)) for code in codes]


def mxfp4(block: list[np.float32]) -> tuple[list[int], list[np.float32]]:
    """OCP Microscaling Formats 1.0, 5.2.1 and 6.3: a shared power of two from 2**-127 to 2**127."""
    largest = max(abs(float(number)) for number in block)
    scale = 1.0 if largest == 0 else 2.0 ** max(-127, min(127, math.frexp(largest)[1] - 1 - 2))
    found = [e2m1(f(float(number) / scale)) for number in block]
    return [code for code, _ in found], [f(level * scale) for _, level in found]


def nvfp4(block: list[np.float32], largest: np.float32) -> tuple[list[int], list[np.float32]]:
    """Two scales (NVIDIA, "Pretraining Large Language Models with NVFP4", 2025): E4M3 a block, float32 a matrix."""
    whole = f(largest / f(6 * 448)) or f(1)
    wanted = min(float(f(f(max(abs(number) for number in block) / f(6)) / whole)), 448.0)
    scale = f(f(E4M3[nearest_even(wanted, E4M3)]) * whole)
    found = [e2m1(f(number / scale) if scale else f(0)) for number in block]
    return [code for code, _ in found], [f(f(level) * scale) for _, level in found]


def int4_g128(block: list[np.float32]) -> tuple[list[int], list[np.float32]]:
    """GPTQ's asymmetric grid (quant.py, `find_params` and `quantize`), the scale kept in float16."""
    low, high = min(min(block), f(0)), max(max(block), f(0))
    scale = half(f(f(high - low) / f(15))) or f(1)
    zero = min(15, round(float(f(-low / scale))))  # Python's round takes halves to even, as torch's does
    codes = [max(0, min(15, round(float(f(number / scale))) + zero)) for number in block]
    return codes, [f((code - zero) * scale) for code in codes]


SIZES = {"q4_0": 32, "q8_0": 32, "mxfp4": 32, "nvfp4": 16, "int4_g128": 128}


def reference(matrix: NDArray[np.float32], kind: str) -> tuple[list[list[int]], list[list[np.float32]]]:
    size, codes, values = SIZES[kind], [], []
    for row in matrix:
        row_codes: list[int] = []
        row_values: list[np.float32] = []
        for first in range(0, len(row), size):
            block = [f(number) for number in row[first : first + size]]
            found = nvfp4(block, f(np.abs(matrix).max())) if kind == "nvfp4" else globals()[kind](block)
            row_codes += found[0]
            row_values += found[1]
        codes.append(row_codes)
        values.append(row_values)
    return codes, values


NUMBERS = st.one_of(
    st.floats(-4, 4, width=32),
    st.floats(-30000, 30000, width=32),
    st.floats(-(2.0**-100), 2.0**-100, width=32),
    st.sampled_from([0.0, -0.0, 0.25, -0.25, 0.5, -0.5, 0.75, 1.0, -1.25, 2.5, 3.5, 5.0, 6.0, -7.0, 127.0, 63.5, 1e-8]),
    st.sampled_from([2.0**-149, -(2.0**-140), 2.0**-126, 2.0**-24, 2.0**-25, 6e-8, 65504.0]),
)
MATRICES = st.integers(1, 140).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=2)
)


@pytest.mark.parametrize("kind", SIMULATED)
@settings(max_examples=25, deadline=None)
@given(MATRICES)
def test_codes_and_values_are_the_specifications(kind: lm.Weights, numbers: list[list[float]]) -> None:
    matrix = np.array(numbers, np.float32)
    found = lm.simulate(matrix, kind)
    with np.errstate(all="ignore"):
        codes, values = reference(matrix, kind)
    assert found.codes.tolist() == codes
    np.testing.assert_array_equal(found.values, np.array(values, np.float32))
    assert found.values.shape == matrix.shape
    assert found.scales.shape == (len(matrix), -(-matrix.shape[1] // SIZES[kind]))


@pytest.mark.parametrize("kind", SIMULATED)
def test_a_matrix_of_random_weights_is_the_specifications(kind: lm.Weights) -> None:
    matrix = np.random.default_rng(0).normal(0, 0.05, (6, 300)).astype(np.float32)
    codes, values = reference(matrix, kind)
    found = lm.simulate(matrix, kind)
    assert found.codes.tolist() == codes
    np.testing.assert_array_equal(found.values, np.array(values, np.float32))
    np.testing.assert_array_equal(lm.quantize_dequantize(matrix, kind), found.values)


def test_just_below_a_half_is_not_rounded_up() -> None:
    # 0.49999997 + 0.5 is 1 in float32: a sum that is cut off would make 1 of it.
    row = np.array([[127.0, 0.49999997, -0.49999997, 0.5, -0.5]], np.float32)
    assert lm.simulate(row, "q8_0").codes.tolist() == [[127, 0, 0, 1, -1]]


@pytest.mark.parametrize(("kind", "number"), [("q4_0", 6e5), ("q8_0", 1e7), ("int4_g128", 1e6), ("mxfp4", math.nan)])
def test_a_scale_beyond_what_is_stored_is_said(kind: lm.Weights, number: float) -> None:
    with pytest.raises(lm.NotFiniteError, match="scale"):
        lm.simulate(np.array([[number, 1.0]]), kind)


@settings(max_examples=30, deadline=None)
@given(MATRICES, st.sampled_from(SIMULATED))
def test_what_comes_back_goes_through_unchanged_where_the_scale_stays(
    numbers: list[list[float]], kind: lm.Weights
) -> None:
    """No weight is further off than one step of its block, and zero stays zero."""
    matrix = np.array(numbers, np.float32)
    found = lm.simulate(matrix, kind)
    assert (found.values[matrix == 0] == 0).all()
    steps = np.repeat(np.abs(found.scales) * found.tensor_scale, SIZES[kind], axis=1)[:, : matrix.shape[1]]
    held = {"q8_0": 1, "q4_0": 1.1, "mxfp4": 2.01, "nvfp4": 1.6, "int4_g128": 1.6}[kind]
    normal = steps > 1e-6  # a float16 scale below that has few bits left
    assert (np.abs(found.values - matrix)[normal] <= held * steps[normal]).all()
