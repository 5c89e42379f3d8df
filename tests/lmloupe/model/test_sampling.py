"""The sampling pipeline equals transformers' own warpers, and a draw follows its probabilities."""

import decimal
import sys

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
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
from lmloupe.model.sampling.pipeline import draw, sampling_probs

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
    for stage, before, probs in zip(stages, [expected[0], *expected], expected, strict=False):
        np.testing.assert_allclose(stage.probs, probs, rtol=1e-6, atol=1e-12)
        assert (stage.kept == (probs > 0)).all()
        assert stage.removed_mass == pytest.approx(before[probs == 0].sum(), abs=1e-9)
        nats = torch.distributions.Categorical(torch.from_numpy(probs)).entropy()
        assert stage.entropy_bits == pytest.approx(float(nats) / np.log(2), abs=1e-6)
    np.testing.assert_allclose(sampling_probs(logits, sampling, previous), expected[-1], rtol=1e-6, atol=1e-12)


LARGEST = sys.float_info.max
ANY_POSITIVE = st.floats(0, LARGEST, exclude_min=True) | st.sampled_from([5e-324, 1e-320, 1e-38, 1e38, LARGEST])
ANY_SETTINGS = st.builds(
    lm.Sampling,
    temperature=st.just(0.0) | ANY_POSITIVE,
    top_k=st.integers(0, 2**70),
    top_p=st.floats(0, 1, exclude_min=True),
    min_p=st.floats(0, 1),
    repetition_penalty=ANY_POSITIVE,
)
ANY_LOGIT = st.floats(-LARGEST, LARGEST) | st.floats(-20, 20, width=32) | st.just(-np.inf)
ANY_LOGITS = st.lists(ANY_LOGIT, min_size=1, max_size=6).filter(lambda logits: max(logits) > -np.inf)


def in_decimals(logits: list[float], s: lm.Sampling) -> list[float]:
    """Penalty, temperature and softmax in numbers of fifty digits without a largest one."""
    with decimal.localcontext(prec=50, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[]):
        penalty, temperature = decimal.Decimal(s.repetition_penalty), decimal.Decimal(s.temperature)
        scores = [decimal.Decimal(x) * penalty if x < 0 else decimal.Decimal(x) / penalty for x in logits]
        best = max(scores)
        # Below e**-800 a float has no number anyway, and a decimal takes its time.
        powers = [max((x - best) / temperature, decimal.Decimal(-800)).exp() for x in scores]
        total = sum(powers)
        near = [(x - best) / temperature > -800 for x in scores]
        return [float(power / total) if close else 0.0 for power, close in zip(powers, near, strict=True)]


@settings(max_examples=100, deadline=None)
@given(logits=ANY_LOGITS, sampling=ANY_SETTINGS)
@example([0.0, -1.3], lm.Sampling(temperature=5e-324, repetition_penalty=5e-324))
@example([0.0, 1.0, -1e300], lm.Sampling(temperature=5e-324, repetition_penalty=1e300))
def test_no_setting_of_the_whole_range_of_floats_breaks_a_distribution(logits: list, sampling: lm.Sampling) -> None:
    everything = np.arange(len(logits))
    stages = lm.sampling_stages(logits, sampling, everything)
    for stage in stages:
        assert stage.probs.sum() == pytest.approx(1), "no NaN"
        assert stage.kept[stage.probs.argmax()]
        assert not stage.probs[~stage.kept].any()
        assert 0 <= stage.entropy_bits <= np.log2(len(logits)) + 1e-9
    assert not stages[2].kept[np.isneginf(logits)].any()
    if sampling.temperature > 0:
        assert (stages[2].kept == np.isfinite(logits)).all(), "a temperature strikes nothing out"
        np.testing.assert_allclose(stages[2].probs, in_decimals(logits, sampling), rtol=1e-9, atol=1e-12)
    assert 0 <= draw(stages[-1].probs, np.random.default_rng(0)) < len(logits)


def test_a_temperature_near_zero_is_the_limit_and_one_without_end_keeps_the_order() -> None:
    assert sampling_probs([1.0, 3.0, 2.0], lm.Sampling(temperature=1e-320)).tolist() == [0, 1, 0]
    assert sampling_probs([1.0, 3.0, 3.0], lm.Sampling(temperature=5e-324)).tolist() == [0, 0.5, 0.5]
    for temperature in (5e-324, LARGEST):
        stages = lm.sampling_stages([1.0, 3.0, 2.0, 0.0], lm.Sampling(temperature=temperature, top_k=2))
        assert stages[3].kept.tolist() == [False, True, True, False]


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
     ("min_p", -0.1), ("min_p", 2), ("repetition_penalty", 0), ("temperature", float("inf")),
     ("top_k", float("inf")), ("top_k", float("nan")), ("top_k", 2.5), ("temperature", 10**400), ("top_p", True)],
)  # fmt: skip
def test_a_setting_outside_its_range_is_named(field: str, value: float) -> None:
    with pytest.raises(lm.InvalidSettingError, match=f"{field} is {value}"):
        lm.Sampling(**{field: value})


@pytest.mark.parametrize("logits", [[np.nan, 1.0], [-np.inf, -np.inf], [], [[1.0]]])
def test_broken_logits_are_refused(logits: list) -> None:
    with pytest.raises(lm.InvalidSettingError, match="logits"):
        lm.sampling_stages(logits, lm.Sampling())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 40), st.integers(0, 2**31 - 1))
def test_a_roll_is_the_token_on_whose_part_of_the_strip_it_landed(shares: list[float], n: int, seed: int) -> None:
    total = sum(shares)
    if not total:
        with pytest.raises(lm.InvalidSettingError, match="above 0"):
            lm.roll(shares, n, seed)
        return
    found = lm.roll(shares, n, seed)
    assert sorted(found.order.tolist()) == [i for i, share in enumerate(shares) if share > 0]
    assert [shares[i] for i in found.order] == sorted((share for share in shares if share > 0), reverse=True)
    begins = np.concatenate([[0.0], found.ends[:-1]])
    places = {int(token_id): place for place, token_id in enumerate(found.order)}
    for landed, token_id in zip(found.places, found.ids, strict=True):
        at = places[int(token_id)]
        assert begins[at] <= landed < found.ends[at]
    np.testing.assert_array_equal(found.places, np.random.default_rng(seed).random(n))


def test_many_rolls_have_the_shares_of_the_distribution() -> None:
    probs = np.array([0.0, 0.5, 0.2, 0.3])
    counts = np.bincount(lm.roll(probs, 100_000, 1).ids, minlength=4)
    np.testing.assert_allclose(counts / 100_000, probs, atol=0.01)
    with pytest.raises(lm.InvalidSettingError, match="0 or more"):
        lm.roll(probs, -1)
    with pytest.raises(lm.InvalidSettingError, match="one vector"):
        lm.roll([[0.5, 0.5]], 1)
