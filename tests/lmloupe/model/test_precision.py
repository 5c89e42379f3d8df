"""Precisions by name: what a link carries, and what has no meaning."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.precision import BITSANDBYTES, DTYPES, SIMULATED


@given(st.sampled_from(get_args(lm.Weights)), st.booleans(), st.sampled_from(["auto", "float16", "bfloat16"]))
def test_a_spec_reads_back_or_the_choice_is_refused(weights: lm.Weights, double: bool, dtype: str) -> None:
    meaningful = weights in ("nf4", "fp4") or (not double and dtype == "auto")
    if not meaningful:
        with pytest.raises(lm.InvalidSettingError, match=weights):
            lm.Precision(weights, double_quant=double, compute_dtype=dtype)  # type: ignore[arg-type]
        return
    made = lm.Precision(weights, double_quant=double, compute_dtype=dtype)  # type: ignore[arg-type]
    assert lm.Precision.parse(made.spec) == made


def test_each_name_is_of_one_kind() -> None:
    assert sorted((*DTYPES, *BITSANDBYTES, *SIMULATED)) == sorted(get_args(lm.Weights))


@pytest.mark.parametrize("wrong", ["", "nf5", "nf4+", "nf4@int8", "nf4 double", "NF4", "nf4+double+double"])
def test_another_word_is_refused_with_a_way_out(wrong: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=r"choose from|write for example"):
        lm.Precision.parse(wrong)
