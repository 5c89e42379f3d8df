"""What a model does to its logits after the output matrix: multiply them, bend them so that none passes a bound.

Configs name these two numbers in a dozen ways, so that they are found from what comes out: the one factor and the one
bound, of all numbers in the config, that turn the matrix's product into the model's own logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Bend", "bend", "find_bend", "same_logits"]

_MOST_COLUMNS = 4096


@dataclass(frozen=True, slots=True)
class Bend:
    """Logits are ``soft_cap * tanh(scale * product / soft_cap)``; ``scale * product`` where there is no cap."""

    scale: float = 1.0
    soft_cap: float | None = None


def bend(product: torch.Tensor, by: Bend) -> torch.Tensor:
    """The logits that the output matrix's product becomes, of the same shape and dtype."""
    logits = product if by.scale == 1 else product * by.scale
    return logits if by.soft_cap is None else torch.tanh(logits / by.soft_cap) * by.soft_cap


def find_bend(product: torch.Tensor, logits: torch.Tensor, config: Any, dtype: torch.dtype) -> Bend | None:
    """What turns one into the other; None where no factor and bound do.

    Args:
        product: float (n, vocab), what the output matrix gives.
        logits: float (n, vocab), the model's own.
        config: of the text model; its numbers are tried as bounds, and for the factor's exact value.
        dtype: in which both were computed, which says how far they may be rounded.
    """
    if product.shape != logits.shape:
        return None
    if bool(torch.isnan(logits).any()):
        return Bend()  # nothing to go by, and nothing that will be shown
    if not bool(torch.isfinite(logits).all() and torch.isfinite(product).all()):
        return None
    step = max(1, product.shape[1] // _MOST_COLUMNS)
    raw, own = product.detach()[:, ::step].double(), logits.detach()[:, ::step].double()
    tried: list[tuple[float, Bend]] = []
    numbers = sorted(set(_numbers(config)))
    largest = float(own.abs().max())
    for cap in (*_named_caps(config), None, *(number for number in numbers if number >= largest)):
        scale = _scale(raw, own, cap)
        exact = [n for n in _factors(numbers) if abs(n - scale) <= 0.01 * abs(scale)]
        for candidate in (Bend(number, cap) for number in (*exact, scale)):
            tried.append((float((bend(raw, candidate) - own).square().mean().sqrt()), candidate))
    # Of those that rounding cannot tell apart: what the config calls so, else none, and a number of the config itself.
    least = max(1.5 * min(error for error, _ in tried), 1e-6 * float(own.square().mean().sqrt()))
    best = next(candidate for error, candidate in tried if error <= least)
    return best if same_logits(bend(product, best), logits, dtype) else None


def same_logits(found: torch.Tensor, own: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether two tables of logits, (n, vocab), are equal but for rounding in ``dtype``; not numbers are equal."""
    if found.shape != own.shape:
        return False
    found, own = found.detach(), own.detach()
    off, spread = (found - own).square().mean().sqrt(), own.square().mean().sqrt()
    return bool(off.isnan()) or float(off) <= max(1e-5, 2 * torch.finfo(dtype).eps) * float(spread)


def _numbers(config: Any) -> Iterator[float]:
    for value in vars(config).values():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e6:
            yield float(value)


def _named_caps(config: Any) -> Iterator[float]:
    for name, value in vars(config).items():
        inside = any(word in name for word in ("attn", "attention", "router", "gate"))
        if "logit" in name and "cap" in name and not inside and isinstance(value, (int, float)) and value:
            yield float(value)


def _factors(numbers: list[float]) -> Iterator[float]:
    yield 1.0
    for number in numbers:
        yield number
        yield 1 / number


def _scale(raw: torch.Tensor, own: torch.Tensor, cap: float | None) -> float:
    """The factor by least squares, from what is not bent too far to be bent back."""
    if cap is not None:
        kept = own.abs() < 0.9 * cap
        raw, own = raw[kept], torch.atanh(own[kept] / cap) * cap
    return float((raw * own).sum() / raw.square().sum().clamp_min(1e-300))
