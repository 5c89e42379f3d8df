"""Phi-3 small, counted by its published architecture: transformers has no class for it, and its code is not run.

From the config.json and the modeling code beside the published weights (MIT): queries, keys and values in one matrix
with a bias; an MLP whose first matrix holds gate and value one after the other (GEGLU); LayerNorm with bias; the output
matrix is the embedding matrix. Half of its layers read only some blocks of the text, yet all keep keys and values of
every token, as `DynamicCache` does there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmloupe.planner.makeup import CacheGroup, Makeup, ParameterGroup, Role

__all__ = ["phi3_small"]


def phi3_small(config: Mapping[str, Any]) -> Makeup:
    """What a config with model_type ``phi3small`` describes."""
    width, inner = int(config["hidden_size"]), int(config["ff_intermediate_size"])
    layers, heads, kv_heads = (
        int(config[name]) for name in ("num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    )
    head_dim, rows = width // heads, int(config["vocab_size"])
    matrices: tuple[tuple[str, Role, tuple[int, int]], ...] = (
        ("self_attn.query_key_value", "attention", ((heads + 2 * kv_heads) * head_dim, width)),
        ("self_attn.dense", "attention", (width, width)),
        ("mlp.up_proj", "mlp", (2 * inner, width)),
        ("mlp.down_proj", "mlp", (width, inner)),
    )
    groups = [ParameterGroup("model.embed_tokens.weight", "embedding", (rows, width), 1, quantized=False)]
    for name, role, shape in matrices:
        path = f"model.layers.*.{name}"
        groups.append(ParameterGroup(f"{path}.weight", role, shape, layers, quantized=True))
        groups.append(ParameterGroup(f"{path}.bias", role, shape[:1], layers, quantized=False))
    for name, count in (
        ("layers.*.input_layernorm", layers),
        ("layers.*.post_attention_layernorm", layers),
        ("final_layernorm", 1),
    ):
        for part in ("weight", "bias"):
            groups.append(ParameterGroup(f"model.{name}.{part}", "norm", (width,), count, quantized=False))
    per_token = 2 * kv_heads * head_dim
    return Makeup(
        architecture="Phi3SmallForCausalLM",
        n_layers=layers,
        width=width,
        inner=2 * inner,
        vocab_rows=rows,
        n_heads=heads,
        n_kv_heads=kv_heads,
        head_dim=head_dim,
        context_length=int(config["max_position_embeddings"]),
        dtype="bfloat16",
        tied=True,
        buffer_bytes=0,
        groups=tuple(groups),
        caches=(CacheGroup("full", layers, per_token, n_kv_heads=kv_heads, key_width=head_dim, value_width=head_dim),),
    )
