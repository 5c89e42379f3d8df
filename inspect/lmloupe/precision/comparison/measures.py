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


def row_facts(logits: torch.Tensor, targets: torch.Tensor, baseline: torch.Tensor, k: int, *, first: bool) -> RowFacts:
    """Facts of ``logits``, float32 (r, vocab).

    Args:
        logits: scores after r positions.
        targets: int64 (r,), a token at each.
        baseline: float32 (r, vocab) on the CPU, the baseline's log-probabilities there; filled in where ``first``.
        k: best tokens to keep.
        first: these are the baseline's own.

    Raises:
        NotFiniteError: a row is not numbers.
    """
    rows = _ROWS.get(logits.device.type, len(logits))
    parts = [
        _facts(logits[at : at + rows], targets[at : at + rows], baseline[at : at + rows], k, first=first)
        for at in range(0, len(logits), rows)
    ]
    return joined_rows(parts)


def _facts(logits: torch.Tensor, targets: torch.Tensor, baseline: torch.Tensor, k: int, *, first: bool) -> RowFacts:
    require_finite(logits.max(1).values)
    own = logits.log_softmax(1)
    if first:
        baseline.copy_(own)
    held = own if first else baseline.to(own.device)
    values, ids = top(own, k)
    best = ids if first else top(held, k)[1]
    return RowFacts(
        log_probs=own[-1:].cpu(),
        kl_bits=kl_bits(held, own).cpu(),
        top_changed=top_changed(held, own).cpu(),
        top_ids=ids.cpu(),
        top_log_probs=values.cpu(),
        baseline_log_probs=held.gather(1, ids).cpu(),
        log_probs_at_baseline=own.gather(1, best).cpu(),
        target_log_probs=own.gather(1, targets[:, None])[:, 0].cpu(),
        baseline_target_log_probs=held.gather(1, targets[:, None])[:, 0].cpu(),
    )


def top_changed(baseline: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Whether the best token of each row is another; of tokens that tie for it, one in common is enough."""
    best, own_best = baseline.max(1), own.max(1)
    changed = best.indices != own_best.indices
    for row in changed.nonzero()[:, 0].tolist():
        tied = (baseline[row] == best.values[row]) & (own[row] == own_best.values[row])
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
