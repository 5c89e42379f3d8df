"""Speculative decoding writes what plain decoding writes, in tokens or in distribution, and counts as published."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from transformers import AutoModelForCausalLM
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

import lmloupe as lm
from lmloupe.model.generation.ending import Ending
from lmloupe.model.generation.writer import Writer
from lmloupe.model.sampling.pipeline import sampling_probs
from lmloupe.model.strategies.speculative import judge
from lmloupe.model.strategies.speculative.early import EarlyLayer
from lmloupe.model.strategies.speculative.judge import Judge, Proposal, acceptance, residual
from lmloupe.model.strategies.speculative.lookup import lookup
from lmloupe.model.strategies.speculative.steps import Drafting, Speculating
from tests.support.architectures import CAUSAL, build, engine_of, reference

IDS = [5, 17, 42, 99, 5, 17, 42]
GREEDY = lm.Sampling(temperature=0)
KINDS = ("llama", "phi3", "qwen2", "starcoder2", "gpt2", "gemma2", "deepseek_v2", "bloom")
MOST = 18


def tokens_of(steps: list[lm.SpeculationStep]) -> list[int]:
    return [token.token_id for step in steps for token in step.tokens]


@cache
def plain(kind: str, sampling: lm.Sampling, seed: int) -> list[lm.Step]:
    return list(engine_of(kind).generate(IDS, sampling, MOST, seed))


def checked(steps: list[lm.SpeculationStep], n_draft: int) -> list[lm.SpeculationStep]:
    """What holds of every speculation."""
    written = len(IDS)
    for step in steps:
        m, a = len(step.drafted_ids), step.n_accepted
        assert m <= n_draft
        assert step.n_read == m + 1
        assert [token.token_id for token in step.tokens[:a]] == step.drafted_ids[:a].tolist()
        assert len(step.tokens) == a + (step.tokens[-1].ended_by != "stop" or len(step.tokens) > a)
        judged = a + (step.rejected_id is not None)
        assert np.isfinite(step.target_probs[:judged]).all()
        assert np.isnan(step.target_probs[judged:]).all()
        if step.rejected_id is not None:
            assert step.rejected_id == step.drafted_ids[a] != step.tokens[a].token_id
        written += len(step.tokens)
    assert [token.ended_by for step in steps for token in step.tokens][:-1] == [""] * (written - len(IDS) - 1)
    return steps


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_text_is_that_of_generate_and_of_transformers_with_a_prompt_lookup(kind: str) -> None:
    with torch.inference_mode():
        expected = reference(kind).generate(
            torch.tensor([IDS]), max_new_tokens=MOST, do_sample=False, prompt_lookup_num_tokens=4, pad_token_id=0,
            max_matching_ngram_size=2,
        )[0, len(IDS) :].tolist()  # fmt: skip
    steps = checked(list(engine_of(kind).speculate(IDS, "prompt_lookup", GREEDY, MOST, n_draft=4, max_ngram=2)), 4)
    assert tokens_of(steps) == [step.token_id for step in plain(kind, GREEDY, 0)] == expected
    # The same in each record, whichever pass it comes from.
    for ours, theirs in zip((t for step in steps for t in step.tokens), plain(kind, GREEDY, 0), strict=True):
        assert (ours.text, ours.ended_by) == (theirs.text, theirs.ended_by)
        assert ours.log_prob == pytest.approx(theirs.log_prob, abs=1e-4)
        assert ours.entropy_bits == pytest.approx(theirs.entropy_bits, abs=1e-3)
    assert all((step.draft_probs == 1).all() for step in steps)


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_text_of_an_early_layer_is_that_of_generate(kind: str) -> None:
    steps = checked(list(engine_of(kind).speculate(IDS, "early_layer", GREEDY, MOST, n_draft=3, layer=3)), 3)
    assert tokens_of(steps) == [step.token_id for step in plain(kind, GREEDY, 0)]
    assert len(steps[0].drafted_ids) == 3


def test_greedy_text_is_that_of_transformers_with_early_exit() -> None:
    with torch.inference_mode():
        expected = reference("llama").generate(
            torch.tensor([IDS]), max_new_tokens=MOST, do_sample=False, assistant_early_exit=2, pad_token_id=0
        )
    found = list(engine_of("llama").speculate(IDS, "early_layer", GREEDY, MOST, layer=2))
    assert tokens_of(found) == expected[0, len(IDS) :].tolist()


@pytest.mark.architectures
@pytest.mark.parametrize("kind", [kind for kind in CAUSAL if kind != "reformer"])  # draws at random in every pass
def test_every_architecture_writes_its_own_text_or_says_why_not(kind: str) -> None:
    expected = [step.token_id for step in engine_of(kind).generate(IDS, GREEDY, 8)]
    for draft in ("prompt_lookup", "early_layer"):
        try:
            found = tokens_of(list(engine_of(kind).speculate(IDS, draft, GREEDY, 8)))  # type: ignore[arg-type]
        except lm.NotAvailableError:
            continue
        assert found == expected


def test_texts_that_repeat_are_accepted_and_others_rejected() -> None:
    found = [list(engine_of(kind).speculate(IDS, "prompt_lookup", GREEDY, MOST)) for kind in KINDS]
    totals = [lm.speculation_totals(steps) for steps in found]
    assert any(one.n_accepted >= 5 and one.n_passes < MOST - 4 for one in totals)
    assert any(one.n_drafted > one.n_accepted for one in totals)
    assert all(one.n_tokens == one.n_passes + one.n_accepted for one in totals)


RULES = (
    lm.Sampling(),
    lm.Sampling(0.5, top_p=0.8, repetition_penalty=1.5),
    lm.Sampling(0.4, no_repeat_ngram_size=2, presence_penalty=0.5, dry_multiplier=0.8),
    lm.Sampling(0.5, xtc_probability=0.5, xtc_threshold=0.05),
    lm.Sampling(mirostat_tau=2.0),
    lm.Sampling(0, repetition_penalty=1.4),
    lm.Sampling(0, no_repeat_ngram_size=2),
)


@pytest.mark.parametrize("sampling", RULES, ids=repr)
def test_a_draft_of_one_token_only_gives_the_text_of_the_same_seed(sampling: lm.Sampling) -> None:
    """Rules that read the text, draw a coin or keep a state see the same at every place, drafted or not."""
    for seed in (0, 3):
        found = checked(list(engine_of("gemma2").speculate(IDS, "prompt_lookup", sampling, MOST, seed)), 5)
        assert tokens_of(found) == [step.token_id for step in plain("gemma2", sampling, seed)]
    if sampling.temperature == 0:
        found = checked(list(engine_of("gemma2").speculate(IDS, "early_layer", sampling, MOST, layer=3)), 5)
        assert tokens_of(found) == [step.token_id for step in plain("gemma2", sampling, 0)]
        assert all((step.draft_probs == 1).all() for step in found)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 6), st.integers(1, 4))
def test_prompt_lookup_proposes_what_transformers_proposes(ids: list[int], n_draft: int, max_ngram: int) -> None:
    theirs = PromptLookupCandidateGenerator(
        num_output_tokens=n_draft, max_matching_ngram_size=max_ngram, max_length=1000
    )
    expected = theirs.get_candidates(torch.tensor([ids]))[0][0, len(ids) :].tolist()
    found, match = lookup(ids, n_draft, max_ngram)
    assert found == expected
    if match is not None:
        start, size = match
        assert ids[start - size : start] == ids[-size:]
        assert ids[start : start + len(found)] == found
    assert lookup(ids, 0, max_ngram) == ([], None)


def test_probabilities_are_the_models_and_row_layer_of_the_lens() -> None:
    engine, sampling, layer = engine_of("llama"), lm.Sampling(0.6), 2
    steps = list(engine.speculate(IDS, "early_layer", sampling, 12, 5, n_draft=3, layer=layer))
    text, apart = list(IDS), 0.0
    for step in steps:
        ids = text + step.drafted_ids.tolist()
        with torch.inference_mode():
            logits = reference("llama")(torch.tensor([ids])).logits[0].numpy()
        # In all tokens of the vocabulary; sorted by token.
        rows = engine.logit_lens(ids, top_k=300)
        for i, token_id in enumerate(step.drafted_ids):
            at = len(text) + i - 1
            order = np.argsort(rows.token_ids[layer, at])
            early = sampling_probs(rows.log_probs[layer, at][order], sampling)
            assert step.draft_probs[i] == pytest.approx(early[token_id], rel=1e-3)
            if np.isfinite(step.target_probs[i]):
                assert step.target_probs[i] == pytest.approx(sampling_probs(logits[at], sampling)[token_id], rel=1e-3)
                apart = max(apart, abs(step.target_probs[i] - step.draft_probs[i]))
        text += [token.token_id for token in step.tokens]
    assert apart > 0.05


# The rule


def distributions(n: int) -> st.SearchStrategy[np.ndarray]:
    weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1)), min_size=n, max_size=n)
    return weights.filter(lambda w: sum(w) > 0).map(lambda w: np.array(w) / sum(w))


@given(distributions(5), distributions(5))
def test_accepted_and_residual_together_are_the_models_distribution(p: np.ndarray, q: np.ndarray) -> None:
    accepted = np.array([q[x] * acceptance(p, q, x) if q[x] else 0.0 for x in range(5)])
    np.testing.assert_allclose(accepted, np.minimum(p, q), atol=1e-12)
    rest = residual(p, q)
    assert rest.sum() == pytest.approx(1)
    np.testing.assert_allclose(accepted + (1 - accepted.sum()) * rest, p, atol=1e-9)


@given(distributions(4), st.integers(0, 3), st.integers(0, 1000))
def test_a_judge_accepts_what_it_would_have_drawn(p: np.ndarray, token_id: int, seed: int) -> None:
    with np.errstate(divide="ignore"):
        logits = np.log(p)
    told, alone = Judge(lm.Sampling(), seed), Judge(lm.Sampling(), seed)
    told.expect(Proposal(token_id))
    assert told.choose(logits, [0]) == alone.choose(logits, [0])
    assert told.target_prob == pytest.approx(p[token_id])
    told.expect(Proposal(token_id, p))  # the same distribution: always accepted, where it can be drawn at all
    if p[token_id]:
        assert told.choose(logits, [0]) == token_id


@cache
def small() -> tuple[lm.Engine, Any]:
    """Two layers that agree about half the time."""
    folder = build("llama", hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return lm.load_engine(folder, device="cpu"), model


WARM = lm.Sampling(0.4)


@cache
def exact() -> tuple[np.ndarray, np.ndarray]:
    """The exact probability of each first and second token, and a cell for each: by where the draft is too large."""
    _, model = small()

    def both(ids: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            found = model(ids, output_hidden_states=True)
            early = model.lm_head(model.model.norm(found.hidden_states[1][:, -1]))
        return tuple(  # type: ignore[return-value]
            np.array([sampling_probs(row, WARM) for row in rows.numpy()]) for rows in (found.logits[:, -1], early)
        )

    (p,), (q,) = both(torch.tensor([IDS]))
    p2, q2 = both(torch.tensor([[*IDS, i] for i in range(len(p))]))
    more = np.log(p / q)
    first = np.digitize(more, np.quantile(more, (0.4, 0.8)))
    return p[:, None] * p2, first[:, None] * 2 + (p2 > q2)


def joint_p_value(n: int) -> float:
    """Of a chi-squared test that the first two tokens of ``n`` seeds are distributed as the model says."""
    engine, _ = small()
    loaded: Any = engine.loaded  # type: ignore[attr-defined]
    parts, ids = loaded.parts, np.array(IDS, np.int32)

    def text(seed: int) -> list[int]:
        rule = Judge(WARM, seed)
        drafting = Drafting(2, 3, EarlyLayer(loaded, parts, 1, seed), 3, frozenset())
        writer = Writer(engine.tokenizer, list(IDS), rule, Ending(3, most_is_context=False, stop_ids=frozenset()))
        work = Speculating(loaded, ids, writer, rule, drafting, None).passes()
        return tokens_of([step for step in work if step is not None])

    found = loaded.worker.call(lambda: [text(seed) for seed in range(n)])
    probs, cells = exact()
    expected = np.bincount(cells.ravel(), probs.ravel(), 6) * n
    counted = np.bincount([cells[one[0], one[1]] for one in found], minlength=6)
    assert expected.min() > 5
    return float(chisquare(counted, expected * n / expected.sum()).pvalue)


def test_the_first_two_tokens_are_distributed_as_the_model_says() -> None:
    assert joint_p_value(220) > 1e-3


@pytest.mark.parametrize(
    ("name", "wrong"), [("acceptance", lambda p, q, i: 1.0), ("residual", lambda p, q: p)], ids=["all", "no residual"]
)
def test_a_wrong_rule_is_found_by_the_same_test(name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, name, wrong)
    assert joint_p_value(160) < 1e-6


# What is counted


def step(drafted: int, accepted: int, *, ended: bool = False, plain_s: float | None = 2.0) -> lm.SpeculationStep:
    token = lm.Step(7, "x", -1.0, np.zeros(1, np.int32), np.zeros(1, np.float32), 0.0, 0.0, "stop" if ended else "")
    return lm.SpeculationStep(
        drafted_ids=np.arange(drafted, dtype=np.int32),
        draft_probs=np.ones(drafted),
        target_probs=np.ones(drafted),
        n_accepted=accepted,
        tokens=(token,) * (accepted + (not ended)),
        n_read=drafted + 1,
        match=None,
        draft_s=0.25,
        verify_s=0.75,
        plain_s=plain_s,
    )


def test_acceptance_and_mean_length_by_their_published_definitions() -> None:
    passes = [step(5, 5), step(5, 2), step(0, 0), step(4, 1), step(3, 3, ended=True)]
    found = lm.speculation_totals(passes)
    assert (found.n_drafted, found.n_accepted, found.n_passes, found.n_verified) == (17, 11, 5, 4)
    assert found.acceptance == 11 / 17
    assert found.mean_length == 1 + 11 / 4
    assert found.n_tokens == 15
    assert found.tokens_per_pass == 3
    assert found.tokens_per_s == 15 / 5
    assert found.plain_tokens_per_s == 15 / 10
    assert found.speedup == 2
    assert [one.rejected_id for one in passes] == [None, 2, None, 1, None]
    assert lm.speculation_totals([step(1, 1), step(1, 0, plain_s=None)]).speedup is None
    nothing = lm.speculation_totals([])
    assert {nothing.acceptance, nothing.mean_length, nothing.tokens_per_pass, nothing.tokens_per_s} == {None}
    assert lm.speculation_totals([step(0, 0)]).mean_length is None


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 7), st.integers(1, 8))
def test_neither_more_nor_fewer_tokens_than_asked_for(n: int, n_draft: int) -> None:
    found = list(engine_of("gemma2").speculate(IDS, "early_layer", GREEDY, n, n_draft=n_draft, compare=True))
    assert tokens_of(found) == [one.token_id for one in plain("gemma2", GREEDY, 0)][:n]
    assert found[-1].tokens[-1].ended_by == "length"
    assert all(one.draft_s >= 0 and one.verify_s > 0 and one.plain_s is not None for one in found)


def test_a_stop_token_ends_it_drafted_or_not() -> None:
    greedy = [one.token_id for one in plain("gemma2", GREEDY, 0)]
    for stop in set(greedy):
        for draft in ("prompt_lookup", "early_layer"):
            found = list(engine_of("gemma2").speculate(IDS, draft, GREEDY, MOST, stop_ids=[stop]))  # type: ignore[arg-type]
            assert tokens_of(checked(found, 5)) == greedy[: greedy.index(stop) + 1]
            assert found[-1].tokens[-1].ended_by == "stop"
            assert all(stop not in one.drafted_ids[:-1] for one in found)


def test_a_prompt_of_one_token_and_the_end_of_the_context() -> None:
    engine = engine_of("llama")
    alone = [one.token_id for one in engine.generate([9], GREEDY, 6)]
    assert tokens_of(list(engine.speculate([9], "early_layer", GREEDY, 6, compare=True))) == alone
    long = list(range(3, 200)) * 3
    full = list(engine.speculate(long[:508], "prompt_lookup", GREEDY, 20, stop_ids=()))
    assert len(tokens_of(full)) == 4
    assert full[-1].tokens[-1].ended_by == "context"
    with pytest.raises(lm.ContextLengthError, match="fills all 512"):
        engine.speculate(long[:512])


def test_a_model_that_cannot_go_back_says_so() -> None:
    with pytest.raises(lm.NotAvailableError, match="single tokens only"):
        engine_of("mamba").speculate(IDS)
    with pytest.raises(lm.NotAvailableError, match=r"window of 32 tokens.*grow to 47"):
        list(engine_of("mistral").speculate(IDS, max_new_tokens=40))
    for kind in ("lfm2_moe", "minimax"):
        with pytest.raises(lm.NotAvailableError, match="one state of everything"):
            list(engine_of(kind).speculate(IDS))


@pytest.mark.parametrize(
    "options",
    [{"draft": "oracle"}, {"n_draft": 0}, {"n_draft": 65}, {"max_ngram": 0}, {"seed": -1}, {"max_new_tokens": 0}]
    + [{"draft": "early_layer", "layer": layer} for layer in (0, 4, -1)],
    ids=str,
)
def test_settings_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(lm.InvalidSettingError, match=str(next(reversed(options)))):
        engine_of("llama").speculate(IDS, **options)
