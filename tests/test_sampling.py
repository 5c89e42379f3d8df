"""The sampling pipeline equals transformers' own warpers, and a draw follows its probabilities."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

import lmloupe as lm
from lmloupe.sampling import draw, sampling_probs

SETTINGS = st.builds(
    lm.Sampling,
    temperature=st.floats(0.1, 3),
    top_k=st.integers(0, 60),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.9),
    repetition_penalty=st.floats(0.5, 2),
)


def reference(logits: np.ndarray, s: lm.Sampling, previous: np.ndarray) -> list[np.ndarray]:
    """Transformers' processors in the order of `GenerationMixin`, in float64 so that cuts fall alike."""
    processors = LogitsProcessorList()
    stages = []
    if s.repetition_penalty != 1:
        processors.append(RepetitionPenaltyLogitsProcessor(s.repetition_penalty))
    stages.append(len(processors))
    processors.append(TemperatureLogitsWarper(s.temperature))
    stages.append(len(processors))
    if s.top_k:
        processors.append(TopKLogitsWarper(s.top_k))
    stages.append(len(processors))
    if s.top_p < 1:
        processors.append(TopPLogitsWarper(s.top_p))
    stages.append(len(processors))
    if s.min_p > 0:
        processors.append(MinPLogitsWarper(s.min_p))
    stages.append(len(processors))
    scores = torch.tensor(logits, dtype=torch.float64)[None]
    results = []
    for n in (0, *stages):
        warped = LogitsProcessorList(processors[:n])(torch.tensor(previous)[None], scores)
        results.append(torch.softmax(warped, -1)[0].numpy())
    return results


@settings(max_examples=150, deadline=None)
@given(sampling=SETTINGS, seed=st.integers(0, 2**32 - 1), n=st.sampled_from([7, 300, 5000]))
def test_every_stage_equals_transformers(sampling: lm.Sampling, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, n).astype(np.float32)
    previous = rng.integers(0, n, 5)
    expected = reference(logits, sampling, previous)
    stages = lm.sampling_stages(logits, sampling, previous)
    assert [s.name for s in stages] == ["logits", "repetition_penalty", "temperature", "top_k", "top_p", "min_p"]
    for stage, probs in zip(stages, expected, strict=True):
        np.testing.assert_allclose(stage.probs, probs, rtol=1e-6, atol=1e-12)
        assert (stage.kept == (probs > 0)).all()
    np.testing.assert_allclose(sampling_probs(logits, sampling, previous), expected[-1], rtol=1e-6, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(sampling=SETTINGS, seed=st.integers(0, 1000))
def test_removed_mass_and_entropy_are_consistent(sampling: lm.Sampling, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, 400)
    stages = lm.sampling_stages(logits, sampling)
    for before, after in pairwise(stages):
        assert after.probs.sum() == pytest.approx(1)
        assert after.removed_mass == pytest.approx(before.probs[~after.kept].sum())
        assert not (after.kept & ~before.kept).any()
        positive = after.probs[after.probs > 0]
        assert after.entropy_bits == pytest.approx(-(positive * np.log2(positive)).sum(), abs=1e-9)


def test_defaults_change_nothing() -> None:
    logits = np.random.default_rng(1).normal(size=100)
    first, *rest = lm.sampling_stages(logits, lm.Sampling(), np.array([1, 2]))
    assert all((stage.probs == first.probs).all() and stage.removed_mass == 0 for stage in rest)


def test_temperature_zero_is_greedy_and_ties_keep_one() -> None:
    assert sampling_probs([1.0, 3.0, 3.0], lm.Sampling(temperature=0)).tolist() == [0, 1, 0]


def test_a_nucleus_wider_than_the_fast_path_is_exact() -> None:
    # 4,096 equal tokens: the first 1,024 hold only a quarter of the mass. Powers of two add up exactly.
    kept = lm.sampling_stages(np.zeros(4096), lm.Sampling(top_p=0.75))[4].kept
    assert kept.sum() == 3072


def test_draws_follow_the_probabilities() -> None:
    probs = np.array([0.5, 0.0, 0.3, 0.2])
    rng = np.random.default_rng(0)
    counts = np.bincount([draw(probs, rng) for _ in range(20_000)], minlength=4)
    assert counts[1] == 0
    # Chi-squared with two degrees of freedom: 13.8 is passed once in a thousand.
    expected = probs[[0, 2, 3]] * 20_000
    assert ((counts[[0, 2, 3]] - expected) ** 2 / expected).sum() < 13.8


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", -0.1), ("temperature", float("nan")), ("top_k", -1), ("top_p", 0), ("top_p", 1.01),
     ("min_p", -0.1), ("min_p", 2), ("repetition_penalty", 0), ("temperature", float("inf"))],
)  # fmt: skip
def test_a_setting_outside_its_range_is_named(field: str, value: float) -> None:
    with pytest.raises(lm.InvalidSettingError, match=f"{field} is {value}"):
        lm.Sampling(**{field: value})


@pytest.mark.parametrize("logits", [[np.nan, 1.0], [-np.inf, -np.inf], [], [[1.0]]])
def test_broken_logits_are_refused(logits: list) -> None:
    with pytest.raises(lm.InvalidSettingError, match="logits"):
        lm.sampling_stages(logits, lm.Sampling())
