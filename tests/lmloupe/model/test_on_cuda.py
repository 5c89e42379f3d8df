"""What only a GPU shows: kernels that read memory in their own way, memory that is full, memory that is free again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import lmloupe as lm
from lmloupe.planner.counting import available_bytes
from tests.support import architectures
from tests.support.tiny_models import build

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch can use"),
]
IDS = [5, 75, 99, 33, 107, 38, 200, 17, 250, 61]


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_products_of_transposed_inputs_are_those_of_the_cpu(quantization: lm.Quantization) -> None:
    folder = architectures.build("jamba")
    there, here = (lm.load_engine(folder, quantization, device, dtype="float32") for device in ("cuda", "cpu"))
    found, expected = there.next_token(IDS).logits, here.next_token(IDS).logits
    assert np.corrcoef(found, expected)[0, 1] > 0.98


def test_activations_of_16_bits_are_read(tiny_model_folder: Callable[[str], Path]) -> None:
    there, here = (lm.load_engine(tiny_model_folder("llama"), device=device) for device in ("cuda", "cpu"))
    for one, other in zip(*(lm.activation_outliers(e, IDS).modules for e in (there, here)), strict=True):
        np.testing.assert_allclose(one.largest, other.largest, rtol=0.2, atol=0.2)


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """Let this process have only so many bytes of the GPU more than it has."""
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + n_bytes) / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_full_memory_is_said_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    sizes = {"intermediate_size": 4096, "initializer_range": 0.02, "max_position_embeddings": 65536}
    engine = lm.load_engine(build("llama", tmp_path / "a", hidden_size=512, **sizes), "nf4", "cuda")
    large, long = build("llama", tmp_path / "b", hidden_size=1024, **sizes), [5] * 20_000
    asked = (engine.next_token, engine.hidden_states, engine.score, engine.kv_cache, lambda x: list(engine.generate(x)))
    engine.next_token(IDS)
    before = torch.cuda.memory_allocated()

    def held() -> int:
        engine.loaded.worker.call(gc.collect)
        return torch.cuda.memory_allocated() - before

    with room_for(24 << 20):
        for ask in asked:
            with pytest.raises(lm.NotEnoughMemoryError, match="MiB more were asked for"):
                ask(long)
            assert held() < 1 << 20
        assert engine.next_token(IDS).logits.shape == (512,)
        with pytest.raises(lm.UnsupportedError, match="does not fit into the memory of this cuda device"):
            lm.load_engine(large, device="cuda")
        assert held() < 1 << 20


def test_what_was_let_go_is_free_again() -> None:
    torch.zeros(1, device="cuda")
    torch.cuda.empty_cache()
    before = available_bytes("cuda")
    held = torch.zeros(1 << 28, dtype=torch.uint8, device="cuda")
    assert before - available_bytes("cuda") >= 1 << 28
    del held
    assert torch.cuda.memory_reserved() >= 1 << 28  # torch keeps it
    assert abs(before - available_bytes("cuda")) < 1 << 27
    assert abs(lm.known_cards()[-1].memory_bytes - available_bytes("cuda")) < 1 << 27
