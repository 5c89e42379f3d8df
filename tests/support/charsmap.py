"""SentencePiece's precompiled map of replacements, built as its own trainer builds it, for tests of ``Precompiled``."""

from __future__ import annotations

import struct
from collections.abc import Mapping

__all__ = ["charsmap"]


def charsmap(table: Mapping[str, str]) -> bytes:
    """A double array over the UTF-8 of the keys, and behind it the replacements, each ended by a NUL.

    Every node has a block of 256 units of its own: wasteful, and so simple that nothing collides.
    """
    texts, places = b"", {}
    for key, value in table.items():
        places[key.encode()] = len(texts)
        texts += value.encode() + b"\0"
    nodes = sorted({key[:i] for key in places for i in range(len(key) + 1)})
    base = {node: 256 * (i + 1) for i, node in enumerate(nodes)}
    units = [0] * (256 * (len(nodes) + 2))
    units[0] = base[b""] << 10
    for node in nodes[1:]:
        at = base[node[:-1]] ^ node[-1]
        units[at] = ((at ^ base[node]) << 10) | ((node in places) << 8) | node[-1]
        if node in places:
            units[base[node]] = places[node] | 1 << 31
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + texts
