"""The numbers for all positions of a slider are those of a plan made for each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm

CONTEXTS = st.lists(st.integers(1, 131_072), min_size=1, max_size=4)
PEOPLE = st.lists(st.integers(1, 5000), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(
    key=st.sampled_from(["llama-3.1-8b", "gemma-3-4b", "phi-3-small", "qwen2-57b-a14b"]),
    precision=st.sampled_from(["float32", "bfloat16", "int8", "nf4+double", "mxfp4"]),
    kind=st.sampled_from(["cpu", "cuda"]),
    contexts=CONTEXTS,
    people=PEOPLE,
)
def test_each_cell_is_the_plan_of_its_context_and_people(key, precision, kind, contexts, people):
    plan = lm.memory_plan(key, precision, device_kind=kind)
    limit = plan.model.makeup.context_length
    contexts = [min(n, limit) for n in contexts]
    grid = lm.plan_grid(plan, contexts, people)
    assert grid.cache_bytes.shape == grid.activation_bytes.shape == (len(contexts), len(people))
    assert grid.cache_bytes.dtype == grid.activation_bytes.dtype == np.int64
    for i, context in enumerate(contexts):
        for j, n in enumerate(people):
            own = lm.memory_plan(key, precision, context, n, device_kind=kind)
            assert (own.cache_bytes, own.activation_bytes) == (grid.cache_bytes[i, j], grid.activation_bytes[i, j])


@pytest.mark.parametrize(("contexts", "people", "named"), [([0], [1], "context is 0"), ([1], [-2], "sequences is -2")])
def test_a_number_below_one_is_named(contexts, people, named):
    with pytest.raises(lm.InvalidSettingError, match=named):
        lm.plan_grid(lm.memory_plan("smollm2-135m"), contexts, people)
