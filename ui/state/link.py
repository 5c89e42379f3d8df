"""The shared state as the query parameters of a link, and back.

Short values stay readable (``text=Hello&temperature=0.7``). Long ones go together into one parameter ``z``:
JSON, compressed with raw deflate (RFC 1951), in the URL-safe base64 of RFC 4648 without padding. Defaults are left out.
Whoever sends a link chose its content, so nothing in it is believed: sizes are bounded before anything is
unpacked, and each value passes its setting's own check.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

from ui.state.settings import SETTINGS, Setting

__all__ = ["MAX_PACKED_CHARACTERS", "MAX_READABLE_CHARACTERS", "PACKED", "Link", "decode", "encode"]

PACKED = "z"
MAX_READABLE_CHARACTERS = 600
MAX_PACKED_CHARACTERS = 32_000
MAX_UNPACKED_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Link:
    """``params`` of the link, and the names of settings that are too long for any link."""

    params: dict[str, str]
    left_out: tuple[str, ...] = ()


def encode(values: Mapping[str, object]) -> Link:
    """The link that brings ``values`` back; settings at their default need no parameter.

    >>> encode({"temperature": 0.7, "top_k": 0, "tokenizers": ("qwen2", "phi-3")}).params
    {'tokenizers': 'qwen2,phi-3', 'temperature': '0.7'}
    """
    params: dict[str, str] = {}
    long: dict[str, object] = {}
    left_out: list[str] = []
    for setting in SETTINGS.values():
        value = values.get(setting.name, setting.default)
        if value == setting.default:
            continue
        if setting.longest_in_link is not None and len(str(value)) > setting.longest_in_link:
            left_out.append(setting.name)
            continue
        # The quick test on the length spares quoting a megabyte.
        written = "" if setting.packed else setting.format(value)
        if setting.packed or len(written) > MAX_READABLE_CHARACTERS or _is_long(written):
            long[setting.name] = value
        else:
            params[setting.name] = written
    while long:
        packed = _pack(long)
        if len(packed) <= MAX_PACKED_CHARACTERS:
            params[PACKED] = packed
            break
        largest = max(long, key=lambda name: len(json.dumps(long[name])))
        left_out.append(largest)
        del long[largest]
    return Link(params, tuple(left_out))


def decode(params: Mapping[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """Values that the link carries, and for each parameter that was ignored the reason.

    Parameters that belong to no setting (those that mail programs and search engines add) are passed over in silence.

    >>> decode({"temperature": "0.7", "top_k": "many", "utm_source": "mail"})
    ({'temperature': 0.7}, {'top_k': 'it must be a whole number from 0 to 1000'})
    """
    values: dict[str, object] = {}
    ignored: dict[str, str] = {}
    if PACKED in params:
        try:
            unpacked = _unpack(params[PACKED])
        except ValueError as error:
            ignored[PACKED] = str(error)
        else:
            for name, raw in unpacked.items():
                if name in SETTINGS:
                    _read(SETTINGS[name], raw, values, ignored)
    for name, setting in SETTINGS.items():
        if name in params and not setting.packed:
            _read(setting, setting.parse(params[name]), values, ignored)
    return values, ignored


def _read(setting: Setting, raw: object, values: dict[str, object], ignored: dict[str, str]) -> None:
    try:
        values[setting.name] = setting.check(raw)
    except ValueError as error:
        ignored[setting.name] = str(error)


def _is_long(written: str) -> bool:
    return len(quote_plus(written)) > MAX_READABLE_CHARACTERS


def _pack(values: Mapping[str, object]) -> str:
    plain = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    packer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return base64.urlsafe_b64encode(packer.compress(plain) + packer.flush()).rstrip(b"=").decode()


def _unpack(packed: str) -> dict[str, object]:
    if len(packed) > MAX_PACKED_CHARACTERS:
        raise ValueError(f"it must have at most {MAX_PACKED_CHARACTERS:,} characters")
    damaged = ValueError("it is damaged, so copy the whole link again")
    try:
        squeezed = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        plain = unpacker.decompress(squeezed, MAX_UNPACKED_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise damaged from None
    if unpacker.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes")
    if not unpacker.eof:
        raise damaged
    try:
        values = json.loads(plain)
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(values, dict):
        raise damaged
    return values
