"""Tiny random causal LMs with a small real tokenizer, one folder for each architecture; no download."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ARCHITECTURES: tuple[str, ...] = ("llama", "phi3", "qwen2", "starcoder2")

VOCAB_SIZE = 512
"""Rows of the embedding matrix; more than the tokenizer has ids, as in many published models."""

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

_SPECIAL = ("<|pad|>", "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
SENTENCES = (
    "A coconut rolls down the hill and the children run after it.",
    "The model reads tokens, one after another, and guesses the next token.",
    "def add(a, b):\n    return a + b\n",
    "Grüße aus Köln, 3.14159 and 2,718 are numbers; 東京 is a city. 🥥",
)
_CONFIGS: dict[str, type[transformers.PreTrainedConfig]] = {
    "llama": transformers.LlamaConfig,
    "phi3": transformers.Phi3Config,
    "qwen2": transformers.Qwen2Config,
    "starcoder2": transformers.Starcoder2Config,
}


def tokenizer(*, add_bos: bool = True) -> Tokenizer:
    """A byte-level BPE learnt from a few sentences: about 400 ids, the special ones first."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(_SPECIAL), initial_alphabet=sorted(alphabet), show_progress=False
    )
    tok.train_from_iterator(SENTENCES, trainer)
    if add_bos:
        tok.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", 1)]
        )
    return tok


def config(arch: str, **changes: Any) -> transformers.PreTrainedConfig:
    """Three layers, width 64, four query heads on two key-value heads, a context of 128."""
    settings: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        # The default 0.02 makes every next token about equally likely: differences would drown in rounding.
        "initializer_range": 0.2,
    }
    if arch == "phi3":
        settings["original_max_position_embeddings"] = 128
    return _CONFIGS[arch](**settings | changes)


def save_tokenizer(folder: Path) -> None:
    """``tokenizer.json``, ``tokenizer_config.json`` and ``chat_template.jinja``."""
    roles = {"pad_token": "<|pad|>", "bos_token": "<|begin|>", "eos_token": "<|end|>"}
    saved = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer(), **roles)  # type: ignore[no-untyped-call]
    saved.chat_template = CHAT_TEMPLATE
    saved.save_pretrained(folder)


def build(arch: str, folder: Path, **changes: Any) -> Path:
    """Write the model and its tokenizer into ``folder``, the same numbers every time; returns the folder.

    Args:
        arch: one of `ARCHITECTURES`.
        folder: made where it is not there.
        changes: settings of the config that differ.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(ARCHITECTURES.index(arch))
        model = transformers.AutoModelForCausalLM.from_config(config(arch, **changes))  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            # Fresh biases are zeros and fresh norms ones: a forward that forgot them would pass unseen.
            if parameter.ndim == 1:
                torch.nn.init.normal_(parameter, mean=float("norm" in name and "bias" not in name), std=0.1)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from an architecture to the folder of its model, built at first use. Read-only: tests share it."""
    return cache(lambda arch: build(arch, tmp_path_factory.mktemp(f"tiny-{arch}")))
