"""What `memory_estimate` says beforehand is what the loaded model takes, and the published counts of the families."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import transformers
from transformers import DynamicCache
from transformers.initialization import no_tie_weights

import lmloupe as lm
from lmloupe.planner import counting, machine_memory, measure
from lmloupe.planner import estimate as memory_fit
from tests.support.hub_server import Hub, Repo
from tests.support.tiny_models import ARCHITECTURES, build, config

QUANTIZATIONS: tuple[tuple[lm.Quantization, bool], ...] = (
    ("none", False),
    ("int8", False),
    ("nf4", False),
    ("nf4", True),
    ("fp4", False),
    ("fp4", True),
)
# Numbers of the configs that lie beside the published weights, and the parameter counts on their pages.
PUBLISHED = {
    "Llama 3.1 8B": (
        transformers.LlamaConfig,
        (128256, 4096, 14336, 32, 32, 8),
        {"tie_word_embeddings": False, "max_position_embeddings": 131072},
        8_030_261_248,
    ),
    "Phi-3 mini": (
        transformers.Phi3Config,
        (32064, 3072, 8192, 32, 32, 32),
        {"tie_word_embeddings": False, "max_position_embeddings": 4096, "pad_token_id": 32000},
        3_821_079_552,
    ),
    "Qwen2 0.5B": (
        transformers.Qwen2Config,
        (151936, 896, 4864, 24, 14, 2),
        {"tie_word_embeddings": True, "max_position_embeddings": 32768},
        494_032_768,
    ),
    "Qwen2 7B": (
        transformers.Qwen2Config,
        (152064, 3584, 18944, 28, 28, 4),
        {"tie_word_embeddings": False, "max_position_embeddings": 32768},
        7_615_616_512,
    ),
    "StarCoder2 3B": (
        transformers.Starcoder2Config,
        (49152, 3072, 12288, 30, 24, 2),
        {"tie_word_embeddings": True, "max_position_embeddings": 16384, "bos_token_id": 0, "eos_token_id": 0},
        3_030_371_328,
    ),
}


def published(name: str) -> transformers.PreTrainedConfig:
    kind, numbers, others, _ = PUBLISHED[name]
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    return kind(**dict(zip((*keys, "num_key_value_heads"), numbers, strict=True)), **others)


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_the_published_counts_come_from_the_published_configs(name: str) -> None:
    model = counting.meta_model(published(name), torch.bfloat16)
    n_parameters, plain, _ = counting.weight_bytes(model, "none", double_quant=False)
    assert n_parameters == PUBLISHED[name][3]
    assert plain == 2 * n_parameters
    _, nf4, largest = counting.weight_bytes(model, "nf4", double_quant=False)
    # Half a byte and a sixteenth of one for each number of a linear layer; embeddings and output stay as they are.
    kept = {id(p): p for e in (model.get_input_embeddings(), model.get_output_embeddings()) for p in e.parameters()}
    linear = n_parameters - sum(p.numel() for p in kept.values())
    assert nf4 == pytest.approx(2 * (n_parameters - linear) + linear * (0.5 + 4 / 64), rel=2e-3)
    assert largest == max(p.numel() for n, p in model.named_parameters() if "layers" in n)


@pytest.mark.parametrize(
    ("arch", "quantization", "double_quant"),
    [(arch, *kind) for arch in ARCHITECTURES for kind in QUANTIZATIONS if arch == "starcoder2" or kind[0] != "fp4"],
)
def test_the_estimate_is_what_the_loaded_model_takes(
    tiny_model_folder: Callable[[str], Path], arch: str, quantization: lm.Quantization, double_quant: bool
) -> None:
    folder = tiny_model_folder(arch)
    estimate = lm.memory_estimate(folder, quantization, device="cpu", double_quant=double_quant)
    engine = lm.load_engine(folder, quantization, device="cpu", double_quant=double_quant)
    described = engine.describe()
    assert (estimate.weights_bytes, estimate.n_parameters) == (described.bytes, described.n_parameters)
    precision = "float32" if quantization == "none" else f"{quantization}{'+double' * double_quant}"
    plan = lm.memory_plan(folder, precision, dtype="float32")
    assert (plan.weights_bytes, plan.n_parameters) == (described.bytes, described.n_parameters)
    assert plan.footprint_bytes == engine.loaded.model.get_memory_footprint()  # type: ignore[operator]
    assert (estimate.device, estimate.quantization, estimate.context) == ("cpu", quantization, 128)
    assert estimate.disk_bytes == (folder / "model.safetensors").stat().st_size
    assert estimate.download_bytes == 0
    assert estimate.total_bytes == estimate.weights_bytes + estimate.kv_cache_bytes + estimate.overhead_bytes


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("window", [None, 24])
def test_the_cache_is_as_large_as_transformers_own(
    monkeypatch: pytest.MonkeyPatch, arch: str, window: int | None
) -> None:
    if window and arch == "llama":
        pytest.skip("llama has no window")
    changes: dict[str, Any] = {"sliding_window": window} if window else {}
    if window and arch == "qwen2":
        changes |= {"use_sliding_window": True, "max_window_layers": 1}
    settings = config(arch, **changes)
    model = transformers.AutoModelForCausalLM.from_config(settings).eval()
    cache = DynamicCache(config=settings)
    with torch.inference_mode():
        model(torch.ones((1, 100), dtype=torch.long), past_key_values=cache, use_cache=True)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert any(layer.keys.shape[2] < 100 for layer in cache.layers) == bool(window)
    meta = counting.meta_model(settings, torch.float32)
    assert counting.kv_cache_bytes(meta, 100) == held
    # Where a model cannot be run without numbers: by its config, to the same end.
    monkeypatch.setattr(type(meta), "forward", lambda *_, **__: meta.no_such_thing())
    assert counting.kv_cache_bytes(meta, 100) == held


@pytest.mark.model
def test_the_embedded_model_takes_what_was_said(embedded_model_folder: Path) -> None:
    estimate = lm.memory_estimate("smollm2-135m-instruct", "int8", device="cpu")
    described = lm.load_engine(quantization="int8", device="cpu").describe()
    assert (estimate.weights_bytes, estimate.n_parameters) == (described.bytes, described.n_parameters)
    assert estimate.download_bytes == 0
    assert estimate.disk_bytes == pytest.approx(described.n_parameters * 4, rel=1e-3)


def test_the_embedded_model_is_known_before_it_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMLOUPE_CACHE", str(tmp_path))
    estimate = lm.memory_estimate("smollm2-135m-instruct", "nf4", device="cpu", context=10**9)
    assert (estimate.n_parameters, estimate.context) == (134_515_008, 8192)
    assert estimate.download_bytes == 92_871_040
    assert estimate.disk_bytes == 4 * 134_515_008
    assert "93 MB will be downloaded first" in estimate.sentence
    assert not list(tmp_path.iterdir())


def test_the_sentence_says_whether_it_fits(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = tiny_model_folder("llama")
    fits = lm.memory_estimate(folder, device="cpu")
    assert fits.fits
    assert fits.sentence.endswith("so it fits.")
    assert 0 < fits.available_bytes <= psutil.virtual_memory().total
    monkeypatch.setattr(memory_fit, "available_bytes", lambda _device: 1_400_000_000)
    big = published("Llama 3.1 8B")
    monkeypatch.setattr(memory_fit, "causal_config", lambda *_: big)
    wide = lm.memory_estimate(folder, "nf4", device="cpu")
    assert not wide.fits
    assert re.search(r"Takes about \d\.\d GB .* 1\.4 GB are free, so it does not fit\.$", wide.sentence)
    assert wide.weights_bytes > 3.5e9


def test_a_model_is_counted_right_while_another_one_loads(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]
) -> None:
    # transformers switches tying off for all models while it loads one.
    folder, real = tiny_model_folder("llama"), transformers.AutoModelForCausalLM.from_pretrained
    tied = config("llama", tie_word_embeddings=True)
    found: list[int] = []
    count = threading.Thread(target=lambda: found.append(measure.makeup_of(tied).n_parameters))

    def load(*args: Any, **options: Any) -> Any:
        with no_tie_weights():
            count.start()
            count.join(1)
        return real(*args, **options)

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", load)
    lm.load_engine(folder, device="cpu")
    count.join()
    assert found == [measure.makeup_of(tied).n_parameters]


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine_memory, "_CGROUP", tmp_path)
    free = counting.available_bytes("cpu")
    assert free > 10_000
    (tmp_path / "memory.max").write_text("9000\n")
    (tmp_path / "memory.current").write_text("4000\n")
    (tmp_path / "memory.stat").write_text("anon 2500\ninactive_file 1000\n")
    assert counting.available_bytes("cpu") == 6000
    (tmp_path / "memory.max").write_text("max\n")
    assert counting.available_bytes("cpu") > 10_000


def test_a_gpus_free_memory_is_asked_of_cuda(
    monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (6_000_000_000, 8_000_000_000))
    # torch keeps what a model that was let go had, and gives it to the next one.
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 1_500_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 500_000_000)
    on_cpu = lm.memory_estimate(tiny_model_folder("llama"), device="cpu")
    on_gpu = lm.memory_estimate(tiny_model_folder("llama"))
    assert (on_gpu.device, on_gpu.available_bytes) == ("cuda", 7_000_000_000)
    assert on_gpu.weights_bytes * 2 == on_cpu.weights_bytes  # bfloat16 there, float32 here
    assert on_gpu.kv_cache_bytes * 2 == on_cpu.kv_cache_bytes
    assert on_gpu.overhead_bytes > 100 << 20


def test_weights_quantized_already_are_taken_as_they_lie(tmp_path: Path) -> None:
    folder = build("llama", tmp_path / "m")
    settings = json.loads((folder / "config.json").read_text())
    settings["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(settings))
    estimate = lm.memory_estimate(folder, device="cpu")
    assert estimate.weights_bytes == estimate.disk_bytes
    with pytest.raises(lm.UnsupportedError, match="quantized already"):
        lm.memory_estimate(folder, "nf4", device="cpu")


# The hub


def test_a_hub_model_is_counted_without_its_weights(
    hub: Hub, tiny_model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tiny_model_folder("qwen2")
    hub.repos["owner/model"] = Repo(folder)
    estimate = lm.memory_estimate("owner/model", "nf4", device="cpu")
    assert estimate.weights_bytes == lm.memory_estimate(folder, "nf4", device="cpu").weights_bytes
    size = (folder / "model.safetensors").stat().st_size
    assert (estimate.disk_bytes, estimate.download_bytes) == (size, size)
    plan = lm.memory_plan("owner/model", "nf4", dtype="float32")
    assert (plan.weights_bytes, plan.model.source) == (estimate.weights_bytes, "hub")
    assert not [path for path in hub.paths() if "safetensors" in path or "tokenizer" in path]
    lm.load_engine("owner/model", device="cpu")
    assert lm.memory_estimate("owner/model", "nf4", device="cpu").download_bytes == 0
    # In several files: the index is read, and the sum is that of the files.
    sharded = Path(shutil.copytree(folder, tmp_path / "sharded"))
    (sharded / "model.safetensors").unlink()
    transformers.AutoModelForCausalLM.from_pretrained(folder).save_pretrained(sharded, max_shard_size="100KB")
    files = sorted(sharded.glob("*.safetensors"))
    assert len(files) > 1
    hub.repos["owner/sharded"] = Repo(sharded)
    estimate = lm.memory_estimate("owner/sharded", device="cpu")
    assert estimate.disk_bytes == estimate.download_bytes == sum(file.stat().st_size for file in files)
    assert lm.memory_estimate(sharded, device="cpu").disk_bytes == estimate.disk_bytes


@pytest.mark.parametrize(
    ("repo", "error", "words"),
    [
        ({"kind": "gated"}, lm.GatedError, "accepted its licence"),
        ({"kind": "broken"}, lm.UnreachableError, "503|did not answer|hub"),
        ({"kind": "not-a-hub"}, lm.UnreachableError, "not a hub"),
        (None, lm.SourceNotFoundError, "owner/model"),
    ],
)
def test_the_hubs_refusals_are_one_sentence(
    hub: Hub,
    tiny_model_folder: Callable[[str], Path],
    repo: dict[str, Any] | None,
    error: type[lm.LoupeError],
    words: str,
) -> None:
    if repo is not None:
        hub.repos["owner/model"] = Repo(tiny_model_folder("qwen2"), **repo)
    with pytest.raises(error, match=words) as caught:
        lm.memory_estimate("owner/model", device="cpu")
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lm.SourceNotFoundError, match="embedded tokenizer without a model"):
        lm.memory_estimate("qwen2")
    with pytest.raises(lm.SourceNotFoundError, match=r"no config\.json"):
        lm.memory_estimate(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit", "architectures": ["ViTModel"]}))
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(lm.UnsupportedError, match="not a causal language model"):
        lm.memory_estimate(tmp_path, device="cpu")
    with pytest.raises(lm.InvalidSettingError, match="context is 0"):
        lm.memory_estimate(context=0)


@pytest.mark.cuda
@pytest.mark.parametrize(("quantization", "double_quant"), QUANTIZATIONS)
def test_the_estimate_holds_on_the_gpu(tmp_path: Path, quantization: lm.Quantization, double_quant: bool) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU that torch can use")
    folder = build("llama", tmp_path / "m", hidden_size=1024, intermediate_size=4096, num_hidden_layers=8)
    estimate = lm.memory_estimate(folder, quantization, device="cuda", double_quant=double_quant)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    engine = lm.load_engine(folder, quantization, device="cuda", double_quant=double_quant)
    assert engine.describe().bytes == estimate.weights_bytes
    list(engine.generate([5] * 100, max_new_tokens=8))
    assert torch.cuda.max_memory_allocated() - before <= estimate.total_bytes
