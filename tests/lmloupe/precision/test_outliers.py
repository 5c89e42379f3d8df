"""Outlier columns of activations equal those that bitsandbytes takes out, on tiny models and on the embedded one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.precision.modules import quantizable_modules

TEXT = "A coconut rolls down the hill."


@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_the_columns_are_those_that_bitsandbytes_takes_out(
    tiny_model_folder: Callable[[str], Path], quantization: lm.Quantization
) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")), quantization)
    threshold = 2.0
    found = lm.activation_outliers(engine, TEXT, threshold)
    given: dict[str, torch.Tensor] = {}
    modules = quantizable_modules(engine.loaded.model)
    hooks = [
        module.register_forward_pre_hook(lambda _, args, name=name: given.update({name: args[0][0]}))
        for name, module in modules.items()
    ]
    with torch.inference_mode():
        engine.loaded.model(input_ids=torch.from_numpy(found.input_ids.astype(np.int64))[None])
    for hook in hooks:
        hook.remove()
    assert [one.name for one in found.modules] == list(given)
    assert sum(len(one.outliers) for one in found.modules)
    functional: Any = bnb
    for one in found.modules:
        _, _, columns = functional.int8_vectorwise_quant(given[one.name].to(torch.float16), threshold=threshold)
        assert one.outliers.tolist() == columns.tolist()
        np.testing.assert_array_equal(one.largest, given[one.name].abs().max(0).values.numpy())
        reached = given[one.name].abs().numpy()[one.tokens, np.arange(len(one.largest))]
        np.testing.assert_array_equal(reached, one.largest)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_activations_of_16_bits_are_read_exactly(tiny_model_folder: Callable[[str], Path], dtype: lm.Dtype) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")), device="cpu", dtype=dtype)
    given: list[torch.Tensor] = []
    first = engine.loaded.model.get_submodule("model.layers.0.self_attn.q_proj")
    with first.register_forward_pre_hook(lambda _, args: given.append(args[0][0])):
        found = lm.activation_outliers(engine, TEXT, 2.0).modules[0]
    assert given[0].dtype == getattr(torch, dtype)
    assert found.largest.dtype == np.float32
    np.testing.assert_array_equal(found.largest, given[0].float().abs().max(0).values.numpy())


@pytest.mark.parametrize("arch", ["phi3", "starcoder2"])
def test_the_modules_are_those_that_a_quantized_load_quantizes(
    tiny_model_folder: Callable[[str], Path], arch: str
) -> None:
    plain, stored = (lm.load_engine(str(tiny_model_folder(arch)), q) for q in ("none", "nf4"))  # type: ignore[arg-type]
    quantized = [info.name for info in stored.describe().modules if info.is_quantized]
    assert list(quantizable_modules(plain.loaded.model)) == quantized == list(quantizable_modules(stored.loaded.model))


def test_another_threshold_runs_no_model(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("qwen2")))
    found = lm.activation_outliers(engine, TEXT)
    lower = found.at(1.0)
    again = lm.activation_outliers(engine, TEXT, 1.0)
    assert lower.threshold == 1.0
    assert [a.outliers.tolist() for a in lower.modules] == [b.outliers.tolist() for b in again.modules]
    assert not any(len(one.outliers) for one in found.at(0).modules), "bitsandbytes reads 0 as: take none out"


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
def test_a_threshold_that_is_none_is_refused(tiny_model_folder: Callable[[str], Path], threshold: float) -> None:
    with pytest.raises(lm.InvalidSettingError, match="at least 0"):
        lm.activation_outliers(lm.load_engine(str(tiny_model_folder("llama"))), TEXT, threshold)


def test_inputs_that_are_not_finite_are_named(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")))
    model: transformers.LlamaForCausalLM = engine.loaded.model
    with torch.no_grad():
        model.model.layers[1].post_attention_layernorm.weight[3] = float("nan")
    with pytest.raises(lm.NotFiniteError, match=r"layers\.1\.mlp\.gate_proj"):
        lm.activation_outliers(engine, TEXT)
