"""The sentences of Bytes and speed: each follows from the numbers of a report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lmloupe as lm
from ui.precision.speed.words import bytes_finding, reasons, speed_finding


def row(
    spec: str, total: int, step_s: float, prefill_s: float, *, dequantize_s: float = 0.0, jitter: float = 0.01
) -> lm.MeasuredSpeed:
    precision = lm.Precision.parse(spec)
    weights = lm.WeightBytes(precision, total, 0, 256)
    around = np.array([1.0, 1 - jitter, 1 + jitter])
    return lm.MeasuredSpeed(
        precision=precision,
        predicted=weights,
        measured=weights,
        refused="",
        load_s=1.0,
        prefill_s=prefill_s * around,
        decode_s=(step_s * around)[:, None].repeat(4, 1),
        dequantize_s=dequantize_s * around if dequantize_s else np.zeros(0),
        read_bytes=total,
        memory=None,
        prompt_tokens=100,
        new_tokens=4,
    )


def report(*rows: lm.MeasuredSpeed) -> lm.SpeedReport:
    return lm.SpeedReport("m", "cpu", "CPU", 2, 3, True, rows, "", 1.0)


FLOAT32 = row("float32", 400_000_000, 0.040, 1.0)


def test_four_bits_that_are_slower_say_what_they_pay() -> None:
    found = report(FLOAT32, row("nf4", 100_000_000, 0.060, 1.5, dequantize_s=0.045))
    assert speed_finding(found) == (
        "nf4 takes 25% of the memory and writes 1.5 times slower than float32 on this machine"
    )
    first, second = reasons(found)
    assert first.startswith("To write one token, float32 reads at least 400.0 MB from memory: 25.0 tokens a second")
    assert "are 10.0 GB/s. Read at once, the 100 tokens of the prompt go 4.0 times as fast" in first
    assert second == (
        "nf4 takes 60.0 ms a token. Its 100.0 MB would take 10.0 ms at the 10.0 GB/s of float32; the other 50.0 ms go "
        "into its products: turning all matrices back into plain numbers once, as it does for every token, takes 45.0 "
        "ms. It reads the prompt 1.5 times slower than float32."
    )


@pytest.mark.parametrize(
    ("spec", "step_s", "words"),
    [
        ("nf4", 0.0101, "its speed follows the bytes"),
        ("nf4", 0.030, "the other 20.0 ms go into its products, which unpack the codes"),
        ("int8", 0.080, "they round the activations to 8 bits"),
    ],
)
def test_the_reason_is_that_of_the_precision(spec: str, step_s: float, words: str) -> None:
    assert words in reasons(report(FLOAT32, row(spec, 100_000_000, step_s, 0.5)))[1]


def test_rounds_that_overlap_are_no_difference() -> None:
    close = row("int8", 200_000_000, 0.041, 1.02, jitter=0.2)
    found = speed_finding(report(FLOAT32, close))
    assert (
        found
        == "int8 takes 50% of the memory and writes about as fast as float32 on this machine: their rounds overlap"
    )
    assert "reads the prompt about as fast as float32: their rounds overlap" in reasons(report(FLOAT32, close))[1]


def test_the_heading_is_true_for_one_for_ties_and_for_none() -> None:
    alone = report(FLOAT32)
    assert speed_finding(alone) == "float32 takes 400.0 MB"
    assert len(reasons(alone)) == 1
    same = [FLOAT32.predicted, replace(FLOAT32.predicted, precision=lm.Precision("bfloat16"))]
    assert bytes_finding(same) == "Each of them takes 400.0 MB"
    nothing = report(replace(FLOAT32, prefill_s=np.zeros(0), decode_s=np.zeros((0, 4)), refused="No."))
    assert reasons(nothing) == []
    assert speed_finding(nothing) == "float32 takes 400.0 MB"
    quantized = report(row("nf4", 100_000_000, 0.02, 1.0), row("int8", 200_000_000, 0.04, 1.0))
    assert speed_finding(quantized).startswith("int8 takes 200% of the memory and writes 2.0 times slower than nf4")
