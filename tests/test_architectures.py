"""Every engine call on tiny models of transformers' architectures, against transformers' own forward.

By default a choice that has one of each kind; ``-m architectures`` runs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from tests import architectures
from tests.architectures import CAUSAL, NOT_CAUSAL, build

IDS = np.random.default_rng(0).integers(3, 259, 330).astype(np.int32)
"""More than a piece of a text on a CPU, and than every window of the tiny models."""
SHORT = IDS[:24]

# One of each kind: how it goes on from what it has read, what it does to its logits, what its blocks are.
CHOSEN = (
    "afmoe", "apertus", "bailing_hybrid", "bamba", "bart", "bert", "bert-generation", "bloom", "codegen", "cohere",
    "cohere2_moe", "ctrl", "cwm", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "falcon", "falcon_h1",
    "falcon_mamba", "gemma2", "gemma3", "gemma3_text", "gemma3n_text", "gemma4_text", "glm4", "gpt2", "gpt_neo",
    "gpt_neox", "gpt_oss", "gptj", "granite", "granitemoehybrid", "hyperclovax", "inkling_text", "jamba",
    "kimi_linear", "lfm2_moe", "llama4_text", "longcat_flash", "mamba", "mamba2", "minicpm3", "minimax", "mixtral",
    "modernbert-decoder", "moshi", "mpt", "nanochat", "nemotron_h", "olmo2", "openai-gpt", "opt", "phimoe",
    "qwen3_next", "recurrent_gemma", "rembert", "roberta", "rwkv", "whisper", "xglm", "xlstm", "zamba", "zamba2",
)  # fmt: skip
RANDOM = frozenset({"reformer"})
"""Draws at random in every pass over more than a chunk: no two are equal."""


def kinds(chosen: tuple[str, ...] = CHOSEN) -> list[Any]:
    """Architectures as parameters of a test: all of them, those that are not chosen behind the marker."""
    return [pytest.param(k, marks=() if k in chosen else pytest.mark.architectures) for k in CAUSAL]


@cache
def reference(kind: str) -> Any:
    """The same folder as transformers loads it."""
    with torch.random.fork_rng(devices=[]):
        return transformers.AutoModelForCausalLM.from_pretrained(build(kind), dtype=torch.float32).eval()


@cache
def engine_of(kind: str) -> lm.Engine:
    return lm.load_engine(build(kind), device="cpu")


@torch.inference_mode()
def own_logits(model: Any, ids: Any) -> np.ndarray:
    """The model's scores after every token, float32 (n, vocab), from one pass without any cache."""
    rows = torch.tensor(np.asarray(ids)[None], dtype=torch.long)
    return model(input_ids=rows, use_cache=False).logits[0].float().numpy()


def log_probs(logits: np.ndarray) -> np.ndarray:
    return torch.log_softmax(torch.tensor(logits).double(), -1).numpy()


def check_next_token(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    np.testing.assert_allclose(engine.next_token(ids).logits, own_logits(model, ids)[-1], rtol=1e-3, atol=1e-4)


def check_score(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    scored, own = engine.score(ids, top_k=3), log_probs(own_logits(model, ids))[:-1]
    np.testing.assert_allclose(scored.log_probs, own[np.arange(len(ids) - 1), ids[1:]], atol=1e-3)
    np.testing.assert_allclose(scored.top_log_probs, -np.sort(-own, 1)[:, :3], atol=1e-3)


def check_generate(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    seen = list(ids)
    for step in engine.generate(ids, lm.Sampling(temperature=1.5), max_new_tokens=5, seed=3):
        own = log_probs(own_logits(model, seen)[-1:])[0]
        assert step.log_prob == pytest.approx(own[step.token_id], abs=2e-3)
        np.testing.assert_allclose(step.top_log_probs, -np.sort(-own)[:10], atol=2e-3)
        seen.append(step.token_id)
    assert len(seen) > len(ids)


def check_lens(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    """The last row is the model's answer; a model whose parts cannot be found says so."""
    try:
        lens = engine.logit_lens(ids, top_k=3)
    except lm.UnsupportedError:
        return
    own = log_probs(own_logits(model, ids))
    np.testing.assert_allclose(lens.log_probs[-1], -np.sort(-own, 1)[:, :3], atol=1e-3)
    assert lens.log_probs.shape[0] == engine.describe().n_layers + 1


def check_generate_with_lens(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    try:
        steps = list(engine.generate(ids, lm.Sampling(temperature=0), max_new_tokens=3, lens=True))
    except lm.UnsupportedError:
        return
    for step in steps:
        assert len(step.lens_ids) == engine.describe().n_layers + 1
        assert (step.lens_ids[-1], step.lens_log_probs[-1]) == (step.top_ids[0], step.top_log_probs[0])


CALLS: dict[str, tuple[Callable[[lm.Engine, Any, np.ndarray], None], np.ndarray]] = {
    "next_token": (check_next_token, SHORT),
    "score": (check_score, IDS),
    "generate": (check_generate, SHORT),
    "generate after a long text": (check_generate, IDS),
    "lens": (check_lens, IDS),
    "generate with lens": (check_generate_with_lens, SHORT),
}
"""Each call of the engine and the text that it is tried on."""


@pytest.mark.parametrize("kind", kinds())
def test_every_call_gives_what_transformers_gives(kind: str) -> None:
    engine, model = engine_of(kind), reference(kind)
    failed = []
    for name, (check, ids) in CALLS.items():
        if kind in RANDOM and len(ids) > 64:
            continue
        try:
            check(engine, model, ids)
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("kind", NOT_CAUSAL)
def test_a_model_that_reads_later_tokens_is_refused(kind: str) -> None:
    with pytest.raises(lm.UnsupportedError, match="is not causal: other words later in a text changed its scores"):
        lm.load_engine(build(kind), device="cpu")


@pytest.mark.parametrize("kind", ["bert", "roberta", "bert-generation", "electra"])
def test_an_encoder_is_refused_and_the_same_class_as_a_decoder_is_not(kind: str) -> None:
    with pytest.raises(lm.UnsupportedError, match="is not causal"):
        lm.load_engine(build(kind, is_decoder=False), device="cpu")
    assert engine_of(kind).describe().notes == ()


def test_the_registry_has_nearly_every_architecture() -> None:
    listed = set(transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert {*CAUSAL, *NOT_CAUSAL, *architectures.UNBUILT} == listed
    assert len(CAUSAL) >= 150
    assert set(CHOSEN) <= set(CAUSAL)
