"""Real errors and warnings, raised here with the pinned versions on a tiny model, are recognized."""

from __future__ import annotations

import logging
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
import torch
import transformers
from accelerate.utils.bnb import get_quantized_model_device_map
from huggingface_hub.utils import _http as hub
from huggingface_hub.utils import hf_raise_for_status
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TextStreamer

import lmloupe as lm
from lmloupe.diagnose.known import KNOWN

TALK = [{"role": "user", "content": "Hi"}]


class Tried:
    """A tiny model and what goes into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tok: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder)

    @property
    def inputs(self) -> Any:
        return self.tok("Hi there", return_tensors="pt")

    def again(self, **options: Any) -> Any:
        return AutoModelForCausalLM.from_pretrained(self.folder, **options)

    def other_tokenizer(self, **changes: Any) -> Any:
        tok: Any = AutoTokenizer.from_pretrained(self.folder)
        for name, value in changes.items():
            setattr(tok, name, value)
        return tok


@pytest.fixture(scope="module")
def tried(tiny_model_folder: Callable[[str], Path]) -> Tried:
    return Tried(tiny_model_folder("llama"))


def system_refused(one: Tried, rule: str) -> None:
    template = f"{{% if messages[0].role == 'system' %}}{{{{ raise_exception('{rule}') }}}}{{% endif %}}"
    one.other_tokenizer(chat_template=template).apply_chat_template([{"role": "system", "content": "S"}, *TALK])


def no_numbers(one: Tried) -> None:
    model = one.again()
    torch.nn.init.constant_(model.lm_head.weight, float("nan"))
    model.generate(**one.inputs, do_sample=True, max_new_tokens=1)


def mask_left_out(one: Tried) -> None:
    model = one.again()
    model.config.pad_token_id = model.generation_config.pad_token_id = None
    model.generate(one.tok(["a", "b c d"], padding=True, return_tensors="pt").input_ids, max_new_tokens=1)


def long_text(one: Tried) -> None:
    one.other_tokenizer(model_max_length=4)("one two three four five six")


def asked_of_hub(status: int, **headers: str) -> None:
    address = "https://huggingface.co/org/name/resolve/main/config.json"
    hf_raise_for_status(hub.httpx2.Response(status, headers=headers, request=hub.httpx2.Request("GET", address)))


def one_part_cast(one: Tried) -> None:
    model = one.again()
    model.model.half()
    model(**one.inputs)


def with_code(one: Tried) -> None:
    transformers.dynamic_module_utils.resolve_trust_remote_code(False, "org/name", False, True)


def new_kind(one: Tried) -> None:
    folder = one.folder.parent / "new"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "brand-new"}', "utf-8")
    AutoModelForCausalLM.from_pretrained(folder)


def of_another_class(one: Tried) -> None:
    transformers.AutoModelForSequenceClassification.from_pretrained(one.folder)


def in_float32(_: Tried) -> None:
    import bitsandbytes as bnb

    layer = bnb.nn.Linear4bit(64, 64)
    layer.set_compute_type(torch.zeros(1, 64, dtype=torch.float16))


CASES: dict[str, tuple[Callable[[Tried], Any], ...]] = {
    "batch_as_tensor": (
        lambda one: one.model.generate(one.tok.apply_chat_template(TALK, return_tensors="pt"), max_new_tokens=1),
        lambda one: one.inputs.shape,
    ),
    "text_as_tensor": (lambda one: one.model.generate("Hi"),),
    "ids_not_a_tensor": (lambda one: one.model(one.tok("Hi").input_ids),),
    "ids_not_whole": (lambda one: one.model(torch.ones(1, 2)),),
    "id_out_of_range": (lambda one: one.model(torch.tensor([[9999]])),),
    "no_pad_token": (lambda one: one.other_tokenizer(pad_token=None)(["a", "b c"], padding=True),),
    "ragged_batch": (lambda one: one.tok(["a", "b c d"], return_tensors="pt"),),
    "right_padding": (
        lambda one: one.model.generate(
            **one.tok(["a", "b c d"], padding=True, padding_side="right", return_tensors="pt"), max_new_tokens=1
        ),
    ),
    "mask_not_set": (mask_left_out,),
    "sequence_too_long": (long_text,),
    "beyond_the_context": (lambda one: one.model.generate(torch.full((1, 127), 9), max_new_tokens=3),),
    "max_length_counts_the_prompt": (lambda one: one.model.generate(**one.inputs, max_length=1),),
    "two_dtypes": (one_part_cast,),
    "not_for_this_model": (
        lambda one: one.model.generate(**one.inputs, max_new_token=1),
        lambda one: one.model.generate(**one.inputs, token_type_ids=torch.zeros(1, 2)),
    ),
    "bfloat16_in_numpy": (lambda one: torch.zeros(1, dtype=torch.bfloat16).numpy(),),
    "no_system_role": (lambda one: system_refused(one, "System role not supported"),),
    "roles_must_alternate": (
        lambda one: system_refused(one, "Conversation roles must alternate user/assistant/user/assistant/..."),
    ),
    "no_chat_template": (lambda one: one.other_tokenizer(chat_template=None).apply_chat_template(TALK),),
    "template_syntax": (lambda one: jinja2.Template("{% for m in messages %}"),),
    "template_undefined": (
        lambda one: one.other_tokenizer(chat_template="{{ messages[0].a.b }}").apply_chat_template(TALK),
    ),
    "continue_and_ask": (
        lambda one: one.tok.apply_chat_template(TALK, add_generation_prompt=True, continue_final_message=True),
    ),
    "not_a_probability": (no_numbers,),
    "temperature_zero": (lambda one: one.model.generate(**one.inputs, do_sample=True, temperature=0.0),),
    "sampling_is_off": (
        lambda one: one.model.generate(**one.inputs, do_sample=False, temperature=0.5, max_new_tokens=1),
    ),
    "two_lengths": (lambda one: one.model.generate(**one.inputs, max_length=9, max_new_tokens=1),),
    "no_attentions_from_sdpa": (lambda one: one.model(**one.inputs, output_attentions=True),),
    "streamer_takes_one": (
        lambda one: one.model.generate(torch.full((2, 2), 9), streamer=TextStreamer(one.tok), max_new_tokens=1),
    ),
    "stop_strings_need_the_tokenizer": (
        lambda one: one.model.generate(**one.inputs, stop_strings=["."], max_new_tokens=1),
    ),
    "cache_of_old_code": (
        lambda one: transformers.DynamicCache().seen_tokens,
        lambda one: transformers.DynamicCache.from_legacy_cache(None),
    ),
    "gated": (
        lambda one: asked_of_hub(401, **{"X-Error-Code": "GatedRepo"}),
        lambda one: asked_of_hub(403, **{"X-Error-Code": "GatedRepo"}),
    ),
    "gated_awaiting": (
        lambda one: asked_of_hub(
            403,
            **{
                "X-Error-Code": "GatedRepo",
                "X-Error-Message": "Your request to access model org/name is awaiting a review from the repo authors.",
            },
        ),
    ),
    "token_refused": (
        lambda one: asked_of_hub(401, **{"X-Error-Message": "Invalid credentials in Authorization header"}),
    ),
    "no_such_model": (
        lambda one: asked_of_hub(404, **{"X-Error-Code": "RepoNotFound"}),
        lambda one: AutoTokenizer.from_pretrained("/there/is/no/such/folder"),
    ),
    "hub_not_reached": (lambda one: AutoTokenizer.from_pretrained("org/not-in-the-cache", local_files_only=True),),
    "asks_to_run_code": (with_code,),
    "unknown_architecture": (
        new_kind,
        lambda one: AutoModelForCausalLM.from_pretrained(one.folder.parent),
    ),
    "torch_dtype": (lambda one: one.again(torch_dtype=torch.bfloat16),),
    "tokenizer_method_gone": (lambda one: one.tok.encode_plus("Hi"), lambda one: one.tok.batch_encode_plus(["Hi"])),
    "task_gone": (lambda one: transformers.pipeline("summarization"), lambda one: transformers.pipeline("no-task")),
    "tensorflow_gone": (lambda one: transformers.TFAutoModelForCausalLM,),
    "no_flash_attention": (lambda one: one.again(attn_implementation="flash_attention_2"),),
    "fresh_weights": (of_another_class,),
    "modules_elsewhere": (
        lambda one: one.again(
            quantization_config=BitsAndBytesConfig(load_in_4bit=True), device_map={"model": 0, "lm_head": "cpu"}
        ),
    ),
    "no_memory_left": (lambda one: torch.empty(10**16),),
    "four_and_eight_bits": (lambda one: BitsAndBytesConfig(load_in_4bit=True, load_in_8bit=True),),
    "bits_as_an_argument": (lambda one: one.again(load_in_4bit=True),),
    "no_gpu_for_quantization": (lambda one: get_quantized_model_device_map(one.model, None),),
    "computes_in_float32": (in_float32,),
    "cannot_cast_quantized": (
        lambda one: one.again(quantization_config=BitsAndBytesConfig(load_in_4bit=True)).to(torch.float16),
    ),
}
NEEDS_NO_GPU = {"no_gpu_for_quantization", "no_flash_attention"}
IN_SOURCES = {
    "gated": (
        ("transformers/utils/hub.py", "You are trying to access a gated repo"),
        ("transformers/utils/hub.py", "is a gated repository. Make sure to request access"),
    ),
    "no_such_model": (("transformers/utils/hub.py", "is not a local folder and is not a valid model identifier"),),
    "asks_to_run_code": (
        (
            "transformers/dynamic_module_utils.py",
            "requires you to execute custom code contained in the model repository",
        ),
    ),
    "two_devices": (
        ("transformers/generation/utils.py", "You are calling .generate() with the `input_ids` being on a device type"),
        ("torch/_subclasses/fake_tensor.py", "Expected all tensors to be on the same device"),
    ),
    "offloaded": (
        ("accelerate/big_modeling.py", "Some parameters are on the meta device because they were offloaded to the "),
    ),
    "no_bfloat16": (("transformers/training_args.py", "Your setup doesn't support bf16/gpu"),),
    "bitsandbytes_without_cuda": (
        ("bitsandbytes/cextension.py", "Attempted to use bitsandbytes native library functionality but it's not"),
    ),
    "no_gpu_for_quantization": (
        ("transformers/integrations/bitsandbytes.py", "None of the available devices `available_devices"),
    ),
    "no_cuda": (("torch/cuda/__init__.py", "Torch not compiled with CUDA enabled"),),
    "package_missing": (
        (
            "transformers/quantizers/quantizer_bnb_4bit.py",
            "requires accelerate: `pip install",
        ),
    ),
}
"""Messages that this machine cannot raise: by file of the installed libraries, as they stand there."""
PUBLISHED = {
    "batch_as_tensor": "AttributeError: 'BatchEncoding' object has no attribute 'shape'",
    "pad_set_to_eos": "Setting `pad_token_id` to `eos_token_id`:128001 for open-end generation.",
    "mask_not_set": "The attention mask is not set and cannot be inferred from input because pad token is same as eos "
    "token.",
    "sampling_is_off": "`do_sample` is set to `False`. However, `temperature` is set to `0.6`",
    "no_gpu_for_quantization": "RuntimeError: No GPU found. A GPU is needed for quantization.",
    "bitsandbytes_without_cuda": "RuntimeError: CUDA is required but not available for bitsandbytes.",
    "no_cuda": "RuntimeError: Found no NVIDIA driver on your system.",
    "no_bfloat16": "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla "
    "T4 GPU has compute capability 7.5.",
    "two_devices": "RuntimeError: Expected all tensors to be on the same device, but got index is on cpu, different "
    "from other tensors on cuda:0",
    "device_side_assert": "torch.AcceleratorError: CUDA error: device-side assert triggered",
    "offloaded": "Some parameters are on the meta device because they were offloaded to the cpu and disk.",
    "cuda_out_of_memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total "
    "capacity of 14.74 GiB of which 1.06 GiB is free.",
    "never_stops": "my model never stops, what is wrong",
}
"""Messages of other versions and of GPUs, as people report them."""


def said(case: Callable[[Tried], Any], one: Tried) -> str:
    """The traceback and all that was logged or warned meanwhile."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keep, names = Keep(), ("transformers", "bitsandbytes", "bitsandbytes.nn.modules")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(keep)
        logger.setLevel(logging.WARNING)
    transformers.utils.logging.warning_once.cache_clear()  # each is said once in a process
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            case(one)
        except BaseException:
            lines.append(traceback.format_exc())
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.removeHandler(keep)
                logger.setLevel(level)
    return "\n".join([*lines, *(str(one.message) for one in warned)])


@pytest.mark.parametrize(("key", "number"), [(key, i) for key, cases in CASES.items() for i in range(len(cases))])
def test_what_is_really_raised_or_logged_is_recognized(tried: Tried, key: str, number: int) -> None:
    if key in NEEDS_NO_GPU and torch.cuda.is_available():
        pytest.skip("with a GPU nothing is wrong here")
    text = said(CASES[key][number], tried)
    found = {one.key: one for one in lm.diagnose(text)}
    assert key in found, text[-2000:]
    seen = text[found[key].start : found[key].end]
    assert seen.strip()
    assert text.count("\n", 0, found[key].start) + 1 == found[key].line


@pytest.mark.parametrize(("key", "file", "words"), [(k, *one) for k, several in IN_SOURCES.items() for one in several])
def test_what_cannot_be_raised_here_stands_in_the_installed_libraries(key: str, file: str, words: str) -> None:
    package, _, rest = file.partition("/")
    source = (Path(__import__(package).__file__).parent / rest).read_text("utf-8")
    joined = re.sub(r"\"\s*f?\"", "", source)  # a message may be several strings of the source
    place = joined.find(words)
    assert place >= 0, "the message reads differently now"
    shown = re.sub(r"\{[^}]*\}", "cpu", joined[place - 40 : place + len(words) + 200])
    assert key in {one.key for one in lm.diagnose(shown)}


@pytest.mark.parametrize(("key", "text"), PUBLISHED.items())
def test_messages_of_other_versions_and_of_gpus_are_recognized(key: str, text: str) -> None:
    assert [one.key for one in lm.diagnose(text)] == [key]


def test_every_known_message_is_tested_and_says_what_to_change() -> None:
    keys = {one.key for one in KNOWN}
    assert len(keys) == len(KNOWN)
    assert keys - {"streams_the_prompt"} == {*CASES, *IN_SOURCES, *PUBLISHED}
    for one in KNOWN:
        assert one.means.endswith((".", "?")), one.key
        assert one.why.endswith("."), one.key
        assert one.before or one.after or one.key in ("gated_awaiting", "template_syntax", "bits_as_an_argument"), (
            one.key
        )
