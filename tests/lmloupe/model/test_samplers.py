"""Every rule equals transformers' where it has it, else the published formula, in any order."""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel
from transformers.generation import logits_process as theirs

import lmloupe as lm
from lmloupe.model.sampling.pipeline import draw, sampling_probs

# Nearer to 1 transformers' sum is rounded, and its cut with it; ours is tested by exact fractions.
SHARES = st.floats(0.02, 0.999)
VALUES: dict[str, st.SearchStrategy[float]] = {
    "repetition_penalty": st.floats(0.5, 2),
    "no_repeat_ngram_size": st.integers(1, 4),
    "temperature": st.floats(0.1, 3),
    "top_h": SHARES,
    "top_k": st.integers(1, 60),
    "top_p": SHARES,
    "min_p": st.floats(0.001, 0.9),
    "typical_p": SHARES,
    "epsilon_cutoff": st.floats(1e-6, 0.4),
    "eta_cutoff": st.floats(1e-6, 0.4),
}
SOME = st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=5).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)
ORDERS = st.permutations(lm.TRANSFORMERS_ORDER).map(tuple) | st.just(lm.TRANSFORMERS_ORDER)


def their(name: str, value: float) -> theirs.LogitsProcessor:
    made = {
        "repetition_penalty": theirs.RepetitionPenaltyLogitsProcessor,
        "no_repeat_ngram_size": theirs.NoRepeatNGramLogitsProcessor,
        "temperature": theirs.TemperatureLogitsWarper,
        "top_h": theirs.TopHLogitsWarper,
        "top_k": theirs.TopKLogitsWarper,
        "top_p": theirs.TopPLogitsWarper,
        "min_p": theirs.MinPLogitsWarper,
        "typical_p": theirs.TypicalLogitsWarper,
        "epsilon_cutoff": theirs.EpsilonLogitsWarper,
        "eta_cutoff": theirs.EtaLogitsWarper,
    }[name](value)
    if name == "eta_cutoff":
        made.epsilon = torch.tensor(value, dtype=torch.float64)  # theirs is float32, which moves the cut
    return made


def logits_and_text(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 4, n).astype(np.float32), rng.integers(0, min(n, 40), 60)


@settings(max_examples=200, deadline=None)
@given(values=SOME, order=ORDERS, seed=st.integers(0, 2**32 - 1), n=st.sampled_from([41, 300, 3000]))
def test_every_rule_of_transformers_equals_it_in_every_order(values: dict, order: tuple, seed: int, n: int) -> None:
    logits, text = logits_and_text(seed, n)
    stages = lm.sampling_stages(logits, lm.Sampling(**values, order=order), text)
    scores, expected = torch.tensor(logits, dtype=torch.float64)[None], {}
    for name in order:
        if name in values:
            after = their(name, values[name])(torch.tensor(text)[None], scores)
            if torch.isneginf(after).all():  # transformers has nothing to draw from then
                after = scores.masked_fill(torch.arange(n) != scores.argmax(), -torch.inf)
            scores = after
            expected[name] = torch.softmax(scores, -1)[0].numpy()
    assert [s.name for s in stages if s.name in expected] == list(expected)
    before = stages[0].probs
    for stage in stages[1:]:
        np.testing.assert_allclose(stage.probs, expected.get(stage.name, before), rtol=1e-6, atol=1e-12)
        assert stage.removed_mass == pytest.approx(before[~stage.kept].sum(), abs=1e-12)
        before = stage.probs


def test_the_default_order_is_the_one_in_which_transformers_applies_what_it_has() -> None:
    ours = {"top_p": 0.9, "top_k": 5, "min_p": 0.1, "temperature": 0.5, "typical_p": 0.9, "epsilon_cutoff": 0.1,
            "eta_cutoff": 0.1, "top_h": 0.5, "repetition_penalty": 1.1, "no_repeat_ngram_size": 3}  # fmt: skip
    model = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=9))
    made = model._get_logits_processor(GenerationConfig(do_sample=True, **ours), input_ids_seq_length=2)
    classes = {type(their(name, value)): name for name, value in ours.items()}
    assert tuple(classes[type(processor)] for processor in made) == lm.Sampling(**ours).rules


@pytest.mark.parametrize("p", [1 - 2**-53, 1 - 2**-50, 1 - 2**-40, 2**-60])
@pytest.mark.parametrize("rule", ["top_p", "typical_p"])
def test_a_cut_nearer_to_1_than_rounding_is_exact(rule: str, p: float) -> None:
    # 1/2, 1/4, 1/8, ... and the last one twice add up exactly; the entropy is 2 bits.
    shares = [Fraction(1, 2**i) for i in range(1, 61)] + [Fraction(1, 2**60)]
    bits = [-math.log2(share) for share in shares]
    far = [b if rule == "top_p" else abs(b - 2) for b in bits]
    kept: list[int] = []
    for i in sorted(range(61), key=lambda i: (far[i], i)):
        if sum(shares[j] for j in kept) < Fraction(p):
            kept.append(i)
    if rule == "typical_p":  # with what is as near as the last
        kept = [i for i in range(61) if far[i] <= far[kept[-1]]]
    stage = lm.sampling_stages(np.log(np.array(shares, float)), lm.Sampling(**{rule: p}))[-1]
    assert np.flatnonzero(stage.kept).tolist() == sorted(kept)


@pytest.mark.parametrize("n", [3, 10, 100, 3000])
def test_a_sum_that_only_rounding_tells_from_the_bound_is_enough(n: int) -> None:
    for part in (1, 2, n // 2, n - 1):
        kept = lm.sampling_stages(np.full(n, 0.3), lm.Sampling(top_p=part / n))[-1].kept
        assert np.flatnonzero(kept).tolist() == list(range(part)), "of equal ones those with the smaller ids"
    assert sampling_probs(np.zeros(n), lm.Sampling(epsilon_cutoff=1 / n)).min() > 0
    assert sampling_probs(np.zeros(n), lm.Sampling(min_p=1)).min() > 0
    assert (sampling_probs(np.zeros(n), lm.Sampling(top_h=1)) > 0).sum() == min(n, 100)


# Rules that transformers lacks, each told again in a few slow lines.

TEXTS = st.lists(st.integers(0, 4), max_size=30)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 99))
def test_presence_and_frequency_take_what_openai_says(text: list, presence: float, frequency: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, 7)
    expected = [x - text.count(i) * frequency - (i in text) * presence for i, x in enumerate(logits)]
    sampling = lm.Sampling(presence_penalty=presence, frequency_penalty=frequency)
    np.testing.assert_allclose(sampling_probs(logits, sampling, np.array(text, int)), softmax(np.array(expected)))


def dry_lengths(text: list[int], breakers: set[int]) -> dict[int, int]:
    """For each token the longest end of the text that it has followed before, no breaker in it."""
    found: dict[int, int] = {}
    for place in range(1, len(text)):
        for length in range(1, place + 1):
            end = text[len(text) - length :]
            if text[place - length : place] != end or breakers & {*end, text[place]}:
                break
            found[text[place]] = max(found.get(text[place], 0), length)
    return found


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sets(st.integers(0, 4), max_size=2), st.integers(1, 4), st.integers(0, 12), st.integers(0, 99))
def test_dry_takes_more_the_longer_the_repetition(
    text: list, breakers: set, allowed: int, reach: int, seed: int
) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, 7)
    expected = logits.copy()
    for token, length in dry_lengths(text[-reach:], breakers).items():
        if length >= allowed:
            expected[token] -= 0.8 * 1.75 ** (length - allowed)
    sampling = lm.Sampling(
        dry_multiplier=0.8, dry_allowed_length=allowed, dry_range=reach, dry_breakers=sorted(breakers)
    )
    np.testing.assert_allclose(sampling_probs(logits, sampling, np.array(text, int)), softmax(expected))


def test_dry_of_the_longest_repetition_stays_a_number() -> None:
    probs = sampling_probs([0.0, 1.0, 2.0], lm.Sampling(dry_multiplier=1e300, dry_base=1e300), np.array([2] * 500))
    assert probs.tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e), 0])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.05, 4), st.floats(0.1, 3), st.integers(0, 999))
def test_top_n_sigma_is_the_same_at_every_temperature(n: float, temperature: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, 500)
    expected = logits >= logits.max() - n * logits.std()
    for order in (lm.TRANSFORMERS_ORDER, lm.TRANSFORMERS_ORDER[::-1]):
        stages = lm.sampling_stages(logits, lm.Sampling(temperature, top_n_sigma=n, order=order))
        assert (stages[-1].kept == expected).all()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.6), st.integers(0, 999), st.floats(0, 1, exclude_max=True))
def test_xtc_leaves_the_least_of_the_top_choices_where_its_coin_says_so(least: float, seed: int, coin: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, 60)
    own = softmax(logits)
    top = sorted((i for i in range(60) if own[i] >= least), key=lambda i: own[i])
    expected = {*range(60)} - ({*top[1:]} if coin < 0.5 else set())
    stage = lm.sampling_stages(logits, lm.Sampling(xtc_probability=0.5, xtc_threshold=least), coin=coin)[-1]
    assert {*np.flatnonzero(stage.kept)} == expected


def test_of_equal_top_choices_xtc_leaves_the_last() -> None:
    assert sampling_probs(np.zeros(4), lm.Sampling(xtc_probability=1)).tolist() == [0, 0, 0, 1]


def test_mirostat_follows_its_published_loop() -> None:
    tau, eta, seed = 3.0, 0.4, 5
    rng, numbers = np.random.default_rng(0), np.random.default_rng(seed)
    sampler, mu = lm.Sampler(lm.Sampling(mirostat_tau=tau, mirostat_eta=eta), seed), 2 * tau
    surprisals = []
    for _ in range(200):
        logits = rng.normal(0, 2.5, 2000)
        own = softmax(logits)
        kept = -np.log2(own) <= mu
        probs = np.where(kept if kept.any() else own == own.max(), own, 0)
        probs /= probs.sum()
        np.testing.assert_allclose(sampler.stages(logits, [])[-1].probs, probs)
        expected = draw(probs, numbers)
        assert sampler.choose(logits, []) == expected
        surprisals.append(-math.log2(probs[expected]))
        mu -= eta * (surprisals[-1] - tau)
        assert sampler.mu == pytest.approx(mu)
    assert np.mean(surprisals) == pytest.approx(tau, abs=0.1), "what it is for"


# Off, on, and who decides


def test_a_rule_that_is_off_costs_nothing_and_is_listed_only_where_it_always_was() -> None:
    logits, text = logits_and_text(1, 300)
    stages = lm.sampling_stages(logits, lm.Sampling(dry_multiplier=0.5, eta_cutoff=0.001), text)
    names = ["logits", "repetition_penalty", "dry", "temperature", "top_k", "top_p", "min_p", "eta_cutoff"]
    assert [stage.name for stage in stages] == names
    assert stages[1].probs is stages[0].probs
    assert stages[6].probs is stages[2].probs
    swapped = lm.sampling_stages(logits, lm.Sampling(order=lm.LLAMA_CPP_ORDER), text)
    assert [s.name for s in swapped] == ["logits", "repetition_penalty", "top_k", "top_p", "min_p", "temperature"]
    assert all(stage.probs is swapped[0].probs for stage in swapped)


LISTS = st.lists(st.sampled_from([0.0, 1.0, 1.0, 2.0, -3.0]), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(LISTS, SOME, ORDERS, st.booleans(), st.integers(0, 99))
def test_a_sampler_that_takes_the_best_does(logits: list, values: dict, order: tuple, xtc: bool, seed: int) -> None:
    sampling = lm.Sampling(**(values | {"temperature": 0, "xtc_probability": 0.7 * xtc}), order=order)
    sampler, text = lm.Sampler(sampling, seed), [0, 0]
    if sampler.takes_the_best:
        assert sampler.choose(logits, text) == int(np.argmax(logits))
    else:
        assert {"repetition_penalty", "no_repeat_ngram_size", "typical_p", "xtc"} & {*sampling.rules}
    assert not lm.Sampler(lm.Sampling(temperature=0, dry_multiplier=1), 0).takes_the_best
    assert lm.Sampler(lm.Sampling(temperature=0, top_k=3, mirostat_tau=2), 0).takes_the_best


def test_the_same_seed_draws_the_same_beside_others() -> None:
    sampling = lm.Sampling(1.3, xtc_probability=0.5, xtc_threshold=0.02, mirostat_tau=3, no_repeat_ngram_size=2)
    logits = [np.random.default_rng(i).normal(0, 2, 50) for i in range(40)]

    def write(samplers: list[lm.Sampler]) -> list[list[int]]:
        texts: list[list[int]] = [[1, 2] for _ in samplers]
        for scores in logits:
            for sampler, text in zip(samplers, texts, strict=True):
                text.append(sampler.choose(scores, text))
        return texts

    alone = [write([lm.Sampler(sampling, seed)])[0] for seed in range(4)]
    assert write([lm.Sampler(sampling, seed) for seed in range(4)]) == alone
    assert len({tuple(text) for text in alone}) == 4
    coins = [lm.xtc_coin(3, step) for step in range(1000)]
    assert np.mean(np.array(coins) < 0.5) == pytest.approx(0.5, abs=0.05)
    assert np.abs(np.corrcoef(coins, np.random.default_rng(3).random(1000))[0, 1]) < 0.1, "not the draws' numbers"


ANY = st.floats(0, sys.float_info.max) | st.sampled_from([5e-324, 1e-300, 1e38, sys.float_info.max])
ANY_SHARE = st.floats(0, 1, exclude_min=True)
ANY_SETTINGS = st.builds(
    lm.Sampling,
    temperature=ANY,
    repetition_penalty=ANY.filter(bool),
    top_p=ANY_SHARE,
    typical_p=ANY_SHARE,
    epsilon_cutoff=st.floats(0, 1, exclude_max=True),
    eta_cutoff=st.floats(0, 1, exclude_max=True),
    top_h=st.floats(0, 1),
    top_n_sigma=ANY,
    no_repeat_ngram_size=st.integers(0, 3),
    presence_penalty=ANY | ANY.map(lambda x: -x),
    frequency_penalty=ANY | ANY.map(lambda x: -x),
    dry_multiplier=ANY,
    dry_base=ANY.filter(lambda x: x >= 1),
    xtc_probability=st.just(1),
    xtc_threshold=ANY_SHARE,
    mirostat_tau=ANY,
    order=ORDERS,
)
ANY_LOGIT = st.floats(-sys.float_info.max, sys.float_info.max) | st.floats(-20, 20, width=32) | st.just(-np.inf)
ANY_LOGITS = st.lists(ANY_LOGIT, min_size=1, max_size=6).filter(lambda logits: max(logits) > -np.inf)


@settings(max_examples=200, deadline=None)
@given(ANY_LOGITS, ANY_SETTINGS, st.lists(st.integers(0, 8), max_size=6))
def test_no_rule_at_any_setting_breaks_a_distribution(logits: list, sampling: lm.Sampling, text: list) -> None:
    before = np.isfinite(logits)
    for stage in lm.sampling_stages(logits, sampling, np.array(text, int)):
        assert stage.probs.sum() == pytest.approx(1), (
            "no NaN, whatever the rule, and an id beyond the scores is no error"
        )
        assert not stage.probs[~stage.kept].any()
        assert stage.kept.any()
        assert (before | ~stage.kept).all(), "what is removed does not come back"
        before = stage.kept
    sampler = lm.Sampler(sampling, 0)
    assert before[sampler.choose(logits, text)]
    assert not math.isnan(sampler.mu)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"order": ("top_k", "top_p")}, "every rule once"),
        ({"order": (*lm.TRANSFORMERS_ORDER, "top_k")}, "every rule once"),
        ({"order": "top_k"}, "order is 'top_k', but it must be a tuple"),
        ({"dry_breakers": ("\n",)}, "ids of tokens"),
        ({"dry_allowed_length": 0}, "whole number from 1"),
        ({"dry_base": 0.5}, "from 1"),
        ({"typical_p": 0}, "above 0"),
        ({"epsilon_cutoff": 1}, "below 1"),
        ({"top_n_sigma": -1}, "0 .off. or a positive number"),
        ({"presence_penalty": float("nan")}, "finite"),
        ({"mirostat_eta": float("inf")}, "positive"),
    ],
)
def test_a_rule_outside_its_range_is_named(settings: dict, says: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=says) as caught:
        lm.Sampling(**settings)
    assert next(iter(settings)) in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_that_is_none_is_named(seed: object) -> None:
    for make in (lm.xtc_coin, lambda one: lm.Sampler(lm.Sampling(), one)):
        with pytest.raises(lm.InvalidSettingError, match=r"seed is .*must be a whole number, at least 0"):
            make(seed)


def test_settings_read_back_from_what_they_print() -> None:
    sampling = lm.Sampling(0.5, dry_multiplier=0.8, dry_breakers=[1, 2], order=list(lm.LLAMA_CPP_ORDER))
    assert eval(repr(sampling), {"Sampling": lm.Sampling}) == sampling  # noqa: S307
    assert hash(sampling) == hash(lm.Sampling(0.5, dry_multiplier=0.8, dry_breakers=(1, 2), order=lm.LLAMA_CPP_ORDER))
