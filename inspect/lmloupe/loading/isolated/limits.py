"""What a tokenizer file that nobody vouches for may be, and what its process may take."""

from __future__ import annotations

from lmloupe.processes.limits import Limits

__all__ = [
    "LIMITS",
    "MAX_ADDED_TOKENS",
    "MAX_DECODER_BYTES",
    "MAX_FILE_BYTES",
    "MAX_PIECE_BYTES",
    "MAX_PROCESSES",
    "MAX_VOCABULARY",
]

LIMITS = Limits(memory_bytes=2 << 30)

MAX_PROCESSES = 8
"""Most processes at once; the one not used for longest is ended for one more, and starts again when it is needed."""

MAX_FILE_BYTES = 64 << 20
MAX_VOCABULARY = 2_000_000
MAX_PIECE_BYTES = 4096
MAX_ADDED_TOKENS = 20_000
MAX_DECODER_BYTES = 1 << 20
