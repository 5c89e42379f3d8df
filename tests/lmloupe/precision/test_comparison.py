"""A model in several precisions, beside transformers, float64 and the engine's own answers."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes
import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lmloupe as lm
from lmloupe.model.load import load_again
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes import residual
from lmloupe.precision.comparison import kept, room, steps
from lmloupe.precision.comparison.kept import Kept
from lmloupe.precision.comparison.measures import apart, kl_bits, row_facts
from lmloupe.precision.comparison.models import part_paths
from lmloupe.precision.comparison.reading import Measured, read_and_write_on
from tests.support import tiny_models

IDS = [1, *range(40, 70), 2, 300, 8]
SPECS = ("bfloat16", "int8", "nf4", "nf4+double", "q4_0", "nf4+simulated")


@pytest.fixture(scope="module")
def engine(tiny_model_folder: Callable[[str], Path]) -> LocalEngine:
    return lm.load_engine(tiny_model_folder("llama"), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def report(engine: LocalEngine) -> lm.QuantizationReport:
    return lm.compare_quantizations(engine, IDS, SPECS, max_new_tokens=6, top_k=4)


def log_probs(engine: lm.Engine) -> np.ndarray:
    loaded = engine.loaded  # type: ignore[attr-defined]
    logits = loaded.worker.call(lambda: loaded.model(input_ids=torch.tensor([IDS])).logits[0].double())
    found: np.ndarray = logits.log_softmax(1).numpy()
    return found


def test_it_is_what_the_models_themselves_say(engine: LocalEngine, report: lm.QuantizationReport) -> None:
    assert [one.precision.spec for one in report.results] == ["float32", *SPECS]
    base, base_states = log_probs(engine), engine.hidden_states(IDS)
    for result in report.results[:5]:
        chosen = result.precision
        alone = load_again(engine, chosen.quantization, double_quant=chosen.double_quant, dtype=chosen.dtype)
        own, states = log_probs(alone), alone.hidden_states(IDS)
        near = {"rtol": 2e-3, "atol": 2e-3} if chosen.weights in ("int8", "bfloat16") else {"rtol": 1e-4, "atol": 1e-5}
        kl = (np.exp(base) * (base - own)).sum(1) / np.log(2)
        np.testing.assert_allclose(result.kl_bits, kl, **near)
        np.testing.assert_allclose(result.next_log_probs, own[-1], rtol=1e-3, atol=0.03)
        targets = np.arange(len(IDS) - 1), IDS[1:]
        np.testing.assert_allclose(result.ln_ppl_ratio, (base[targets] - own[targets]).mean(), atol=2e-3)
        change = np.exp(own[targets]) - np.exp(base[targets])
        np.testing.assert_allclose(result.mean_probability_change, change.mean(), atol=1e-3)
        np.testing.assert_allclose(result.rms_probability_change, np.sqrt((change**2).mean()), atol=1e-3)
        flips = base.argmax(1) != own.argmax(1)
        assert np.mean(result.top_changed == flips) > 0.9
        error = np.linalg.norm(states - base_states, axis=2) / np.linalg.norm(base_states, axis=2)
        np.testing.assert_allclose(result.state_error, error, rtol=0.02, atol=2e-3)
        assert result.weight_bytes == alone.describe().bytes
        written = list(alone.generate(IDS, lm.Sampling(temperature=0), max_new_tokens=6))
        assert result.continuation_ids.tolist() == [step.token_id for step in written]


def test_the_distributions_at_each_position_are_there_from_both_sides(report: lm.QuantizationReport) -> None:
    baseline, other = report.baseline, report["nf4"]
    assert other.top_ids.shape == (len(IDS), 4)
    np.testing.assert_array_equal(other.top_log_probs[-1], other.next_log_probs[other.top_ids[-1]])
    np.testing.assert_array_equal(other.log_probs_at_baseline[-1], other.next_log_probs[baseline.top_ids[-1]])
    np.testing.assert_array_equal(other.baseline_log_probs[-1], baseline.next_log_probs[other.top_ids[-1]])
    assert other.first_flip == int(other.top_changed.argmax())
    shared = other.first_difference if other.first_difference >= 0 else len(other.continuation_ids)
    assert np.array_equal(other.continuation_ids[:shared], baseline.continuation_ids[:shared])
    assert other.first_difference < 0 or other.continuation_ids[shared] != baseline.continuation_ids[shared]


def test_the_baseline_is_nothing_away_from_itself(report: lm.QuantizationReport) -> None:
    baseline = report.baseline
    assert baseline.is_baseline
    assert not baseline.kl_bits.any()
    assert not baseline.top_changed.any()
    assert (baseline.first_flip, baseline.first_difference, baseline.ln_ppl_ratio) == (-1, -1, 0.0)
    assert (baseline.cosine_by_layer == 1).all()
    assert not baseline.error_by_layer.any()


def test_a_model_is_exactly_0_bits_from_itself_loaded_anew(engine: LocalEngine) -> None:
    store = Kept(len(IDS), 512, 4, 64, 3)
    for first, one in ((True, engine), (False, load_again(engine, dtype="float32"))):
        paths, _ = part_paths(one.loaded)
        work = read_and_write_on(one.loaded, paths, np.array(IDS, np.int32), store, first=first, max_new_tokens=0)
        ticket: Any = one.loaded.worker.submit(work)
        found = ticket.take()
        while not isinstance(found, Measured):
            found = ticket.take()
    assert not found.rows.kl_bits.any()
    assert not found.state_error.any()
    assert bool((found.state_cosine == 1).all())
    store.close()


def test_simulated_formats_differ_by_rounding_alone(engine: LocalEngine, report: lm.QuantizationReport) -> None:
    stored, rounded = report["nf4"], report["nf4+simulated"]
    assert rounded.kl_bits.mean() > 0
    # On a CPU with AVX512-BF16 bitsandbytes multiplies 4-bit weights in bfloat16, so the two are near, not equal.
    assert abs(rounded.mean_kl_bits - stored.mean_kl_bits) < 0.2 * stored.mean_kl_bits
    plain = engine.describe().bytes
    linear = sum(m.bytes for m in engine.describe().modules if m.kind == "Linear" and m.name != "lm_head")
    assert report["q4_0"].weight_bytes == plain - linear + linear * 4.5 / 32


def test_an_engine_that_is_loaded_is_used_and_what_is_known_is_not_measured_again(
    engine: LocalEngine, report: lm.QuantizationReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []

    def counted(origin: Any, quantization: lm.Quantization = "none", **options: Any) -> LocalEngine:
        loads.append(quantization)
        return load_again(origin, quantization, **options)

    monkeypatch.setattr(steps, "load_again", counted)
    done = list(lm.comparison_steps(engine, IDS, ["nf4", "int8"], max_new_tokens=6, top_k=4, known=report))
    assert loads == []
    assert done[-1].report is not None
    assert len(done) == 1
    assert [one.precision.spec for one in done[-1].report.results] == ["float32", "nf4", "int8"]
    *_, last = lm.comparison_steps(engine, IDS, ["fp4", "nf4"], max_new_tokens=6, top_k=4, known=report)
    assert loads == ["fp4"]
    assert last.report is not None
    assert [one.precision.spec for one in last.report.results] == ["float32", "fp4", "nf4"]
    assert last.report["nf4"] is report["nf4"]
    assert last.report.baseline is report.baseline
    nf4 = load_again(engine, "nf4")
    loads.clear()
    found = lm.compare_quantizations(nf4, IDS, ["nf4"], max_new_tokens=0)
    assert loads == ["none"]
    assert found["nf4"].load_s == 0
    assert found["nf4"].mean_kl_bits > 0


def test_the_report_grows_and_closing_lets_the_models_go(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[LocalEngine]] = []

    def watched(*args: Any, **options: Any) -> LocalEngine:
        found = load_again(*args, **options)
        made.append(weakref.ref(found))
        return found

    monkeypatch.setattr(steps, "load_again", watched)
    work = lm.comparison_steps(engine, IDS, ["nf4", "int8"], max_new_tokens=2)
    shares, lengths = [], []
    for step in work:
        shares.append(step.done)
        lengths.append(0 if step.report is None else len(step.report.results))
        if lengths[-1] == 2 and len(made) == 2:
            break
    assert shares == sorted(shares)
    assert max(shares) < 1
    assert set(lengths) == {0, 1, 2}
    gc.collect()
    assert made[0]() is None  # let go before the second was loaded
    work.close()
    engine.next_token(IDS)  # the model's thread has ended the step at hand
    gc.collect()
    assert made[1]() is None


def test_pieces_and_a_file_give_what_the_whole_in_memory_gives(
    engine: LocalEngine, report: lm.QuantizationReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(residual.PREFILL_CHUNK, "cpu", 7)
    monkeypatch.setattr(kept, "HELD_BYTES", 0)
    found = lm.compare_quantizations(engine, IDS, ["nf4"], max_new_tokens=6, top_k=4)["nf4"]
    whole = report["nf4"]
    np.testing.assert_allclose(found.kl_bits, whole.kl_bits, rtol=0.05, atol=1e-3)
    np.testing.assert_allclose(found.state_error, whole.state_error, rtol=0.05, atol=1e-3)
    assert found.continuation_ids.tolist() == whole.continuation_ids.tolist()
    monkeypatch.setattr(kept.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(lm.NotAvailableError, match="take a shorter text"):
        lm.compare_quantizations(engine, IDS, ["nf4"])


def test_one_token_has_a_divergence_and_no_perplexity(engine: LocalEngine) -> None:
    found = lm.compare_quantizations(engine, [5], ["nf4"], max_new_tokens=2)["nf4"]
    assert found.kl_bits.shape == (1,)
    assert found.mean_kl_bits == found.p99_kl_bits > 0
    assert found.perplexity is found.ln_ppl_ratio is found.rms_probability_change is None


def test_what_does_not_fit_is_refused_with_the_figure(
    engine: LocalEngine, tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda _: 12_000_000)
    found = lm.compare_quantizations(engine, IDS, ["nf4"], max_new_tokens=1)
    assert found.others == ()
    assert found.refused[0][0] == lm.Precision("nf4")
    assert "0.0 GB are free" in found.refused[0][1]
    monkeypatch.setattr("lmloupe.planner.estimate.available_bytes", lambda _: 12_000_000)
    with pytest.raises(lm.UnsupportedError, match=r"takes about 0\.1 GB on the cpu device"):
        lm.compare_quantizations(tiny_model_folder("llama"), IDS, ["nf4"])


def test_without_a_backend_bfloat16_is_offered_and_the_others_go_on(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitsandbytes, "supported_torch_devices", {"cuda"})
    found = lm.compare_quantizations(engine, IDS, ["nf4", "bfloat16"], max_new_tokens=1)
    assert [one.precision.spec for one in found.results] == ["float32", "bfloat16"]
    assert "no backend for cpu" in found.refused[0][1]
    assert "compare bfloat16" in found.refused[0][1]


def test_a_model_that_is_quantized_already_has_no_baseline(
    tmp_path: Path, tiny_model_folder: Callable[[str], Path]
) -> None:
    config = transformers.BitsAndBytesConfig(load_in_4bit=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_model_folder("llama"), quantization_config=config)
    model.save_pretrained(tmp_path)
    tiny_models.save_tokenizer(tmp_path)
    with pytest.raises(lm.UnsupportedError, match="quantized already"):
        lm.compare_quantizations(tmp_path, IDS, ["int8"])
    with pytest.raises(lm.NotAvailableError, match="the repository of its original weights"):
        lm.quantization_block(lm.load_engine(tmp_path), "model.layers.0.mlp.up_proj", 0, 0, "int8")


@pytest.mark.parametrize(
    "wrong", [{"quantizations": ["nf5"]}, {"baseline": "nf4"}, {"top_k": 0}, {"max_new_tokens": -1}]
)
def test_settings_out_of_range_are_refused_before_anything_is_loaded(wrong: dict[str, Any]) -> None:
    with pytest.raises(lm.InvalidSettingError):
        lm.comparison_steps("no/such-model", IDS, **wrong)


@given(arrays(np.float32, (2, 40), elements=st.floats(-20, 20, width=32)))
@settings(max_examples=50)
def test_the_divergence_is_that_of_float64_and_never_negative(logits: np.ndarray) -> None:
    p, q = torch.from_numpy(logits).log_softmax(1).split(1)
    own = p.double().log_softmax(1), q.double().log_softmax(1)
    exact = float((own[0].exp() * (own[0] - own[1])).sum() / np.log(2))
    assert float(kl_bits(p, q)[0]) == pytest.approx(exact, abs=2e-5, rel=1e-5)
    assert float(kl_bits(p, q)[0]) >= 0 == float(kl_bits(p, p)[0])


def test_what_is_ruled_out_ties_and_states_of_zeros() -> None:
    none = -torch.inf
    p, q = torch.tensor([[0.0, none, 0.0]]).log_softmax(1), torch.tensor([[0.0, none, none]]).log_softmax(1)
    assert float(kl_bits(q, p)[0]) == pytest.approx(1)
    assert float(kl_bits(p, q)[0]) == np.inf
    held = torch.tensor([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0]]).log_softmax(1)
    own = torch.tensor([[0.0, 2.0, 2.0], [1.0, 2.0, 2.0]])
    best = held.topk(2).indices
    facts = row_facts(own, torch.zeros(2, dtype=torch.long), held, best, first=False)
    assert facts.top_changed.tolist() == [False, True]
    cosine, error = apart(torch.tensor([[[0.0, 0.0], [1.0, 0.0]]]), torch.tensor([[[0.0, 0.0], [0.0, 0.0]]]))
    assert cosine.tolist() == [[1.0, 0.0]]
    assert error.tolist() == [[0.0, np.inf]]
