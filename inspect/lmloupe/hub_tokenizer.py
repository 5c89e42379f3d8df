"""Tokenizers of the hub and of folders, through transformers' ``AutoTokenizer``, behind the same face."""

from __future__ import annotations

from typing import Any

import transformers

from lmloupe.errors import UnsupportedError
from lmloupe.hub_errors import loading
from lmloupe.tokenizer import Source, Tokenizer

__all__ = ["load_transformers_tokenizer"]


def load_transformers_tokenizer(
    name: str, *, source: Source, revision: str | None, token: str | bool | None
) -> Tokenizer:
    """Load by hub id or folder; see `lmloupe.load_tokenizer` for arguments and errors."""
    with loading(name, revision, "tokenizer"):
        loaded: Any = transformers.AutoTokenizer.from_pretrained(
            name, revision=revision or "main", token=token, trust_remote_code=False
        )
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise UnsupportedError(
            f"{name} has only a tokenizer written in Python ({type(loaded).__name__}): "
            "LM Loupe inspects those of the tokenizers library, which have a tokenizer.json."
        )
    # Saved settings of a training run; LM Loupe encodes whole texts and slices afterwards.
    backend.no_truncation()
    backend.no_padding()
    return Tokenizer(
        name=name,
        source=source,
        revision=revision,
        backend=backend,
        bos_token=loaded.bos_token,
        eos_token=loaded.eos_token,
        chat_template=_default_template(loaded.chat_template),
    )


def _default_template(template: str | dict[str, str] | None) -> str | None:
    # Some repositories name several (default, tool_use, rag); transformers takes "default" too.
    return template.get("default") if isinstance(template, dict) else template
