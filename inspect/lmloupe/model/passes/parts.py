"""Where the parts of a causal LM are, whatever they are called: its layers, its final norm, its output matrix.

Names differ between architectures, so parts are found by what they do: the layers are the list of as many modules as
the config says, and the final norm is the module that turns what the last layer writes into what the output matrix
reads. Both are checked on a pass over a few tokens, before anything is shown that rests on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.blocks import base_of, find_blocks, layer_input, rows_of, why_no_state, written_by
from lmloupe.model.passes.logit_bend import Bend, bend, find_bend, same_logits
from lmloupe.model.passes.reading import probe_ids

__all__ = ["ModelParts", "find_parts", "path_of", "sublayers"]

_N_PROBED = 8


@dataclass(frozen=True, slots=True, eq=False)
class ModelParts:
    """The parts of one loaded model.

    Attributes:
        base: the model without its output matrix; its output's first item is what the final norm writes.
        layers: the decoder layers, in order.
        norm: the final norm.
        head: the output matrix.
        soft_cap: logits are ``soft_cap * tanh(logits / soft_cap)``; None where they are not bent.
        scale: logits are multiplied by it first.
    """

    base: Any
    layers: nn.ModuleList
    norm: nn.Module
    head: nn.Module
    soft_cap: float | None
    scale: float

    def logits(self, normed: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (..., vocab), of what the final norm wrote, (..., width)."""
        logits = self._product(normed).float()
        return bend(logits, Bend(self.scale, self.soft_cap))

    def _product(self, normed: torch.Tensor) -> torch.Tensor:
        head: Any = self.head
        if head.weight.is_floating_point():  # Mamba norms in float32
            normed = normed.to(head.weight.dtype)
        if type(head) is nn.Linear and head.bias is None and normed.device.type == "cpu" and normed.ndim == 2:
            # The matrix first: on the CPU a fifth faster for tens and hundreds of rows, the turn afterwards included.
            return torch.mm(head.weight, normed.T.contiguous()).T.contiguous()
        result: torch.Tensor = head(normed)
        return result


def path_of(model: nn.Module, module: nn.Module) -> str:
    """The dotted path of a module in the model, for ``model.get_submodule``."""
    paths: dict[int, str] = {id(found): path for path, found in model.named_modules()}
    return paths[id(module)]


def find_parts(model: Any) -> ModelParts:
    """The parts of a causal LM; to be called in the worker's thread.

    Raises:
        NotAvailableError: they could not be found, or do not give the model's own logits.
    """
    kind = type(model).__name__
    head, layers = model.get_output_embeddings(), find_blocks(model)
    base = base_of(model, layers)
    if head is None or layers is None or base is None:
        what = "list of layers" if layers is None else "output matrix apart from its layers"
        raise NotAvailableError(
            f"{kind} has no {what} that LM Loupe can find, so what its layers say is not available: "
            "tokens, next token and generation are."
        )
    ids = probe_ids(model, _N_PROBED)
    logits = model(input_ids=ids, use_cache=False).logits[0].float()
    norm, written, normed = _probe(model, base, head, layers, ids)
    if norm is not None:
        plain = ModelParts(base, layers, norm, head, None, 1.0)
        found = find_bend(plain.logits(normed), logits, model.config.get_text_config(), model.dtype)
        # Scores read what the base gives, the lens what the norm makes of a stream: both must be the model's own.
        if found is not None and same_logits(plain.logits(norm(written)), plain.logits(normed), model.dtype):
            return ModelParts(base, layers, norm, head, found.soft_cap, found.scale)
    raise NotAvailableError(
        f"The final norm of {kind} could not be found, or its logits are changed after the output matrix in a way "
        "that LM Loupe does not know, so what its layers say is not available: next token and generation are."
    )


def _probe(
    model: Any, base: Any, head: nn.Module, layers: nn.ModuleList, ids: torch.Tensor
) -> tuple[nn.Module | None, torch.Tensor, torch.Tensor]:
    """A pass of the base: the module that reads what the last layer wrote, what that was, and what the base gave.

    The last two are (n, width).
    """
    stream: list[torch.Tensor] = []
    readers: list[nn.Module] = []

    def after_last(_: nn.Module, __: Any, output: Any) -> None:
        stream.append(written_by(output))

    def before_any(module: nn.Module, args: Any, kwargs: Any) -> None:
        if stream and (args or "hidden_states" in kwargs) and layer_input(args, kwargs) is stream[0]:
            readers.append(module)

    inside = {id(m) for m in layers.modules()}
    outside = [m for m in model.modules() if id(m) not in inside and not any(m.children()) and m is not head]
    handles = [m.register_forward_pre_hook(before_any, with_kwargs=True) for m in outside]
    handles.append(layers[-1].register_forward_hook(after_last))
    try:
        given = written_by(base(input_ids=ids, use_cache=False))[0]
    finally:
        for handle in handles:
            handle.remove()
    width, n = model.config.get_text_config().hidden_size, ids.shape[1]
    if not stream:
        return None, given, given
    if stream[0].shape not in ((1, n, width), (n, 1, width)):
        raise NotAvailableError(
            f"{type(model).__name__} {why_no_state(stream[0], n, width)}: what its layers say is not available, next "
            "token and generation are."
        )
    return (readers[0] if readers else None), rows_of(stream[0]), given


def sublayers(layer: nn.Module, number: int) -> tuple[nn.Module, nn.Module]:
    """The attention and the MLP of a layer, by the usual words in their names.

    Raises:
        NotAvailableError: the layer has none, or more than one, of either.
    """
    named = {
        name: m
        for name, m in layer.named_children()
        if "norm" not in name and not name.startswith("ln") and any(True for _ in m.parameters())
    }
    attention = [m for name, m in named.items() if "attn" in name or "attention" in name]
    words = ("mlp", "feed_forward", "ffn", "moe")
    mlp = [m for name, m in named.items() if any(word in name for word in words)]
    if len(attention) != 1 or len(mlp) != 1:
        raise NotAvailableError(
            f"Layer {number} ({type(layer).__name__}) is not one attention and one MLP ({', '.join(named)}), so what "
            "its parts add to a logit is not available: the lens is."
        )
    return attention[0], mlp[0]
