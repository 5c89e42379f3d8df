"""Attribution where layers are built otherwise: norms after a part, weighed addends, both parts from one input."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

import lmloupe as lm
from lmloupe.model.inside.attribution import attribute
from lmloupe.model.passes.parts import ModelParts, find_parts

IDS = np.array([5, 17, 42, 99, 3], np.int32)
TOKEN, PLACE = 7, 4
SIZES: dict[str, Any] = {
    "vocab_size": 128, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
    "max_position_embeddings": 64, "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
GPT2 = {"vocab_size": 128, "n_embd": 32, "n_layer": 3, "n_head": 4, "initializer_range": 0.3, "n_positions": 64}
GRANITE = {"residual_multiplier": 0.22, "embedding_multiplier": 12.0, "logits_scaling": 4.0}
# How the model is made, and the module that reads the stream between attention and MLP; None where both read the same.
BUILT: dict[str, tuple[Callable[[], transformers.PreTrainedConfig], str | None]] = {
    "gemma2": (lambda: transformers.Gemma2Config(**GROUPED, head_dim=8), "pre_feedforward_layernorm"),
    "gemma3": (lambda: transformers.Gemma3TextConfig(**GROUPED, head_dim=8), "pre_feedforward_layernorm"),
    "olmo2": (lambda: transformers.Olmo2Config(**GROUPED), "mlp"),
    "granite": (lambda: transformers.GraniteConfig(**GROUPED, **GRANITE), "post_attention_layernorm"),
    "gpt2": (lambda: transformers.GPT2Config(**GPT2, bos_token_id=1, eos_token_id=2), "ln_2"),
    "neox": (lambda: transformers.GPTNeoXConfig(**SIZES), None),
    "neox in sequence": (
        lambda: transformers.GPTNeoXConfig(**SIZES, use_parallel_residual=False), "post_attention_layernorm"
    ),
    "falcon": (lambda: transformers.FalconConfig(**SIZES), None),
}  # fmt: skip


@cache
def model_of(arch: str) -> Any:
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(BUILT[arch][0](), attn_implementation="eager")
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            gain = "bias" not in name and not arch.startswith("gemma")  # Gemma stores the gain less 1
            nn.init.normal_(parameter, mean=float(gain), std=0.1)
    return model.eval()


def taken_apart(model: Any, token: int = TOKEN) -> lm.Attribution:
    with torch.inference_mode():
        return attribute(model, find_parts(model), IDS, token, PLACE)


def read_by_the_token(parts: ModelParts, final: torch.Tensor) -> torch.Tensor:
    """What a vector of the stream is multiplied with to give its part of the token's logit."""
    norm: Any = parts.norm
    row = parts.head.weight[TOKEN].double() * parts.scale
    gain = norm.weight.double() + float(type(norm).__name__.startswith("Gemma"))
    if isinstance(norm, nn.LayerNorm):
        seen = gain * row * torch.rsqrt(final.var(correction=0) + norm.eps)
        return seen - seen.mean()
    return gain * row * torch.rsqrt(final.square().mean() + getattr(norm, "variance_epsilon", getattr(norm, "eps", 0)))


@pytest.mark.parametrize("arch", BUILT)
def test_each_part_is_what_was_added_to_the_stream(arch: str) -> None:
    model, between = model_of(arch), BUILT[arch][1]
    parts = find_parts(model)
    found = taken_apart(model)
    stream: list[torch.Tensor] = []
    middle: list[torch.Tensor] = []

    def reads(kept: list[torch.Tensor]) -> Any:
        return lambda _, args, kwargs: kept.append((args[0] if args else kwargs["hidden_states"])[0, PLACE].double())

    handles = [m.register_forward_pre_hook(reads(stream), with_kwargs=True) for m in (*parts.layers, parts.norm)]
    for layer in parts.layers:
        if between is not None:
            reader = layer.get_submodule(between)
            handles.append(reader.register_forward_pre_hook(reads(middle), with_kwargs=True))
        else:
            attention = next(m for name, m in layer.named_children() if name in ("attention", "self_attention"))
            handles.append(
                attention.register_forward_hook(
                    lambda _, __, output: middle.append(stream[-1] + output[0][0, PLACE].double())
                )
            )
    with torch.no_grad():
        logit = float(model(torch.tensor(IDS[None].astype(np.int64))).logits[0, PLACE, TOKEN])
        for handle in handles:
            handle.remove()
        seen = read_by_the_token(parts, stream[-1])
        attention_terms = [float((mid - x) @ seen) for x, mid in zip(stream[:-1], middle, strict=True)]
        mlp_terms = [float((y - mid) @ seen) for y, mid in zip(stream[1:], middle, strict=True)]
    np.testing.assert_allclose(found.attention, attention_terms, atol=1e-5)
    np.testing.assert_allclose(found.mlp, mlp_terms, atol=1e-5)
    assert min(np.abs(found.attention).max(), np.abs(found.mlp).max()) > 1e-3
    assert found.embedding == pytest.approx(float(stream[0] @ seen), abs=1e-5)
    assert found.logit == pytest.approx(logit, abs=1e-5)
    assert abs(found.unexplained) < 1e-5
    assert (found.soft_cap == 0) == (parts.soft_cap is None)


def test_what_a_soft_cap_takes_away_is_a_term_of_its_own() -> None:
    model = model_of("gemma2")
    cap, before = model.config.final_logit_softcapping, model.config.final_logit_softcapping
    try:
        model.config.final_logit_softcapping = cap = 2.0
        found = taken_apart(model)
    finally:
        model.config.final_logit_softcapping = before
    raw = found.embedding + float(found.attention.sum(dtype=float) + found.mlp.sum(dtype=float)) + found.bias
    assert abs(found.soft_cap) > 0.05
    assert found.logit == pytest.approx(cap * np.tanh(raw / cap), abs=1e-5)
    assert found.soft_cap == pytest.approx(cap * np.tanh(raw / cap) - raw, abs=1e-5)
    assert abs(found.unexplained) < 1e-5
    assert raw + found.soft_cap + found.unexplained == pytest.approx(found.logit, abs=1e-6)


def test_in_16_bits_the_parts_add_up_as_far_as_they_are_rounded() -> None:
    for arch in ("gemma3", "granite", "neox"):
        torch.manual_seed(1)
        model = transformers.AutoModelForCausalLM.from_config(BUILT[arch][0]()).to(torch.bfloat16).eval()
        found = taken_apart(model)
        terms = [found.embedding, *found.attention.tolist(), *found.mlp.tolist(), found.bias, found.soft_cap]
        assert sum(terms) + found.unexplained == pytest.approx(found.logit, abs=1e-4)
        assert abs(found.unexplained) < 0.02 * (1 + np.abs(terms).sum())


def test_layers_that_do_more_than_add_are_refused() -> None:
    config = transformers.BloomConfig(vocab_size=128, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3)
    with pytest.raises(lm.NotAvailableError, match=r"Layer 0 \(BloomBlock\) does more than add.*the lens is"):
        taken_apart(transformers.AutoModelForCausalLM.from_config(config).eval())
    model = model_of("granite")
    layer = find_parts(model).layers[1]
    handle = layer.register_forward_hook(lambda _, __, output: output * 1.01)
    try:
        with pytest.raises(lm.NotAvailableError, match=r"Layer 1 \(GraniteDecoderLayer\) does more than add"):
            taken_apart(model)
    finally:
        handle.remove()
    opt = transformers.OPTConfig(vocab_size=128, hidden_size=32, ffn_dim=64, num_hidden_layers=1,
                                 num_attention_heads=4, word_embed_proj_dim=32)  # fmt: skip
    with pytest.raises(lm.NotAvailableError, match="not one attention and one MLP"):
        taken_apart(transformers.AutoModelForCausalLM.from_config(opt).eval())
