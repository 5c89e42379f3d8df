"""LM Loupe: see what a language model really does to text, with the model's own numbers.

Names load at first use, so that ``import lmloupe`` costs milliseconds and loads neither torch nor
transformers; only the functions that run a model do.

>>> import lmloupe as lm
>>> tok = lm.load_tokenizer("llama-3.1")
>>> lm.encode(tok, "Hello!").input_ids.tolist()
[9906, 0]
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmloupe.chat import RenderedChat, Segment, render_chat
    from lmloupe.embedded_model import Progress, cache_folder, embedded_model_folder, ensure_embedded_model
    from lmloupe.encoding import Encoding, Token, decode, encode, spell
    from lmloupe.engine import (
        Device,
        Engine,
        Generation,
        ModelDescription,
        ModuleInfo,
        Neighbours,
        NextToken,
        Quantization,
        Step,
    )
    from lmloupe.errors import (
        ContextLengthError,
        FetchError,
        GatedError,
        InputError,
        InvalidIdError,
        InvalidMessagesError,
        InvalidSettingError,
        InvalidTextError,
        LoadError,
        LoupeError,
        NoChatTemplateError,
        SourceNotFoundError,
        TemplateError,
        UnreachableError,
        UnsafeWeightsError,
        UnsupportedError,
    )
    from lmloupe.load import load_engine
    from lmloupe.sampling import Sampling, Stage, sampling_stages
    from lmloupe.tokenizer import Tokenizer, embedded_tokenizers, load_tokenizer

__all__ = [
    "ContextLengthError",
    "Device",
    "Encoding",
    "Engine",
    "FetchError",
    "GatedError",
    "Generation",
    "InputError",
    "InvalidIdError",
    "InvalidMessagesError",
    "InvalidSettingError",
    "InvalidTextError",
    "LoadError",
    "LoupeError",
    "ModelDescription",
    "ModuleInfo",
    "Neighbours",
    "NextToken",
    "NoChatTemplateError",
    "Progress",
    "Quantization",
    "RenderedChat",
    "Sampling",
    "Segment",
    "SourceNotFoundError",
    "Stage",
    "Step",
    "TemplateError",
    "Token",
    "Tokenizer",
    "UnreachableError",
    "UnsafeWeightsError",
    "UnsupportedError",
    "cache_folder",
    "decode",
    "embedded_model_folder",
    "embedded_tokenizers",
    "encode",
    "ensure_embedded_model",
    "load_engine",
    "load_tokenizer",
    "render_chat",
    "sampling_stages",
    "spell",
]

_MODULES = {
    "chat": ("RenderedChat", "Segment", "render_chat"),
    "embedded_model": ("Progress", "cache_folder", "embedded_model_folder", "ensure_embedded_model"),
    "encoding": ("Encoding", "Token", "decode", "encode", "spell"),
    "engine": (
        "Device",
        "Engine",
        "Generation",
        "ModelDescription",
        "ModuleInfo",
        "Neighbours",
        "NextToken",
        "Quantization",
        "Step",
    ),
    "errors": (
        "ContextLengthError",
        "FetchError",
        "GatedError",
        "InputError",
        "InvalidIdError",
        "InvalidMessagesError",
        "InvalidSettingError",
        "InvalidTextError",
        "LoadError",
        "LoupeError",
        "NoChatTemplateError",
        "SourceNotFoundError",
        "TemplateError",
        "UnreachableError",
        "UnsafeWeightsError",
        "UnsupportedError",
    ),
    "load": ("load_engine",),
    "sampling": ("Sampling", "Stage", "sampling_stages"),
    "tokenizer": ("Tokenizer", "embedded_tokenizers", "load_tokenizer"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__version__ = "0.1.0"

# Threads of a matrix product that wait for each other by spinning take the cores from whoever they wait for: with one
# other busy process on two cores a forward pass took up to 25 times as long. OpenMP reads this as torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
