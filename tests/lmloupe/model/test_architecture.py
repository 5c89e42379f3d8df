"""The tree of modules, the facts of a block and the histograms equal what transformers, NumPy and bitsandbytes say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

import lmloupe as lm
from lmloupe.model.architecture.describe import describe_model
from lmloupe.model.architecture.weight_histogram import dequantized_pieces, histogram_in_steps
from tests.support.tiny_models import ARCHITECTURES, build, config

QUANTIZATIONS: tuple[tuple[lm.Quantization, bool], ...] = (
    ("none", False),
    ("int8", False),
    ("nf4", False),
    ("nf4", True),
    ("fp4", False),
)


@pytest.fixture(scope="module")
def loaded(tiny_model_folder: Callable[[str], Path]) -> Callable[..., lm.Engine]:
    """A tiny model by architecture and quantization, loaded once."""

    @cache
    def load(arch: str, quantization: lm.Quantization = "none", double_quant: bool = False) -> lm.Engine:
        return lm.load_engine(tiny_model_folder(arch), quantization, device="cpu", double_quant=double_quant)

    return load


# The tree


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_the_tree_has_every_module_and_its_sums_add_up(
    loaded: Callable[..., lm.Engine], arch: str, quantization: lm.Quantization
) -> None:
    engine = loaded(arch, quantization)
    described = engine.describe()
    nodes = {node.name: node for node in described.tree}
    model = engine.loaded.model
    assert [node.name for node in described.tree] == [name for name, _ in model.named_modules()]
    assert (nodes[""].parent, nodes[""].n_parameters, nodes[""].bytes) == (
        None,
        described.n_parameters,
        described.bytes,
    )
    infos = {info.name: info for info in described.modules}
    for name, node in nodes.items():
        children = [other for other in nodes.values() if other.parent == name]
        assert len(children) == node.n_children
        own = infos.get(name)
        assert node.bytes == sum(child.bytes for child in children) + (own.bytes if own else 0)
        assert node.n_parameters == sum(child.n_parameters for child in children) + (own.n_parameters if own else 0)
        assert node.is_quantized == (any(c.is_quantized for c in children) or (own is not None and own.is_quantized))
        assert (node.shape, node.dtype) == ((own.shape, own.dtype) if own else ((), ""))
        assert node.kind == type(model.get_submodule(name)).__name__
    assert nodes[""].is_quantized == (quantization != "none")


# One block


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ("llama", {"norm_kind": "RMSNorm", "gated_mlp": True, "attention_bias": False, "activation": "silu"}),
        ("phi3", {"norm_kind": "RMSNorm", "gated_mlp": True, "attention_bias": False, "activation": "silu"}),
        ("qwen2", {"norm_kind": "RMSNorm", "gated_mlp": True, "attention_bias": True, "activation": "silu"}),
        (
            "starcoder2",
            {"norm_kind": "LayerNorm", "gated_mlp": False, "attention_bias": True, "activation": "gelu_pytorch_tanh"},
        ),
    ],
)
def test_block_facts_of_the_four_families(
    loaded: Callable[..., lm.Engine], arch: str, expected: dict[str, Any]
) -> None:
    engine = loaded(arch)
    block, settings = engine.describe().block, config(arch)
    assert {name: getattr(block, name) for name in expected} == expected
    assert (block.name, block.n_norms, block.intermediate_size) == ("model.layers.0", 2, 128)
    assert block.norm_eps == pytest.approx(getattr(settings, "rms_norm_eps", None) or settings.norm_epsilon)
    assert (block.position_kind, block.rotary_dims, block.rope_scaling) == ("rope", 16, None)
    assert block.rope_theta == settings.rope_parameters["rope_theta"]
    assert (block.n_heads, block.n_kv_heads, block.head_dim) == (4, 2, 16)
    assert (block.sliding_window, block.n_windowed_layers) == (None, 0)
    assert (block.parallel_residual, block.qk_norm, block.n_experts) == (False, False, None)
    assert block.tied_embeddings == engine.describe().tied_embeddings == settings.tie_word_embeddings
    assert block.kind == type(engine.loaded.model.model.layers[0]).__name__
    biased = {name for name, _ in engine.loaded.model.model.layers[0].named_parameters() if name.endswith("proj.bias")}
    assert {f"{path}.bias" for path in block.biased if path.endswith("proj")} == biased


SMALL = {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
GPT = {
    "vocab_size": 96,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA_31_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 1024,
}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            transformers.GPT2Config(**GPT),
            {
                "position_kind": "learned",
                "rope_theta": None,
                "gated_mlp": False,
                "intermediate_size": 128,
                "n_norms": 2,
            },
            id="gpt2",
        ),
        pytest.param(
            transformers.GPTNeoXConfig(**SMALL, intermediate_size=64),
            {"parallel_residual": True, "rotary_dims": 2, "attention_bias": True, "gated_mlp": False},
            id="neox",
        ),
        pytest.param(
            transformers.OPTConfig(**SMALL, ffn_dim=64, word_embed_proj_dim=32, max_position_embeddings=64),
            {"position_kind": "learned", "gated_mlp": False, "intermediate_size": 64, "activation": "relu"},
            id="opt",
        ),
        pytest.param(
            transformers.GPTJConfig(**GPT, rotary_dim=4),
            {"parallel_residual": True, "position_kind": "rope", "rotary_dims": 4, "n_norms": 1},
            id="gptj",
        ),
        pytest.param(
            transformers.Gemma2Config(**SMALL, num_key_value_heads=2, head_dim=8, intermediate_size=64),
            {"n_norms": 4, "sliding_window": 4096, "n_windowed_layers": 1, "parallel_residual": False},
            id="gemma2",
        ),
        pytest.param(
            transformers.Qwen3Config(**SMALL, num_key_value_heads=2, head_dim=8, intermediate_size=64),
            {"qk_norm": True, "n_norms": 2, "gated_mlp": True, "head_dim": 8},
            id="qwen3",
        ),
        pytest.param(
            transformers.MixtralConfig(**SMALL, num_key_value_heads=2, intermediate_size=64, num_local_experts=4),
            {"n_experts": 4, "n_experts_per_token": 2, "gated_mlp": None, "n_kv_heads": 2},
            id="mixtral",
        ),
        pytest.param(
            transformers.LlamaConfig(**SMALL, intermediate_size=64, rope_parameters=LLAMA_31_ROPE),
            {"rope_scaling": "llama3", "rope_factor": 8.0, "rope_theta": 500000.0, "rotary_dims": 8},
            id="llama-3.1",
        ),
        pytest.param(
            transformers.MambaConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2),
            {"n_heads": 0, "attention_bias": None, "position_kind": None, "parallel_residual": None},
            id="mamba",
        ),
    ],
)
def test_block_facts_of_other_architectures(settings: transformers.PreTrainedConfig, expected: dict[str, Any]) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(settings)
    block = describe_model(model, "any", None, "none").block
    assert {name: getattr(block, name) for name in expected} == expected


# Histograms


@pytest.mark.parametrize(("quantization", "double_quant"), QUANTIZATIONS)
def test_a_histogram_counts_the_numbers_that_the_model_multiplies_with(
    loaded: Callable[..., lm.Engine], quantization: lm.Quantization, double_quant: bool
) -> None:
    engine = loaded("starcoder2", quantization, double_quant)
    for name in ("model.layers.1.mlp.c_fc", "model.layers.0.self_attn.k_proj", "model.embed_tokens", "model.norm"):
        module = engine.loaded.model.get_submodule(name)
        weight: Any = module.weight
        if getattr(weight, "quant_state", None) is not None:
            data, state = weight.data, copy.copy(weight.quant_state)
            if getattr(state, "packing_format_for_cpu", False):  # what the first pass leaves on a CPU with AVX512-BF16
                state.original_nested = False  # its way back would quantize the scales once more
                data, state = bnb._convert_weight_packed_for_cpu_inverse(data, state)
                state.absmax = state.absmax.T.reshape(-1).float()
            numbers = bnb.dequantize_4bit(data, state)
        elif weight.dtype == torch.int8:
            numbers = bnb.int8_vectorwise_dequant(weight.data, module.state.SCB)  # moved there by the first pass
        else:
            numbers = weight.detach()
        expected = numbers.float().numpy().ravel()
        found = engine.weight_histogram(name, bins=30)
        counts, _ = np.histogram(expected, found.edges)
        assert found.counts.tolist() == counts.tolist()
        assert found.n == found.counts.sum() == expected.size
        assert (found.min, found.max) == (expected.min(), expected.max())
        assert (found.mean, found.std) == pytest.approx((expected.mean(), expected.std()), abs=1e-6)
        np.testing.assert_allclose(found.edges, np.linspace(expected.min(), expected.max(), 31), atol=1e-6)
        assert found.dtype == next(info.dtype for info in engine.describe().modules if info.name == name)
        levels = {"nf4": 16, "fp4": 15}.get(found.dtype, 0)  # fp4 has zero twice
        assert len(found.levels) == len(found.level_counts) == levels
        assert found.level_counts.sum() == (found.n if levels else 0)


def test_a_histogram_goes_through_a_large_weight_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmloupe.model.architecture.weight_histogram._PIECE", 1 << 10)
    weight = torch.randn((96, 64), generator=torch.Generator().manual_seed(0))
    packed, state = bnb.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    module = torch.nn.Linear(64, 96, bias=False)
    module.weight = torch.nn.Parameter(packed, requires_grad=False)
    module.weight.quant_state = state
    pieces = list(dequantized_pieces(module))
    assert [len(piece) for piece in pieces] == [1024] * 6
    expected = bnb.dequantize_4bit(packed, state).flatten()
    torch.testing.assert_close(torch.cat(pieces), expected, rtol=0, atol=0)
    (*waits, found) = histogram_in_steps(module, "any", "nf4", 16)
    assert waits == [None] * 18
    codes = packed.flatten()  # two weights a byte, the first in the upper half
    order = state.code.argsort().argsort()
    stored = order[torch.stack([codes >> 4, codes & 15], dim=1).flatten().long()]
    assert found.level_counts.tolist() == torch.bincount(stored, minlength=16).tolist()
    np.testing.assert_allclose(found.levels, state.code.sort().values, atol=1e-7)
    assert found.block_size == state.blocksize
    assert found.counts.tolist() == np.histogram(expected.numpy(), found.edges)[0].tolist()


def test_the_layout_of_cpus_with_avx512_is_read_too() -> None:
    weight = torch.randn((96, 128), generator=torch.Generator().manual_seed(1))
    packed, state = bnb.quantize_4bit(weight, quant_type="nf4")
    expected = bnb.dequantize_4bit(packed, state).flatten()
    # What a first forward pass makes of the weight there, with scales rounded to bfloat16.
    laid_out, other = bnb._convert_weight_packed_for_cpu(packed, copy.copy(state))
    module = torch.nn.Linear(128, 96, bias=False)
    module.weight = torch.nn.Parameter(laid_out, requires_grad=False)
    module.weight.quant_state = other
    torch.testing.assert_close(torch.cat(list(dequantized_pieces(module))), expected, rtol=1e-2, atol=0)


def test_a_weight_of_equal_numbers_has_a_histogram() -> None:
    module = torch.nn.LayerNorm(50)
    (*_, found) = histogram_in_steps(module, "norm", "float32", 7)
    assert (np.diff(found.edges) > 0).all()
    assert (found.counts.sum(), found.counts[3], found.std, found.mean) == (50, 50, 0, 1)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_have_no_histogram(value: float) -> None:
    module = torch.nn.LayerNorm(50)
    with torch.no_grad():
        module.weight[7] = value
    with pytest.raises(lm.NotFiniteError, match="weights of norm hold NaN"):
        list(histogram_in_steps(module, "norm", "float32", 7))


def test_a_name_without_weights_is_refused_with_the_nearest(loaded: Callable[..., lm.Engine]) -> None:
    engine = loaded("llama")
    for wrong in ("model.layers", "", "no.such.module"):
        with pytest.raises(lm.InvalidSettingError, match="no module"):
            engine.weight_histogram(wrong)
    with pytest.raises(lm.InvalidSettingError, match=r"did you mean 'model.layers.0.mlp.up_proj'"):
        engine.weight_histogram("model.layers.0.mlp.up")
    with pytest.raises(lm.InvalidSettingError, match="bins is 0"):
        engine.weight_histogram("model.norm", bins=0)


@pytest.mark.cuda
@pytest.mark.parametrize(("quantization", "double_quant"), QUANTIZATIONS)
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_answer_about_the_build_on_the_gpu(
    tmp_path: Path, arch: str, quantization: lm.Quantization, double_quant: bool
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU that torch can use")
    engine = lm.load_engine(build(arch, tmp_path / arch), quantization, device="cuda", double_quant=double_quant)
    engine.next_token([5, 6, 7])  # bitsandbytes may lay its weights out anew on the first pass
    estimate = lm.memory_estimate(tmp_path / arch, quantization, device="cuda", double_quant=double_quant)
    assert estimate.weights_bytes == engine.describe().bytes
    for info in engine.describe().modules:
        found = engine.weight_histogram(info.name, bins=12)
        assert found.counts.sum() == found.n == np.prod(info.shape)
    assert engine.neighbours(7, 5, matrix="output").ids.shape == (5,)
    assert engine.project(n_dimensions=3).points.shape == (engine.tokenizer.vocab_size, 3)
    assert len(engine.undertrained_tokens(5).ids) == 5
    assert engine.contextual_similarity([1, 20, 33], 2, [1, 61, 33], 2)[0] == pytest.approx(1, abs=1e-2)
