"""A block by hand equals what bitsandbytes stores, code for code; bad questions are answered in a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from lmloupe.precision.block.arithmetic import double_quantize, dynamic_map, four_bit, int8, table
from lmloupe.precision.block.scales import doubled

functional: Any = bnb
TINY = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0**-126, 2.0**-149, 3e38, -3e38, 1e-30])
LEVELS = st.sampled_from([0.07958029955625534 / 2, 0.9, -0.84809643, 0.25, 1 / 3, -0.0026041667])
NUMBERS = st.one_of(st.floats(-1, 1, width=32), TINY, LEVELS.map(lambda x: float(np.float32(x))))


def codes_of(packed: torch.Tensor, n: int) -> NDArray[np.int16]:
    flat = packed.reshape(-1).numpy()
    return np.stack([flat >> 4, flat & 15], axis=1).reshape(-1)[:n].astype(np.int16)


@pytest.fixture(scope="module")
def embedded(embedded_model_folder: Path) -> LocalEngine:
    return lm.load_engine()


# The arithmetic


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=64))
def test_codes_of_a_block_are_bitsandbytes_own(kind: Any, numbers: list[float]) -> None:
    values, known = np.array(numbers, np.float32), table(kind)
    steps = four_bit(values, known.levels, whole=len(values) == 64)
    packed, state = functional.quantize_4bit(torch.from_numpy(values), blocksize=64, quant_type=kind)
    assert known.codes[steps.places].tolist() == codes_of(packed, len(values)).tolist()
    assert state.absmax.tolist() == [float(steps.absmax)]
    back = functional.dequantize_4bit(packed, state).reshape(-1).numpy()
    np.testing.assert_array_equal(known.levels[steps.places] * steps.absmax, back)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-65504, 65504, width=16), min_size=1, max_size=80))
def test_codes_of_a_row_are_bitsandbytes_own(numbers: list[float]) -> None:
    row = np.array(numbers, np.float16)
    absmax, _, codes = int8(row)
    if not absmax:  # 127 / 0 there, and what NaN becomes as a whole number is the processor's choice
        assert not codes.any()
        return
    theirs, scales, _ = functional.int8_vectorwise_quant(torch.from_numpy(row)[None])
    assert codes.tolist() == theirs[0].tolist()
    assert float(absmax) == float(scales[0])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=256), st.sampled_from([1.0, 1e-3, 2.0**-126, 2.0**-140])
)
def test_codes_of_scales_are_bitsandbytes_own(numbers: list[float], size: float) -> None:
    scales = np.array(numbers, np.float32) * np.float32(size)
    shifted = scales - scales.mean(dtype=np.float32)
    absmax, _, codes = double_quantize(shifted, dynamic_map())
    theirs, held = functional.quantize_blockwise(torch.from_numpy(shifted), blocksize=256)
    # An absmax so small that it has no inverse: the zeros beside it are NaN there, whose code is up to the instruction.
    told = shifted != 0 if 0 < absmax < 2.0**-128 else np.full(shifted.shape, True)
    assert codes[told].tolist() == theirs.numpy()[told].tolist()
    assert float(absmax) == float(held.absmax[0])


def test_without_the_cpus_look_up_table_the_nearest_level_is_taken() -> None:
    levels = dynamic_map()
    shifted = np.random.default_rng(0).normal(0, 1, 256).astype(np.float32)
    absmax, scaled, codes = double_quantize(shifted, levels, on_cpu=False)
    assert float(absmax) == float(np.abs(shifted).max())
    np.testing.assert_array_equal(np.abs(levels[codes] - scaled), np.abs(levels[None] - scaled[:, None]).min(1))


@pytest.mark.parametrize("shape", [(4, 64), (7, 300), (70, 1000), (1, 65)])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_double_quantization_of_a_matrix_is_bitsandbytes_own(shape: tuple[int, int], kind: Any) -> None:
    matrix = np.random.default_rng(sum(shape)).normal(0, 0.1, shape).astype(np.float32)
    plain = functional.quantize_4bit(torch.from_numpy(matrix), blocksize=64, quant_type=kind)[1].absmax.numpy()
    _, state = functional.quantize_4bit(
        torch.from_numpy(matrix), blocksize=64, quant_type=kind, compress_statistics=True
    )
    theirs = (functional.dequantize_blockwise(state.absmax, state.state2) + state.offset).numpy()
    for number in (0, len(plain) - 1):
        mine = doubled(plain, number, on_cpu=True)
        part = slice(mine.block * 256, (mine.block + 1) * 256)
        assert mine.offset == float(state.offset)
        assert mine.codes.tolist() == state.absmax[part].tolist()
        assert mine.second_absmax == float(state.state2.absmax[mine.block])
        np.testing.assert_array_equal(mine.back, theirs[part])
        np.testing.assert_array_equal(mine.levels, state.state2.code.numpy())


# Blocks of models


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose matrices are no whole number of blocks: 88 columns run on over the ends of rows."""
    from tests.support.tiny_models import build

    return build("llama", tmp_path_factory.mktemp("odd"), hidden_size=88, intermediate_size=90, num_attention_heads=2,
                 num_key_value_heads=1)  # fmt: skip


def stored(engine: LocalEngine, module: str) -> Any:
    return engine.loaded.model.get_submodule(module).weight


@pytest.mark.parametrize("spec", ["nf4", "nf4+double", "fp4", "fp4+double", "int8"])
def test_blocks_of_a_quantized_model_are_the_stored_ones(odd_folder: Path, spec: str) -> None:
    precision = lm.Precision.parse(spec)
    held = lm.load_engine(str(odd_folder), precision.quantization, double_quant=precision.double_quant)
    plain = lm.load_engine(str(odd_folder))
    module = "model.layers.1.mlp.up_proj"  # 90 x 88: the last block has 48 weights
    weight = stored(held, module)
    for row, block in ((0, 0), (1, 0), (1, 1), (89, 1)):
        mine = lm.quantization_block(held, module, row, block, spec)
        before = lm.quantization_block(plain, module, row, block, spec)
        assert (mine.is_stored, mine.origin, mine.agrees) == (True, "file", True)
        assert (before.is_stored, before.origin, before.agrees) == (False, "model", True)
        assert mine.codes.tolist() == before.codes.tolist()
        assert mine.packed.tolist() == before.packed.tolist()
        assert mine.scale == before.scale
        if spec == "int8":
            assert mine.codes.tolist() == weight.data[row, mine.columns].tolist()
            scales = stored_module(held, module).state.SCB  # where the first product moves them
            back = functional.int8_vectorwise_dequant(weight.data, scales)[mine.rows, mine.columns]
        else:
            first = int(mine.rows[0]) * 88 + int(mine.columns[0])
            assert first == (row * 88 // 64 + block) * 64
            assert mine.packed.tolist() == weight.data.reshape(-1)[first // 2 :][: len(mine.packed)].tolist()
            back = functional.dequantize_4bit(weight.data, weight.quant_state)[mine.rows, mine.columns]
        np.testing.assert_array_equal(mine.back, back.numpy())
        matrix = stored(plain, module).detach().numpy()
        np.testing.assert_array_equal(mine.values, matrix[mine.rows, mine.columns])
        np.testing.assert_array_equal(mine.errors, mine.back - mine.values)
    assert len(mine.codes) == (24 if spec == "int8" else 48)
    assert mine.is_whole is False


def test_every_weight_of_a_row_is_in_one_of_its_blocks(odd_folder: Path) -> None:
    engine = lm.load_engine(str(odd_folder))
    for spec in ("nf4", "int8", "q4_0", "nvfp4", "int4_g128"):
        first = lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 2, 0, spec)
        blocks = [
            lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 2, i, spec) for i in range(first.n_blocks)
        ]
        columns = [int(c) for one in blocks for r, c in zip(one.rows, one.columns, strict=True) if r == 2]
        assert columns == list(range(88))
        with pytest.raises(lm.InvalidSettingError, match=f"Block {first.n_blocks} is not there"):
            lm.quantization_block(engine, "model.layers.0.mlp.up_proj", 2, first.n_blocks, spec)


def test_weights_that_a_cpu_laid_out_anew_are_read_back(tiny_model_folder: Callable[[str], Path]) -> None:
    """As on a machine with AVX512-BF16, where the first pass does this; the others never do."""
    engine = lm.load_engine(str(tiny_model_folder("llama")), "nf4", double_quant=True)
    module = "model.layers.0.mlp.down_proj"
    owner: Any = engine.loaded.model.get_submodule(module)
    if not getattr(owner.weight.quant_state, "packing_format_for_cpu", False):
        owner.weight.data, owner.weight.quant_state = bnb._convert_weight_packed_for_cpu(
            owner.weight.data, owner.weight.quant_state
        )
    plain = lm.load_engine(str(tiny_model_folder("llama")))
    for row, block in ((0, 0), (33, 1), (63, 1)):
        mine = lm.quantization_block(engine, module, row, block, "nf4+double")
        before = lm.quantization_block(plain, module, row, block, "nf4+double")
        assert (mine.is_stored, mine.agrees, mine.packed.tolist()) == (True, True, before.packed.tolist())
        assert mine.codes.tolist() == before.codes.tolist()
        assert "scales in bfloat16" in mine.notes[0]


@pytest.mark.parametrize("kind", ["q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128"])
def test_blocks_of_simulated_formats_are_those_of_the_whole_matrix(odd_folder: Path, kind: lm.Weights) -> None:
    engine = lm.load_engine(str(odd_folder))
    module = "model.layers.2.self_attn.o_proj"
    whole = lm.simulate(stored(engine, module).detach().numpy(), kind)
    for block in (0, -(-88 // whole.block_size) - 1):
        mine = lm.quantization_block(engine, module, 5, block, kind)
        assert mine.agrees is None
        assert mine.codes.tolist() == whole.codes[5, mine.columns].tolist()
        np.testing.assert_array_equal(mine.back, whole.values[5, mine.columns])
        np.testing.assert_allclose(mine.chosen * np.float32(mine.scale), mine.back, rtol=1e-6)
        by_code = dict(zip(mine.level_codes.tolist(), mine.levels.tolist(), strict=True))
        if kind in ("mxfp4", "nvfp4"):
            by_code[8] = -0.0
        assert [by_code[code] for code in mine.codes.tolist()] == mine.chosen.tolist()
        for i, place in enumerate(mine.byte_of.tolist()):
            byte = int(mine.packed[place])
            nibble = byte if kind == "q8_0" else byte >> 4 if mine.in_high[i] else byte & 15
            assert nibble == int(mine.codes[i]) % 256


@pytest.mark.parametrize("spec", ["nf4", "nf4+double", "int8", "q4_0", "mxfp4", "nvfp4", "int4_g128"])
def test_every_block_of_a_matrix_is_counted(odd_folder: Path, spec: str) -> None:
    engine = lm.load_engine(str(odd_folder))
    module = "model.layers.0.mlp.up_proj"
    found = lm.matrix_blocks(engine, module, spec)
    matrix = stored(engine, module).detach().numpy()
    back = lm.quantize_dequantize(matrix, spec)
    assert found.counts.sum() == found.level_counts.sum() == matrix.size
    assert found.relative_error == pytest.approx(np.linalg.norm(back - matrix) / np.linalg.norm(matrix), rel=1e-5)
    assert float(found.errors.max()) == pytest.approx(float(np.abs(back - matrix).max()), rel=1e-5)
    worst = lm.quantization_block(engine, module, *found.with_largest_error, spec)
    assert float(np.abs(worst.errors).max()) == float(found.errors.max())
    largest = lm.quantization_block(engine, module, *found.with_largest_weight, spec)
    assert np.abs(largest.values).max() == np.abs(matrix).max()
    assert len({tuple(place) for place in found.places.tolist()}) == len(found.errors)


@pytest.mark.model
@pytest.mark.parametrize("spec", ["nf4", "fp4+double", "int8"])
def test_the_embedded_models_blocks_are_bitsandbytes_own(embedded: LocalEngine, spec: str) -> None:
    for row in (0, 308):
        assert lm.quantization_block(embedded, "model.layers.11.mlp.down_proj", row, 14, spec).agrees is True


# One product


def test_the_product_is_that_of_a_model_in_int8(tiny_model_folder: Callable[[str], Path]) -> None:
    plain, held = (lm.load_engine(str(tiny_model_folder("qwen2")), q) for q in ("none", "int8"))  # type: ignore[arg-type]
    module, text = "model.layers.0.self_attn.o_proj", "A coconut rolls down the hill."
    found = lm.int8_product(plain, text, module, 1.0)
    inputs: list[torch.Tensor] = []
    hook = stored_module(plain, module).register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    with torch.inference_mode():
        plain.loaded.model(input_ids=torch.from_numpy(found.input_ids.astype(np.int64))[None])
        hook.remove()
        exact = (inputs[0].double() @ stored(plain, module).double().T)[0]
        for threshold, error in ((1.0, found.error), (0.0, found.error_all_int8)):
            linear = stored_module(held, module)
            linear.state.threshold = threshold
            theirs = linear(inputs[0])[0].double()
            assert float((theirs - exact).norm() / exact.norm()) == pytest.approx(error, rel=1e-6)
    assert found.outliers.tolist() == lm.activation_outliers(plain, text, 1.0).modules[3].outliers.tolist()
    assert len(found.outliers)
    assert (found.row_scales <= found.row_scales_all).all()
    assert found.row_scales.max() < 1.0


def stored_module(engine: LocalEngine, module: str) -> Any:
    return engine.loaded.model.get_submodule(module)


@pytest.mark.model
def test_outliers_in_floating_point_save_the_embedded_models_product(embedded: LocalEngine) -> None:
    inputs = lm.activation_outliers(embedded, "The capital of France is")
    largest = max(inputs.modules, key=lambda one: float(one.largest.max()))
    assert largest.name == "model.layers.11.mlp.down_proj"
    assert largest.tokens[largest.largest.argmax()] == 0
    found = lm.int8_product(embedded, "The capital of France is", "model.layers.11.mlp.down_proj")
    assert found.outliers.tolist() == largest.outliers.tolist()
    assert found.error < 0.7 * found.error_all_int8
    assert found.error == pytest.approx(found.error_of_weights, rel=0.05)


# Bad questions


@pytest.mark.parametrize(
    ("module", "row", "block", "spec", "said"),
    [
        ("model.layers.0", 0, 0, "nf4", r"no weight of its own: choose one inside it, such as model\.layers\.0\."),
        ("model.layers.0.mlp.upproj", 0, 0, "nf4", "did you mean 'model.layers.0.mlp.up_proj'"),
        ("model.layers.0.mlp.up_proj", 128, 0, "nf4", "go from 0 to 127"),
        ("model.layers.0.mlp.up_proj", -1, 0, "int8", "Row -1 is not there"),
        ("model.layers.0.mlp.up_proj", 0, 1, "nf4", "go from 0 to 0"),
        ("model.layers.0.mlp.up_proj", 0, 0, "float32", "float32 has no blocks"),
        ("model.layers.0.mlp.up_proj", 0, 0, "nf5", "not known"),
    ],
)
def test_a_bad_question_is_answered_in_a_sentence(
    tiny_model_folder: Callable[[str], Path], module: str, row: int, block: int, spec: str, said: str
) -> None:
    with pytest.raises(lm.InvalidSettingError, match=said):
        lm.quantization_block(lm.load_engine(str(tiny_model_folder("llama"))), module, row, block, spec)


def test_what_bitsandbytes_leaves_alone_is_worked_and_said(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")))
    for module in ("model.embed_tokens", "model.norm", "lm_head"):
        found = lm.quantization_block(engine, module, 0, 0)
        assert found.agrees is True
        assert f"bitsandbytes leaves {module} as it is" in found.notes[0]
    with pytest.raises(lm.InvalidSettingError, match="never multiplied in int8"):
        lm.int8_product(engine, "A coconut", "lm_head")


def test_without_original_numbers_the_stored_ones_are_shown(
    tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = lm.load_engine(str(tiny_model_folder("starcoder2")), "nf4")
    module = "model.layers.0.mlp.c_fc"
    before = lm.quantization_block(engine, module, 1, 0)
    monkeypatch.setattr("lmloupe.precision.block.numbers._weight_files", lambda _: [])
    after = lm.quantization_block(engine, module, 1, 0)
    assert (after.origin, after.is_stored, after.agrees) == ("none", True, None)
    assert after.codes.tolist() == before.codes.tolist()
    assert len(after.values) == len(after.errors) == len(after.scaled) == 0
    with pytest.raises(lm.NotAvailableError, match="load the model in float32"):
        lm.quantization_block(engine, module, 1, 0, "q4_0")
    with pytest.raises(lm.NotAvailableError, match="float32"):
        lm.matrix_blocks(engine, module, "nf4")
    with pytest.raises(lm.NotAvailableError, match="float32"):
        lm.int8_product(engine, "A coconut", module)


def test_weights_that_are_not_finite_are_said(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")))
    with torch.no_grad():
        stored(engine, "model.layers.0.mlp.up_proj")[0, 0] = math.nan
        stored(engine, "model.layers.0.mlp.up_proj")[1, 0] = 1e9
    for row, spec in ((0, "nf4"), (1, "int8")):
        with pytest.raises(lm.NotFiniteError):
            lm.quantization_block(engine, "model.layers.0.mlp.up_proj", row, 0, spec)
