"""The tokenizers that are part of the package: no network, no account."""

from __future__ import annotations

import gzip
import json
import threading
from functools import cache
from importlib import resources
from typing import Any

import tokenizers

from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["embedded_tokenizers", "is_loaded", "load_embedded"]

_KEYS = ("llama-3.1", "phi-3", "qwen2", "starcoder2", "smollm2")

# One lock a key: who asks for a small one need not wait until a large one is there.
_locks = {key: threading.Lock() for key in _KEYS}
_loaded: dict[str, Tokenizer] = {}


def embedded_tokenizers() -> tuple[str, ...]:
    """Keys of the tokenizers that are part of the package: no network, no account.

    >>> embedded_tokenizers()
    ('llama-3.1', 'phi-3', 'qwen2', 'starcoder2', 'smollm2')
    """
    return _KEYS


@cache
def _manifest() -> dict[str, Any]:
    text = (resources.files("lmloupe") / "data" / "manifest.json").read_text("utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def load_embedded(key: str) -> Tokenizer:
    """The embedded tokenizer with this key, read once per process.

    Args:
        key: one of `embedded_tokenizers`.

    >>> load_embedded("qwen2") is load_embedded("qwen2")
    True
    """
    # `functools.cache` would let two sessions that ask at once parse the same file twice.
    with _locks[key]:
        if key not in _loaded:
            _loaded[key] = _read(key)
        return _loaded[key]


def is_loaded(key: str) -> bool:
    """Whether `load_embedded` answers at once for this key.

    >>> load_embedded("phi-3") is not None and is_loaded("phi-3")
    True
    """
    return key in _loaded


def _read(key: str) -> Tokenizer:
    package = resources.files("lmloupe")
    entry = _manifest()["tokenizers"][key]
    stored = gzip.decompress((package / "data" / f"{key}.json.gz").read_bytes())
    template = entry["chat_template"]
    return Tokenizer(
        name=key,
        source="embedded",
        revision=None,
        backend=tokenizers.Tokenizer.from_str(stored.decode()),
        bos_token=entry["bos_token"],
        eos_token=entry["eos_token"],
        chat_template=(package / "templates" / template).read_text("utf-8") if template else None,
        stop_ids=tuple(entry["generation_config"]["eos_token_id"]),
    )
