"""Compare blocks of logits and of hidden states with those of the baseline, row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lmloupe.model.passes.logit_facts import require_finite, top

__all__ = ["RowFacts", "apart", "joined_rows", "kl_bits", "row_facts", "top_changed"]

_ROWS = {"cpu": 16}  # at once: a few rows stay in the processor's cache from one pass over them to the next


@dataclass(frozen=True, slots=True, eq=False)
class RowFacts:
    """Facts of r rows of logits beside the baseline's, on the CPU; names as in `PrecisionResult`."""

    log_probs: torch.Tensor
    kl_bits: torch.Tensor
    top_changed: torch.Tensor
    top_ids: torch.Tensor
    top_log_probs: torch.Tensor
    baseline_log_probs: torch.Tensor
    log_probs_at_baseline: torch.Tensor
    target_log_probs: torch.Tensor
    baseline_target_log_probs: torch.Tensor


def kl_bits(baseline: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """KL(baseline || own) of each row in bits, float64 (r,), from float32 log-probabilities (r, vocab).

    Each term is float32, their sum float64: exactly 0 between equal rows, else within about 1e-6 bits. What the
    baseline rules out adds nothing; what only ``own`` rules out makes it infinite.
    """
    terms = baseline.exp().mul_(baseline - own)
    total = terms.sum(1, dtype=torch.float64)
    if bool(total.isnan().any()):  # 0 times minus infinity, or minus infinity from itself
        total = torch.where(baseline.isneginf(), 0.0, terms).sum(1, dtype=torch.float64)
    return total.clamp_min_(0).div_(math.log(2))


def row_facts(
    logits: torch.Tensor, targets: torch.Tensor, baseline: torch.Tensor, best: torch.Tensor, *, first: bool
) -> RowFacts:
    """Facts of ``logits``, float32 (r, vocab).

    Args:
        logits: scores after r positions.
        targets: int64 (r,), a token at each.
        baseline: float32 (r, vocab) on the CPU, the baseline's log-probabilities there; filled in where ``first``.
        best: int64 (r, k) on the CPU, the baseline's most probable tokens; filled in where ``first``.
        first: these are the baseline's own.

    Raises:
        NotFiniteError: a row is not numbers.
    """
    rows = _ROWS.get(logits.device.type, len(logits))
    parts = []
    for at in range(0, len(logits), rows):
        here = slice(at, at + rows)
        parts.append(_facts(logits[here], targets[here], baseline[here], best[here], first=first))
    return joined_rows(parts)


def _facts(
    logits: torch.Tensor, targets: torch.Tensor, baseline: torch.Tensor, best: torch.Tensor, *, first: bool
) -> RowFacts:
    own = logits.log_softmax(1)
    values, ids = top(own, best.shape[1])
    require_finite(values[:, 0])
    if first:
        baseline.copy_(own)
        best.copy_(ids)
    held, held_ids = (own, ids) if first else (baseline.to(own.device), best.to(own.device))
    return RowFacts(
        log_probs=own[-1:].cpu(),
        kl_bits=kl_bits(held, own).cpu(),
        top_changed=_changed(held, held_ids[:, 0], own, ids[:, 0]).cpu(),
        top_ids=ids.cpu(),
        top_log_probs=values.cpu(),
        baseline_log_probs=held.gather(1, ids).cpu(),
        log_probs_at_baseline=own.gather(1, held_ids).cpu(),
        target_log_probs=own.gather(1, targets[:, None])[:, 0].cpu(),
        baseline_target_log_probs=held.gather(1, targets[:, None])[:, 0].cpu(),
    )


def top_changed(baseline: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Whether the best token of each row, (r, vocab), is another, bool (r,); as `_changed` tells it."""
    return _changed(baseline, baseline.argmax(1), own, own.argmax(1))


def _changed(baseline: torch.Tensor, best: torch.Tensor, own: torch.Tensor, own_best: torch.Tensor) -> torch.Tensor:
    """Whether the best token of each row is another; of tokens that tie for it, one in common is enough."""
    changed = best != own_best
    for row in changed.nonzero()[:, 0].tolist():
        tied = (baseline[row] == baseline[row, best[row]]) & (own[row] == own[row, own_best[row]])
        changed[row] = not bool(tied.any())
    return changed


def joined_rows(parts: list[RowFacts]) -> RowFacts:
    """Facts of several blocks as those of one; the log-probabilities are those of the very last row."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in RowFacts.__slots__ if name != "log_probs"]
    return RowFacts(parts[-1].log_probs, *(torch.cat([getattr(part, name) for part in parts]) for name in names))


def apart(states: torch.Tensor, baseline: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and relative error of states, (depths, n, width), with the baseline's: float32 (depths, n) each.

    Two states of zeros are the same: cosine 1, error 0. One of them alone has cosine 0; where it is the baseline's,
    the error is infinite.
    """
    lengths, own = baseline.norm(dim=-1), states.norm(dim=-1)
    difference = (states - baseline).norm(dim=-1)
    both = lengths * own
    cosine = torch.where(both > 0, (states * baseline).sum(-1) / both, (lengths == own).float())
    error = torch.where(lengths > 0, difference / lengths, torch.where(own > 0, math.inf, 0.0))
    return torch.where(difference == 0, 1.0, cosine.clamp(-1, 1)), error
