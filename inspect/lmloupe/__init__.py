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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmloupe.chat import RenderedChat, Segment, render_chat
    from lmloupe.embedded_model import cache_folder, embedded_model_folder, ensure_embedded_model
    from lmloupe.encoding import Encoding, Token, decode, encode
    from lmloupe.engine import (
        Device,
        Engine,
        ModelDescription,
        ModuleInfo,
        Neighbours,
        NextToken,
        Quantization,
        Step,
    )
    from lmloupe.errors import *  # noqa: F403
    from lmloupe.load import load_engine
    from lmloupe.sampling import Sampling, Stage, sampling_stages
    from lmloupe.tokenizer import Tokenizer, embedded_tokenizers, load_tokenizer

_MODULE_OF = {
    "Device": "engine",
    "Encoding": "encoding",
    "Engine": "engine",
    "ModelDescription": "engine",
    "ModuleInfo": "engine",
    "Neighbours": "engine",
    "NextToken": "engine",
    "Quantization": "engine",
    "RenderedChat": "chat",
    "Sampling": "sampling",
    "Segment": "chat",
    "Stage": "sampling",
    "Step": "engine",
    "Token": "encoding",
    "Tokenizer": "tokenizer",
    "cache_folder": "embedded_model",
    "decode": "encoding",
    "embedded_model_folder": "embedded_model",
    "embedded_tokenizers": "tokenizer",
    "encode": "encoding",
    "ensure_embedded_model": "embedded_model",
    "load_engine": "load",
    "load_tokenizer": "tokenizer",
    "render_chat": "chat",
    "sampling_stages": "sampling",
} | dict.fromkeys(
    (
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
    "errors",
)

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
