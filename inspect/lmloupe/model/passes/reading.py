"""What a loaded model does with a text: reads it from left to right, and goes on from what it has read.

Asked of the model itself with a few short passes, once, when it is loaded: a text read in three pieces must give what
the whole text gives, and what comes later must change nothing before it. Names and configs do not say either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from lmloupe.errors import UnsupportedError
from lmloupe.model.passes.continuation import WAYS, Continuation, Reading, Way
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.passes.worker import is_out_of_memory

__all__ = ["Rounding", "errors", "find_reading", "notes_on", "probe_ids", "rounding_of"]

_LENGTH = 16
# Beyond such a length some models read otherwise (a window, a choice of the best tokens). The text of the check goes
# past it where that is cheap: this many products of a number of the model and a token, for each pass.
_BOUNDS = ("window", "topk", "top_k", "chunk_length", "attention_chunk_size", "local_attention", "budget")
_MOST_PRODUCTS = 2e10


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far scores differ by rounding alone, as `errors` measures it.

    Attributes:
        same_shape: between two texts of one length that begin alike.
        least: between a text in pieces and whole, where nothing shows that it is more.
        most: between the beginning of a text alone and in a longer one.
    """

    same_shape: float
    least: float
    most: float


_EXACT = Rounding(3e-4, 3e-4, 3e-4)
_HALF = {torch.float16: Rounding(2e-2, 1e-2, 0.1), torch.bfloat16: Rounding(5e-2, 2e-2, 0.2)}
_FOUR_BITS = Rounding(5e-2, 2e-2, 0.2)
_EIGHT_BITS = Rounding(0.3, 5e-2, 0.3)  # what is read along with a token decides how it is rounded


def find_reading(model: Any, limit: int | None) -> Reading:
    """How texts are read with this model; to be called in the worker's thread.

    Args:
        model: a ``transformers`` causal LM in eval mode.
        limit: most tokens that it reads at once, None where there is no limit.

    Raises:
        UnsupportedError: it does not read ids alone, or what comes later changes the scores before it.
    """
    turns_at = _turns_at(model.config.get_text_config())
    if turns_at is None or (limit is not None and turns_at >= limit):
        return _find_reading(model, limit)
    return replace(_find_reading(model, turns_at), turns_at=turns_at)


def _turns_at(config: Any) -> int | None:
    """The length up to which LongRoPE turns positions by its short factors; beyond it takes the long ones for all.

    The config alone says it: a text of that length, 4,096 tokens mostly, is too long to be tried.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    found = [kind.get("original_max_position_embeddings") for kind in kinds if kind.get("rope_type") == "longrope"]
    return min((n for n in found if isinstance(n, int)), default=None)


def _find_reading(model: Any, limit: int | None) -> Reading:
    lengths = [_LENGTH + 2 * bound for bound in _bounds(model.config.get_text_config())]
    cheap = _MOST_PRODUCTS / sum(p.numel() for p in model.parameters())
    length = max((n for n in lengths if n <= cheap), default=_LENGTH)
    length = length if limit is None else min(length, limit)
    if length < 3:
        return Reading(None, in_pieces=False)
    ids = probe_ids(model, 2 * length)
    text, half = ids[:, :length], length // 2
    whole = _whole(model, text)
    if bool(torch.isnan(whole).any()):
        return Reading()  # a broken quantization, say: whoever asks for scores is told
    rounding = rounding_of(model.dtype, stored_as(model))
    other_end = torch.cat((text[:, :half], ids[:, length : 2 * length - half]), 1)
    if errors(_whole(model, other_end)[:half], whole[:half]).mean() > rounding.same_shape:
        if errors(_whole(model, text), whole).mean() > rounding.same_shape:
            return Reading(None, in_pieces=False, repeatable=False)
        raise UnsupportedError(
            f"{type(model).__name__} is not causal: other words later in a text changed its scores for the words "
            "before them, so it has no next token. Choose a model that reads from left to right only; one that fills "
            "masks is loaded with load_masked_model."
        )
    in_pieces, single = (half, length - half - 1, 1), (length - 2, 1, 1)
    if rounding is _EXACT:  # where nothing is rounded far, three pieces that continue each other say it all
        way = _way(model, text, in_pieces, whole, rounding.least)
        if way is not None:
            return Reading(way)
    noise = 0.0
    for n in (half, 3 * length // 4, length - 1):
        alone = errors(_whole(model, text[:, :n]), whole[:n])
        if alone.mean() > rounding.most:
            return Reading(None, in_pieces=False, repeatable=False)
        noise = max(noise, float(alone.median()))
    most = rounding.least if rounding is _EXACT else max(rounding.least, 3 * noise)
    way = None if rounding is _EXACT else _way(model, text, in_pieces, whole, most)
    return Reading(way) if way is not None else Reading(_way(model, text, single, whole, most), in_pieces=False)


def rounding_of(dtype: torch.dtype, stored: str) -> Rounding:
    """What rounding alone does to scores, by the model's dtype and what `stored_as` says of its matrices."""
    if stored == "int8":
        return _EIGHT_BITS
    return _HALF.get(dtype, _EXACT if stored == "none" else _FOUR_BITS)


def notes_on(reading: Reading) -> tuple[str, ...]:
    """What a person should know of it, in plain sentences; nothing for most models.

    >>> notes_on(Reading())
    ()
    >>> print(*notes_on(Reading(None, in_pieces=False)))
    Reads the whole text again for every token: this model has no cache that LM Loupe can continue.
    """
    if reading.turns_at is not None:
        turning = (
            f"Reads texts of more than {reading.turns_at:,} tokens with other position factors (LongRoPE), from the "
            "first token on: such a text is read in one piece, and a reply that grows past this length makes the model "
            "read everything again.",
        )
        return (*notes_on(replace(reading, turns_at=None)), *turning)
    if not reading.repeatable:
        return (
            "Reads the whole text again for every token: this model scores the beginning of a text differently when "
            "more text follows, in transformers too.",
        )
    if reading.way is None:
        return ("Reads the whole text again for every token: this model has no cache that LM Loupe can continue.",)
    if not reading.in_pieces:
        return ("Reads a text in one piece: this model continues from its cache with single tokens only.",)
    return ()


def probe_ids(model: Any, n: int) -> torch.Tensor:
    """Ids of ordinary tokens spread over the vocabulary, int64 (1, n): no special role, no row of zeros."""
    matrix = model.get_input_embeddings().weight
    rows = matrix.shape[0]
    special = set(_roles(model.config)) | set(_roles(model.config.get_text_config()))
    # Steps of the golden section: never near each other, the same for every model of this size.
    spread = [int(rows * (i * 0.6180339887 % 1)) for i in range(1, 4 * n + 64)]
    ordinary = [i for i in dict.fromkeys(spread) if i not in special] or [0]
    chosen = torch.tensor(ordinary, device=matrix.device)
    seen = chosen[matrix[chosen].abs().amax(1) > 0]
    chosen = seen if len(seen) else chosen
    return chosen.repeat(-(-n // len(chosen)))[:n][None]


def _roles(config: Any) -> Iterator[int]:
    """Ids that the config gives a role: end of text, padding, the place of an image."""
    for name, value in vars(config).items():
        if name.endswith(("token_id", "token_index", "token_ids")):
            yield from (v for v in (value if isinstance(value, (list, tuple)) else (value,)) if isinstance(v, int))


def _bounds(config: Any) -> list[int]:
    return [
        value
        for name, value in vars(config).items()
        if isinstance(value, int) and value > 0 and any(word in name for word in _BOUNDS)
    ]


def _whole(model: Any, ids: torch.Tensor) -> torch.Tensor:
    try:
        logits: torch.Tensor = model(input_ids=ids, use_cache=False).logits[0].float()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever a model of another kind says when it is given ids and nothing else.
        raise UnsupportedError(
            f"{type(model).__name__} does not read a text of token ids alone ({type(error).__name__}: "
            f"{str(error)[:120]}), so LM Loupe cannot show it. Choose a language model of text."
        ) from error
    return logits


def _way(model: Any, ids: torch.Tensor, sizes: tuple[int, ...], whole: torch.Tensor, most: float) -> Way | None:
    """The first way in which pieces of these sizes give the scores of the whole text."""
    return next((way for way in WAYS if _continues(model, Reading(way), ids, sizes, whole, most)), None)


def _continues(
    model: Any, reading: Reading, ids: torch.Tensor, sizes: tuple[int, ...], whole: torch.Tensor, most: float
) -> bool:
    found = []
    try:
        running = Continuation(model, model, reading)
        for piece in torch.split(ids, list(sizes), 1):
            found.append(running.read(piece).logits[0].float()[-piece.shape[1] :])
            if len(found) == 1:
                # Others are read in between: RecurrentGemma keeps its state in its own modules and mixes them up.
                Continuation(model, model, reading).read(ids[:, -2:])
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Not swallowed: a state that it cannot take up is the answer, and the next way is tried.
        return False
    off = errors(torch.cat(found), whole)
    if most == _EXACT.most:
        return bool(off.max() <= 10 * most and off.mean() <= most)
    # Half the places: a token that rounding sends to another expert is far off, and so is what reads it.
    return bool(off[sizes[0] :].median() <= most)


def errors(found: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Root mean square of the difference of rows of scores, against how far the scores spread; float64 (n,)."""
    if found.shape != right.shape:
        return torch.full((len(right),), float("inf"))
    there = torch.isfinite(right)  # a model may rule ids out with minus infinity

    def centred(rows: torch.Tensor) -> torch.Tensor:
        kept = torch.where(there, rows, 0.0).double()
        return torch.where(there, kept - kept.sum(1, keepdim=True) / there.sum(1, keepdim=True), 0.0)

    off, spread = centred(found) - centred(right), centred(right)
    return off.square().sum(1).sqrt() / spread.square().sum(1).sqrt().clamp_min(1e-12)
