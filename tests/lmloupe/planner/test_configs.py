"""Configs as people paste them: what is missing or absurd is named, nothing in them is run, odd kinds are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lmloupe as lm

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512, "max_position_embeddings": 128,
    "torch_dtype": "float16",
}  # fmt: skip
VISION = {
    "model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 32, "image_size": 28, "patch_size": 14,
}  # fmt: skip


def test_a_config_is_read_as_a_mapping_and_as_text() -> None:
    plan = lm.memory_plan(LLAMA, context=100)
    assert (plan.model.name, plan.model.source, plan.dtype) == ("LlamaForCausalLM", "config", "float16")
    # Embedding and output, and in each layer four projections, three MLP matrices and two norms; a last norm.
    assert plan.n_parameters == 2 * 512 * 64 + 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128 + 2 * 64) + 64
    assert lm.memory_plan(f"\n {json.dumps(LLAMA, indent=2)} ", context=100).equations == plan.equations
    assert lm.memory_plan(plan.model, context=100).equations == plan.equations
    assert plan.notes == ()


@pytest.mark.parametrize("name", [name for name in LLAMA if name not in ("torch_dtype", "num_key_value_heads")])
def test_a_missing_field_is_named(name: str) -> None:
    rest = {key: value for key, value in LLAMA.items() if key != name}
    if name == "max_position_embeddings":
        assert f"{name} is not in the config: transformers takes 2,048." in lm.memory_plan(rest).notes
        return
    with pytest.raises(lm.InvalidSettingError, match=f"^{name} is missing"):
        lm.memory_plan(rest)


def test_heads_that_are_not_named_are_as_many_as_the_queries() -> None:
    rest = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
    assert lm.memory_plan(rest, context=10).cache_bytes == 2 * lm.memory_plan(LLAMA, context=10).cache_bytes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1,000,000,000 in the config, more than any model has"),
        ({"num_hidden_layers": -3}, "num_hidden_layers is -3 in the config; it must be at least 1"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"hidden_size": "64"}, 'hidden_size is "64" in the config; it must be a whole number'),
        ({"hidden_size": 64.5}, "hidden_size is 64.5"),
        ({"hidden_size": None}, "hidden_size is null"),
        ({"hidden_size": True}, "hidden_size is true"),
        ({"vocab_size": 10**30}, "vocab_size is a number of 31 digits"),
        ({"max_position_embeddings": 10**9}, "max_position_embeddings is 1,000,000,000"),
        ({"num_attention_heads": 5}, "transformers cannot build a model of this config .*64.*5"),
        ({"hidden_act": "foo"}, "transformers cannot build a model of this config .*foo"),
        ({"rope_scaling": {"rope_type": "foo"}}, "transformers cannot build a model of this config"),
        ({"model_type": 3}, "model_type is a number"),
        ({"architectures": "Llama"}, "architectures is not a list of names"),
        ({"quantization_config": 7}, "quantization_config is a number in the config"),
        ({"a": {"num_layers": 10**6}}, r"a\.num_layers is 1,000,000"),
        ({"a": {1, 2}}, "something that no JSON could"),
    ],
)
def test_what_no_model_can_have_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=words) as caught:
        lm.memory_plan(LLAMA | changes)
    assert str(caught.value).endswith(".")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model_type": "llama",\n "hidden_size" 3}', "line 2, column 16: Expecting ':' delimiter"),
        ("[1, 2]", "is a list"),
        ("{" * 100_000, "line 1, column 2"),
        ('{"a":' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 10_000 + "}", "a number that is too long"),
        ("{}", "model_type is missing"),
    ],
)
def test_what_is_no_config_says_where(text: str, words: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=words):
        lm.memory_plan(text)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (LLAMA | {"model_type": "lama"}, r"does not know the model_type 'lama' \(did you mean llama\?\)"),
        ({"model_type": "t5", "d_model": 64, "num_layers": 2}, "t5, an encoder-decoder"),
        ({"model_type": "bart", "d_model": 64}, "bart, an encoder-decoder"),
        ({"model_type": "vit"}, "vit, not a causal language model"),
        (LLAMA | {"quantization_config": {"quant_method": "compressed-tensors"}}, "by compressed-tensors, whose bytes"),
        (LLAMA | {"quantization_config": {"bits": 4}}, "by an unnamed method"),
    ],
)
def test_what_cannot_be_counted_is_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(lm.UnsupportedError, match=words):
        lm.memory_plan(config)


@pytest.mark.parametrize(
    "more",
    [
        {"auto_map": {"AutoModelForCausalLM": "evil.Evil"}, "trust_remote_code": True},
        {"_attn_implementation": "owner/kernels", "attn_implementation": "owner/kernels", "use_kernels": True},
        {"dtype": "os.system"},
    ],
)
def test_nothing_that_a_config_names_is_run(more: dict[str, Any]) -> None:
    plan = lm.memory_plan({key: value for key, value in LLAMA.items() if key != "torch_dtype"} | more)
    assert plan.n_parameters == lm.memory_plan(LLAMA).n_parameters
    assert plan.dtype == "bfloat16"


def test_the_text_model_of_one_that_sees() -> None:
    plan = lm.memory_plan({"model_type": "llava", "text_config": LLAMA, "vision_config": VISION})
    assert plan.n_parameters == lm.memory_plan(LLAMA).n_parameters
    assert "Counted is its text model, llama: what sees or hears comes on top." in plan.notes
    with pytest.raises(lm.InvalidSettingError, match="num_hidden_layers is missing in text_config"):
        lm.memory_plan({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 64}})
    # Where it continues texts as a whole, the part that sees is counted; of the text's sizes, defaults are named.
    text = {"model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 64}
    whole = lm.memory_plan({"model_type": "gemma3", "text_config": text, "vision_config": {"num_hidden_layers": 1}})
    assert any(group.role == "vision" for group in whole.model.makeup.groups)
    assert any(note.startswith("vocab_size is not in the config: transformers takes 262,") for note in whole.notes)


def test_other_names_of_the_same_sizes() -> None:
    plan = lm.memory_plan({"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 2, "vocab_size": 100})
    assert plan.model.makeup.n_layers == 2
    assert lm.memory_plan({"model_type": "mamba", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 9}).fits(
        "t4"
    )
    with pytest.raises(lm.InvalidSettingError, match="num_hidden_layers is missing"):
        lm.memory_plan({"model_type": "gpt2", "n_embd": 64, "n_head": 2, "vocab_size": 100})


@pytest.mark.parametrize(
    ("settings", "label", "bits"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, "GPTQ, 4 bits, groups of 32", 4 + 20 / 32),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, "AWQ, 4 bits, groups of 64", 4 + 20 / 64),
        ({"quant_method": "fp8", "weight_block_size": [32, 32]}, "8-bit floats, tiles of 32 x 32", 8 + 32 / 1024),
    ],
)
def test_published_quantizations_are_counted(settings: dict[str, Any], label: str, bits: float) -> None:
    plan = lm.memory_plan(LLAMA | {"quantization_config": settings})
    assert plan.stored_as == label
    linear = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    columns = 2 * (6 * 64 + 128) * 4 if settings["quant_method"] == "gptq" else 0  # GPTQ keeps each column's group
    assert plan.quantized_bytes + plan.constants_bytes == linear * bits / 8 + columns
    with pytest.raises(lm.UnsupportedError, match="are quantized already"):
        lm.memory_plan(plan.model, "nf4")
    kept = settings | {"modules_to_not_convert": ["down_proj"]}
    less = lm.memory_plan(LLAMA | {"quantization_config": kept})
    assert less.unquantized_bytes - plan.unquantized_bytes == 2 * 64 * 128 * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"context": 0}, "context is 0"),
        ({"context": 2.5}, "context is 2.5"),
        ({"sequences": True}, "sequences is True"),
        ({"quantization": "int3"}, "'int3' is not known"),
        ({"quantization": "float16", "dtype": "bfloat16"}, "exclude each other"),
        ({"dtype": "int8"}, "Dtype 'int8' is not known"),
        ({"device_kind": "tpu"}, "Device 'tpu' is not known"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=words):
        lm.memory_plan("qwen2-0.5b", **arguments)


def test_names_that_are_no_model() -> None:
    with pytest.raises(lm.SourceNotFoundError, match="embedded tokenizer without a model"):
        lm.memory_plan("qwen2")
    with pytest.raises(lm.SourceNotFoundError, match="no folder"):
        lm.memory_plan("./nowhere")
    embedded = lm.memory_plan("smollm2-135m-instruct", "nf4", context=10**6)
    assert (embedded.context, embedded.dtype, embedded.model.source) == (8192, "float32", "embedded")
    assert any("Q4_1" in note for note in embedded.notes)
    assert embedded.notes[-1].endswith("reads 8,192 tokens at most, so that many are counted.")
