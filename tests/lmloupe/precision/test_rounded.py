"""Matrices rounded within a running model: what comes back of the format, and the model's own numbers after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.local import LocalEngine
from lmloupe.precision.rounded import matrix_paths, round_in_steps, rounded, rounded_weight
from tests.support import tiny_models

IDS = list(range(10, 30))


@pytest.fixture(scope="module")
def engine(tiny_model_folder: Callable[[str], Path]) -> LocalEngine:
    return lm.load_engine(tiny_model_folder("llama"), device="cpu", dtype="float32")


def logits(engine: LocalEngine) -> np.ndarray:
    found: np.ndarray = engine.loaded.model(input_ids=torch.tensor([IDS])).logits[0].float().numpy()
    return found


def rounded_logits(engine: LocalEngine, paths: tuple[str, ...], spec: str) -> np.ndarray:
    def step() -> np.ndarray:
        with rounded(engine.loaded, paths, lm.Precision.parse(spec)):
            return logits(engine)

    return engine.loaded.worker.call(step)


def test_what_is_rounded_is_what_bitsandbytes_would_store(tiny_model_folder: Callable[[str], Path]) -> None:
    plain = lm.load_engine(tiny_model_folder("phi3"), device="cpu")
    stored = lm.load_engine(tiny_model_folder("phi3"), "nf4", device="cpu")
    assert list(matrix_paths(plain.loaded)) == [m.name for m in stored.describe().modules if m.is_quantized]
    assert matrix_paths(stored.loaded) == ()


def test_it_is_rounded_while_open_and_the_models_own_to_the_last_bit_afterwards(engine: LocalEngine) -> None:
    own, paths = engine.loaded.worker.call(lambda: logits(engine)), matrix_paths(engine.loaded)
    weights = {path: engine.loaded.model.get_submodule(path).weight for path in paths}
    assert not np.array_equal(rounded_logits(engine, paths, "q4_0"), own)
    assert np.array_equal(engine.loaded.worker.call(lambda: logits(engine)), own)
    assert all(engine.loaded.model.get_submodule(path).weight is weight for path, weight in weights.items())
    assert np.array_equal(rounded_logits(engine, paths[:0], "q4_0"), own)
    assert np.array_equal(rounded_logits(engine, paths, "float32"), own)


def test_an_error_inside_puts_the_weights_back(engine: LocalEngine) -> None:
    own, paths = engine.loaded.worker.call(lambda: logits(engine)), matrix_paths(engine.loaded)

    def step() -> None:
        with rounded(engine.loaded, (*paths, "lm_head.nothing"), lm.Precision("nf4")):
            raise AssertionError("a module that is not there was rounded")

    with pytest.raises(InvalidSettingError, match=r"no matrix of weights at 'lm_head\.nothing'"):
        engine.loaded.worker.call(step)
    assert np.array_equal(engine.loaded.worker.call(lambda: logits(engine)), own)


@pytest.mark.parametrize("spec", ["int8", "nf4", "nf4+double", "fp4"])
def test_what_comes_back_is_what_bitsandbytes_multiplies_with(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path], spec: str
) -> None:
    # Read before any forward: some CPUs have bitsandbytes lay the weights out anew in the first one.
    chosen = lm.Precision.parse(spec)
    settings: Any = {"load_in_8bit": True}
    if spec != "int8":
        settings = {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": chosen.weights,
            "bnb_4bit_use_double_quant": chosen.double_quant,
        }
    stored = transformers.AutoModelForCausalLM.from_pretrained(
        tiny_model_folder("llama"),
        dtype=torch.float32,
        quantization_config=transformers.BitsAndBytesConfig(**settings),
        device_map={"": "cpu"},
    )
    for path in matrix_paths(engine.loaded):
        weight = stored.get_submodule(path).weight
        if spec == "int8":
            back = bnb.int8_vectorwise_dequant(weight.data, stored.get_submodule(path).weight.SCB)
        else:
            back = bnb.dequantize_4bit(weight.data, weight.quant_state)
        assert torch.equal(rounded_weight(engine.loaded.model.get_submodule(path), chosen), back.float()), path


def test_for_good_it_is_the_same_and_needs_no_way_back(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path]
) -> None:
    other = lm.load_engine(tiny_model_folder("llama"), device="cpu", dtype="float32")
    paths = matrix_paths(other.loaded)
    ticket = other.loaded.worker.submit(round_in_steps(other.loaded, paths, lm.Precision("mxfp4")))
    with pytest.raises(StopIteration):
        ticket.take()
    assert np.array_equal(other.loaded.worker.call(lambda: logits(other)), rounded_logits(engine, paths, "mxfp4"))


def test_a_matrix_with_inputs_first_is_rounded_by_its_outputs(tmp_path: Path) -> None:
    config = transformers.GPT2Config(
        vocab_size=512, n_embd=32, n_layer=1, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=2
    )
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny_models.save_tokenizer(tmp_path)
    loaded = lm.load_engine(tmp_path, device="cpu", dtype="float32").loaded
    path = "transformer.h.0.mlp.c_fc"
    own = loaded.model.get_submodule(path).weight.detach().numpy().copy()

    def step() -> np.ndarray:
        with rounded(loaded, [path], lm.Precision("q8_0")):
            found: np.ndarray = loaded.model.get_submodule(path).weight.numpy()
            return found

    assert np.array_equal(loaded.worker.call(step), lm.simulate(own.T, "q8_0").values.T)


def test_a_module_without_a_matrix_and_one_that_is_quantized_are_refused(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path]
) -> None:
    with pytest.raises(InvalidSettingError, match="no matrix of weights"):
        rounded_logits(engine, ("model.layers.0.input_layernorm",), "nf4")
    stored = lm.load_engine(tiny_model_folder("llama"), "int8", device="cpu")
    with pytest.raises(NotAvailableError, match="quantized already"):
        rounded_logits(stored, ("model.layers.0.mlp.up_proj",), "nf4")
