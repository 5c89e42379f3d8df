"""The matrices of a loaded model that bitsandbytes stores in fewer bits, or would."""

from __future__ import annotations

from typing import Any

from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt
from torch import nn
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

__all__ = ["quantizable_modules"]


def quantizable_modules(model: Any) -> dict[str, nn.Module]:
    """Path and module of every matrix that is quantized in this model, in the model's order.

    Of a model that is not quantized: those that transformers would hand to bitsandbytes, which are its linear modules
    without the output matrix.
    """
    named = dict(model.named_modules())
    stored: dict[str, nn.Module] = {
        path: module for path, module in named.items() if isinstance(module, Linear4bit | Linear8bitLt)
    }
    if stored:
        return stored
    kept = [*get_keys_to_not_convert(model), *(model._keep_in_fp32_modules or ())]
    return {
        path: module
        for path, module in named.items()
        if (type(module) is nn.Linear or isinstance(module, Conv1D)) and should_convert_module(path, kept)
    }
