"""Read from a folder's files at which tokens the model that they belong to ends a reply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lmloupe.errors import UnsupportedError
from lmloupe.names import shown

__all__ = ["as_ids", "read_stop_ids"]


def read_stop_ids(name: str, folder: Path) -> tuple[int, ...]:
    """The ``eos_token_id`` of generation_config.json, of config.json where there is none; empty without both.

    Args:
        name: how messages call the folder.
        folder: with tokenizer files, and perhaps a model's.

    Raises:
        UnsupportedError: the file is not valid JSON of that form.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as made:
    ...     _ = (Path(made) / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    ...     read_stop_ids("mine", Path(made))
    (7, 9)
    """
    for file in ("generation_config.json", "config.json"):
        path = folder / file
        if path.is_file():
            try:
                config = json.loads(path.read_bytes())
            except (ValueError, RecursionError) as error:
                raise UnsupportedError(
                    f"{file} of {shown(name)} is not valid JSON: correct it, or remove it."
                ) from error
            found = as_ids(config.get("eos_token_id")) if isinstance(config, dict) else None
            if found is None:
                raise UnsupportedError(
                    f"The eos_token_id in {file} of {shown(name)} must be a whole number or a list of them: correct it."
                )
            return found
    return ()


def as_ids(value: Any) -> tuple[int, ...] | None:
    """An ``eos_token_id`` as ids, negative ones left out; None where it is of another form.

    >>> as_ids(2), as_ids([2, 5]), as_ids(None), as_ids("2")
    ((2,), (2, 5), (), None)
    """
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in ids):
        return None
    return tuple(dict.fromkeys(i for i in ids if i >= 0))
