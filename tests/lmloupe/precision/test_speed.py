"""Bytes predicted and measured, and the passes that are timed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from lmloupe.precision.speed import measure, run
from lmloupe.precision.speed.clock import dequantizing, passes
from lmloupe.precision.speed.sizes import predicted_bytes
from tests.support.tiny_models import ARCHITECTURES, build

EVERY = ("float32", "bfloat16", "float16", "int8", "fp4", "nf4", "nf4+double@bfloat16")
SHORT: Any = {"prompt_tokens": 6, "new_tokens": 3, "rounds": 1, "device": "cpu"}


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_predicted_bytes_are_the_measured_ones(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path], arch: str
) -> None:
    models: dict[lm.Precision, int] = {}
    own = run.measured_bytes

    def look(engine: LocalEngine, precision: lm.Precision) -> lm.WeightBytes:
        models[precision] = engine.loaded.model.get_memory_footprint()
        return own(engine, precision)

    monkeypatch.setattr(run, "measured_bytes", look)
    report = lm.measure_speed(tiny_model_folder(arch), EVERY, **SHORT)
    assert [row.precision.spec for row in report.rows] == list(EVERY)
    assert report.interleaved
    for row in report.rows:
        assert row.measured is not None
        assert row.predicted.total == row.measured.total  # the tensors' own bytes, see test_load.py
        assert row.measured.footprint == models[row.precision]
        if row.precision.compute_dtype == "auto":  # else bitsandbytes turns biases into that dtype at the first pass
            assert row.predicted == row.measured
        assert row.prefill_s.shape == (1,)
        assert row.decode_s.shape == (1, 3)
        assert row.prefill_s.min() > 0
        assert row.decode_s.min() > 0
        assert row.decode_per_s == pytest.approx(3 / row.decode_s.sum())
        assert row.prefill_per_s == pytest.approx(6 / row.prefill_s[0])
        assert row.bytes_per_s == row.read_bytes * row.decode_per_s
        assert row.memory is None
    assert (report.done, report.doing, report.device) == (1.0, "", "cpu")


@pytest.mark.model
def test_the_embedded_model_takes_what_is_predicted(embedded_model_folder: Path) -> None:
    engine = lm.load_engine(device="cpu")
    report = lm.measure_speed(engine, ["float32", "nf4"], prompt_tokens=4, new_tokens=1, rounds=1)
    for row in report.rows:
        assert row.measured == row.predicted
    plain, nf4 = report.rows
    assert plain.load_s == 0.0  # the engine that was passed in
    assert plain.measured is not None
    assert plain.measured.footprint == engine.loaded.model.get_memory_footprint()
    assert nf4.load_s > 0
    # The output matrix is the input matrix, so a token reads all weights, and 4 tokens of 30 layers' keys and values.
    assert plain.read_bytes == plain.predicted.total + 2 * 30 * 3 * 64 * 4 * 4


@pytest.mark.parametrize(
    ("spec", "footprint", "total"),
    [("nf4", 5591.5, 6027.7), ("nf4+double", 5591.5, 5702.3), ("bfloat16", 16060.5, 16060.5)],
)
def test_llama_8b_takes_what_a_course_prints(spec: str, footprint: float, total: float) -> None:
    config = transformers.LlamaConfig(
        vocab_size=128256,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        tie_word_embeddings=False,
    )
    found = predicted_bytes(config, lm.Precision.parse(spec), torch.bfloat16)
    assert round(found.weights / 1e6, 1) == footprint
    assert round(found.footprint / 1e6, 1) == footprint  # buffers are a few hundred bytes
    assert found.total / 1e6 == pytest.approx(total, rel=1e-3)


def test_the_precisions_take_turns(monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]) -> None:
    said: list[str] = []
    lm.measure_speed(
        tiny_model_folder("llama"), ["float32", "nf4"], **SHORT | {"rounds": 3},
        progress=lambda report: said.append(report.doing),
    )  # fmt: skip
    assert said == [
        "Loading float32", "Loading nf4",
        "Round 1 of 3: float32", "Round 1 of 3: nf4",
        "Round 2 of 3: nf4", "Round 2 of 3: float32",
        "Round 3 of 3: float32", "Round 3 of 3: nf4", "",
    ]  # fmt: skip


def test_without_room_for_all_they_come_one_after_another(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]
) -> None:
    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    assert isinstance(engine, LocalEngine)
    plain, nf4 = (one.total for one in lm.predicted_weights(engine, ["float16", "nf4"]))
    work = run.Run(engine, (lm.Precision("nf4"),), 6, 3, 1)._work
    monkeypatch.setattr(run, "available_bytes", lambda _device: work + nf4)
    held: list[int] = []
    own = run.load_again

    def count(*args: Any, **kwargs: Any) -> LocalEngine:
        held.append(1)
        return own(*args, **kwargs)

    monkeypatch.setattr(run, "load_again", count)
    report = lm.measure_speed(engine, ["float16", "float32", "nf4"], **SHORT)
    assert plain > nf4
    assert not report.interleaved
    assert len(report["float32"].prefill_s) == len(report["nf4"].prefill_s) == 1  # one is there, the other fits
    assert len(held) == 1
    refused = report["float16"]
    assert (refused.measured, len(refused.prefill_s), refused.decode_per_s) == (None, 0, 0.0)
    assert "GB are free: choose fewer bits" in refused.refused
    assert report.done == 1.0


def test_what_cannot_be_loaded_is_said_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]
) -> None:
    own = run.load_again

    def without_int8(engine: LocalEngine, quantization: Any, **kwargs: Any) -> LocalEngine:
        if quantization == "int8":
            raise lm.UnsupportedError("There is no backend.")
        return own(engine, quantization, **kwargs)

    monkeypatch.setattr(run, "load_again", without_int8)
    report = lm.measure_speed(tiny_model_folder("qwen2"), ["int8", "float16"], **SHORT)
    assert report["int8"].refused == "There is no backend."
    assert report["float16"].decode_per_s > 0
    with pytest.raises(KeyError):
        report["nf4"]


def test_closing_stops_and_lets_the_models_go(tiny_model_folder: Callable[[str], Path]) -> None:
    steps = lm.speed_steps(tiny_model_folder("llama"), ["float32", "float16"], **SHORT | {"rounds": 50})
    for report in steps:
        if report.doing.startswith("Round 1"):
            break
    kept = steps.gi_frame.f_locals["self"]  # type: ignore[union-attr]
    steps.close()
    assert not kept._engines


def test_both_readings_of_a_text_are_the_same_work(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    assert isinstance(engine, LocalEngine)
    seen: list[tuple[int, int]] = []

    def note(_module: Any, _args: Any, kwargs: Any) -> None:
        seen.append((kwargs["input_ids"].shape[1], kwargs["past_key_values"].get_seq_length()))

    handle = engine.loaded.model.register_forward_pre_hook(note, with_kwargs=True)
    with torch.inference_mode():
        found = [one for one in passes(engine.loaded, np.arange(5, 14, dtype=np.int32), 6) if one]
    handle.remove()
    assert [what for what, _ in found] == ["prefill", "decode", "decode", "decode"]
    assert seen == [(6, 0), (1, 6), (1, 7), (1, 8)]


def test_dequantizing_is_measured_where_the_product_does_it(tmp_path: Path) -> None:
    # Shapes that no packed kernel of a CPU takes.
    folder = build("llama", tmp_path / "m", hidden_size=48, intermediate_size=80)
    report = lm.measure_speed(folder, ["nf4", "int8"], **SHORT | {"rounds": 2})
    nf4 = report["nf4"]
    assert nf4.dequantize_s.shape == (2,)
    assert nf4.dequantize_share == pytest.approx(np.median(nf4.dequantize_s) / np.median(nf4.decode_s))
    assert not len(report["int8"].dequantize_s)
    assert report["int8"].dequantize_share == 0.0
    plain = lm.load_engine(folder, device="cpu")
    assert isinstance(plain, LocalEngine)
    assert list(dequantizing(plain.loaded)) == []


def test_bad_input_is_refused(tiny_model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tiny_model_folder("llama")
    for what in ("prompt_tokens", "new_tokens", "rounds"):
        with pytest.raises(lm.InvalidSettingError, match=f"{what} is 0"):
            lm.measure_speed(folder, ["nf4"], **SHORT | {what: 0})
    with pytest.raises(lm.InvalidSettingError, match=r"Q4_0 .simulated. is worked by arithmetic"):
        lm.measure_speed(folder, ["q4_0"], **SHORT)
    with pytest.raises(lm.InvalidSettingError, match="no precision to measure"):
        lm.measure_speed(folder, [], **SHORT)
    with pytest.raises(lm.InvalidSettingError, match="beyond the 128"):
        lm.measure_speed(folder, ["float32"], **SHORT | {"prompt_tokens": 126})
    assert measure.DEFAULT_PRECISIONS[0] == "float32"


@pytest.mark.cuda
@pytest.mark.parametrize("spec", ["float32", "bfloat16", "int8", "nf4", "nf4+double"])
def test_on_a_gpu_memory_and_time_are_torchs_own(tmp_path: Path, spec: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("There is no NVIDIA GPU here.")
    folder = build("llama", tmp_path / "m", hidden_size=1024, intermediate_size=2048, vocab_size=2048)
    lm.measure_speed(folder, ["float16"], **SHORT | {"device": "cuda"})  # what CUDA takes for itself, once
    row = lm.measure_speed(folder, [spec], **SHORT | {"device": "cuda", "rounds": 2})[spec]
    assert row.measured is not None
    assert row.memory is not None
    assert row.predicted.total == pytest.approx(row.measured.total, rel=0.01)
    # torch hands out memory in blocks of 512 bytes.
    assert row.memory.after - row.memory.before == pytest.approx(row.measured.total, rel=0.05, abs=2 << 20)
    assert row.memory.peak >= row.memory.after
    assert row.prefill_s.min() > 0
    assert row.decode_s.shape == (2, 3)
    assert bool(len(row.dequantize_s)) == spec.startswith("nf4")
