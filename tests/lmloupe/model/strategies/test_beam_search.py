"""Beam search against transformers' own, its rules against all texts that there are, and what it refuses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, DynamicCache

import lmloupe as lm
from lmloupe.model.generation.ending import Ending
from lmloupe.model.strategies.beams import BeamRules, Beams
from tests.support import architectures
from tests.support.tiny_models import ARCHITECTURES

IDS = [5, 17, 42, 99, 3, 200, 8, 60, 61, 62]
PAD = 511  # an id that no text has


@cache
def reference(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()


@cache
def engine(folder: Path) -> lm.Engine:
    return lm.load_engine(folder, device="cpu")


def theirs(model: Any, ids: list[int], num_beams: int, n: int, stop_ids: list[int], **options: Any) -> Any:
    """The texts that transformers finds and their scores, best first."""
    with torch.inference_mode():
        found = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), num_beams=num_beams,
            num_return_sequences=num_beams, max_new_tokens=n, do_sample=False, eos_token_id=stop_ids, pad_token_id=PAD,
            return_dict_in_generate=True, output_scores=True, **options,
        )  # fmt: skip
    texts = [[i for i in row[len(ids) :].tolist() if i != PAD] for row in found.sequences]
    return texts, found.sequences_scores.numpy()


# Tokens that the tiny models write, so that beams end at different steps.
STOPS = {"llama": [246, 30, 117], "phi3": [257, 61], "qwen2": [2, 99, 60, 300], "starcoder2": [2]}


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(
    ("num_beams", "length_penalty", "early_stopping"),
    [(4, 1.0, False), (2, 0.0, "never"), (5, 2.0, "never"), (3, -1.0, True)],
)
def test_texts_and_scores_are_those_of_transformers(
    arch: str,
    num_beams: int,
    length_penalty: float,
    early_stopping: Any,
    tiny_model_folder: Callable[[str], Path],
) -> None:
    folder = tiny_model_folder(arch)
    options = {"length_penalty": length_penalty, "early_stopping": early_stopping}
    wide = [*STOPS[arch], *range(300, 330)] if early_stopping is True else STOPS[arch]
    for stop_ids in (STOPS[arch], wide):
        texts, scores = theirs(reference(folder), IDS, num_beams, 14, stop_ids, **options)
        *_, last = engine(folder).beam_search(IDS, num_beams, 14, stop_ids=stop_ids, **options)
        assert [text.token_ids.tolist() for text in last.finished] == texts
        np.testing.assert_allclose([text.score for text in last.finished], scores, rtol=1e-4)


@pytest.mark.parametrize("kind", ["mamba", "gemma3_text", "lfm2_moe"])
def test_states_and_windows_are_copied_with_the_beams(kind: str) -> None:
    ids = architectures.IDS[:40].tolist()  # past the tiny windows of 32
    found = architectures.engine_of(kind).beam_search(ids, 3, 6, stop_ids=())
    *_, last = found
    model = architectures.reference(kind)
    for text in last.finished:
        whole = torch.tensor([[*ids, *text.token_ids.tolist()]])
        with torch.inference_mode():
            logits = model(input_ids=whole, use_cache=False).logits[0, len(ids) - 1 : -1].float()
        expected = torch.log_softmax(logits, -1)[range(6), text.token_ids.tolist()]
        np.testing.assert_allclose(text.log_probs, expected, atol=2e-3)


@pytest.fixture(scope="module")
def llama(tiny_model_folder: Callable[[str], Path]) -> lm.Engine:
    return engine(tiny_model_folder("llama"))


def test_one_beam_is_greedy_and_ends_with_the_first_end_token(llama: lm.Engine) -> None:
    greedy = list(llama.generate(IDS, lm.Sampling(temperature=0), 12))
    stop = greedy[7].token_id
    for stop_ids in ((), (stop,)):
        expected = [s.token_id for s in llama.generate(IDS, lm.Sampling(temperature=0), 12, stop_ids=stop_ids)]
        *_, last = llama.beam_search(IDS, 1, 12, stop_ids=stop_ids)
        (text,) = last.finished
        assert text.token_ids.tolist() == expected
        assert (last.ended_by, text.ended_by) == (("finished", "stop") if stop_ids else ("length", "length"))


def test_every_step_says_what_was_kept_finished_and_dropped(llama: lm.Engine) -> None:
    steps = list(llama.beam_search(IDS, 3, 10, stop_ids=STOPS["llama"]))
    beams: list[tuple[list[int], float]] = [([], 0.0)]
    for n, step in enumerate(steps, start=1):
        assert len(step.fates) == 3 * 4  # three beams, three end tokens
        assert (np.diff(step.scores) <= 0).all()
        grown = [
            ([*beams[parent][0], token], beams[parent][1] + own)
            for parent, token, own in zip(step.parents, step.token_ids, step.log_probs, strict=True)
        ]
        np.testing.assert_allclose([score for _, score in grown], step.scores, rtol=1e-5)
        ends = [text[-1] in STOPS["llama"] or n == 10 for text, _ in grown]
        expected = ["finished" if end and i < 3 else "dropped" if end else "" for i, end in enumerate(ends)]
        assert [fate if end else "" for fate, end in zip(step.fates, ends, strict=True)] == expected
        if step.ended_by:
            assert len(step.kept) == 0
            continue
        assert step.kept.tolist() == [i for i, end in enumerate(ends) if not end][:3]
        assert {i for i, fate in enumerate(step.fates) if fate == "kept"} == set(step.kept.tolist())
        beams = [grown[i] for i in step.kept.tolist()]
    for text in steps[-1].finished:
        assert [int(step.token_ids[i]) for step, i in zip(steps, text.path, strict=False)] == text.token_ids.tolist()
        scored = llama.score([*IDS, *text.token_ids.tolist()])
        np.testing.assert_allclose(text.log_probs, scored.log_probs[-len(text.token_ids) :], atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    length_penalty=st.sampled_from([0.0, 0.5, 1.0, 2.0, -1.0]),
    n_stops=st.integers(0, 2),
)
def test_beams_for_every_text_find_the_best_of_all(seed: int, length_penalty: float, n_stops: int) -> None:
    """Four tokens, three steps: 64 beams hold every text that there is."""
    vocab, most = 4, 3
    tables = np.random.default_rng(seed).normal(0, 2, (most, vocab, vocab)).astype(np.float32)
    stops = frozenset(range(n_stops))

    def logits(text: tuple[int, ...]) -> np.ndarray:
        return tables[len(text), text[-1] if text else 0]

    def ended_texts() -> Iterator[tuple[int, ...]]:
        for n in range(1, most + 1):
            for text in itertools.product(range(vocab), repeat=n):
                if not stops.intersection(text[:-1]) and (n == most or text[-1] in stops):
                    yield text

    def score(text: tuple[int, ...]) -> float:
        rows = [torch.log_softmax(torch.tensor(logits(text[:i])), -1)[t].item() for i, t in enumerate(text)]
        return sum(rows) / len(text) ** length_penalty

    rules = BeamRules(64, length_penalty, "never", Ending(most, most_is_context=False, stop_ids=stops))
    beams, texts = Beams(rules, torch.device("cpu")), [()]
    while not beams.ended:
        step = beams.take(torch.tensor(np.stack([logits(text) for text in texts])))
        if not beams.ended:
            texts = [(*texts[r], int(t)) for r, (t,) in zip(beams.rows.tolist(), beams.tokens.tolist(), strict=True)]
    expected = sorted(ended_texts(), key=lambda text: -score(text))
    found = [tuple(text.token_ids.tolist()) for text in step.finished]
    assert len(found) == min(64, len(expected))
    np.testing.assert_allclose([score(text) for text in found], [score(text) for text in expected[: len(found)]])


def test_the_context_ends_a_search_and_a_full_one_is_refused(llama: lm.Engine) -> None:
    long = [IDS[i % len(IDS)] for i in range(125)]
    *_, last = llama.beam_search(long, 2, 50, stop_ids=())
    assert last.ended_by == "context"
    assert {len(text.token_ids) for text in last.finished} == {3}
    with pytest.raises(lm.ContextLengthError, match="fills all 128 tokens"):
        llama.beam_search([5] * 128, 2, 5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"num_beams": 0}, "num_beams is 0, but it must be a whole number from 1 to 64"),
        ({"num_beams": 65}, "num_beams is 65"),
        ({"num_beams": True}, "num_beams is True"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"length_penalty": float("nan")}, "length_penalty is nan, but it must lie between -10 and 10"),
        ({"early_stopping": "always"}, 'must be True, False or "never"'),
    ],
)
def test_settings_out_of_range_are_refused(llama: lm.Engine, options: dict[str, Any], says: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=says):
        llama.beam_search(IDS, **options)


def test_a_model_whose_cache_cannot_be_copied_is_named_with_what_to_do() -> None:
    """No cache at all; a state in another form; a cache of which a part stays as it was."""
    for kind, why in (("openai-gpt", "no cache"), ("rwkv", "not in a form"), ("minimax", "does not go on from copies")):
        loaded = architectures.engine_of(kind)
        for search in (loaded.beam_search(IDS, 2, 4), loaded.contrastive_search(IDS, 0.6, 2, 4)):
            with pytest.raises(lm.NotAvailableError, match=f"{why}.*Take greedy or sampling"):
                list(search)


def test_rows_that_do_not_follow_are_found_by_trying(
    tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that is copied as if all beams continued the first one has the right shape, and wrong numbers."""
    own = DynamicCache.reorder_cache
    monkeypatch.setattr(DynamicCache, "reorder_cache", lambda cache, rows: own(cache, torch.zeros_like(rows)))
    loaded = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    with pytest.raises(lm.NotAvailableError, match="does not follow when its cache is copied"):
        list(loaded.beam_search(IDS, 2, 4))


def test_others_come_in_between_and_a_closed_search_ends(llama: lm.Engine) -> None:
    search = llama.beam_search(IDS, 4, 100, stop_ids=())
    assert search.poll(60) is not None
    assert llama.next_token(IDS).logits.shape == (512,)
    search.close()
    with pytest.raises(StopIteration):
        search.poll(60)
