"""Direct logit attribution: one logit as the sum of what each part of the model wrote into the residual stream.

The stream before the final norm is the embedding plus what every attention and every MLP added, which is checked in
each layer of the pass at hand: whatever an architecture does besides, no wrong sum is shown. With the norm's scale
held as it was in this pass, norm and output matrix are linear, so a logit is the sum of what each addend gives: the
decomposition of Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021). What a bound on the logits
takes away after that (Gemma 2) is a term of its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import NotAvailableError
from lmloupe.model.inside.results import Attribution
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.parts import ModelParts, sublayers
from lmloupe.model.passes.residual import stream_of

__all__ = ["attribute"]


class _Frozen:
    """A final norm with its scale held as it is for one row: linear, and a bias."""

    def __init__(self, norm: nn.Module, row: torch.Tensor) -> None:
        x = row.double()
        weight = getattr(norm, "weight", None)
        gain = torch.ones_like(x) if weight is None else weight.double()
        bias = getattr(norm, "bias", None)
        self.bias = torch.zeros_like(x) if bias is None else bias.double()
        eps = next((getattr(norm, name) for name in ("variance_epsilon", "eps", "epsilon") if hasattr(norm, name)), 0.0)
        truth = norm(row[None])[0].double()
        # RMSNorm, RMSNorm whose stored weight is the gain less 1 (Gemma), LayerNorm: whichever gives the norm's answer.
        least = float("inf")
        for centred, offset in ((False, 0.0), (False, 1.0), (True, 0.0)):
            inner = x - x.mean() if centred else x
            scaled = (gain + offset) * torch.rsqrt(inner.square().mean() + float(eps or 0.0))
            error = float((scaled * inner + self.bias - truth).abs().max())
            if error < least:
                least, self._scaled, self._centred = error, scaled, centred
        if least > max(1e-3, 4 * torch.finfo(row.dtype).eps) * (1 + float(truth.abs().max())):
            raise NotAvailableError(
                f"The final norm of this model ({type(norm).__name__}) is neither an RMSNorm nor a LayerNorm, so what "
                "each part adds to a logit is not available."
            )

    def seen_by(self, direction: torch.Tensor) -> torch.Tensor:
        """What an addend of the stream must be multiplied with, float64 (width,)."""
        seen = self._scaled * direction
        return seen - seen.mean() if self._centred else seen


def attribute(model: Any, parts: ModelParts, input_ids: NDArray[np.int32], token_id: int, position: int) -> Attribution:
    """The work of `Engine.attribution`; ``position`` is not negative. Run in the worker's thread.

    Raises:
        NotAvailableError: the layers are not one attention and one MLP, or do more with what these write than add it
            to the stream; the norm is unknown; or the output matrix is quantized.
        NotFiniteError: the logits are not numbers.
    """
    weight: Any = parts.head.weight
    if not weight.is_floating_point() or weight.shape[-1] != model.get_input_embeddings().weight.shape[-1]:
        raise NotAvailableError("The output matrix is quantized, so what each part adds to a logit is not available.")
    stream, addends, logits = _pass(model, parts, input_ids, position)
    require_finite(logits.max()[None])
    _require_sums(parts, stream, addends)
    norm = _Frozen(parts.norm, stream[-1])
    direction: torch.Tensor = weight[token_id].double() * parts.scale
    seen = norm.seen_by(direction)
    bias = float(norm.bias @ direction) + _own_bias(parts, token_id)
    embedding = float(stream[0].double() @ seen)
    each = (addends.double() @ seen).flatten().cpu().numpy()
    logit = float(logits[token_id])
    soft_cap = _taken_by_the_cap(parts, stream[-1], direction, token_id)
    return Attribution(
        token_id=token_id,
        position=position,
        embedding=embedding,
        attention=each[0::2].astype(np.float32),
        mlp=each[1::2].astype(np.float32),
        bias=bias,
        soft_cap=soft_cap,
        unexplained=logit - embedding - bias - float(each.sum()) - soft_cap,
        logit=logit,
    )


def _own_bias(parts: ModelParts, token_id: int) -> float:
    bias: Any = getattr(parts.head, "bias", None)
    return 0.0 if bias is None else float(bias[token_id]) * parts.scale


def _taken_by_the_cap(parts: ModelParts, row: torch.Tensor, direction: torch.Tensor, token_id: int) -> float:
    """How much lower than the product with what the norm itself wrote a logit is, where the model bends its logits."""
    if parts.soft_cap is None:
        return 0.0
    raw = float(parts.norm(row[None])[0].double() @ direction) + _own_bias(parts, token_id)
    return math.tanh(raw / parts.soft_cap) * parts.soft_cap - raw


def _pass(
    model: Any, parts: ModelParts, input_ids: NDArray[np.int32], position: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """At a position: the stream, (n_layers + 1, width); attention and MLP, (n_layers, 2, width); logits, (vocab,)."""
    written: list[torch.Tensor] = []
    device = model.get_input_embeddings().weight.device
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    kept = torch.tensor([position], device=device)
    handles: list[Any] = []
    try:
        for i, layer in enumerate(parts.layers):
            handles += _follow(layer, sublayers(layer, i), position, written)
        with stream_of(parts, slice(position, position + 1)) as stream:
            logits = model(input_ids=rows, use_cache=False, logits_to_keep=kept).logits[0, 0].float()
    finally:
        for handle in handles:
            handle.remove()
    # Granite weighs what it adds.
    factor = getattr(model.config.get_text_config(), "residual_multiplier", None) or 1.0
    return torch.cat(stream), torch.stack(written) * factor, logits


def _follow(layer: nn.Module, pair: tuple[nn.Module, nn.Module], position: int, written: list[torch.Tensor]) -> Any:
    """Hooks that append what attention and MLP of a layer add, (2, width), at the end of the layer's pass.

    A norm or a dropout that reads what one of them wrote (Gemma 2 and 3, OLMo 2) is a part of it: its output is added.
    """
    now: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def keep(which: int, output: Any) -> None:
        value = output[0] if isinstance(output, tuple) else output
        # (1, n, width), or (n, width) out of a mixture of experts. Falcon goes on to add the one into the other.
        now[which] = value, value.reshape(-1, value.shape[-1])[position].clone()

    def writes(which: int) -> Any:
        return lambda _, __, output: keep(which, output)

    def passes_on(_: nn.Module, args: Any, output: Any) -> None:
        for which in [which for which, (value, _) in now.items() if args and args[0] is value]:
            keep(which, output)

    def ends(*_: Any) -> None:
        if len(now) < 2:
            raise NotAvailableError(
                f"{type(layer).__name__} does not call its attention and its MLP as modules, so what each part adds to "
                "a logit is not available: the lens is."
            )
        written.append(torch.stack([now[which][1] for which in (0, 1)]))
        now.clear()

    handles = [child.register_forward_hook(passes_on) for child in layer.children() if child not in pair]
    handles += [module.register_forward_hook(writes(which)) for which, module in enumerate(pair)]
    return [*handles, layer.register_forward_hook(ends)]


def _require_sums(parts: ModelParts, stream: torch.Tensor, addends: torch.Tensor) -> None:
    """Refuse layers whose stream is not their input plus the two addends, entry by entry, as far as it is rounded.

    Raises:
        NotAvailableError: it is something else, as where a layer scales the whole stream.
    """
    exact, added = stream.double(), addends.double()
    error = (exact[1:] - exact[:-1] - added.sum(1)).abs()
    # Two sums and the factor's product round by half an eps each, of values no larger than these together.
    size = exact[1:].abs() + exact[:-1].abs() + added.abs().sum(1)
    wrong = (error > 2 * torch.finfo(stream.dtype).eps * size).any(1).nonzero().flatten().tolist()
    if wrong:
        raise NotAvailableError(
            f"Layer {wrong[0]} ({type(parts.layers[wrong[0]]).__name__}) does more than add what its attention and its "
            "MLP wrote, so what each part adds to a logit is not available: the lens is."
        )
