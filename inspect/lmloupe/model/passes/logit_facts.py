"""Reduce a block of logits to what is kept: top-k, entropy, and one target's probability and rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lmloupe.errors import NotFiniteError

__all__ = ["LogitFacts", "joined", "logit_facts", "require_finite", "rows_at_once", "top"]

# Logits held at once, in bytes of float32: on the CPU a step short enough for other sessions to get their turn, and
# small enough for its memory to be used again instead of being mapped, and cleared, anew.
_BLOCK_BYTES = {"cpu": 50 << 20, "mps": 64 << 20, "cuda": 256 << 20}
_CACHED_BYTES = 4 << 20
_TILE = 64


@dataclass(frozen=True, slots=True, eq=False)
class LogitFacts:
    """Facts of r rows of logits, on the logits' device.

    Attributes:
        ids: int64 (r, k), best first.
        log_probs: float32 (r, k), natural logs.
        entropy_bits: float32 (r,).
        target_log_probs: float32 (r,), of the target tokens.
        target_ranks: int64 (r,), 1 for the best.
    """

    ids: torch.Tensor
    log_probs: torch.Tensor
    entropy_bits: torch.Tensor
    target_log_probs: torch.Tensor
    target_ranks: torch.Tensor


def rows_at_once(vocab_rows: int, device: str) -> int:
    """How many rows of logits to hold at once."""
    return max(1, _BLOCK_BYTES.get(device, 50 << 20) // (4 * vocab_rows))


def require_finite(best: torch.Tensor) -> None:
    """Refuse rows of logits whose largest entry, float (r,), is no number.

    Raises:
        NotFiniteError: NaN or infinite. A row of which some entries are minus infinity is fine: models so rule out ids.
    """
    if not bool(torch.isfinite(best).all()):
        raise NotFiniteError(
            "The model's scores are not numbers (NaN or infinite), as after a broken quantization or an overflow: "
            "nothing is shown of them. Choose another quantization or another model."
        )


def top(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest of each row, values and ids, best first.

    The largest k lie in the k tiles with the largest maxima, so that only those are searched: several times faster
    than ``topk`` over a vocabulary on the CPU, and the same answer.
    """
    n_rows, n_columns = logits.shape
    n_tiles = n_columns // _TILE
    if n_tiles < 4 * k or logits.device.type != "cpu":
        best = logits.topk(min(k, n_columns))
        return best.values, best.indices
    tiles = logits[:, : n_tiles * _TILE].view(n_rows, n_tiles, _TILE)
    chosen = tiles.amax(2).topk(k).indices
    ids = (chosen[:, :, None] * _TILE + torch.arange(_TILE)).view(n_rows, -1)
    rest = torch.arange(n_tiles * _TILE, n_columns).expand(n_rows, -1)
    ids = torch.cat((ids, rest), 1)
    best = logits.gather(1, ids).topk(k)
    return best.values, ids.gather(1, best.indices)


def _count(marks: torch.Tensor) -> torch.Tensor:
    """How many of each row are true, int64 (r,).

    On the CPU eight at a time, as the bytes of an int64: a quarter of the time of ``sum``, the same answer.
    """
    n_rows, n_columns = marks.shape
    n = n_columns // 512 * 512
    if n == 0 or marks.device.type != "cpu":
        return marks.sum(1)
    # 64 numbers of eight bytes that are 0 or 1: no byte of their sum passes 64.
    packed = marks[:, :n].reshape(n_rows * n).view(torch.int64).view(n_rows, n // 512, 64).sum(2)
    return packed.view(torch.uint8).sum(1) + marks[:, n:].sum(1)


def joined(parts: Sequence[LogitFacts]) -> LogitFacts:
    """Facts of several blocks as those of one."""
    if len(parts) == 1:
        return parts[0]
    names = ("ids", "log_probs", "entropy_bits", "target_log_probs", "target_ranks")
    return LogitFacts(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def logit_facts(logits: torch.Tensor, targets: torch.Tensor | None, k: int) -> LogitFacts:
    """Read what is kept of ``logits``, float32 (r, vocab).

    Args:
        logits: scores after r positions.
        targets: int64 (r,), a token of interest at each; None for the best one.
        k: best tokens to keep, at most as many as there are.

    Raises:
        NotFiniteError: a row is not numbers.
    """
    # The passes over a few rows find them in the processor's cache, where there is one to speak of.
    size = len(logits) if logits.device.type != "cpu" else max(1, _CACHED_BYTES // (4 * logits.shape[1]))
    return joined(
        [
            _facts(logits[at : at + size], None if targets is None else targets[at : at + size], k)
            for at in range(0, len(logits), size)
        ]
    )


def _facts(logits: torch.Tensor, targets: torch.Tensor | None, k: int) -> LogitFacts:
    values, ids = top(logits, k)
    require_finite(values[:, 0])
    own = values[:, :1] if targets is None else logits.gather(1, targets[:, None])
    ranks = _count(logits > own) + 1
    best = values[:, :1]
    probs = torch.softmax(logits, 1)
    # log of the sum of exponentials from the best token's own probability: no pass over the row.
    log_total = -probs.gather(1, ids[:, :1]).log()
    total = probs.sum(1)
    below = probs.mul_(logits).sum(1) - best[:, 0] * total
    if bool(torch.isnan(below).any()):  # 0 times minus infinity: an id that is ruled out adds nothing
        below = probs.nan_to_num_(0.0).sum(1) - best[:, 0] * total
    return LogitFacts(
        ids=ids,
        log_probs=values - best - log_total,
        entropy_bits=(log_total[:, 0] - below).clamp_min(0) / math.log(2),
        target_log_probs=(own - best - log_total)[:, 0],
        target_ranks=ranks,
    )
