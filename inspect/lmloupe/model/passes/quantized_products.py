"""Products with weights that bitsandbytes stores in 8 or 4 bits, made sure of before anything rests on them."""

from __future__ import annotations

from typing import Any

import torch
from bitsandbytes.nn.modules import Linear4bit

from lmloupe.errors import UnsupportedError
from lmloupe.model.engine import Quantization
from lmloupe.names import shown

__all__ = ["require_products"]

_FEW_TOKENS = 8
_CPU_ROWS = 32


def require_products(name: str, model: Any, quantization: Quantization) -> None:
    """Refuse a quantized model whose matrices cannot be multiplied, found by a pass over a few tokens.

    LLM.int8() cannot multiply matrices of some shapes, or where a model takes a weight and multiplies by itself
    (Mamba); neither bitsandbytes nor transformers says so before it fails. To be run in the worker's thread.

    Args:
        name: of the model, for the message.
        model: a ``transformers`` causal LM in eval mode.
        quantization: as loaded.

    Raises:
        UnsupportedError: a product fails.
    """
    if quantization == "none":
        return
    _keep_odd_shapes_plain(model)
    embedding = model.get_input_embeddings().weight
    tokens = torch.arange(_FEW_TOKENS, device=embedding.device)[None] % len(embedding)
    try:
        model(input_ids=tokens, use_cache=False)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError) as error:
        other = "nf4 or none" if quantization == "int8" else "none"
        why = str(error).splitlines()[0][:160]
        raise UnsupportedError(
            f"{shown(name)} cannot be run in {quantization}: {type(model).__name__} has matrices that bitsandbytes "
            f"cannot multiply when they are stored so ({why}). Choose quantization {other}."
        ) from error


def _keep_odd_shapes_plain(model: Any) -> None:
    """On a CPU with AVX512-BF16 bitsandbytes lays weights out in blocks; shapes not made of such would fail."""
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        if isinstance(module, Linear4bit) and state is not None:
            rows, columns = state.shape
            if rows % _CPU_ROWS or columns % state.blocksize:
                module.support_avx512bf16_for_cpu = False
