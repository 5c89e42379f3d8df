"""Facts of the lessons against tokenizers, transformers and arithmetic that know nothing of them."""

from __future__ import annotations

import gzip
import importlib.resources
import re
from typing import Any

import numpy as np
import pytest
import tokenizers

import lmloupe as lm
from ui.learn.facts import FACTS

TEXTS = (
    "coconut",
    " coconut",
    "cooking",
    "I can't wait to build AI applications.",
    "မင်္ဂလာပါ",
    "🥥",
    "<|begin_of_text|>Hi",
)


def fact(name: str, **arguments: Any) -> Any:
    return FACTS[name](**arguments)


@pytest.fixture(scope="module", params=["llama-3.1", "phi-3", "qwen2", "starcoder2"])
def bare(request: pytest.FixtureRequest) -> tuple[str, tokenizers.Tokenizer]:
    """A family, and its tokenizer as the tokenizers library reads it."""
    data = importlib.resources.files("lmloupe") / "data" / f"{request.param}.json.gz"
    return request.param, tokenizers.Tokenizer.from_str(gzip.decompress(data.read_bytes()).decode())


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_the_tokenizers_library(bare: tuple[str, tokenizers.Tokenizer], text: str) -> None:
    name, tok = bare
    raw = tok.encode(text, add_special_tokens=False)
    assert fact("token_count", tokenizer=name, text=text) == len(raw.ids)
    places = range(1, len(raw.ids) + 1)
    assert [fact("token_id", tokenizer=name, text=text, place=place) for place in places] == raw.ids
    assert fact("vocabulary_size", tokenizer=name) == tok.get_vocab_size()
    if text.isascii():
        cuts = {start for start, _ in raw.offsets} - {0, len(text)}
        assert fact("token_cuts", tokenizer=name, text=text) == tuple(sorted(cuts))


def test_a_doubled_begin_is_what_the_tokenizers_library_gives() -> None:
    data = importlib.resources.files("lmloupe") / "data" / "llama-3.1.json.gz"
    ids = tokenizers.Tokenizer.from_str(gzip.decompress(data.read_bytes()).decode()).encode("<|begin_of_text|>Hi").ids
    assert ids[:3].count(128000) == fact("bos_count", tokenizer="llama-3.1", text="<|begin_of_text|>Hi") == 2


def test_a_language_is_counted_by_hand() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    sentences = {one.name: one.sentences for one in lm.parallel_languages()}
    counts = {
        name: sum(len(tok.backend.encode(text, add_special_tokens=False).ids) for text in sentences[name])
        for name in ("English", "Burmese")
    }
    ratio = fact("language_ratio", tokenizer="llama-3.1", language="Burmese")
    assert ratio == pytest.approx(counts["Burmese"] / counts["English"])
    letters = "".join(sentences["Burmese"])
    average = len(letters.encode()) / len(letters)
    assert fact("bytes_per_character", language="Burmese") == pytest.approx(average)


def test_scripts_are_counted_by_hand() -> None:
    tok = lm.load_tokenizer("qwen2")
    texts = (tok.token_bytes(i).decode("utf-8", "ignore") for i in range(tok.vocab_size))
    by_hand = sum(bool(re.search("[\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff]", text)) for text in texts)
    assert fact("script_tokens", tokenizer="qwen2", script="Myanmar") == by_hand


def test_the_planner_s_numbers_are_arithmetic() -> None:
    plan = {"model": "llama-3.1-8b"}
    parameters = fact("plan_number", **plan, of="parameters")
    assert parameters == 8_030_261_248
    assert fact("plan_gigabytes", **plan) == pytest.approx(parameters * 2 / 1e9, rel=1e-5)
    assert fact("rule_of_thumb", **plan, bits=4) == parameters / 2e9
    assert fact("plan_gigabytes", **plan, of="cache", people=3) == pytest.approx(2 * 32 * 8 * 128 * 2 * 8192 * 3 / 1e9)
    assert fact("unshared_cache", **plan) == pytest.approx(2 * 32 * 32 * 128 * 2 * 8192 / 1e9)


@pytest.mark.model
def test_the_model_s_numbers_are_transformers_own(embedded_engine: lm.Engine, embedded_model_folder: Any) -> None:
    import torch
    import transformers

    text = "The capital of France is"
    tok = transformers.AutoTokenizer.from_pretrained(embedded_model_folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(embedded_model_folder, attn_implementation="eager")
    ids = torch.tensor([tok(text).input_ids])
    with torch.inference_mode():
        out = model(ids, output_attentions=True, output_hidden_states=True)
        logits = out.logits[0, -1].double()
        probs = torch.softmax(logits, -1)
        hot = torch.softmax(logits / 2, -1)
    capital = {"text": text, "token": " Paris"}
    paris = tok(" Paris").input_ids[0]
    assert fact("share_of", **capital) == pytest.approx(float(probs[paris]), rel=1e-3)
    assert fact("sampled_share", **capital, temperature=2) == pytest.approx(float(hot[paris]), rel=1e-3)
    ordered = probs.sort(descending=True).values
    assert fact("kept_tokens", text=text, top_p=0.9) == int((ordered.cumsum(0) < 0.9).sum()) + 1
    assert fact("best_token", text=text) == tok.decode([int(logits.argmax())]).strip()
    attentions = torch.stack(out.attentions)[:, 0]
    assert fact("first_token_share", text=text) == pytest.approx(float(attentions[:, :, -1, 0].mean()), rel=1e-3)
    assert fact("later_share", text=text) == float(attentions.triu(1).max()) == 0
    assert fact("tensor_shape", text=text) == str(tuple(out.hidden_states[0][0].shape))
    assert fact("tensor_bytes", text=text) == out.hidden_states[0].numel() * 4
    cache = [tensor for layer in out.past_key_values.layers for tensor in (layer.keys, layer.values)]
    assert fact("cache_bytes", tokens=ids.shape[1]) == sum(tensor.nbytes for tensor in cache)
    rows = model.get_input_embeddings().weight.detach().double().numpy()
    day = {"token": " Monday"}
    monday = tok(day["token"]).input_ids[0]
    cosines = rows @ rows[monday] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[monday])
    assert fact("nearest_token", **day) == tok.decode([int(np.argsort(-cosines)[1])]).strip()
    assert fact("model_number", of="parameters") == sum(one.numel() for one in model.parameters())
