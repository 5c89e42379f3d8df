"""What the baseline leaves behind for the others to be compared with: in memory, or in a file where it is large."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack

import numpy as np
import torch

from lmloupe.errors import NotAvailableError

__all__ = ["Kept"]

HELD_BYTES = 256 << 20


class Kept:
    """Log-probabilities and hidden states of a text, float32, on the CPU. Close it when nothing more is compared.

    Args:
        n: tokens of the text.
        vocab_rows: numbers in a row of log-probabilities.
        depths: rows of hidden states for each token; 0 where there are none.
        width: numbers in a hidden state.
        top_k: most probable tokens of each row.

    Attributes:
        log_probs: float32 (n, vocab_rows).
        top_ids: int64 (n, k), the most probable tokens, best first.
        states: float32 (depths, n, width).

    Raises:
        NotAvailableError: neither the memory that it may hold nor the disk has room for them.
    """

    def __init__(self, n: int, vocab_rows: int, depths: int, width: int, top_k: int) -> None:
        self._files = ExitStack()
        needed = 4 * n * (vocab_rows + depths * width)
        on_disk = needed > HELD_BYTES
        if on_disk and needed > (free := shutil.disk_usage(tempfile.gettempdir()).free):
            raise NotAvailableError(
                f"Comparing precisions on {n:,} tokens keeps {needed / 1e9:.1f} GB of the baseline in the folder for "
                f"temporary files, which has {free / 1e9:.1f} GB free: take a shorter text."
            )
        self.log_probs = self._room((n, vocab_rows), on_disk=on_disk)
        self.top_ids = torch.empty((n, min(top_k, vocab_rows)), dtype=torch.long)
        self.states = self._room((depths, n, width), on_disk=on_disk)

    def _room(self, shape: tuple[int, ...], *, on_disk: bool) -> torch.Tensor:
        if not on_disk or 0 in shape:
            return torch.empty(shape, dtype=torch.float32)
        file = tempfile.TemporaryFile(prefix="lmloupe-")  # noqa: SIM115 - closed by `close`
        self._files.enter_context(file)
        return torch.from_numpy(np.memmap(file, np.float32, "w+", shape=shape))

    def close(self) -> None:
        """Let go of the numbers and delete the files."""
        self.log_probs = self.states = torch.empty(0)
        self._files.close()
