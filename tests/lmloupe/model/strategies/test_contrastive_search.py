"""Contrastive search against the paper's formula, computed without a cache, a pass for every candidate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import lmloupe as lm
from tests.support import architectures
from tests.support.tiny_models import ARCHITECTURES

IDS = [5, 17, 42, 99, 3, 200, 8, 60, 61, 62]


@cache
def engine(folder: Path) -> lm.Engine:
    return lm.load_engine(folder, device="cpu")


@torch.inference_mode()
def slowly(model: Any, ids: list[int], alpha: float, k: int, n: int) -> tuple[list[int], list[np.ndarray]]:
    """Equation 5 of Su et al. (2022), word for word: the tokens, and at each step the scores of the k candidates."""
    text, all_scores = list(ids), []
    for _ in range(n):
        output = model(input_ids=torch.tensor([text]), use_cache=False)
        probs = torch.softmax(output.logits[0, -1].double(), -1)
        scores = []
        candidates = probs.topk(k).indices.tolist()
        for v in candidates:
            states = model(input_ids=torch.tensor([[*text, v]]), use_cache=False, output_hidden_states=True)
            *before, own = states.hidden_states[-1][0].double()
            penalty = max(float(torch.dot(own, h) / (own.norm() * h.norm())) for h in before)
            scores.append((1 - alpha) * float(probs[v]) - alpha * penalty)
        text.append(candidates[int(np.argmax(scores))])
        all_scores.append(np.array(scores))
    return text[len(ids) :], all_scores


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "mamba", "gemma2"])
def test_tokens_and_scores_are_those_of_the_papers_formula(kind: str, tiny_model_folder: Callable[[str], Path]) -> None:
    if kind in ARCHITECTURES:
        folder = tiny_model_folder(kind)
        loaded = engine(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    else:
        loaded, model = architectures.engine_of(kind), architectures.reference(kind)
    for alpha, k in ((0.6, 4), (0.2, 3)):
        tokens, scores = slowly(model, IDS, alpha, k, 6)
        steps = list(loaded.contrastive_search(IDS, alpha, k, 6, stop_ids=()))
        assert [step.token_id for step in steps] == tokens
        for step, expected in zip(steps, scores, strict=True):
            np.testing.assert_allclose(step.scores, expected, atol=1e-4)
            np.testing.assert_allclose((1 - alpha) * step.probs - alpha * step.penalties, step.scores, atol=1e-6)


@pytest.fixture(scope="module")
def llama(tiny_model_folder: Callable[[str], Path]) -> lm.Engine:
    return engine(tiny_model_folder("llama"))


@pytest.mark.parametrize(("alpha", "k"), [(0.0, 5), (0.9, 1)])
def test_without_a_penalty_or_a_choice_it_is_greedy(llama: lm.Engine, alpha: float, k: int) -> None:
    greedy = list(llama.generate(IDS, lm.Sampling(temperature=0), 12))
    steps = list(llama.contrastive_search(IDS, alpha, k, 12))
    assert [step.token_id for step in steps] == [step.token_id for step in greedy]
    assert "".join(step.text for step in steps) == "".join(step.text for step in greedy)
    assert steps[-1].ended_by == greedy[-1].ended_by
    np.testing.assert_allclose([s.log_prob for s in steps], [s.log_prob for s in greedy], atol=1e-4)


def test_an_end_token_the_context_and_a_repetition(llama: lm.Engine) -> None:
    steps = list(llama.contrastive_search(IDS, 0.6, 4, 8, stop_ids=()))
    stop = steps[4].token_id
    ended = list(llama.contrastive_search(IDS, 0.6, 4, 8, stop_ids=[stop]))
    assert ended[-1].ended_by == "stop"
    assert ended[-1].token_id == stop
    *_, last = llama.contrastive_search([5] * 126, 0.6, 4, 8, stop_ids=())
    assert last.ended_by == "context"
    # A token after itself has a state like the one before: the most that a penalty can be is 1.
    (first,) = llama.contrastive_search([5] * 60, 1.0, 64, 1, stop_ids=())
    assert first.penalties.max() <= 1.00001
    assert first.token_id == int(first.candidate_ids[first.penalties.argmin()])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"penalty_alpha": 1.1}, "penalty_alpha is 1.1, but it must lie between 0 and 1"),
        ({"penalty_alpha": float("nan")}, "penalty_alpha is nan"),
        ({"top_k": 0}, "top_k is 0, but it must be a whole number from 1 to 64"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
    ],
)
def test_settings_out_of_range_are_refused(llama: lm.Engine, options: dict[str, Any], error: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=error):
        llama.contrastive_search(IDS, **options)
