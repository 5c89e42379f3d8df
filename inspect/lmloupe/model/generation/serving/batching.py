"""Whether a model gives several texts their next tokens in one pass: asked of the model itself, once."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from lmloupe.model.generation.serving.merged import MergedCache
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.passes.reading import errors, probe_ids, rounding_of
from lmloupe.model.passes.worker import is_out_of_memory

__all__ = ["Batching", "found_batching", "ruled_out"]

# Tokens of the two texts of the check; each then gets two more.
_LENGTHS = (5, 9)
_MORE = 2


@dataclass(frozen=True, slots=True)
class Batching:
    """How the steps of several texts are computed.

    Attributes:
        reason: why they take turns, a plain sentence; empty where they are computed together.
        longest: texts that may become longer than this take turns: a window, or positions that turn; None without.
    """

    reason: str = ""
    longest: int | None = None

    def allows(self, length: int) -> bool:
        """Whether a text that may have so many tokens is written with others."""
        return not self.reason and (self.longest is None or length <= self.longest)


def ruled_out(loaded: LoadedModel) -> Batching | None:
    """What is known before any pass; None where the model has to be asked."""
    if stored_as(loaded.model) == "int8":
        return Batching("In int8 the numbers of a text depend on the other texts in its batch, so they take turns.")
    if loaded.reading.way is None:
        return Batching("This model has no cache that LM Loupe can continue, so texts take turns.")
    if loaded.reading.way not in ("cache", "positions"):
        return Batching("This model's cache does not hold several texts side by side, so they take turns.")
    if loaded.context_length is not None and loaded.context_length < sum(_LENGTHS):
        return Batching("This model's context is too short to try whether texts can be written together.")
    return None


def found_batching(loaded: LoadedModel) -> Generator[None, None, Batching]:
    """Write two short texts alone and together, and compare; pauses after each pass. For the worker's thread."""
    ids = probe_ids(loaded.model, sum(_LENGTHS) + 2 * _MORE)
    starts = torch.split(ids[:, : sum(_LENGTHS)], list(_LENGTHS), 1)
    following = ids[0, sum(_LENGTHS) :].view(2, _MORE)
    texts: list[Continuation] = []
    alone: list[torch.Tensor] = []
    for start, tokens in zip(starts, following, strict=True):
        text = Continuation(loaded.model, loaded.model, loaded.reading)
        text.read(start, logits_to_keep=1)
        yield
        if not (text.layers and all(_keeps_all(layer) for layer in text.layers)):
            return Batching("This model keeps other things of a text than keys and values, so texts take turns.")
        texts.append(text.branch(start.shape[1]))
        for token in tokens:
            alone.append(text.read(token[None, None], logits_to_keep=1).logits[0, -1].float())
            yield
    try:
        together = yield from _together(loaded, texts, following)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Not swallowed: that it cannot read two texts at once is the answer, and the reason says why.
        return Batching(f"This model does not read two texts at once ({type(error).__name__}), so they take turns.")
    rounding = rounding_of(loaded.model.dtype, stored_as(loaded.model))
    most = rounding.least if rounding.least == rounding.most else rounding.most
    off = errors(together, torch.stack(alone)).view(2, _MORE).mean(1)
    if not bool(off.max() <= most):  # NaN too: a broken quantization tells each of its owners
        return Batching("This model scores a text otherwise when another is in its batch, so texts take turns.")
    bounds = [window - 1 for layer in texts[0].layers if (window := _window(layer)) is not None]
    if loaded.reading.turns_at is not None:
        bounds.append(loaded.reading.turns_at)
    return Batching(longest=min(bounds, default=None))


def _together(
    loaded: LoadedModel, texts: list[Continuation], following: torch.Tensor
) -> Generator[None, None, torch.Tensor]:
    """The scores after each further token, text after text, (texts * tokens, vocab)."""
    merged = MergedCache([[(layer.keys, layer.values) for layer in text.layers] for text in texts], _LENGTHS)
    found: list[torch.Tensor] = []
    for tokens in following.T:
        output = loaded.model(**merged.inputs(tokens[:, None]), logits_to_keep=1)
        merged.added()
        found.append(output.logits[:, -1].float())
        yield
    return torch.stack(found, 1).flatten(0, 1)


def _window(layer: Any) -> int | None:
    return getattr(layer, "sliding_window", None) if getattr(layer, "is_sliding", False) else None


def _keeps_all(layer: Any) -> bool:
    """Whether it keeps keys and values of all tokens and nothing else; one with a window does while a text is short."""
    if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) or not layer.is_initialized:
        return False
    window = _window(layer)
    return window is None or window > max(_LENGTHS) + _MORE
