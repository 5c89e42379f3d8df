"""Errors by matrix and effects by layer equal those of models whose weights were rounded by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes.functional as bnb
import numpy as np
import pandas as pd
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.errors import InvalidSettingError, NotAvailableError, NotFiniteError
from lmloupe.model.local import LocalEngine
from lmloupe.precision.layers.passes import RoundedPasses
from tests.support import tiny_models

IDS = list(range(10, 34))


@pytest.fixture(scope="module", params=tiny_models.ARCHITECTURES)
def engine(request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path]) -> LocalEngine:
    return lm.load_engine(tiny_model_folder(request.param), device="cpu")


@pytest.fixture(scope="module")
def llama(tiny_model_folder: Callable[[str], Path]) -> LocalEngine:
    return lm.load_engine(tiny_model_folder("llama"), device="cpu")


def weights_of(engine: LocalEngine) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in engine.loaded.model.named_parameters()}


def same_weights(engine: LocalEngine, own: dict[str, torch.Tensor]) -> bool:
    engine.loaded.worker.call(lambda: None)  # the step at hand, if there is one, has ended
    now = dict(engine.loaded.model.named_parameters())
    return now.keys() == own.keys() and all(torch.equal(now[name], weight) for name, weight in own.items())


def read_back(weight: np.ndarray, spec: str) -> np.ndarray:
    if spec in ("q4_0", "mxfp4"):
        return lm.simulate(weight, spec).values  # type: ignore[arg-type]
    tensor = torch.from_numpy(weight)
    if spec == "int8":
        codes, scales, _ = bnb.int8_vectorwise_quant(tensor.half())
        return codes.numpy() * scales.numpy()[:, None].astype(np.float32) / 127
    packed, state = bnb.quantize_4bit(tensor, blocksize=64, quant_type=spec, compress_statistics=False)
    back: np.ndarray = bnb.dequantize_4bit(packed, state).numpy()
    return back


@pytest.mark.parametrize("spec", ["nf4", "fp4", "int8", "q4_0", "mxfp4"])
def test_errors_are_those_of_numpy_on_what_bitsandbytes_gives_back(engine: LocalEngine, spec: str) -> None:
    found = lm.quantization_errors(engine, spec)
    stored = [one.name for one in engine.describe().modules if one.kind == "Linear" and one.name != "lm_head"]
    assert [one.path for one in found.matrices] == stored
    assert found.is_complete
    for one in found.matrices:
        weight = engine.loaded.model.get_submodule(one.path).weight.detach().numpy().astype(np.float64)
        off = weight - read_back(weight.astype(np.float32), spec)
        relative = np.linalg.norm(off) / np.linalg.norm(weight)
        assert one.relative_error == pytest.approx(relative, rel=1e-5)
        assert one.snr_db == pytest.approx(-20 * math.log10(relative), abs=1e-4)
        assert one.largest_error == pytest.approx(np.abs(off).max(), rel=1e-4)
        row, column = one.largest_at
        assert abs(one.largest_weight) == np.abs(weight).max() == abs(weight[row, column])
        assert one.std == pytest.approx(weight.std(), rel=1e-5)
        centred = weight - weight.mean()
        assert one.kurtosis == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2, rel=1e-4)
        blocks = (
            weight.reshape(-1, 64) if spec in ("nf4", "fp4") else weight if spec == "int8" else weight.reshape(-1, 32)
        )
        crest = math.sqrt((np.abs(blocks).max(1) ** 2).mean() / (weight**2).mean())
        assert one.crest == pytest.approx(crest, rel=1e-5)
    table = found.table()
    assert table.shape == (3, len(found.modules))
    last = found.matrices[-1]
    assert table[last.layer, found.modules.index(last.module)] == np.float32(last.relative_error)


def test_the_rank_correlation_is_spearmans(llama: LocalEngine) -> None:
    found = lm.quantization_errors(llama, "q4_0")
    table = pd.DataFrame([(one.relative_error, one.crest) for one in found.matrices]).rank()
    expected = float(table[0].corr(table[1]))
    assert found.rank_correlation("crest") == pytest.approx(expected)
    assert math.isnan(lm.quantization_errors(llama, "float32").rank_correlation("kurtosis"))


def test_a_last_block_that_is_not_whole_has_its_own_share_in_the_crest(tmp_path: Path) -> None:
    folder = tiny_models.build("llama", tmp_path, intermediate_size=100, num_hidden_layers=1)
    found = lm.quantization_errors(lm.load_engine(folder, device="cpu"), "q4_0")
    down = next(one for one in found.matrices if one.module == "mlp.down_proj")
    assert down.shape == (64, 100)
    weight = lm.load_engine(folder, device="cpu").loaded.model.get_submodule(down.path).weight.detach().double()
    squares = sum(float((block.abs().amax(1) ** 2).sum()) * block.shape[1] for block in weight.split(32, dim=1))
    assert down.crest == pytest.approx(math.sqrt(squares / float(weight.square().sum())), rel=1e-5)


def test_layers_that_differ_leave_gaps(tmp_path: Path) -> None:
    config = transformers.Qwen2MoeConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, moe_intermediate_size=32, num_hidden_layers=3,
        shared_expert_intermediate_size=32, num_attention_heads=2, num_key_value_heads=2, num_experts=2,
        num_experts_per_tok=1, mlp_only_layers=[1], bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tiny_models.save_tokenizer(tmp_path)
    engine = lm.load_engine(tmp_path, device="cpu")
    table = lm.quantization_errors(engine).table()
    there = ~np.isnan(table)
    modules = lm.quantization_errors(engine).modules
    assert there[:, modules.index("self_attn.q_proj")].all()
    assert there[:, modules.index("mlp.up_proj")].tolist() == [False, True, False]
    assert there[:, modules.index("mlp.shared_expert.up_proj")].tolist() == [True, False, True]
    *_, found = lm.layer_sensitivity(engine, IDS)
    assert found.layers == (0, 1, 2)


def by_hand(engine: LocalEngine, folder: Path, paths: list[str], spec: str) -> tuple[float, float, float]:
    """KL, changed share and ln(PPL ratio) of a model that transformers loads and whose weights NumPy rounds."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([IDS])
    with torch.inference_mode():
        own = torch.log_softmax(model(input_ids=ids).logits[0].double(), -1).numpy()
    for path in paths:
        weight = model.get_submodule(path).weight
        weight.data = torch.from_numpy(read_back(weight.detach().numpy(), spec))
    with torch.inference_mode():
        other = torch.log_softmax(model(input_ids=ids).logits[0].double(), -1).numpy()
    kl = (np.exp(own) * (own - other)).sum(1).mean() / math.log(2)
    changed = (own.argmax(1) != other.argmax(1)).mean()
    places = np.arange(len(IDS) - 1)
    moved = (own[places, IDS[1:]] - other[places, IDS[1:]]).mean()
    return float(kl), float(changed), float(moved)


def test_effects_are_those_of_models_whose_weights_were_rounded_by_hand(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = Path(engine.describe().name)
    own = weights_of(engine)
    paths = [one.path for one in lm.quantization_errors(engine).matrices]

    def expect(effect: lm.Effect, rounded: list[str]) -> None:
        kl, changed, moved = by_hand(engine, folder, rounded, "nf4")
        assert effect.mean_kl_bits == pytest.approx(kl, rel=2e-3, abs=1e-6)
        assert effect.changed_top_share == pytest.approx(changed)
        assert effect.ln_ppl_ratio == pytest.approx(moved, rel=2e-3, abs=1e-5)

    only = list(lm.layer_sensitivity(engine, IDS))
    n = len(paths)
    assert [(one.n_rounded, one.whole is None, len(one.effects)) for one in only] == [
        *((i, True, 0) for i in range(n + 1)),
        *((n, False, i) for i in range(4)),
    ]
    assert only[-1].keeps_states
    assert only[-1].whole is not None
    expect(only[-1].whole, paths)
    assert only[-1].whole.mean_kl_bits > 1e-4
    for i in range(3):
        expect(only[-1].effects[i], [path for path in paths if path.startswith(f"model.layers.{i}.")])
    *_, others = lm.layer_sensitivity(engine, IDS, mode="all_but")
    assert others.keeps_states
    expect(others.effects[1], [path for path in paths if not path.startswith("model.layers.1.")])
    *_, kinds = lm.layer_sensitivity(engine, IDS, mode="kinds")
    expect(kinds.effects[-1], [path for path in paths if path.endswith(kinds.names[-1])])
    *_, single = lm.layer_sensitivity(engine, IDS, mode="matrices", layer=2)
    expect(single.effects[0], [f"model.layers.2.{single.names[0]}"])
    assert single.whole is not None
    np.testing.assert_array_equal(single.whole.kl_bits, only[-1].effects[2].kl_bits)
    assert same_weights(engine, own)


def test_passes_from_kept_states_are_those_of_the_whole_model(
    llama: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, kept = lm.layer_sensitivity(llama, IDS, "q8_0")
    with monkeypatch.context() as patched:
        patched.setattr(RoundedPasses, "gives_the_same", lambda *_: False)
        *_, plain = lm.layer_sensitivity(llama, IDS, "q8_0")
    # As little room as if no second copy of the weights had any: a block's are rounded each time it runs.
    monkeypatch.setattr("lmloupe.precision.layers.passes.available_bytes", lambda _: 0)
    *_, small = lm.layer_sensitivity(llama, IDS, "q8_0")
    assert (kept.keeps_states, plain.keeps_states, small.keeps_states) == (True, False, True)
    for one, other, third in zip(kept.effects, plain.effects, small.effects, strict=True):
        np.testing.assert_array_equal(one.kl_bits, other.kl_bits)
        np.testing.assert_array_equal(one.kl_bits, third.kl_bits)


def test_blocks_that_hand_on_something_beside_their_outputs_are_run_whole(tmp_path: Path) -> None:
    folder = tiny_models.build("llama", tmp_path)
    engine = lm.load_engine(folder, device="cpu")
    first, last = engine.loaded.blocks[0], engine.loaded.blocks[2]  # type: ignore[index]
    beside: list[torch.Tensor] = []
    own_first, own_last = first.forward, last.forward

    def hand_on(hidden: torch.Tensor, **options: Any) -> torch.Tensor:
        beside[:] = [own_first(hidden, **options)]
        return beside[0]

    first.forward = hand_on
    last.forward = lambda hidden, **options: own_last(hidden, **options) + beside.pop()
    *_, found = lm.layer_sensitivity(engine, IDS)
    assert not found.keeps_states
    assert found.effects[2].mean_kl_bits > 0
    assert first.forward is hand_on


def test_nothing_changes_where_nothing_is_rounded(llama: LocalEngine) -> None:
    *_, found = lm.layer_sensitivity(llama, IDS, "float32")
    assert found.whole is not None
    for effect in (*found.effects, found.whole):
        assert (effect.mean_kl_bits, effect.changed_top_share, effect.ln_ppl_ratio) == (0, 0, 0)


def test_all_layers_rounded_is_the_model_that_bitsandbytes_loads(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path]
) -> None:
    stored = lm.load_engine(engine.describe().name, "nf4", device="cpu")

    def log_probs(one: LocalEngine) -> np.ndarray:
        def step() -> np.ndarray:
            logits = one.loaded.model(input_ids=torch.tensor([IDS])).logits[0].double()
            found: np.ndarray = torch.log_softmax(logits, -1).numpy()
            return found

        return one.loaded.worker.call(step)

    own, other = log_probs(engine), log_probs(stored)
    kl = (np.exp(own) * (own - other)).sum(1).mean() / math.log(2)
    found = next(report.whole for report in lm.layer_sensitivity(engine, IDS) if report.whole is not None)
    # On CPUs with AVX512-BF16 bitsandbytes multiplies in bfloat16, whose own rounding is in its numbers.
    assert found.mean_kl_bits == pytest.approx(kl, rel=0.05)


def test_a_text_of_one_token_has_a_divergence_and_no_perplexity(llama: LocalEngine) -> None:
    *_, found = lm.layer_sensitivity(llama, [10])
    assert found.effects[0].kl_bits.shape == (1,)
    assert found.effects[0].mean_kl_bits > 0
    assert found.effects[0].ln_ppl_ratio is None


def test_stop_and_an_error_in_a_pass_leave_the_weights_as_they_were(
    llama: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = weights_of(llama)
    for steps in range(4):
        work = lm.layer_sensitivity(llama, IDS, mode="all_but")
        for _ in range(steps):
            next(work)
        work.close()
        assert same_weights(llama, own)
    before = llama.score(IDS).log_probs
    mlp, calls = llama.loaded.blocks[2].mlp, []  # type: ignore[index,var-annotated]
    forward = mlp.forward

    def broken(*args: Any, **options: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 6:  # after the model as it is, rounded as a whole, twice from kept states, and one layer
            raise ZeroDivisionError
        found: torch.Tensor = forward(*args, **options)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(mlp, "forward", broken)
        work = lm.layer_sensitivity(llama, IDS)
        assert len(next(work).effects) == 0
        with pytest.raises(ZeroDivisionError):
            list(work)
    assert same_weights(llama, own)
    np.testing.assert_array_equal(llama.score(IDS).log_probs, before)
    assert "forward" not in vars(llama.loaded.blocks[0])  # type: ignore[index]


def test_what_cannot_be_asked_is_refused_in_a_sentence(
    llama: LocalEngine, tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidSettingError, match="not known"):
        lm.layer_sensitivity(llama, IDS, mode="some")  # type: ignore[arg-type]
    with pytest.raises(InvalidSettingError, match="goes with 'matrices'"):
        lm.layer_sensitivity(llama, IDS, layer=1)
    with pytest.raises(InvalidSettingError, match="Layer 3"):
        lm.layer_sensitivity(llama, IDS, mode="matrices", layer=3)
    with pytest.raises(InvalidSettingError, match=r"not known"):
        lm.quantization_errors(llama, "nf5")
    with pytest.raises(InvalidSettingError, match="no number of a matrix"):
        lm.quantization_errors(llama, "int8").table("shape")
    stored = lm.load_engine(tiny_model_folder("llama"), "nf4", device="cpu")
    with pytest.raises(NotAvailableError, match="quantized already"):
        lm.quantization_errors(stored)
    with pytest.raises(NotAvailableError, match="quantized already"):
        lm.layer_sensitivity(stored, IDS)
    monkeypatch.setattr("lmloupe.precision.layers.places.matrix_paths", lambda _: ())
    with pytest.raises(NotAvailableError, match="takes no matrix"):
        lm.quantization_errors(llama)
    monkeypatch.setitem(vars(llama.loaded), "blocks", None)
    with pytest.raises(NotAvailableError, match="no list of blocks"):
        lm.layer_sensitivity(llama, IDS)


def test_a_matrix_that_is_not_finite_is_named(tmp_path: Path) -> None:
    engine = lm.load_engine(tiny_models.build("llama", tmp_path), device="cpu")
    engine.loaded.model.model.layers[1].mlp.up_proj.weight.data[0, 0] = math.nan
    with pytest.raises(NotFiniteError, match=r"layers\.1\.mlp\.up_proj"):
        lm.quantization_errors(engine)


def test_the_largest_dimensions_of_the_stream_are_named(llama: LocalEngine) -> None:
    found = lm.outlier_features(llama, IDS)
    states = llama.hidden_states(IDS)[:-1]
    layer, token, dimension = np.unravel_index(np.abs(states).argmax(), states.shape)
    first = found.top(3)[0]
    assert (first.layer, first.token, first.dimension) == (layer, token, dimension)
    assert first.value == states[layer, token, dimension]
    assert first.times_median == pytest.approx(abs(first.value) / np.median(np.abs(states[layer])), rel=1e-5)
    assert not first.is_massive
    assert len(found.top(1000)) == 64
