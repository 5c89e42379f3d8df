"""Every engine call on tiny models of transformers' architectures, against transformers' own forward.

By default a choice that has one of each kind; ``-m architectures`` runs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from tests.support import architectures
from tests.support.architectures import CAUSAL, IDS, NOT_CAUSAL, build, engine_of, reference

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
NO_STATES = frozenset({"DeepseekV4ForCausalLM", "HYV4ForCausalLM", "Qwen4ExpForCausalLM", "HrmTextForCausalLM"})
"""Several streams side by side, or blocks that are gone through in rounds."""
NO_LENS = frozenset({
    "bart", "bert", "bert-generation", "deepseek_v4", "gemma3n_text", "modernbert-decoder", "openai-gpt", "rembert",
    "roberta",
})  # fmt: skip
NO_ATTRIBUTION = NO_LENS | {
    "bamba", "bloom", "falcon_h1", "falcon_mamba", "gemma4_text", "granitemoehybrid", "inkling_text", "jamba",
    "lfm2_moe", "longcat_flash", "mamba", "mamba2", "minicpm3", "minimax", "mpt", "nemotron_h", "opt",
    "recurrent_gemma", "rwkv", "whisper", "xglm", "xlstm", "zamba", "zamba2",
}  # fmt: skip
REFUSED = {"lens": NO_LENS, "generate with lens": NO_LENS, "attribution": NO_ATTRIBUTION}
"""Calls that a model may refuse, and those of `CHOSEN` that do: their parts are not found, or do more than add."""
RANDOM = frozenset({"reformer"})
"""Draws at random in every pass over more than a chunk: no two are equal."""


def kinds(chosen: tuple[str, ...] = CHOSEN) -> list[Any]:
    """Architectures as parameters of a test: all of them, those that are not chosen behind the marker."""
    return [pytest.param(k, marks=() if k in chosen else pytest.mark.architectures) for k in CAUSAL]


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
    """The last row is the model's answer."""
    lens = engine.logit_lens(ids, top_k=3)
    own = log_probs(own_logits(model, ids))
    np.testing.assert_allclose(lens.log_probs[-1], -np.sort(-own, 1)[:, :3], atol=1e-3)
    assert lens.log_probs.shape[0] == engine.describe().n_layers + 1


def check_generate_with_lens(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    steps = list(engine.generate(ids, lm.Sampling(temperature=0), max_new_tokens=3, lens=True))
    assert steps
    for step in steps:
        assert len(step.lens_ids) == engine.describe().n_layers + 1
        assert (step.lens_ids[-1], step.lens_log_probs[-1]) == (step.top_ids[0], step.top_log_probs[0])


class Passing:
    """What passes the blocks of a model in one pass: before the first of them and after each."""

    def __init__(self, blocks: torch.nn.ModuleList, model: Any, ids: np.ndarray) -> None:
        self.blocks, self.streams = blocks, []
        handles = [blocks[0].register_forward_pre_hook(self._before, with_kwargs=True)]
        handles += [block.register_forward_hook(self._after) for block in blocks]
        rows = torch.tensor(ids[None], dtype=torch.long)
        try:
            with torch.inference_mode():
                self.last = model(input_ids=rows, use_cache=False, output_hidden_states=True).hidden_states[-1]
        finally:
            for handle in handles:
                handle.remove()

    def _before(self, _: Any, args: Any, kwargs: Any) -> None:
        self.streams.append(args[0] if args else kwargs["hidden_states"])

    def _after(self, _: Any, __: Any, output: Any) -> None:
        self.streams.append(output if torch.is_tensor(output) else output[0])


def passing(model: Any, n_layers: int, ids: np.ndarray) -> Passing:
    """Through the first list of so many modules that a text goes through once."""
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == n_layers]
    return next(p for blocks in lists if len((p := Passing(blocks, model, ids)).streams) == n_layers + 1)


def check_hidden_states(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    """What the first block reads, what each block writes, and the base's own last state."""
    described = engine.describe()
    if described.architecture in NO_STATES:
        for ask in (engine.hidden_states, engine.logit_lens, lambda ids: engine.contextual_similarity(ids, 1, ids, 2)):
            with pytest.raises(lm.NotAvailableError, match=r"streams side by side|no list of (blocks|layers)"):
                ask(ids)
        return
    states = engine.hidden_states(ids)
    assert states.shape == (described.n_layers + 1, len(ids), described.width)
    assert described.width == model.config.get_text_config().hidden_size
    passed = passing(model, described.n_layers, ids)
    last = passed.last if passed.last.shape == (1, len(ids), described.width) else passed.streams[-1]
    if last.ndim == 4:  # Gemma 3n's: not collapsed to the one that its final norm writes
        last = torch.from_numpy(states[-1:])
    for found, stream in zip(states, [*passed.streams[:-1], last], strict=True):
        one = stream[0] if stream.ndim == 4 else stream  # Gemma 3n's active stream is the first
        np.testing.assert_allclose(found, one.reshape(len(ids), -1).numpy(), rtol=1e-3, atol=1e-3)
    a, b = states[:, 5], engine.hidden_states(ids[:3])[:, 2]
    cosines = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    np.testing.assert_allclose(engine.contextual_similarity(ids, 5, ids[:3], 2), cosines, atol=1e-3)


def check_attention(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    """The weights of each block as its own module hands them out, or a reason; a row and its sink are one whole."""
    n_layers, n = engine.describe().n_layers, len(ids)
    handed: dict[int, torch.Tensor] = {}

    def keep(number: int, output: Any) -> None:
        for item in output[1:] if isinstance(output, tuple | list) else ():
            if torch.is_tensor(item) and item.is_floating_point() and item.ndim == 4 and item.shape[2:] == (n, n):
                handed.setdefault(number, item[0])

    if engine.describe().architecture == "HrmTextForCausalLM":
        with pytest.raises(lm.NotAvailableError, match="no list of blocks"):
            engine.attention(ids, 0)
        return
    blocks = passing(model, n_layers, ids).blocks
    handles = [
        module.register_forward_hook(lambda _, __, out, i=i: keep(i, out))
        for i, block in enumerate(blocks)
        for module in block.modules()
        if module is not block
    ]
    model.config._attn_implementation, before = "eager", model.config._attn_implementation
    try:
        with torch.inference_mode():
            model(input_ids=torch.tensor(ids[None], dtype=torch.long), use_cache=False, output_attentions=True)
    finally:
        model.config._attn_implementation = before
        for handle in handles:
            handle.remove()
    for layer in range(n_layers):
        if layer not in handed:
            with pytest.raises(lm.NotAvailableError, match=f"^Block {layer + 1} of "):
                engine.attention(ids, layer)
            continue
        read = engine.attention_weights(ids, layer)
        np.testing.assert_allclose(read.weights, handed[layer].numpy(), atol=1e-4)
        np.testing.assert_array_equal(read.weights, engine.attention(ids, layer))
        assert read.layers == tuple(sorted(handed))
        whole = read.weights.sum(-1) + (0 if read.sink is None else read.sink)
        np.testing.assert_allclose(whole, 1, atol=1e-3)


def check_attribution(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    found = engine.attribution(ids, 99, 4)
    assert found.logit == pytest.approx(float(own_logits(model, ids)[4, 99]), rel=1e-3, abs=1e-3)
    parts = found.embedding + found.attention.sum() + found.mlp.sum() + found.bias + found.soft_cap
    assert parts == pytest.approx(found.logit, rel=1e-2, abs=1e-2)


def cache_bytes(value: Any) -> int:
    """Bytes of all tensors that a cache holds, but for its counters."""
    if torch.is_tensor(value):
        return value.nbytes if value.ndim > 1 else 0
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(cache_bytes(item) for item in inside)


def held(model: Any, ids: np.ndarray) -> Any:
    """Bytes of the cache that transformers makes for a text; anything where it makes none, or of another kind."""
    try:
        with torch.inference_mode():
            out = model(input_ids=torch.tensor(ids, dtype=torch.long), use_cache=True)
    except (IndexError, ValueError, RuntimeError):  # transformers' own: it counts the encoder's layers, say
        return ANY
    cache = getattr(out, "past_key_values", None) or getattr(out, "cache_params", None)
    layers = getattr(getattr(cache, "self_attention_cache", cache), "layers", None)
    return ANY if layers is None else sum(cache_bytes(list(vars(layer).values())) for layer in layers)


def check_build(engine: lm.Engine, model: Any, ids: np.ndarray) -> None:
    """Numbers of the description, memory before loading, and a histogram for every module that is listed."""
    described = engine.describe()
    assert described.n_parameters == sum({id(p): p.numel() for p in model.parameters()}.values())
    for name in ("n_layers", "width", "n_heads", "n_kv_heads", "head_dim", "context_length"):
        assert isinstance(getattr(described, name), int), name
    assert all(isinstance(n, int | None) for n in (described.block.intermediate_size, described.block.n_experts))
    context = 40  # more than every window
    estimate = lm.memory_estimate(described.name, device="cpu", context=context)
    assert estimate.weights_bytes == described.bytes
    assert estimate.kv_cache_bytes == held(model, np.resize(ids, (1, context)))
    for module in described.modules:
        found = engine.weight_histogram(module.name, bins=3)
        assert found.counts.sum() == found.n == np.prod(module.shape), module.name


CALLS: dict[str, tuple[Callable[[lm.Engine, Any, np.ndarray], None], np.ndarray]] = {
    "next_token": (check_next_token, SHORT),
    "score": (check_score, IDS),
    "generate": (check_generate, SHORT),
    "generate after a long text": (check_generate, IDS),
    "lens": (check_lens, IDS),
    "generate with lens": (check_generate_with_lens, SHORT),
    "hidden_states": (check_hidden_states, SHORT),
    "attention": (check_attention, SHORT),
    "attribution": (check_attribution, SHORT),
    "describe, memory_estimate, weight_histogram": (check_build, SHORT),
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
            may_refuse = name in REFUSED and (kind not in CHOSEN or kind in REFUSED[name])
            if may_refuse and isinstance(error, lm.NotAvailableError):
                continue
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
