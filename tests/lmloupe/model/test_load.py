"""Models from folders: what loads, on which device and how quantized, and the one sentence that each failure gives."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bitsandbytes.functional
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import lmloupe as lm
from lmloupe import errors
from lmloupe.model.load import load_engine, pick_device
from lmloupe.model.passes.continuation import Reading
from tests.support import tiny_models
from tests.support.failures import failure
from tests.support.tiny_models import ARCHITECTURES, tiny_model_folder

__all__ = ["tiny_model_folder"]

TEXT = "A coconut rolls down the hill"
LOADERS = pytest.mark.parametrize("load", [lm.load_tokenizer, load_engine])
each_architecture = pytest.mark.parametrize("arch", ARCHITECTURES)


@pytest.fixture
def folder(tiny_model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder("llama"), tmp_path / "model"))


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# What a folder can lack


@LOADERS
def test_folder_that_is_not_there(load: Callable[..., object], folder: Path) -> None:
    for name in (str(folder / "none"), "./none", "~/no such folder of mine"):
        assert "There is no folder" in failure(errors.SourceNotFoundError, load, name)
    assert "is a file" in failure(errors.SourceNotFoundError, load, str(folder / "config.json"))


@LOADERS
def test_empty_folder(load: Callable[..., object], tmp_path: Path) -> None:
    failure(errors.SourceNotFoundError, load, str(tmp_path))


def test_no_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert "config.json" in failure(errors.SourceNotFoundError, load_engine, str(folder))


def test_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert "tokenizer" in failure(errors.SourceNotFoundError, load_engine, str(folder))


def test_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "no weights" in failure(errors.SourceNotFoundError, load_engine, str(folder))
    (folder / "model.Q4_K_M.gguf").touch()
    assert "gguf" in failure(errors.SourceNotFoundError, load_engine, str(folder))


class _Trap:
    """An object whose unpickling leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.mark), "w"))


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "adapter_model.bin"])
def test_pickled_weights_are_never_opened(folder: Path, tmp_path: Path, file: str) -> None:
    trap = pickle.dumps(_Trap(tmp_path / "mark"))
    (folder / "model.safetensors").unlink()
    (folder / file).write_bytes(trap)
    change_config(folder, transformers_weights=file)
    assert file in failure(errors.UnsafeWeightsError, load_engine, str(folder))
    assert not (tmp_path / "mark").exists()
    pickle.loads(trap).close()  # noqa: S301 - the trap does work
    assert (tmp_path / "mark").exists()


def test_config_cannot_send_to_a_pickle(folder: Path, tmp_path: Path) -> None:
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(_Trap(tmp_path / "mark")))
    change_config(folder, transformers_weights="adapter_model.bin")
    assert "adapter_model.bin" in failure(errors.UnsafeWeightsError, load_engine, str(folder))
    assert not (tmp_path / "mark").exists()


# What a folder can have wrong


def test_encoder_only(folder: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=512, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    assert "is not causal" in failure(errors.UnsupportedError, load_engine, str(folder))


BERT = transformers.BertConfig(
    vocab_size=512, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)

BART = transformers.BartConfig(
    vocab_size=512, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
    decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=64,
)  # fmt: skip
T5 = transformers.T5Config(vocab_size=512, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: transformers.BertModel(BERT), "lack cls.predictions"),
        (lambda: transformers.LlamaModel(tiny_models.config("llama")), "lack lm_head.weight"),
        (lambda: transformers.BertLMHeadModel(BERT), "is not causal: other words later"),
        (lambda: transformers.BartForConditionalGeneration(BART), "an encoder-decoder"),
        (lambda: transformers.T5ForConditionalGeneration(T5), "an encoder-decoder"),
        (
            lambda: transformers.LlamaForSequenceClassification(tiny_models.config("llama", tie_word_embeddings=True)),
            "is LlamaForSequenceClassification: its weights end in score.weight, which gives no next token",
        ),
    ],
)
def test_what_has_no_next_token_is_refused(folder: Path, made: Callable[[], Any], said: str) -> None:
    made().save_pretrained(folder)
    assert said in failure(errors.UnsupportedError, load_engine, str(folder))


def test_missing_tensors(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    for name in ("model.layers.1.mlp.up_proj.weight", "model.norm.weight"):
        del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    message = failure(errors.UnsupportedError, load_engine, str(folder))
    assert "model.layers.1.mlp.up_proj.weight and 1 more" in message
    assert "random" in message


@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_tensors_of_another_shape(folder: Path, quantization: str) -> None:
    change_config(folder, intermediate_size=96)
    assert "shape" in failure(errors.UnsupportedError, load_engine, str(folder), quantization=quantization)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 500, "cut"], ids=["empty", "zeros", "noise", "cut"])
def test_damaged_weights(folder: Path, content: bytes | str) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000] if isinstance(content, str) else content)
    assert "damaged" in failure(errors.UnsupportedError, load_engine, str(folder))


@LOADERS
@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"model": {}}', '{"model": 3, "version": "1.0"}', "\0"]
)
def test_damaged_tokenizer(folder: Path, load: Callable[..., object], content: str) -> None:
    (folder / "tokenizer.json").write_text(content)
    failure(errors.UnsupportedError, load, str(folder))


@LOADERS
@pytest.mark.parametrize("content", ["{", "[]", "3", '{"chat_template": 5}', '{"bos_token": 5}'])
def test_damaged_tokenizer_config(folder: Path, load: Callable[..., object], content: str) -> None:
    (folder / "tokenizer_config.json").write_text(content)
    (folder / "chat_template.jinja").unlink()
    failure(errors.UnsupportedError, load, str(folder))


@pytest.mark.parametrize("content", ["", "{not json", "[]", "3", "[" * 100_000, "\0", "{}", '{"model_type": 3}'])
def test_damaged_config(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    failure(errors.UnsupportedError, load_engine, str(folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "wide"},
        {"hidden_size": -4},
        {"num_attention_heads": 0},
        {"num_hidden_layers": None},
        {"quantization_config": "nf4"},
        {"rope_scaling": {"rope_type": "never-heard-of"}},
        {"hidden_act": "never-heard-of"},
        {"architectures": 5},
        {"architectures": [5]},
    ],
    ids=str,
)
def test_settings_that_make_no_model(folder: Path, changes: dict[str, Any]) -> None:
    change_config(folder, **changes)
    failure(errors.UnsupportedError, load_engine, str(folder))


def test_architecture_that_transformers_does_not_know(folder: Path) -> None:
    change_config(folder, model_type="never-heard-of")
    assert transformers.__version__ in failure(errors.UnsupportedError, load_engine, str(folder))


def test_quantized_already(folder: Path) -> None:
    change_config(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    message = failure(errors.UnsupportedError, load_engine, str(folder), quantization="nf4")
    assert "quantized already" in message


def test_embedded_tokenizer_is_no_model() -> None:
    for key in lm.embedded_tokenizers():
        assert "smollm2-135m-instruct" in failure(errors.SourceNotFoundError, load_engine, key)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
@pytest.mark.parametrize(
    "when", ["transformers.AutoModelForCausalLM.from_pretrained", "lmloupe.model.local.first_passes"]
)
def test_model_too_large_for_the_memory(
    tiny_model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, when: str, error: Exception
) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(when, too_large)
    said = failure(errors.UnsupportedError, load_engine, str(tiny_model_folder("llama")), device="cpu")
    assert "does not fit into the memory of this cpu device" in said


# Device and dtype


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def have(*, cuda: bool = False, mps: bool = False, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation
        )

    return have


@pytest.mark.parametrize(
    ("cuda", "mps", "quantization", "expected"),
    [
        (True, True, "none", "cuda"),
        (True, False, "int8", "cuda"),
        (True, True, "nf4", "cuda"),
        (False, True, "none", "mps"),
        (False, True, "int8", "cpu"),
        (False, True, "nf4", "cpu"),
        (False, True, "fp4", "cpu"),
        (False, False, "none", "cpu"),
        (False, False, "nf4", "cpu"),
    ],
)
def test_auto_device(devices: Callable[..., None], cuda: bool, mps: bool, quantization: Any, expected: str) -> None:
    devices(cuda=cuda, mps=mps)
    assert pick_device("auto", quantization) == expected
    assert pick_device("cpu", quantization) == "cpu"


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [
        (True, True, ("cuda", "bfloat16", "nf4")),
        (True, False, ("cuda", "bfloat16", "nf4")),
        (False, True, ("mps", "float16", "none")),
        (False, False, ("cpu", "float32", "none")),
    ],
)
def test_a_page_begins_with_nf4_on_cuda_alone(
    devices: Callable[..., None], cuda: bool, mps: bool, expected: tuple[str, str, str]
) -> None:
    devices(cuda=cuda, mps=mps)
    found = lm.machine_defaults()
    assert (found.device, found.dtype, found.quantization) == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_what_the_weights_were_published_as_is_said(folder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    shutil.copytree(folder, tmp_path / "again")
    model.save_pretrained(tmp_path / "again")
    described = load_engine(tmp_path / "again", device="cpu").describe()
    assert (described.published_as, described.compute_dtype) == (str(dtype).removeprefix("torch."), "float32")


def test_device_that_is_not_here(devices: Callable[..., None], folder: Path) -> None:
    devices()
    for device in ("cuda", "mps"):
        assert device in failure(errors.InvalidSettingError, load_engine, str(folder), device=device)
    devices(mps=True)
    assert pick_device("mps") == "mps"
    assert "not tested" in failure(
        errors.InvalidSettingError, load_engine, str(folder), device="mps", quantization="nf4"
    )
    failure(errors.InvalidSettingError, load_engine, str(folder), device="tpu")
    failure(errors.InvalidSettingError, load_engine, str(folder), quantization="int4")


@pytest.mark.parametrize(("bf16", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_dtype_on_cuda(
    devices: Callable[..., None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    bf16: bool,
    expected: torch.dtype,
    quantization: Any,
) -> None:
    devices(cuda=True, bf16=bf16)
    asked: dict[str, Any] = {}

    class EnoughError(BaseException):
        pass

    def record(_path: str, **options: Any) -> None:
        asked.update(options)
        raise EnoughError

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", record)
    with pytest.raises(EnoughError):
        load_engine(folder, quantization)
    assert asked["dtype"] == expected
    assert asked["device_map"] == {"": "cuda"}
    assert asked["trust_remote_code"] is False
    assert asked["use_safetensors"] is True
    if quantization == "nf4":
        assert asked["quantization_config"].bnb_4bit_compute_dtype == expected


# Quantization on the CPU


def reachable(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Every tensor that the weights of a model are made of, found by walking attributes; no list of ours."""
    seen: set[int] = set()
    # The first product in int8 moves the scales from the weight to the state of its module.
    states = (m.state for m in model.modules() if type(m).__name__ == "Linear8bitLt")
    stack: list[Any] = [*model.parameters(), *(state.SCB for state in states)]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or thing is None:
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            yield thing
        inner = vars(thing) if hasattr(thing, "__dict__") else {}
        stack += [v for v in inner.values() if isinstance(v, torch.Tensor) or type(v).__name__ == "QuantState"]


def account(model: torch.nn.Module) -> int:
    """Bytes by the storages that these tensors lie in, each once."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in reachable(model)}
    return sum(storages.values())


@pytest.fixture
def before_any_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU with AVX512-BF16 bitsandbytes packs its weights anew in the first pass: leave out those of the load."""
    monkeypatch.setattr("lmloupe.model.local.first_passes", lambda *_: Reading())


@pytest.mark.usefixtures("before_any_pass")
@each_architecture
@pytest.mark.parametrize("quantization", ["none", "int8", "nf4", "fp4", "nf4 double"])
def test_quantized_on_the_cpu(tiny_model_folder: Callable[[str], Path], arch: str, quantization: str) -> None:
    kind, _, double = quantization.partition(" ")
    plain = load_engine(tiny_model_folder(arch), device="cpu").describe()
    engine = load_engine(tiny_model_folder(arch), kind, "cpu", double_quant=bool(double))  # type: ignore[arg-type]
    description = engine.describe()
    assert (description.quantization, description.device, description.compute_dtype) == (kind, "cpu", "float32")
    assert description.n_parameters == plain.n_parameters
    assert description.bytes == account(engine.loaded.model)
    assert [m.shape for m in description.modules] == [m.shape for m in plain.modules]
    for module in description.modules:
        inside = ".layers." in module.name and "norm" not in module.name
        assert module.is_quantized == (inside and kind != "none"), module.name
        assert module.dtype == (kind if module.is_quantized else "float32")
    if kind != "none":
        assert description.bytes < plain.bytes
    logits = engine.next_token(TEXT).logits
    assert logits.shape == (tiny_models.VOCAB_SIZE,)
    assert np.isfinite(logits).all()
    assert len(list(engine.generate(TEXT, max_new_tokens=3))) >= 1


def test_bytes_of_4bit_weights_are_those_of_the_published_layout(tiny_model_folder: Callable[[str], Path]) -> None:
    folder = tiny_model_folder("llama")
    once, twice = (load_engine(folder, "nf4", "cpu", double_quant=double).describe() for double in (False, True))
    linear = [(a, b) for a, b in zip(once.modules, twice.modules, strict=True) if a.is_quantized]
    assert len(linear) == 3 * 7
    for a, b in linear:
        blocks = int(np.prod(a.shape)) // 64
        # QLoRA: 64 weights in half a byte each and their scale, a float32; a table of 16 numbers. Twice: the scale in
        # a byte, and for every 256 scales a float32, for all of them a table of 256 numbers and their mean.
        assert a.bytes == blocks * (32 + 4) + 16 * 4
        assert b.bytes == blocks * (32 + 1) + 16 * 4 + -(-blocks // 256) * 4 + 256 * 4 + 4


@pytest.mark.usefixtures("before_any_pass")
@each_architecture
@pytest.mark.parametrize("quantization", ["nf4", "fp4", "nf4 double"])
def test_4bit_weights_are_what_the_forward_multiplies(
    tiny_model_folder: Callable[[str], Path], arch: str, quantization: str
) -> None:
    kind, _, double = quantization.partition(" ")
    model = load_engine(tiny_model_folder(arch), kind, "cpu", double_quant=bool(double)).loaded.model  # type: ignore[arg-type]
    original = load_file(tiny_model_folder(arch) / "model.safetensors")
    checked = 0
    for name, module in model.named_modules():
        if type(module).__name__ != "Linear4bit":
            continue
        weight = bitsandbytes.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).float()
        assert weight.unique().numel() <= 16 * weight.numel() // 64
        lost = (weight - original[f"{name}.weight"]).abs().max() / original[f"{name}.weight"].abs().max()
        assert 0 < lost < 0.3
        x = torch.randn(5, module.in_features, generator=torch.Generator().manual_seed(0))
        bias = 0 if module.bias is None else module.bias
        expected = (x @ weight.T + bias).detach()
        # bitsandbytes' kernel for CPUs with AVX512-BF16 multiplies and answers in bfloat16: 8 binary digits.
        error = 2**-7 * float(expected.abs().max()) if module.support_avx512bf16_for_cpu else 1e-3
        with torch.inference_mode():
            torch.testing.assert_close(module(x), expected, rtol=1e-3, atol=error)
        checked += 1
    assert checked >= 3 * 4


@each_architecture
def test_int8_weights_are_what_the_forward_multiplies(
    tiny_model_folder: Callable[[str], Path], arch: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_engine(tiny_model_folder(arch), "int8", "cpu").loaded.model
    checked = 0
    for module in model.modules():
        if type(module).__name__ != "Linear8bitLt":
            continue
        scales = module.weight.SCB if module.weight.SCB is not None else module.state.SCB
        x = torch.randn(5, module.in_features, generator=torch.Generator().manual_seed(0)).clamp(-5, 5)
        # Vector-wise: each row of the input and each row of the weight has its own scale, absmax / 127.
        top = x.half().abs().amax(1, keepdim=True).float()
        rounded = (x.half().float() * 127 / top).round()
        expected = (rounded @ module.weight.data.float().T) * top * scales / 127**2
        with torch.inference_mode():
            got = module(x) - (0 if module.bias is None else module.bias)
        torch.testing.assert_close(got, expected, rtol=2e-2, atol=2e-2 * float(expected.abs().max()))
        checked += 1
    assert checked >= 3 * 4
    assert "MatMul8bitLt" not in caplog.text


# On a GPU

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch can use")


@cuda
@pytest.mark.cuda
@each_architecture
@pytest.mark.parametrize("quantization", ["none", "int8", "nf4", "fp4"])
def test_on_cuda(tiny_model_folder: Callable[[str], Path], arch: str, quantization: Any) -> None:
    engine = load_engine(tiny_model_folder(arch), quantization)
    description = engine.describe()
    dtype = "bfloat16" if torch.cuda.get_device_capability()[0] >= 8 else "float16"
    assert (description.device, description.compute_dtype) == ("cuda", dtype)
    assert description.bytes == account(engine.loaded.model)
    assert all(p.device.type == "cuda" for p in engine.loaded.model.parameters())
    reference = load_engine(tiny_model_folder(arch), quantization, "cpu").next_token(TEXT)
    answer = engine.next_token(TEXT)
    # The same codes on another device, with activations in 16 bits: near, but not the same numbers.
    assert np.corrcoef(answer.logits, reference.logits)[0, 1] > 0.97
    assert not np.array_equal(answer.logits, reference.logits)
    steps = list(engine.generate(TEXT, max_new_tokens=5, seed=1))
    assert [s.token_id for s in steps] == [s.token_id for s in engine.generate(TEXT, max_new_tokens=5, seed=1)]


@cuda
@pytest.mark.cuda
def test_nf4_on_cuda_is_what_the_forward_multiplies(tiny_model_folder: Callable[[str], Path]) -> None:
    model = load_engine(tiny_model_folder("llama"), "nf4", "cuda").loaded.model
    module = model.model.layers[0].mlp.down_proj
    weight = bitsandbytes.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
    x = torch.randn(5, module.in_features, device="cuda", dtype=model.dtype)
    with torch.inference_mode():
        torch.testing.assert_close(module(x), x @ weight.to(model.dtype).T, rtol=2e-2, atol=2e-2)
