"""Tokenizers of the hub and of folders, through transformers' ``AutoTokenizer``, behind the same face.

Anybody can publish one, and its patterns can run for ever. So none of it runs in this process: transformers reads the
files in one that can be stopped (`lmloupe.loading.transformers_reader`), and what it makes of them works in another
(`lmloupe.loading.isolated.guard`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lmloupe.errors import SourceNotFoundError, UnsupportedError
from lmloupe.loading.generation_config import read_stop_ids
from lmloupe.loading.hub_errors import reading
from lmloupe.loading.hub_files import open_repo
from lmloupe.loading.isolated.backend import GuardedBackend
from lmloupe.loading.isolated.guard import Guard
from lmloupe.loading.transformers_reader import read_tokenizer
from lmloupe.names import shown
from lmloupe.tokens.tokenizer import Source, Tokenizer

__all__ = ["load_transformers_tokenizer"]

CALL_LIMIT_S = 10.0
LOAD_LIMIT_S = 60.0

_MARKS = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "vocab.txt", "tekken.json")


def load_transformers_tokenizer(
    name: str, *, source: Source, revision: str | None, token: str | bool | None
) -> Tokenizer:
    """Load by hub id or folder; see `lmloupe.load_tokenizer` for arguments and errors."""
    if source == "hub":
        repo = open_repo(name, revision, token)
        folder, commit = repo.fetch_tokenizer(), repo.commit
    else:
        folder, commit = Path(name), None
    _require_tokenizer(name, folder)
    # By its id, since transformers corrects some published tokenizers by name; but without a tokenizer.json
    # it searches for the vocabulary only in a folder, and without a config.json it wants the hub.
    by_id = commit is not None and all((folder / file).is_file() for file in ("config.json", "tokenizer.json"))
    # The process that reads the files may have started in another working directory.
    path = name if by_id else str(folder.absolute())
    found, data = read_tokenizer(name, path, commit if by_id else None)
    template = found.get("chat_template") or _processor_template(name, folder)
    if "python" in found:
        raise UnsupportedError(
            f"{shown(name)} has only a tokenizer written in Python ({found['python']}): "
            "LM Loupe inspects those of the tokenizers library, which have a tokenizer.json."
        )
    templates = template if isinstance(template, dict) else {}
    _check_templates(name, [template] if template is not None and not templates else [*templates.values()])
    backend = GuardedBackend(Guard(data, name, CALL_LIMIT_S, LOAD_LIMIT_S))
    special = {token.content for token in backend.get_added_tokens_decoder().values()}
    if not (folder / "tokenizer.json").is_file() and special.issuperset(backend.get_vocab(with_added_tokens=False)):
        raise UnsupportedError(
            f"transformers read no vocabulary from the files of {shown(name)}: its model_type in config.json asks for "
            "other files, so save it again with a tokenizer.json."
        )
    return Tokenizer(
        name=name,
        source=source,
        revision=revision,
        backend=backend,
        bos_token=found["bos_token"],
        eos_token=found["eos_token"],
        chat_template=template if isinstance(template, str) else templates.get("default"),
        chat_templates=templates,
        named_tokens=found["named_tokens"],
        stop_ids=read_stop_ids(name, folder),
    )


def _require_tokenizer(name: str, folder: Path) -> None:
    # Without one, transformers makes an empty vocabulary and says nothing.
    with reading(name):
        found = any((folder / mark).is_file() for mark in _MARKS) or any(
            any(folder.glob(pattern)) for pattern in ("*.model", "*.tiktoken")
        )
    if not found:
        raise SourceNotFoundError(f"{shown(name)} has no tokenizer files: LM Loupe needs its tokenizer.json.")


def _processor_template(name: str, folder: Path) -> Any:
    """Where older models that see pictures have their template; transformers' processors read it."""
    file = folder / "chat_template.json"
    with reading(name):
        if not file.is_file():
            return None
        data = file.read_bytes()
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnsupportedError(
            f"chat_template.json in {shown(name)} is not valid JSON: save or download it again."
        ) from error
    return parsed.get("chat_template") if isinstance(parsed, dict) else None


def _check_templates(name: str, templates: list[Any]) -> None:
    for template in templates:
        if not isinstance(template, str):
            raise UnsupportedError(
                f"The chat_template of {shown(name)} is not text but {type(template).__name__}: "
                "correct its tokenizer_config.json."
            )
