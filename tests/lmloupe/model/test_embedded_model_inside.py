"""What the engine says from inside the embedded model is what transformers' own outputs say, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import lmloupe as lm

pytestmark = pytest.mark.model

TEXT = "The capital of France is Paris, and"
MIDDLE = 15


@pytest.fixture(scope="module")
def engine(embedded_model_folder: Path) -> lm.Engine:
    return lm.load_engine(quantization="none", device="cpu")


@pytest.fixture(scope="module")
def eager(embedded_model_folder: Path, engine: lm.Engine) -> tuple[Any, Any]:
    """Transformers' model with eager attention and all that one of its passes gives out."""
    model = AutoModelForCausalLM.from_pretrained(
        embedded_model_folder, dtype=torch.float32, use_safetensors=True, attn_implementation="eager"
    ).eval()
    ids = torch.tensor(engine.input_ids(TEXT).astype(np.int64))[None]
    with torch.inference_mode():
        return model, model(ids, output_hidden_states=True, output_attentions=True)


def test_next_token_and_score_are_the_models(engine: lm.Engine, eager: tuple[Any, Any]) -> None:
    logits = eager[1].logits[0]
    answer = engine.next_token(TEXT)
    np.testing.assert_allclose(answer.logits, logits[-1].numpy(), atol=2e-3)
    assert answer.logits.argmax() == logits[-1].argmax()
    ids = engine.input_ids(TEXT)
    log_probs = torch.log_softmax(logits[:-1].double(), -1).numpy()
    own = log_probs[np.arange(len(ids) - 1), ids[1:]]
    scored = engine.score(TEXT)
    np.testing.assert_allclose(scored.log_probs, own, atol=1e-3)
    np.testing.assert_allclose(scored.entropy_bits, -(np.exp(log_probs) * log_probs).sum(1) / np.log(2), atol=2e-3)
    np.testing.assert_allclose(scored.top_log_probs, -np.sort(-log_probs)[:, :5], atol=1e-3)
    # A rank may differ by the tokens that are as probable as rounding can tell.
    least, most = ((log_probs > own[:, None] + shift).sum(1) for shift in (1e-3, -1e-3))
    assert ((1 + least <= scored.ranks) & (scored.ranks <= most)).all()
    assert scored.perplexity == pytest.approx(np.exp(-own.mean()), rel=1e-3)


def test_states_and_attention_are_the_models(engine: lm.Engine, eager: tuple[Any, Any]) -> None:
    out = eager[1]
    states, expected = engine.hidden_states(TEXT), torch.cat(out.hidden_states).numpy()
    assert states.shape == expected.shape == (31, len(engine.input_ids(TEXT)), 576)
    for ours, theirs in zip(states, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())
    for layer in (0, MIDDLE, 29):
        found = engine.attention(TEXT, layer)
        np.testing.assert_allclose(found, out.attentions[layer][0].numpy(), atol=1e-4)
        np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
        assert not np.triu(found, 1).any()


def test_the_last_and_a_middle_row_of_the_lens_are_the_models(engine: lm.Engine, eager: tuple[Any, Any]) -> None:
    model, out = eager
    lens = engine.logit_lens(TEXT, top_k=3)
    with torch.inference_mode():
        middle = model.lm_head(model.model.norm(out.hidden_states[MIDDLE][0]))
    answers = out.logits[0].argmax(-1).numpy()
    for layer, logits in ((MIDDLE, middle), (30, out.logits[0])):
        log_probs = torch.log_softmax(logits.double(), -1).numpy()
        np.testing.assert_allclose(lens.log_probs[layer], -np.sort(-log_probs)[:, :3], atol=2e-3)
        np.testing.assert_allclose(
            np.take_along_axis(log_probs, lens.token_ids[layer], 1), lens.log_probs[layer], atol=2e-3
        )
        final = log_probs[np.arange(len(answers)), answers]
        np.testing.assert_allclose(lens.final_log_probs[layer], final, atol=2e-3)
        entropy = -(np.exp(log_probs) * log_probs).sum(1) / np.log(2)
        np.testing.assert_allclose(lens.entropy_bits[layer], entropy, atol=5e-3)
    np.testing.assert_allclose(lens.norms[MIDDLE], out.hidden_states[MIDDLE][0].norm(dim=-1).numpy(), rtol=1e-4)
    assert (lens.final_ranks[30] == 1).all()


def test_the_attribution_adds_up_to_the_models_logit(engine: lm.Engine, eager: tuple[Any, Any]) -> None:
    logits = eager[1].logits[0]
    for position, token in ((-1, int(logits[-1].argmax())), (4, int(logits[4].argmax())), (0, 42)):
        parts = engine.attribution(TEXT, token, position)
        assert parts.logit == pytest.approx(float(logits[position, token]), abs=2e-3)
        total = parts.embedding + parts.attention.sum(dtype=float) + parts.mlp.sum(dtype=float) + parts.bias
        assert total == pytest.approx(float(logits[position, token]), abs=2e-3)
        assert abs(parts.unexplained) < 1e-3
