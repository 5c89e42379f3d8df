"""`memory_plan`: sums that come out, cards, and every precision of the models that load here."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache

import lmloupe as lm
from lmloupe.model.precision import DTYPES, SIMULATED
from lmloupe.planner.storage import bits_per_weight, format_of, stored
from tests.support.tiny_models import ARCHITECTURES, build, config

KEYS = [model.key for model in lm.known_models()]
SPECS = [*DTYPES, "int8", "fp4", "nf4", "fp4+double", "nf4+double", *SIMULATED]
CARDS = lm.known_cards()


def worked(filled: str) -> float:
    """What a filled equation gives; it holds numbers and signs only."""
    assert set(filled) <= set("0123456789,.·+/() "), filled
    return float(eval(filled.replace(",", "").replace("·", "*")))  # noqa: S307 - made of the signs above


def test_llama_in_nf4_gives_the_courses_number() -> None:
    plan = lm.memory_plan("meta-llama/Meta-Llama-3.1-8B-Instruct", "nf4", dtype="bfloat16")
    assert plan.footprint_bytes / 1e6 == pytest.approx(5591.5, abs=0.05)
    assert plan.weights_bytes / 1e6 == pytest.approx(6027.8, abs=0.1)
    assert lm.memory_plan("llama-3.1-8b", "nf4+double").weights_bytes / 1e6 == pytest.approx(5702.5, abs=0.1)
    assert plan.cache_bytes_per_token == 2 * 32 * 8 * 128 * 2


@given(st.sampled_from(KEYS), st.sampled_from(SPECS), st.integers(1, 200_000), st.integers(1, 500))
@settings(deadline=None, max_examples=150)
def test_every_sum_comes_out(key: str, spec: str, context: int, sequences: int) -> None:
    plan = lm.memory_plan(key, spec, context, sequences)
    for equation in plan.equations:
        assert worked(equation.filled) == equation.value, equation
        if equation.rule_filled:
            assert round(worked(equation.rule_filled)) == equation.rule_value, equation
    values = {equation.key: equation.value for equation in plan.equations}
    assert values["parameters"] == plan.n_parameters
    assert values["total"] == plan.total_bytes == plan.weights_bytes + plan.cache_bytes + plan.activation_bytes
    assert plan.weights_bytes == plan.quantized_bytes + plan.unquantized_bytes + plan.constants_bytes
    assert (values["footprint"], values["cache"]) == (plan.footprint_bytes, plan.cache_bytes)
    assert ("constants" in values) == (plan.constants_bytes > 0) == (spec not in DTYPES)


@given(st.sampled_from(KEYS), st.sampled_from(SPECS), st.sampled_from(CARDS), st.integers(1, 9000), st.integers(1, 40))
@settings(deadline=None, max_examples=80)
def test_the_largest_that_fits_fits_and_one_more_does_not(
    key: str, spec: str, card: lm.Card, context: int, sequences: int
) -> None:
    plan = lm.memory_plan(key, spec, context, sequences)
    fit, limit = plan.on(card), plan.model.makeup.context_length
    assert fit.left_bytes == card.usable_bytes - plan.total_bytes
    assert plan.fits(card) == (fit.left_bytes >= 0) == (fit.verdict == "fits")
    for most, again, top in (
        (fit.largest_context, lambda n: lm.memory_plan(plan.model, spec, n, sequences), limit),
        (fit.most_sequences, lambda n: lm.memory_plan(plan.model, spec, plan.context, n), 1 << 20),
    ):
        assert most == 0 or again(most).fits(card)
        assert most == top or not again(most + 1).fits(card)
    if fit.smaller is not None:
        dtype: Any = "bfloat16" if plan.dtype == "float32" else plan.dtype
        given_dtype = "auto" if fit.smaller.weights in DTYPES else dtype
        smaller = lm.memory_plan(plan.model, fit.smaller, context, sequences, dtype=given_dtype)
        assert smaller.fits(card)


def test_verdicts_on_cards() -> None:
    assert lm.memory_plan("llama-3.1-70b").on("t4").verdict == "does not fit"
    eight = lm.memory_plan("llama-3.1-8b").on("rtx-3060")
    assert eight.verdict == "fits smaller"
    assert eight.smaller is not None
    assert eight.smaller.spec == "int8"
    assert lm.memory_plan("llama-3.1-70b", "nf4").on("a100-80").verdict == "fits"
    t4 = next(card for card in CARDS if card.key == "t4")
    assert "bfloat16" in t4.lacks("bfloat16")
    assert not t4.lacks("float16")
    assert lm.memory_plan("qwen2-0.5b", dtype="float16").on(t4).cannot == ()
    assert not next(card for card in CARDS if card.key == "a100-40").lacks("bfloat16")
    here = next(card for card in CARDS if card.key == "here")
    assert here.source == "measured"
    assert 0 < here.usable_bytes <= here.memory_bytes
    with pytest.raises(lm.InvalidSettingError, match="'p100' is not known: choose from rtx-3060"):
        lm.memory_plan("qwen2-0.5b").fits("p100")


def test_this_machines_gpu_is_asked_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (6_000_000_000, 8_000_000_000))
    # torch keeps what a model that was let go had, and gives it to the next one.
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 1_500_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 500_000_000)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _n: SimpleNamespace(name="Tesla T4", major=7, minor=5)
    )
    gpu = lm.known_cards()[-1]
    assert (gpu.key, gpu.name, gpu.kind) == ("here-gpu", "This machine's Tesla T4", "cuda")
    assert gpu.usable_bytes == 7_000_000_000
    assert gpu.lacks("bfloat16").startswith("This machine's Tesla T4 has no hardware for bfloat16")


def test_no_token_is_faster_than_its_bytes_are_read() -> None:
    plan = lm.memory_plan("llama-3.1-8b", context=1)
    fit = plan.on("h100")
    assert fit.most_tokens_per_second == pytest.approx(3350e9 / (plan.weights_bytes + plan.cache_bytes))
    assert lm.memory_plan("qwen2-57b-a14b").on("h100").most_tokens_per_second is None


def test_experts_are_left_as_they_are() -> None:
    plain, nf4 = (lm.memory_plan("qwen2-57b-a14b", spec) for spec in ("none", "nf4"))
    assert nf4.weights_bytes > 0.9 * plain.weights_bytes
    assert any("86% of its parameters are experts" in note for note in nf4.notes)


# Against what is really stored


@given(st.integers(1, 70), st.integers(1, 400), st.sampled_from(SPECS[3:]), st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_bits_are_those_of_the_arrays(rows: int, columns: int, spec: str, seed: int) -> None:
    precision = lm.Precision.parse(spec)
    matrix = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    found = format_of(precision)
    assert found is not None
    bits = stored(matrix.shape, found)
    assert bits_per_weight(precision, matrix.shape) == (bits.codes + bits.scales) / matrix.size
    if precision.is_simulated:
        held = lm.simulate(matrix, precision.weights)
        assert bits.n_scales == held.scales.size
        assert bits.codes == matrix.size * (8 if spec == "q8_0" else 4)
        return
    functional: Any = bnb
    if spec == "int8":
        codes, scales, _ = functional.int8_vectorwise_quant(torch.from_numpy(matrix).half())
        assert (bits.codes // 8, bits.scales // 8) == (codes.nbytes, scales.nbytes)
        return
    packed, state = functional.quantize_4bit(
        torch.from_numpy(matrix), blocksize=64, quant_type=precision.weights, compress_statistics=precision.double_quant
    )
    nested = state.state2.absmax.nbytes if precision.double_quant else 0
    assert (bits.codes // 8, bits.scales // 8) == (packed.nbytes, state.absmax.nbytes + nested)
    books = state.code.nbytes + (state.state2.code.nbytes + state.offset.nbytes if precision.double_quant else 0)
    assert found.book_bytes == books


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("window", [None, 24])
def test_the_cache_is_the_tensors_own(arch: str, window: int | None) -> None:
    if window and arch == "llama":
        pytest.skip("llama has no window")
    changes: dict[str, Any] = {"sliding_window": window} if window else {}
    if window and arch == "qwen2":
        changes |= {"use_sliding_window": True, "max_window_layers": 1}
    own = config(arch, **changes)
    model = transformers.AutoModelForCausalLM.from_config(own).eval()
    for tokens, sequences in ((1, 1), (23, 2), (24, 1), (100, 3)):
        cache = DynamicCache(config=own)
        with torch.inference_mode():
            model(torch.ones((sequences, tokens), dtype=torch.long), past_key_values=cache, use_cache=True)
        held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
        plan = lm.memory_plan(own.to_dict(), context=tokens, sequences=sequences, dtype="float32")
        assert plan.cache_bytes == held
        half = lm.memory_plan(plan.model, context=tokens, sequences=sequences, dtype="float16")
        assert half.cache_bytes * 2 == held
    kinds = {group.kind for group in plan.model.makeup.caches}
    assert kinds == {"full"} if not window else "sliding" in kinds


def test_states_of_a_fixed_size_are_counted_as_such() -> None:
    own = transformers.JambaConfig(
        vocab_size=128, hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, num_experts=2, attn_layer_period=2, attn_layer_offset=1, mamba_d_state=8,
    )  # fmt: skip
    plan = lm.memory_plan(own.to_dict(), context=50)
    kinds = {group.kind: group for group in plan.model.makeup.caches}
    assert set(kinds) == {"full", "state"}
    longer = lm.memory_plan(plan.model, context=51)
    assert longer.cache_bytes - plan.cache_bytes == plan.cache_bytes_per_token == 2 * 2 * 2 * 8 * 2
    assert "state" in plan.equation("cache").symbolic
    assert worked(plan.equation("cache").filled) == plan.cache_bytes


def test_weights_that_are_published_quantized_are_what_is_loaded(tmp_path: Path) -> None:
    plain = build("qwen2", tmp_path / "plain")
    settings_: Any = transformers.BitsAndBytesConfig
    for name, made in (
        ("nf4", settings_(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)),
        ("int8", settings_(load_in_8bit=True)),
    ):
        loaded = transformers.AutoModelForCausalLM.from_pretrained(plain, quantization_config=made, dtype=torch.float32)
        folder = tmp_path / name
        loaded.save_pretrained(folder)
        for file in plain.glob("*token*"):
            (folder / file.name).write_bytes(file.read_bytes())
        plan = lm.memory_plan(folder, dtype="float32")
        assert plan.weights_bytes == lm.load_engine(folder, device="cpu").describe().bytes
        assert plan.stored_as.startswith(name)
        assert plan.footprint_bytes == loaded.get_memory_footprint()
        with pytest.raises(lm.UnsupportedError, match="quantized already"):
            lm.memory_plan(folder, "nf4")


def test_the_estimate_and_the_plan_are_one_count(tiny_model_folder: Callable[[str], Path]) -> None:
    folder = tiny_model_folder("starcoder2")
    for quantization in ("none", "int8", "nf4"):
        estimate = lm.memory_estimate(folder, quantization, device="cpu", context=60)
        plan = lm.memory_plan(folder, quantization, context=60, dtype="float32", device_kind="cpu")
        assert (estimate.weights_bytes, estimate.kv_cache_bytes) == (plan.weights_bytes, plan.cache_bytes)
        assert estimate.overhead_bytes == plan.activation_bytes + (80 << 20)
        assert estimate.n_parameters == plan.n_parameters


@pytest.mark.parametrize("spec", SPECS)
def test_simulated_bytes_are_the_bits_of_every_matrix(spec: str) -> None:
    plan = lm.memory_plan("qwen2-0.5b", spec)
    precision = lm.Precision.parse(spec)
    groups = [group for group in plan.model.makeup.groups if group.quantized and precision.is_quantized]
    bits = sum(math.prod(g.shape) * g.count * bits_per_weight(precision, g.shape) for g in groups)  # type: ignore[arg-type]
    matrices = sum(group.count for group in groups)
    books = {"nf4": 64, "fp4": 64}.get(precision.weights, 0) + (1028 if precision.double_quant else 0)
    assert plan.quantized_bytes + plan.constants_bytes == pytest.approx(bits / 8 + books * matrices, rel=1e-9)


@pytest.mark.parametrize("window", [None, 0, -1])
def test_a_window_that_is_none_keeps_every_token(window: int | None) -> None:
    own = transformers.Gemma3TextConfig(
        vocab_size=128, hidden_size=32, intermediate_size=64, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, sliding_window=64,
    ).to_dict()  # fmt: skip
    plan = lm.memory_plan(own | {"sliding_window": window}, "nf4", 100)
    assert {group.kind for group in plan.model.makeup.caches} == {"full"}
    assert "2 · 6 · 2 · 8 · 100" in plan.equation("cache").filled.replace(",", "")


def test_a_negative_size_is_named() -> None:
    with pytest.raises(lm.InvalidSettingError, match="hidden_size is -1 in the config; it must be at least 1"):
        lm.memory_plan({"model_type": "llama", "hidden_size": -1})
