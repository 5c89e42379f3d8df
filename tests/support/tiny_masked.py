"""Tiny random masked LMs with small real tokenizers: BERT's kind and RoBERTa's kind; no download."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests.support.tiny_models import SENTENCES

KINDS = ("bert", "roberta")


def _bert() -> tuple[Tokenizer, dict[str, Any]]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - no password
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece()
    tok.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    )
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return tok, roles | {"mask_token": "[MASK]"}


def _roberta() -> tuple[Tokenizer, dict[str, Any]]:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=350, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tok.train_from_iterator(SENTENCES, trainer)
    # As the published one: the mask takes the space in front of it.
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    tok.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    roles = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    mask = AddedToken("<mask>", lstrip=True, special=True, normalized=False)
    return tok, roles | {"mask_token": mask}


def build(kind: str, folder: Path, *, save: str = "MaskedLM", **changes: Any) -> Path:
    """Write a masked LM of a kind and its tokenizer into ``folder``, the same numbers every time."""
    tok, roles = {"bert": _bert, "roberta": _roberta}[kind]()
    made = {"bert": transformers.BertConfig, "roberta": transformers.RobertaConfig}[kind]
    settings: dict[str, Any] = {
        "vocab_size": tok.get_vocab_size(), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 66, "pad_token_id": 1 if kind == "roberta" else 0,
        "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1 if kind == "roberta" else 2,
        "initializer_range": 0.3,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(KINDS.index(kind))
        head: Any = getattr(transformers, f"{made.__name__.removesuffix('Config')}For{save}")
        head(made(**settings | changes)).save_pretrained(folder)
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(tokenizer_object=tok, **roles).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_masked_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from a kind to the folder of its model, built at first use. Read-only: tests share it."""
    return cache(lambda kind: build(kind, tmp_path_factory.mktemp(f"masked-{kind}")))
