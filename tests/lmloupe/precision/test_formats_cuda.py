"""Formats on a GPU: what is stored there is what is stored on the CPU, code for code."""

from __future__ import annotations

from typing import Any

import bitsandbytes.functional as bnb
import pytest
import torch

import lmloupe as lm
from lmloupe.precision.formats import round_matrix

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch can use"),
]
functional: Any = bnb


def matrix(rows: int = 96, columns: int = 320) -> torch.Tensor:
    return torch.randn((rows, columns), generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize("double_quant", [False, True])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_four_bit_codes_are_those_of_the_cpu(kind: str, double_quant: bool) -> None:
    options = {"blocksize": 64, "quant_type": kind, "compress_statistics": double_quant}
    here, state = functional.quantize_4bit(matrix(), **options)
    there, other = functional.quantize_4bit(matrix().cuda(), **options)
    levels = state.code + 0.0  # fp4 has a zero of each sign, and the GPU and the CPU do not choose alike
    packed, own = (levels[torch.stack((one >> 4, one & 15)).long()] for one in (there.cpu().flatten(), here.flatten()))
    # A value half way between two levels may go either way: the GPU multiplies by the scale's inverse in another order.
    apart = torch.nonzero(packed != own)
    assert len(apart) <= packed.numel() // 10_000
    if double_quant:
        # The mean that is taken off the scales first is a sum in another order: a scale of scales may be a step off.
        off = (other.absmax.cpu().int() - state.absmax.int()).abs()
        assert int(off.max()) <= 1
        assert int(off.sum()) <= len(off) // 100
        torch.testing.assert_close(other.offset.cpu(), state.offset)
        return
    torch.testing.assert_close(other.absmax.cpu(), state.absmax)
    back = functional.dequantize_4bit(there, other).cpu()
    torch.testing.assert_close(
        back, functional.dequantize_4bit(here, state), rtol=1e-5, atol=0.06 if len(apart) else 1e-6
    )


def test_int8_codes_are_those_of_the_cpu() -> None:
    half = matrix().half()
    here, scales, _ = functional.int8_vectorwise_quant(half)
    there, others, _ = functional.int8_vectorwise_quant(half.cuda())
    torch.testing.assert_close(others.cpu(), scales)
    assert int((there.cpu().int() - here.int()).abs().max()) <= 1
    assert int((there.cpu() != here).sum()) <= here.numel() // 1000


@pytest.mark.parametrize("spec", ["float16", "bfloat16", "int8", "nf4", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128"])
def test_what_comes_back_is_what_comes_back_on_the_cpu(spec: str) -> None:
    precision = lm.Precision.parse(spec)
    there, here = round_matrix(matrix().cuda(), precision), round_matrix(matrix(), precision)
    assert there.device.type == "cuda"
    close = torch.isclose(there.cpu(), here, rtol=1e-5, atol=1e-6)
    assert float((~close).float().mean()) <= 1e-3  # on the border of two codes
