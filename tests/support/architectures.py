"""Tiny random models of every causal architecture that transformers knows, built from its configs; no download.

Nearly all follow from one table: a small value for each setting of that name, whatever config has it. What an
architecture wants besides is in `_OWN`.
"""

from __future__ import annotations

import atexit
import dataclasses
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import lmloupe as lm

__all__ = ["CAUSAL", "IDS", "NOT_CAUSAL", "UNBUILT", "build", "config_of", "engine_of", "reference"]

VOCAB_ROWS = 300
"""Rows of the embedding matrix: more than the tokenizer's 259 ids."""

_SMALL: dict[str, Any] = {
    "vocab_size": VOCAB_ROWS, "unpadded_vocab_size": None, "vocab_size_per_layer_input": VOCAB_ROWS,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "decoder_start_token_id": 1, "sep_token_id": 2,
    "eod_token_id": 2, "cls_token_id": 1, "mask_token_id": 0, "forced_eos_token_id": 2,
    # Widths
    "hidden_size": 64, "d_model": 64, "n_embd": 64, "embedding_size": 64, "emb_dim": 64, "embedding_dim": 64,
    "word_embed_proj_dim": 64, "input_embedding_size": 64, "output_embedding_size": 64, "backbone_hidden_size": 64,
    "attention_hidden_size": 64, "lru_width": 64, "hidden_size_per_layer_input": 16, "cross_attention_hidden_size": 64,
    "intermediate_size": 96, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32,
    "shared_intermediate_size": 32, "shared_experts_intermediate_size": 32, "dense_intermediate_size": 96,
    "intermediate_size_mlp": 96, "moe_shared_expert_intermediate_size": 32, "expert_ffn_hidden_size": 32,
    "ffn_hidden_size": 96, "ffn_dim": 96, "decoder_ffn_dim": 96, "encoder_ffn_dim": 96, "dim_ff": 96, "dff": 96,
    "d_inner": 96, "feed_forward_size": 96,
    # Heads
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_key_value_heads": 2, "num_kv_heads": 4,
    "decoder_attention_heads": 4, "encoder_attention_heads": 4, "attention_heads": 4, "num_encoder_attention_heads": 4,
    "num_decoder_attention_heads": 4, "head_dim": 16, "dim_head": 16, "kv_channels": 16, "v_head_dim": 16,
    "swa_num_attention_heads": 4, "swa_num_key_value_heads": 2, "swa_head_dim": 16, "attention_head_size": 16,
    "global_head_dim": 16, "num_global_key_value_heads": 2, "d_head": 16, "rotary_dim": 8,
    "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "o_lora_rank": 16,
    "o_groups": 2, "index_head_dim": 16, "index_n_heads": 2, "index_topk": 8, "query_pre_attn_scalar": 16,
    # Depth
    "num_hidden_layers": 4, "n_layer": 4, "n_layers": 4, "num_layers": 4, "decoder_layers": 4, "encoder_layers": 1,
    "num_encoder_layers": 1, "num_decoder_layers": 4, "num_blocks": 4, "num_mtp_layers": 0,
    "num_nextn_predict_layers": 0, "first_k_dense_replace": 1, "num_dense_layers": 1, "num_kv_shared_layers": 0,
    # Length
    "max_position_embeddings": 512, "n_positions": 512, "n_ctx": 512, "context_length": 512, "max_seq_len": 512,
    "sliding_window": 32, "sliding_window_size": 32, "attention_window_size": 32, "local_attention": 32,
    "window_size": 32, "attention_chunk_size": 32, "max_target_positions": 512, "max_source_positions": 8,
    # Experts
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "moe_topk": 2, "moe_k": 2, "n_group": 1, "topk_group": 1, "n_shared_experts": 1, "num_shared_experts": 1,
    "zero_expert_num": 2, "router_hidden_size": 16, "moe_num_shared_experts": 1,
    # States
    "state_size": 8, "ssm_state_size": 8, "mamba_d_state": 8, "mamba_n_heads": 8, "mamba_num_heads": 8,
    "mamba_d_head": 16, "mamba_head_dim": 16, "mamba_n_groups": 1, "mamba_ngroups": 1, "n_groups": 1,
    "mamba_d_ssm": 128, "mamba_chunk_size": 32, "chunk_size": 32, "mamba_dt_rank": 8, "time_step_rank": 8,
    "n_mamba_heads": 2, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
    "linear_value_head_dim": 16, "linear_head_dim": 16, "linear_num_heads": 4,
    # The default 0.02 makes every next token about equally likely: differences would drown in rounding.
    "initializer_range": 0.2, "init_std": 0.2, "initializer_factor": 0.2,
    "attention_dropout": 0.0, "hidden_dropout": 0.0, "dropout": 0.0, "is_decoder": True,
}  # fmt: skip

_LATENT: dict[str, Any] = {"num_key_value_heads": 4}  # what is read from a latent vector is not grouped
_OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm_moe_dsa"), _LATENT),
    **dict.fromkeys(("glm4_moe_lite", "minicpm3", "youtu"), _LATENT),
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "dbrx": {
        "ffn_config": {"hidden_size": 64, "ffn_hidden_size": 96},
        "attn_config": {"rope_theta": 1e4, "clip_qkv": 8.0, "kv_n_heads": 2},
    },
    "gemma3": {
        "vision_config": {
            "model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 32, "image_size": 28,
            "patch_size": 14, "num_hidden_layers": 1, "num_attention_heads": 2,
        },
        "mm_tokens_per_image": 4, "image_token_index": 290, "boi_token_index": 291, "eoi_token_index": 292,
    },
    "fuyu": {
        "text_config": {
            "model_type": "persimmon", "vocab_size": VOCAB_ROWS, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 512, "initializer_range": 0.2,
        },
        "image_size": 30, "image_token_id": 290,
    },
    "gpt_neo": {"num_heads": 4, "attention_types": [[["global", "local"], 2]]},
    "inkling2_text": {"unpadded_vocab_size": VOCAB_ROWS},
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv", "full_attention"]},
    "longcat_flash": {"head_dim": 8, "num_key_value_heads": 4},
    "mamba2": {"num_heads": 8, "head_dim": 16},
    "moshi": {"audio_vocab_size": 32},
    "qwen4_exp_text": {
        "indexer_n_heads": 2, "indexer_kv_heads": 1, "indexer_head_dim": 16, "indexer_budget": 16,
        "indexer_compress_ratio": 4, "hc_lowrank": 16, "output_gate_type": "silu",
    },
    "reformer": {"axial_pos_embds_dim": [32, 32], "axial_pos_shape": [16, 32]},
    "roc_bert": {
        "pronunciation_embed_dim": 16, "shape_embed_dim": 16, "shape_vocab_size": 32, "pronunciation_vocab_size": 32,
    },
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "attention_hidden_size": 128, "attention_head_dim": 32,
        "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"],
    },
    "zamba2": {"layers_block_type": ["mamba", "hybrid", "mamba", "mamba"]},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip

NOT_CAUSAL: tuple[str, ...] = ("cpmant", "prophetnet", "xlm", "xlnet")
"""Architectures of transformers' causal list that read later tokens too when they are given ids alone."""

UNBUILT: dict[str, str] = {
    "blt": "its table of hashes is as large whatever the config says",
    "dots3_note": "its config names the same width for all kinds of attention and then refuses it",
    "dots3_note_text": "its config names the same width for all kinds of attention and then refuses it",
    "emu3": "the text model's config is not one that AutoModelForCausalLM takes",
    "gemma3n": "its vision needs timm",
    "gemma4_assistant": "it reads another model's states",
    "gemma4_unified": "its vision has fixed sizes",
    "gemma4_unified_assistant": "it reads another model's states",
    "got_ocr2": "its vision has fixed sizes",
    "mllama": "the text model's config is not one that AutoModelForCausalLM takes",
    "moss_transcribe_diarize": "its audio has fixed sizes",
    "musicgen": "the decoder's config is not one that AutoModelForCausalLM takes",
    "musicgen_melody": "the decoder's config is not one that AutoModelForCausalLM takes",
    "phi4_multimodal": "its audio has fixed sizes",
    "qwen4_exp": "as qwen4_exp_text, with parts for images",
}
"""Architectures of transformers' causal list that are not built here, and why."""

CAUSAL: tuple[str, ...] = tuple(
    kind for kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if kind not in NOT_CAUSAL and kind not in UNBUILT
)
"""Every other one of that list, in its order."""


def _settings(config_class: Any, changes: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(config_class)}
    parts: dict[str, dict[str, Any]] = {
        name: {} for name, part in config_class.sub_configs.items() if name in names and dataclasses.is_dataclass(part)
    }
    chosen = {name: value for name, value in _SMALL.items() if name in names}
    for name in parts:
        chosen[name] = _settings(config_class.sub_configs[name], changes.get(name, {}))
    return chosen | {name: value for name, value in changes.items() if name not in parts}


def config_of(kind: str, **changes: Any) -> transformers.PreTrainedConfig:
    """The tiny config of one architecture, with ``changes`` to its settings."""
    config_class: Any = CONFIG_MAPPING[kind]
    config: transformers.PreTrainedConfig = config_class(**_settings(config_class, _OWN.get(kind, {}) | changes))
    return config


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="lmloupe-architectures-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def _save_tokenizer(folder: Path) -> None:
    """Every byte is a token: three special ones, then 256."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = {"<pad>": 0, "<s>": 1, "</s>": 2}
    tok = Tokenizer(models.BPE(special | {c: i + len(special) for i, c in enumerate(alphabet)}, []))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    roles = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    saved = transformers.PreTrainedTokenizerFast(tokenizer_object=tok, **roles)  # type: ignore[no-untyped-call]
    saved.save_pretrained(folder)


@cache
def _built(kind: str, changes: tuple[tuple[str, Any], ...]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=_root()))
    config = config_of(kind, **dict(changes))
    auto: Any = transformers.AutoModelForCausalLM
    with torch.device("meta"):
        size = sum(p.numel() for p in auto.from_config(config).parameters())
    if size > 4_000_000:
        raise ValueError(f"{kind} has {size:,} parameters: give it smaller settings.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = auto.from_config(config).eval().float()
        for name, parameter in model.named_parameters():
            # Fresh biases are zeros and fresh norms ones: a forward that forgot them would pass unseen.
            if parameter.ndim == 1 and ("norm" in name or "ln" in name or name.endswith("bias")):
                with torch.no_grad():
                    parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    _save_tokenizer(folder)
    return folder


def build(kind: str, **changes: Any) -> Path:
    """The folder of a tiny model of this architecture with its tokenizer; built once a process, the same every time.

    Args:
        kind: a ``model_type`` of transformers' causal list.
        changes: settings of the config that differ; hashable values.
    """
    return _built(kind, tuple(sorted(changes.items())))


IDS = np.random.default_rng(0).integers(3, 259, 330).astype(np.int32)
"""More than a piece of a text on a CPU, and than every window of the tiny models."""


@cache
def reference(kind: str) -> Any:
    """The same folder as transformers loads it."""
    auto: Any = transformers.AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        return auto.from_pretrained(build(kind), dtype=torch.float32).eval()


@cache
def engine_of(kind: str) -> lm.Engine:
    """The engine of the folder, one a process."""
    return lm.load_engine(build(kind), device="cpu")
