"""The cache on the screen is transformers' own: bytes, numbers, what it saves and what of it can be used again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache

import lmloupe as lm
from tests.support.architectures import build
from tests.support.tiny_models import ARCHITECTURES

IDS = [5, 17, 42, 99, 3, 200, 8, 60, 61, 62]
LONG = [5 + 7 * i % 250 for i in range(40)]  # past the tiny models' window of 32


@cache
def reference(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()


@cache
def engine(folder: Path) -> lm.Engine:
    return lm.load_engine(folder, device="cpu")


def own_cache(model: Any, ids: list[int]) -> DynamicCache:
    with torch.inference_mode():
        found = model(torch.tensor([ids]), use_cache=True).past_key_values
    assert isinstance(found, DynamicCache)
    return found


def nbytes(layer: Any) -> int:
    return int(layer.keys.nbytes + layer.values.nbytes)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_bytes_are_those_of_transformers_own_tensors_and_of_the_formula(
    arch: str, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = tiny_model_folder(arch)
    model, found = reference(folder), engine(folder).kv_cache(IDS)
    assert found.n_read.tolist() == list(range(1, len(IDS) + 1))
    for i, n in enumerate(found.n_read):
        held = own_cache(model, IDS[:n])
        assert found.bytes[i].tolist() == [nbytes(layer) for layer in held.layers]
    assert [layer.bytes for layer in found.layers] == found.bytes[-1].tolist()
    config = model.config
    head_dim = config.hidden_size // config.num_attention_heads
    formula = 2 * config.num_hidden_layers * config.num_key_value_heads * head_dim * 4
    assert found.formula_per_token == formula
    np.testing.assert_array_equal(found.total_bytes, formula * found.n_read)
    assert (found.n_heads, found.n_kv_heads, found.head_dim) == (4, 2, head_dim)
    assert found.kinds == ("full",)
    assert found.is_rotated
    assert found.full_heads_bytes == 2 * found.total_bytes[-1]
    assert [tensor.name for tensor in found.layers[0].tensors] == ["keys", "values"]
    assert found.layers[0].tensors[0].shape == (1, 2, len(IDS), head_dim)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_keys_and_values_are_past_key_values(arch: str, tiny_model_folder: Callable[[str], Path]) -> None:
    folder = tiny_model_folder(arch)
    held = own_cache(reference(folder), IDS)
    for layer in range(3):
        found = engine(folder).keys_and_values(IDS, layer)
        assert found.keys.dtype == found.values.dtype == np.float32
        np.testing.assert_allclose(found.keys, held.layers[layer].keys[0].numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.values, held.layers[layer].values[0].numpy(), rtol=1e-4, atol=1e-5)
        assert found.positions.tolist() == list(range(len(IDS)))
        assert (found.kind, found.dtype, found.is_rotated) == ("full", "float32", True)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_turned_back_a_tokens_key_is_the_same_at_every_place(
    arch: str, tiny_model_folder: Callable[[str], Path]
) -> None:
    found = engine(tiny_model_folder(arch)).keys_and_values([9] * 12, 0)  # of layer 1, which reads the token alone
    assert np.ptp(found.keys, axis=1).max() > 0.5
    assert np.ptp(found.unturned_keys, axis=1).max() < 1e-4
    half = found.keys.shape[2] // 2
    assert found.pair_of.tolist() == [*range(half, 2 * half), *range(half)]
    assert found.radians[0] == found.radians[half] == 1
    without = engine(build("gpt2")).keys_and_values([9] * 3, 0)
    assert not without.is_rotated
    np.testing.assert_array_equal(without.unturned_keys, without.keys)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_both_ways_decode_what_generate_does_without_a_cache(
    arch: str, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = tiny_model_folder(arch)
    with torch.inference_mode():
        expected = reference(folder).generate(
            torch.tensor([IDS]), max_new_tokens=8, do_sample=False, use_cache=False, pad_token_id=0
        )[0, len(IDS) :]
    steps = list(engine(folder).with_and_without_cache(IDS, 8))
    assert [step.token_id for step in steps] == expected.tolist() == [step.other_id for step in steps]
    assert [step.n_read for step in steps] == [len(IDS)] + [1] * (len(steps) - 1)
    assert [step.n_other_read for step in steps] == [len(IDS) + i for i in range(len(steps))]
    assert max(step.difference for step in steps) < 1e-3
    assert all(step.seconds > 0 and step.other_seconds > 0 for step in steps)
    per_token = engine(folder).kv_cache(IDS, step=5).formula_per_token
    assert [step.cache_bytes for step in steps] == [per_token * (len(IDS) + i) for i in range(len(steps))]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(
    ("cached", "following", "n_kept"),
    [
        (IDS, [*IDS[:6], 70, 71, 72], 6),  # parts on the way
        (IDS, [*IDS, 70], len(IDS)),  # goes on
        (IDS, IDS[:4], 3),  # is the beginning: its last token is read for the scores
        (IDS, [90, 91], 0),  # nothing alike
    ],
)
def test_a_cropped_cache_gives_the_logits_of_the_whole_text(
    arch: str, cached: list[int], following: list[int], n_kept: int, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = tiny_model_folder(arch)
    found = engine(folder).reuse_cache(cached, following)
    with torch.inference_mode():
        expected = reference(folder)(torch.tensor([following])).logits[0, -1].numpy()
    np.testing.assert_allclose(found.scratch_logits, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.logits, expected, rtol=1e-4, atol=1e-4)
    assert found.difference == pytest.approx(np.abs(found.logits - found.scratch_logits).max())
    assert (found.n_kept, found.n_read) == (n_kept, len(following) - n_kept)
    assert found.kept_bytes == n_kept * engine(folder).kv_cache(IDS, step=10).formula_per_token


def test_a_query_head_reads_the_keys_of_its_own_group(tiny_model_folder: Callable[[str], Path]) -> None:
    folder = tiny_model_folder("llama")
    found = lm.load_engine(folder, device="cpu")
    assert found.kv_cache([5]).kv_head_of.tolist() == [0, 0, 1, 1]
    before = found.attention(IDS, 0)
    weight = found.loaded.model.model.layers[0].self_attn.k_proj.weight  # type: ignore[attr-defined]
    with torch.no_grad():
        weight[len(weight) // 2 :] = 0  # the keys of head 1
    changed = np.abs(found.attention(IDS, 0) - before).max((1, 2)) > 1e-3
    assert changed.tolist() == [False, False, True, True]


@pytest.mark.parametrize("kind", ["mistral", "gemma2", "phi3"])
def test_a_window_stops_growing(kind: str) -> None:
    folder = build(kind)
    model, found = reference(folder), engine(folder).kv_cache(LONG)
    for i in (10, 31, 39):
        held = own_cache(model, LONG[: i + 1])
        assert found.bytes[i].tolist() == [nbytes(layer) for layer in held.layers]
    windows = [i for i, layer in enumerate(found.layers) if layer.kind == "window"]
    others = [i for i, layer in enumerate(found.layers) if layer.kind == "full"]
    assert windows
    assert len(windows) + len(others) == 4
    assert bool(others) == (kind == "gemma2")
    assert all(found.layers[i].most_tokens == found.layers[i].n_tokens == 31 for i in windows)
    assert (np.diff(found.bytes[31:, windows], axis=0) == 0).all()
    assert (np.diff(found.bytes[:, others], axis=0) > 0).all()
    np.testing.assert_array_equal(found.total_bytes[:31], found.formula_bytes[:31])
    assert found.total_bytes[-1] < found.formula_bytes[-1]
    # The window's tensors are the end of larger ones.
    assert (found.allocated_bytes[-1, windows] > found.bytes[-1, windows]).all()
    kept = engine(folder).keys_and_values(LONG, windows[0])
    assert kept.positions.tolist() == list(range(9, 40))
    np.testing.assert_allclose(kept.keys, own_cache(model, LONG).layers[windows[0]].keys[0].numpy(), atol=1e-4)
    assert list(engine(folder).reuse_cache(LONG, [*LONG, 7]).logits.shape) == [engine(folder).describe().vocab_rows]
    whole = engine(folder).reuse_cache(IDS, [*IDS[:6], 70])  # nothing is dropped yet
    assert whole.n_kept == 6
    assert whole.difference < 1e-3
    with pytest.raises(lm.NotAvailableError, match=r"window of 32 tokens"):
        engine(folder).reuse_cache(LONG, LONG[:20])


def test_other_kinds_of_memory_are_named() -> None:
    latent = engine(build("deepseek_v2")).kv_cache(IDS)
    assert latent.kinds == ("latent",)
    assert latent.total_bytes[-1] < latent.formula_bytes[-1]
    state = engine(build("mamba")).kv_cache(IDS)
    assert state.kinds == ("state",)
    assert len(set(state.total_bytes.tolist())) == 1
    assert state.total_bytes[0] > 0
    assert (state.formula_per_token, state.full_heads_bytes, state.n_heads) == (0, 0, 0)
    with pytest.raises(lm.NotAvailableError, match="Layer 1 of MambaForCausalLM keeps no keys and values"):
        engine(build("mamba")).keys_and_values(IDS, 0)
    with pytest.raises(lm.NotAvailableError, match="one state of everything"):
        engine(build("mamba")).reuse_cache(IDS, IDS[:4])
    with pytest.raises(lm.NotAvailableError, match="no cache of layers"):
        engine(build("rwkv")).kv_cache(IDS)


def test_one_token_long_steps_and_wrong_settings(tiny_model_folder: Callable[[str], Path]) -> None:
    found = engine(tiny_model_folder("llama"))
    assert found.kv_cache([5]).n_read.tolist() == [1]
    assert found.keys_and_values([5], 2).keys.shape == (2, 1, 16)
    assert found.kv_cache(IDS, step=4).n_read.tolist() == [4, 8, 10]
    partial = list(found.kv_cache_growth(IDS, step=4))
    assert [one.n_read[-1] for one in partial] == [4, 8, 10]
    np.testing.assert_array_equal(partial[-1].bytes[:2], partial[1].bytes)
    with pytest.raises(lm.InvalidSettingError, match="step is 0"):
        found.kv_cache(IDS, step=0)
    with pytest.raises(lm.InvalidSettingError, match="Layer 3"):
        found.keys_and_values(IDS, 3)
    with pytest.raises(lm.InvalidSettingError, match="max_new_tokens is 0"):
        found.with_and_without_cache(IDS, 0)
    with pytest.raises(lm.ContextLengthError, match="fills all 128"):
        found.with_and_without_cache([5] * 128)
    assert len(list(found.with_and_without_cache([5] * 126, 8))) <= 2


@pytest.mark.cuda
def test_on_a_gpu_the_bytes_are_the_same(tiny_model_folder: Callable[[str], Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("There is no NVIDIA GPU here.")
    folder = tiny_model_folder("llama")
    found = lm.load_engine(folder, device="cuda", dtype="float32")
    np.testing.assert_array_equal(found.kv_cache(IDS).bytes, engine(folder).kv_cache(IDS).bytes)
    np.testing.assert_allclose(
        found.keys_and_values(IDS, 1).keys, engine(folder).keys_and_values(IDS, 1).keys, rtol=1e-2, atol=1e-2
    )
    steps = list(found.with_and_without_cache(IDS, 8))
    assert [step.token_id for step in steps] == [step.other_id for step in steps]
    assert found.reuse_cache(IDS, [*IDS[:6], 70, 71]).difference < 1e-2
