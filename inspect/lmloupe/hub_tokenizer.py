"""Tokenizers of the hub and of folders, through transformers' ``AutoTokenizer``, behind the same face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers

from lmloupe.errors import SourceNotFoundError, UnsupportedError
from lmloupe.hub_errors import loading
from lmloupe.hub_files import open_repo
from lmloupe.quiet import quiet_transformers
from lmloupe.sources import shown
from lmloupe.tokenizer import Source, Tokenizer

__all__ = ["load_transformers_tokenizer"]

_MARKS = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "tekken.json")


def load_transformers_tokenizer(
    name: str, *, source: Source, revision: str | None, token: str | bool | None
) -> Tokenizer:
    """Load by hub id or folder; see `lmloupe.load_tokenizer` for arguments and errors."""
    with loading(name, revision, "tokenizer"):
        if source == "hub":
            repo = open_repo(name, revision, token)
            folder, commit = repo.fetch_tokenizer(), repo.commit
        else:
            folder, commit = Path(name), None
        _require_tokenizer(name, folder)
        # By its id, since transformers corrects some published tokenizers by name; but without a tokenizer.json
        # it searches for the vocabulary only in a folder, and without a config.json it wants the hub.
        by_id = commit is not None and all((folder / file).is_file() for file in ("config.json", "tokenizer.json"))
        with quiet_transformers():
            loaded: Any = transformers.AutoTokenizer.from_pretrained(
                name if by_id else str(folder),
                revision=commit if by_id else None,
                token=False,
                local_files_only=True,
                trust_remote_code=False,
            )
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise UnsupportedError(
            f"{shown(name)} has only a tokenizer written in Python ({type(loaded).__name__}): "
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
        chat_template=_default_template(name, loaded.chat_template),
    )


def _require_tokenizer(name: str, folder: Path) -> None:
    # Without one, transformers makes an empty vocabulary and says nothing.
    if not any((folder / mark).is_file() for mark in _MARKS) and not any(
        any(folder.glob(pattern)) for pattern in ("*.model", "*.tiktoken")
    ):
        raise SourceNotFoundError(f"{shown(name)} has no tokenizer files: LM Loupe needs its tokenizer.json.")


def _default_template(name: str, template: Any) -> str | None:
    # Some repositories name several (default, tool_use, rag); transformers takes "default" too.
    chosen = template.get("default") if isinstance(template, dict) else template
    if not isinstance(chosen, str | None):
        raise UnsupportedError(
            f"The chat_template of {shown(name)} is not text but {type(chosen).__name__}: "
            "correct its tokenizer_config.json."
        )
    return chosen
