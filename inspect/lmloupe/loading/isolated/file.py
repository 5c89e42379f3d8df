"""Read a tokenizer.json as data: unpack it, refuse what is something else, find its patterns.

The process that opens the file imports this, so it loads nothing but the standard library.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterable
from typing import Any

from lmloupe.loading.isolated.limits import MAX_FILE_BYTES
from lmloupe.processes.frames import Refused

__all__ = ["check", "part_alone", "patterns", "trim", "unpack"]


def unpack(data: bytes) -> str:
    """The text of an uploaded file, gzipped or not, with or without a byte order mark."""
    if data.startswith(b"\x1f\x8b"):
        try:
            # `read` unpacks no more than it is asked for, whatever the file unpacks to.
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_FILE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise Refused("gzip", detail=str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise Refused("large")
    mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    try:
        return data[mark:].decode()
    except UnicodeDecodeError as error:
        raise Refused("utf-8", place=error.start + mark, byte=data[error.start + mark]) from error


def check(text: str) -> dict[str, Any]:
    """The parsed file, once it is clear that it is a tokenizer.json."""
    try:
        parsed = json.loads(text)
    except RecursionError as error:
        raise Refused("deep") from error
    except ValueError as error:
        raise Refused("json", detail=str(error)) from error
    if not isinstance(parsed, dict):
        raise Refused("other", what=f"JSON of another shape ({type(parsed).__name__})")
    if not isinstance(parsed.get("model"), dict):
        raise Refused("other", what=recognize(parsed))
    if parsed.get("version", "1.0") != "1.0":
        raise Refused("version", version=str(parsed["version"])[:20])
    return parsed


def recognize(parsed: dict[str, Any]) -> str | None:
    """What a JSON file is that is not a tokenizer.json; None when it is none of those that lie beside it."""
    named = {
        "tokenizer_config.json": {"tokenizer_class", "added_tokens_decoder", "model_max_length"},
        "generation_config.json": {"max_new_tokens", "max_length", "_from_model_config"},
        "config.json": {"model_type", "architectures"},
        "model.safetensors.index.json": {"weight_map"},
        "special_tokens_map.json": {"bos_token", "eos_token", "unk_token", "cls_token"},
    }
    if parsed and all(type(value) is int for value in parsed.values()):
        return "vocab.json"
    return next((name for name, keys in named.items() if keys & parsed.keys()), None)


def patterns(part: Any) -> Iterable[str]:
    """Every regular expression in a part of the file."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "Regex" and isinstance(value, str):
                yield value
            else:
                yield from patterns(value)
    elif isinstance(part, list):
        for value in part:
            yield from patterns(value)


def trim(part: Any) -> bool:
    """Switch the trimming of offsets off in a part of the file; whether it was on."""
    if isinstance(part, list):
        return sum(map(trim, part)) > 0
    if not isinstance(part, dict):
        return False
    was_on = bool(part.get("trim_offsets"))
    if was_on:
        part["trim_offsets"] = False
    return sum(map(trim, part.values())) > 0 or was_on


def part_alone(file: dict[str, Any], part: str) -> str:
    """A tokenizer.json of one part and an empty model."""
    model = {"type": "BPE", "vocab": {}, "merges": []}
    return json.dumps({"version": "1.0", "model": model, "added_tokens": [], part: file[part]})
