"""Modules, shapes, dtypes and bytes of a loaded model, quantized or not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lmloupe.loading.embedded_model.folder import EMBEDDED_PUBLISHED_AS
from lmloupe.loading.generation_config import as_ids
from lmloupe.model.architecture.block import block_facts, module_tree
from lmloupe.model.architecture.results import ModelDescription, ModuleInfo, Quantization
from lmloupe.model.passes.blocks import find_blocks
from lmloupe.model.passes.config_sizes import context_length, head_counts, layer_count
from lmloupe.names import EMBEDDED_MODEL

__all__ = ["describe_model", "module_infos", "published_as"]


def _weight(module: nn.Module) -> tuple[tuple[int, ...], str, bool]:
    """Shape before packing, stored dtype, quantized or not."""
    weight: Any = module.weight
    quant_state = getattr(weight, "quant_state", None)
    if quant_state is not None:
        return tuple(quant_state.shape), str(quant_state.quant_type), True
    dtype = str(weight.dtype).removeprefix("torch.")
    return tuple(weight.shape), dtype, type(weight).__name__ == "Int8Params"


def _constants_bytes(module: nn.Module) -> int:
    """Memory of the scales that a quantized weight needs beside its packed numbers."""
    weight: Any = getattr(module, "weight", None)
    state = getattr(weight, "quant_state", None)
    total = 0
    while state is not None:
        tensors = (value for value in (state.absmax, state.code, state.offset) if isinstance(value, torch.Tensor))
        total += sum(tensor.nbytes for tensor in tensors)
        state = state.state2  # double quantization: the scales are quantized in turn
    scales = getattr(weight, "SCB", None)
    if scales is None:
        scales = getattr(getattr(module, "state", None), "SCB", None)
    return total + (scales.nbytes if isinstance(scales, torch.Tensor) else 0)


def module_infos(model: nn.Module) -> tuple[ModuleInfo, ...]:
    """Every module that owns parameters, in the model's order; a tied matrix is counted at its first owner."""
    infos: list[ModuleInfo] = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if not own:
            continue
        fresh = {key: p for key, p in own.items() if id(p) not in seen}
        seen.update(id(p) for p in own.values())
        if "weight" in own:
            shape, dtype, quantized = _weight(module)
        else:
            first = next(iter(own.values()))
            shape, dtype, quantized = tuple(first.shape), str(first.dtype).removeprefix("torch."), False
        numbers = sum(p.numel() for key, p in fresh.items() if key != "weight")
        if "weight" in fresh:
            numbers += torch.Size(shape).numel()
        infos.append(
            ModuleInfo(
                name=name,
                kind=type(module).__name__,
                shape=shape,
                n_parameters=numbers,
                dtype=dtype,
                bytes=sum(p.nbytes for p in fresh.values()) + _constants_bytes(module),
                is_quantized=quantized,
            )
        )
    return tuple(infos)


def published_as(name: str, config: Any) -> str:
    """What a model's weights were published as, by its name or the config that came with them; empty where unknown."""
    if name == EMBEDDED_MODEL:
        return EMBEDDED_PUBLISHED_AS
    packed = getattr(config, "quantization_config", None)
    if packed is not None:
        method = packed.get("quant_method") if isinstance(packed, dict) else getattr(packed, "quant_method", None)
        return f"quantized ({getattr(method, 'value', method) or 'by a method without a name'})"
    dtype = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)
    return "" if dtype is None else str(dtype).removeprefix("torch.")


def describe_model(
    model: Any, name: str, revision: str | None, quantization: Quantization, published: str = ""
) -> ModelDescription:
    """The `ModelDescription` of a loaded transformers model."""
    config = model.config.get_text_config()
    blocks = find_blocks(model)
    embedding = model.get_input_embeddings().weight
    output = model.get_output_embeddings()
    modules = module_infos(model)
    n_heads, n_kv_heads, head_dim = head_counts(config)
    tied = output is not None and output.weight is embedding
    return ModelDescription(
        name=name,
        revision=getattr(model.config, "_commit_hash", None) or revision,
        architecture=type(model).__name__,
        device=embedding.device.type,
        quantization=quantization,
        compute_dtype=str(embedding.dtype).removeprefix("torch."),
        n_layers=layer_count(config) if blocks is None else len(blocks),
        width=config.hidden_size,
        embedding_width=embedding.shape[1],
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        vocab_rows=embedding.shape[0],
        context_length=context_length(config) or 0,
        tied_embeddings=tied,
        n_parameters=sum(module.n_parameters for module in modules),
        bytes=sum(module.bytes for module in modules),
        modules=modules,
        tree=module_tree(model, modules),
        block=block_facts(
            model, blocks, n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, tied_embeddings=tied
        ),
        stop_ids=as_ids(model.generation_config.eos_token_id) or (),
        published_as=published,
    )
