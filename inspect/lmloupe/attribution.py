"""Direct logit attribution: one logit as the sum of what each part of the model wrote into the residual stream.

The stream before the final norm is the embedding plus what every attention and every MLP added. With the norm's scale
held as it was in this pass, norm and output matrix are linear, so a logit is the sum of what each addend gives: the
decomposition of Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.errors import UnsupportedError
from lmloupe.inside_questions import Attribution
from lmloupe.logit_facts import require_finite
from lmloupe.model_parts import ModelParts, layer_input, sublayers

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
        for centred, offset in ((False, 0.0), (False, 1.0), (True, 0.0)):
            inner = x - x.mean() if centred else x
            scaled = (gain + offset) * torch.rsqrt(inner.square().mean() + float(eps or 0.0))
            if torch.allclose(scaled * inner + self.bias, truth, rtol=2e-2, atol=1e-2):
                self._scaled, self._centred = scaled, centred
                return
        raise UnsupportedError(
            f"The final norm of this model ({type(norm).__name__}) is neither an RMSNorm nor a LayerNorm, so what each "
            "part adds to a logit is not available."
        )

    def seen_by(self, direction: torch.Tensor) -> torch.Tensor:
        """What an addend of the stream must be multiplied with, float64 (width,)."""
        seen = self._scaled * direction
        return seen - seen.mean() if self._centred else seen


def attribute(model: Any, parts: ModelParts, input_ids: NDArray[np.int32], token_id: int, position: int) -> Attribution:
    """The work of `Engine.attribution`; ``position`` is not negative. Run in the worker's thread.

    Raises:
        UnsupportedError: the layers are not one attention and one MLP, the norm is unknown, or the output matrix is
            quantized.
        NotFiniteError: the logits are no numbers.
    """
    weight: Any = parts.head.weight
    if not weight.is_floating_point() or weight.shape[-1] != model.get_input_embeddings().weight.shape[-1]:
        raise UnsupportedError("The output matrix is quantized, so what each part adds to a logit is not available.")
    stream, addends, final, logits = _pass(model, parts, input_ids, position)
    require_finite(logits.max()[None])
    norm = _Frozen(parts.norm, final)
    direction: torch.Tensor = weight[token_id].double() * parts.scale
    seen = norm.seen_by(direction)
    head_bias: Any = getattr(parts.head, "bias", None)
    bias = float(norm.bias @ direction) + (0.0 if head_bias is None else float(head_bias[token_id]) * parts.scale)
    embedding = float(stream.double() @ seen)
    each = (torch.stack(addends).double() @ seen).cpu().numpy()
    logit = float(logits[token_id])
    return Attribution(
        token_id=token_id,
        position=position,
        embedding=embedding,
        attention=each[0::2].astype(np.float32),
        mlp=each[1::2].astype(np.float32),
        bias=bias,
        unexplained=logit - embedding - bias - float(each.sum()),
        logit=logit,
    )


def _pass(
    model: Any, parts: ModelParts, input_ids: NDArray[np.int32], position: int
) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """At a position: the stream at the start, attention and MLP of each layer, the stream at the end, logits."""
    start: list[torch.Tensor] = []
    final: list[torch.Tensor] = []
    addends: dict[int, torch.Tensor] = {}
    handles = []

    def reads(kept: list[torch.Tensor]) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any) -> None:
            kept.append(layer_input(args, kwargs)[0, position])

        return hook

    def writes(number: int) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            addends[number] = (output[0] if isinstance(output, tuple) else output)[0, position]

        return hook

    modules = [m for i, layer in enumerate(parts.layers) for m in sublayers(layer, i)]
    device = model.get_input_embeddings().weight.device
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    try:
        handles.append(parts.layers[0].register_forward_pre_hook(reads(start), with_kwargs=True))
        handles.append(parts.norm.register_forward_pre_hook(reads(final), with_kwargs=True))
        handles += [m.register_forward_hook(writes(i)) for i, m in enumerate(modules)]
        kept = torch.tensor([position], device=device)
        logits = model(input_ids=rows, use_cache=False, logits_to_keep=kept).logits[0, 0].float()
    finally:
        for handle in handles:
            handle.remove()
    return start[0], [addends[i] for i in range(len(modules))], final[0], logits
