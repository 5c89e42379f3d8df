"""Quantization configs explained: every value and every refusal is that of transformers' own class."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.quantizers.auto import AutoQuantizationConfig

import lmloupe as lm
from lmloupe.precision.explain.check import DEFAULTS, DTYPES
from lmloupe.precision.explain.methods import CLASSES, METHODS
from lmloupe.precision.formats import bits_per_weight

_NAMES = [
    "float16",
    "float32",
    "bfloat16",
    "half",
    "float",
    "uint8",
    "int8",
    "torch.float16",
    "fp16",
    "nn",
    "",
    "float64",
]
_DTYPE = (
    st.none() | st.sampled_from(_NAMES) | st.sampled_from([torch.float16, torch.bfloat16, torch.uint8]) | st.just(16)
)
_FLAG = st.booleans() | st.sampled_from([1, 0, None, "yes"])
SETTINGS = {
    "load_in_8bit": st.booleans(),
    "load_in_4bit": _FLAG,
    "llm_int8_threshold": st.floats(-2, 20) | st.integers(0, 9),
    "llm_int8_skip_modules": st.none()
    | st.lists(st.sampled_from(["lm_head", "q_proj"]))
    | st.just(("lm_head",))
    | st.text(),
    "llm_int8_enable_fp32_cpu_offload": _FLAG,
    "llm_int8_has_fp16_weight": _FLAG,
    "bnb_4bit_compute_dtype": _DTYPE,
    "bnb_4bit_quant_type": st.sampled_from(["fp4", "nf4", "NF4", "nf5", None, 4]),
    "bnb_4bit_use_double_quant": _FLAG,
    "bnb_4bit_quant_storage": _DTYPE,
    "bnb_4bit_quanttype": st.just("nf4"),
}
KWARGS = st.fixed_dictionaries({}, optional=SETTINGS)


def assert_refused(words: str, kind: str) -> None:
    assert words.startswith("AttributeError" if "that is a dtype" in words else kind)


@given(kwargs=KWARGS, multiline=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_value_and_every_refusal_is_transformers_own(kwargs: dict[str, Any], multiline: bool) -> None:
    written = (",\n    " if multiline else ", ").join(f"{name}={value!r}" for name, value in kwargs.items())
    found = lm.explain_quantization(
        f"from transformers import BitsAndBytesConfig\nconfig = BitsAndBytesConfig({written})"
    )
    try:
        real = transformers.BitsAndBytesConfig(**kwargs)
    except (ValueError, TypeError, AttributeError) as error:
        kind = type(error).__name__  # a name of torch that is no dtype: there one error or the other
        assert_refused(found.refused, kind)
        assert not found.effective
        return
    assert not found.refused
    assert list(found.effective) == list(DEFAULTS)
    for name, value in found.effective.items():
        own = getattr(real, name)
        assert value == (str(own).removeprefix("torch.") if isinstance(own, torch.dtype) else own)
        assert value == real.to_dict()[name]
    assert {one.name for one in found.settings if one.is_said} == set(kwargs)
    method = {"llm_int8": "int8"}.get(str(real.quantization_method()), real.quantization_method())
    if method is not None and not real.llm_int8_has_fp16_weight:
        assert found.weights == method


@given(
    kwargs=KWARGS.filter(lambda one: not any(isinstance(v, torch.dtype) for v in one.values())),
    method=st.sampled_from([None, "bitsandbytes"]),
)
@settings(max_examples=80, deadline=None)
def test_json_is_read_as_transformers_reads_it(kwargs: dict[str, Any], method: str | None) -> None:
    config = json.loads(json.dumps(kwargs | ({} if method is None else {"quant_method": method})))
    text = json.dumps({"model_type": "llama", "quantization_config": config}, indent=1)
    if config == {}:
        return
    if not {"quant_method", *DEFAULTS} & set(config):
        with pytest.raises(lm.InvalidSettingError, match="neither a quant_method nor"):
            lm.explain_quantization(text)
        return
    found = lm.explain_quantization(text)
    assert found.form == "config.json"
    if method is not None and not config.get("load_in_4bit") and not config.get("load_in_8bit"):
        assert found.weights in (
            "none",
            "",
        )  # transformers skips it with a warning; "" where the class would refuse too
        return
    try:
        real = AutoQuantizationConfig.from_dict(config).to_dict()
    except (ValueError, TypeError, AttributeError):
        assert found.refused
        return
    assert not found.refused
    assert dict(found.effective) == {name: real[name] for name in DEFAULTS}


def test_dtypes_and_methods_are_those_of_the_libraries() -> None:
    assert {name: str(getattr(torch, name)).removeprefix("torch.") for name in DTYPES} == dict(DTYPES)
    here = {name for name in dir(torch) if isinstance(getattr(torch, name), torch.dtype)}
    assert here == set(DTYPES)
    for name, method in CLASSES.items():
        assert hasattr(transformers, name) or hasattr(transformers.utils.quantization_config, name)
        assert method in METHODS
    kinds = transformers.quantizers.auto.AUTO_QUANTIZATION_CONFIG_MAPPING
    assert set(METHODS) <= set(kinds)
    assert all(kinds[method].__name__ == name for name, method in CLASSES.items())


SNIPPET = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig as Bnb

name = "meta-llama/Llama-3.1-8B-Instruct"
quantization_config = Bnb(
    load_in_4bit=True,  # "four bits (4)"
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.bfloat16,
    bnb_4bit_quant_type="nf4",
)
tokenizer = AutoTokenizer.from_pretrained(name)
model = AutoModelForCausalLM.from_pretrained(
    "meta-llama/Llama-3.1-8B-Instruct", quantization_config=quantization_config, torch_dtype=torch.bfloat16
)
"""


def test_a_whole_script_is_read() -> None:
    found = lm.explain_quantization(SNIPPET)
    assert (found.form, found.line, found.model) == ("call", 6, "meta-llama/Llama-3.1-8B-Instruct")
    assert found.precision == lm.Precision("nf4", double_quant=True, compute_dtype="bfloat16")
    assert found.bits_per_weight == pytest.approx(bits_per_weight(found.precision, (4096, 4096)))
    assert [one.setting for one in found.warnings] == ["bnb_4bit_compute_dtype"]
    assert "T4" in found.warnings[0].sentence
    assert "double_quant=True, compute_dtype='bfloat16', dtype='bfloat16'" in found.in_lmloupe
    assert {one.name: one.line for one in found.settings if one.is_said}["bnb_4bit_quant_type"] == 10
    forgotten = lm.explain_quantization(SNIPPET.replace("quantization_config=quantization_config, ", ""))
    assert "No from_pretrained in this text is given the config" in forgotten.warnings[0].sentence
    both = lm.explain_quantization(SNIPPET + "other = Bnb(load_in_8bit=True)\n")
    assert (both.n_configs, both.weights) == (2, "nf4")


@pytest.mark.parametrize(
    ("text", "setting", "words"),
    [
        ('B(load_in_4bit=True)', 'bnb_4bit_quant_type', 'fp4 is stored'),
        ('B(load_in_4bit=True)', 'bnb_4bit_compute_dtype', 'float32, because nothing else is said'),
        ('B(load_in_4bit=True)', 'bnb_4bit_use_double_quant', 'off, because'),
        ("B(bnb_4bit_quant_type='nf4')", 'load_in_4bit', 'in 4 bits all the same'),
        ("B(load_in_4bit=True, bnb_4bit_quanttype='nf4')", 'bnb_4bit_quanttype', "stays 'fp4'. Did you"),
        ("B(load_in_4bit=True, bnb_4bit_quant_type='NF4')", 'bnb_4bit_quant_type', "Write 'nf4'"),
        ('B(load_in_8bit=True, llm_int8_threshold=4.0)', 'llm_int8_threshold', 'on activations'),
        ("B(True, bnb_4bit_quant_type='nf4')", 'bnb_4bit_quant_type', 'does nothing here'),
        ('B(load_in_4bit=True, llm_int8_threshold=4.0)', 'llm_int8_threshold', 'does nothing here'),
        ("B(load_in_8bit=True, llm_int8_skip_modules=['q_proj'])", 'llm_int8_skip_modules', 'add lm_head'),
        ('B(load_in_8bit=True, llm_int8_has_fp16_weight=True)', 'llm_int8_has_fp16_weight', 'no memory is'),
        ('B(load_in_4bit=True, llm_int8_enable_fp32_cpu_offload=True)', 'llm_int8_enable_fp32_cpu_offload', 'CPU'),
        ('B(load_in_4bit=use_4bit)', 'load_in_4bit', 'not a literal value, so not read'),
        ("B(load_in_4bit=True, bnb_4bit_compute_dtype=torch.get())", 'bnb_4bit_compute_dtype', 'so not read'),
        ('B(**settings)', '', '**settings is not a literal value'),
        ("B(load_in_4bit=True, bnb_4bit_compute_dtype='torch.float16')", 'bnb_4bit_compute_dtype', 'Write "float16"'),
        ('B(load_in_8bit=True, llm_int8_threshold=6)', 'llm_int8_threshold', 'Write 6.0.'),
        ('B(load_in_4bit=True, load_in_8bit=True)', 'load_in_8bit', 'Leave one of them out'),
        ('B(load_in_4bit=True, bnb_4bit_compute_dtype=torch.int8)', 'bnb_4bit_compute_dtype', 'drop the fractions'),
        ('B(load_in_4bit=True, load_in_4bit=True)', '', 'is given twice'),
        ("AutoModelForCausalLM.from_pretrained('m', load_in_4bit=True)", 'load_in_4bit', 'unexpected keyword'),
        ('{"quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"}', 'load_in_4bit', 'quantizes nothing'),
        ("{'load_in_4bit': True, 'quant_method': 'gptq'}", 'quant_method', 'take it for bitsandbytes'),
    ],
)  # fmt: skip
def test_what_surprises_is_said(text: str, setting: str, words: str) -> None:
    found = lm.explain_quantization(
        f"from transformers import BitsAndBytesConfig as B\n{text}" if text.startswith("B(") else text
    )
    assert any(one.setting == setting and words in one.sentence for one in found.warnings)
    assert all(one.is_surprising == (one.name in {w.setting for w in found.warnings}) for one in found.settings)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"bnb_4bit_quant_type": "nf4"},
        {"load_in_4bit": True, "bnb_4bit_quanttype": "nf4"},
        {"load_in_4bit": True, "llm_int8_skip_modules": ["q_proj"]},
        {"load_in_8bit": True, "llm_int8_has_fp16_weight": True},
        {"load_in_4bit": True, "llm_int8_enable_fp32_cpu_offload": True},
        {"load_in_4bit": True, "bnb_4bit_quant_storage": "bfloat16"},
    ],
)
def test_what_is_said_is_what_loading_does(tiny_model_folder: Callable[[str], Path], kwargs: dict[str, Any]) -> None:
    auto: Any = transformers.AutoModelForCausalLM
    model = auto.from_pretrained(
        tiny_model_folder("llama"),
        device_map={"": "cpu"},
        quantization_config=transformers.BitsAndBytesConfig(**kwargs),
    )
    found = lm.explain_quantization(f"BitsAndBytesConfig({', '.join(f'{k}={v!r}' for k, v in kwargs.items())})")
    said = {one.setting for one in found.warnings}
    layer = model.model.layers[0].self_attn.k_proj
    if "llm_int8_enable_fp32_cpu_offload" in said:  # all of it lies on the CPU
        assert type(layer).__name__ == "Linear"
        return
    state = getattr(layer.weight, "quant_state", None)
    assert found.weights == (state.quant_type if state is not None else "none")
    quantized = type(model.lm_head).__name__ == "Linear4bit"
    assert quantized == ("llm_int8_skip_modules" in said)
    if state is None:
        assert layer.weight.dtype == torch.float32
        return
    assert str(layer.compute_dtype) == f"torch.{found.effective['bnb_4bit_compute_dtype']}"
    n = layer.weight.nbytes + state.absmax.nbytes
    assert 8 * n / (layer.in_features * layer.out_features) == found.bits_per_weight


@pytest.mark.filterwarnings("default")
def test_a_type_that_does_not_exist_fails_at_loading(tiny_model_folder: Callable[[str], Path]) -> None:
    config: Any = transformers.BitsAndBytesConfig
    auto: Any = transformers.AutoModelForCausalLM
    with pytest.raises(RuntimeError):
        auto.from_pretrained(
            tiny_model_folder("llama"), quantization_config=config(load_in_4bit=True, bnb_4bit_quant_type="NF4")
        )


@pytest.mark.parametrize("method", sorted(METHODS))
def test_other_methods_are_named(method: str) -> None:
    text = json.dumps({"architectures": ["A"], "quantization_config": {"quant_method": method, "bits": 4}})
    found = lm.explain_quantization(text)
    assert (found.method, found.weights, found.precision) == (method, "", None)
    assert found.outcome == METHODS[method]
    assert [one.name for one in found.settings] == ["quant_method", "bits"]


def test_other_classes_and_plain_configs_are_named() -> None:
    assert lm.explain_quantization("x = GPTQConfig(bits=4, group_size=128)").method == "gptq"
    plain = lm.explain_quantization('{"model_type": "llama", "dtype": "bfloat16"}')
    assert (plain.method, plain.weights) == ("none", "none")
    assert "loaded in bfloat16 as they are" in plain.outcome


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to explain"),
        ("x = 1", "No quantization config"),
        ("config = BitsAndBytesConfig(\n    load_in_4bit=True,\n", "Line 1, column 28"),
        ("a = 1\nb = = 2", "Line 2, column 5"),
        ('{"load_in_4bit": true,\n "b" 1}', "Line 2, column 6"),
        ('{"quantization_config": 4}', "quantization_config is a number"),
        ("(" * 90_000, "neither Python nor JSON|too deeply"),
        ("[" * 3_000 + "]" * 3_000, "neither Python nor JSON|too deeply"),
        ('{"a":' * 15_000, "too deeply|neither"),
        ("BitsAndBytesConfig(a=" + "-" * 50_000 + "1)", "too deeply|neither"),
        ("x\0y", "cannot be read|neither"),
        ("x" * 100_001, "100,001 characters"),
    ],
)
def test_bad_input_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=words) as caught:
        lm.explain_quantization(text)
    assert str(caught.value).isprintable()


@given(st.text(max_size=300) | st.builds("{}BitsAndBytesConfig({}".format, st.text(max_size=40), st.text(max_size=200)))
@settings(max_examples=100, deadline=None)
def test_any_text_is_explained_or_refused(text: str) -> None:
    try:
        found = lm.explain_quantization(text)
    except lm.InvalidSettingError:
        return
    assert found.outcome


def test_nothing_is_executed_and_torch_is_not_loaded(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = f"BitsAndBytesConfig(load_in_4bit=open({str(trap)!r}, 'w'))"
    code = (
        f"import sys, lmloupe as lm\nfound = lm.explain_quantization({text!r})\n"
        "print(found.settings[1].is_read, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]
    assert not trap.exists()


@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_a_line_out_of_a_config_json_is_read_as_the_whole_file_is(before: str) -> None:
    whole = '{"quantization_config": {"load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}}'
    for text in (whole, whole[1:-1], whole[1:-1] + ",\n", f"[{whole}]"):
        assert lm.explain_quantization(before + text).weights == "nf4", text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"load_in_4bit": %s}' % ("9" * 5000), "thousands of digits"),
        ('{"quant_method": ""}', "quant_method is an empty text"),
        ('{"quant_method": {"a": 1}}', "quant_method is an object"),
    ],
)
def test_values_that_no_config_has_are_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(lm.InvalidSettingError, match=words):
        lm.explain_quantization(text)


def test_nothing_is_claimed_of_flags_that_an_unread_mapping_may_set() -> None:
    sentences = [one.sentence for one in lm.explain_quantization("BitsAndBytesConfig(**settings)").warnings]
    assert sentences == ["**settings is not a literal value, so not read: it may set anything."]
