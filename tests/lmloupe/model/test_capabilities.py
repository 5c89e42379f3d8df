"""What an engine says it can do, beside what it then does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.model.capabilities import WORDS, CapabilityName
from lmloupe.model.local import LocalEngine
from tests.support.tiny_models import tokenizer


@pytest.fixture(scope="module")
def recurrent() -> lm.Engine:
    """A model of states instead of attention, which reads no mask."""
    backend = tokenizer()
    tok = lm.Tokenizer("tiny-xlstm", "hub", None, backend, "<|begin|>", "<|end|>", None)
    torch.manual_seed(0)
    made = transformers.xLSTMConfig(vocab_size=tok.vocab_size, hidden_size=64, num_heads=4, num_hidden_layers=2)
    model = transformers.AutoModelForCausalLM.from_config(made).eval()
    return LocalEngine(model, tok, name="tiny-xlstm", revision=None, quantization="none")


ASKS: dict[str, Callable[[Any], object]] = {
    "scores": lambda engine: engine.score("A coconut rolls"),
    "records": lambda engine: list(engine.generate("A coconut", max_new_tokens=2)),
    "hidden_states": lambda engine: engine.hidden_states("A coconut rolls"),
    "lens": lambda engine: engine.logit_lens("A coconut rolls"),
    "attention": lambda engine: engine.attention("A coconut rolls", layer=0),
    "attribution": lambda engine: engine.attribution("A coconut rolls", 5),
    "cache": lambda engine: engine.kv_cache("A coconut rolls"),
    "weights": lambda engine: engine.embed([1, 2]),
    "batching": lambda engine: engine.padded_batch(["A coconut", "The model reads tokens"]),
}


def test_every_capability_has_words_and_a_name() -> None:
    assert [field.name for field in fields(lm.Capabilities)] == list(get_args(CapabilityName)) == list(WORDS)


@pytest.mark.parametrize("name", ASKS)
def test_what_an_ordinary_model_can_do_it_does(name: str, tiny_model_folder: Callable[[str], Any]) -> None:
    engine = lm.load_engine(str(tiny_model_folder("llama")))
    assert engine.capabilities == lm.Capabilities()
    ASKS[name](engine)


def test_what_a_model_says_that_it_cannot_do_it_refuses(recurrent: lm.Engine) -> None:
    missing = recurrent.capabilities.missing
    assert "batching" in missing
    for name in missing:
        assert recurrent.capabilities.of(name).of_model  # type: ignore[arg-type]
        with pytest.raises(lm.NotAvailableError):
            ASKS[name](recurrent)


def test_what_is_missing_is_required_in_one_sentence() -> None:
    here = lm.Capabilities(lens=lm.Capability("the cluster sends no lens"))
    here.require("scores")
    with pytest.raises(lm.NotAvailableError, match=r"^This needs what .*, but the cluster sends no lens\.$"):
        here.require("lens")
