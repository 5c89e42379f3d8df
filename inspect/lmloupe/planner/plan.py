"""What a model needs, before it is loaded: parameters, bytes of every part, each with its sum written out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from lmloupe.errors import InvalidSettingError, UnsupportedError
from lmloupe.model.architecture.results import Dtype
from lmloupe.model.pieces import PREFILL_CHUNK
from lmloupe.model.precision import Precision
from lmloupe.planner.cards import Card, find_card
from lmloupe.planner.counted import Counted
from lmloupe.planner.equations import Equation, equations
from lmloupe.planner.models.sources import PlannedModel, planned_model
from lmloupe.planner.storage import format_of, itemsize

__all__ = ["CardFit", "MemoryPlan", "memory_plan"]

_MOST_SEQUENCES, _MOST_TOKENS = 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class CardFit:
    """A plan on a card.

    Attributes:
        card: which.
        verdict: ``"fits"``; ``"fits smaller"`` where it does in a smaller precision; ``"does not fit"``.
        smaller: the first of bfloat16, int8, nf4 and nf4 with double quantization that fits there with the same context
            and as many sequences, where the plan itself does not; None without.
        needed_bytes, usable_bytes: what the plan needs, and what the card has for it.
        left_bytes: usable less needed; negative where it does not fit.
        largest_context: tokens of each sequence that fit there, at most what the model reads; 0 where none does.
        most_sequences: how many sequences of the plan's context fit there at once; 0 where none does.
        cannot: what the card has no hardware for among what the plan asks; empty where it has all.
        most_tokens_per_second: of one sequence, at most: its bandwidth by the bytes of weights and cache that every
            token reads. None without a published bandwidth, and for a mixture of experts, which reads a part of them.
    """

    card: Card
    verdict: str
    smaller: Precision | None
    needed_bytes: int
    usable_bytes: int
    left_bytes: int
    largest_context: int
    most_sequences: int
    cannot: tuple[str, ...]
    most_tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What a model needs in a precision, for so many sequences of so many tokens.

    Attributes:
        model: which, and what is known of it: name, key, published count, makeup, notes.
        precision: of the linear matrices, as asked for.
        stored_as: how they are stored, for people: ``"nf4"``, ``"bfloat16"``, ``"GPTQ, 4 bits, groups of 128"``.
        dtype: of all other weights, of the cache and of the activations.
        context: tokens of each sequence, prompt and reply together; at most what the model reads.
        sequences: how many at once: people, or prompts of a batch.
        n_parameters: exact, tied ones once.
        quantized_bytes: of the quantized matrices, as codes; 0 where nothing is quantized.
        unquantized_bytes: of embeddings, output matrix, norms and biases; of all weights where nothing is quantized.
        constants_bytes: of what the codes are multiplied with, and of bitsandbytes' tables.
        weights_bytes: the three together, what a loaded engine's ``describe().bytes`` says.
        footprint_bytes: what transformers' ``get_memory_footprint()`` says: without the constants, with the buffers.
        cache_bytes: of all sequences, when every one has its ``context`` tokens.
        cache_bytes_per_token: of one sequence, while no window is full.
        activation_bytes: of a prefill in pieces, an estimate.
        total_bytes: weights, cache and activations.
        equations: every number with its sum, see `Equation`.
        notes: what to know, in sentences; may be empty.
        counted: the whole numbers that the equations are filled with.
    """

    model: PlannedModel = field(repr=False)
    precision: Precision
    stored_as: str
    dtype: str
    context: int
    sequences: int
    n_parameters: int
    quantized_bytes: int
    unquantized_bytes: int
    constants_bytes: int
    weights_bytes: int
    footprint_bytes: int
    cache_bytes: int
    cache_bytes_per_token: int
    activation_bytes: int
    total_bytes: int
    equations: tuple[Equation, ...] = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    counted: Counted = field(repr=False)

    def equation(self, key: str) -> Equation:
        """One of `equations` by its key, ``"cache"``.

        Raises:
            InvalidSettingError: no such equation in this plan.
        """
        for equation in self.equations:
            if equation.key == key:
                return equation
        raise InvalidSettingError(
            f"This plan has no equation {key!r}: choose from {', '.join(each.key for each in self.equations)}."
        )

    def fits(self, card: Card | str) -> bool:
        """Whether all of it fits on a card, given by itself or by its key."""
        return self.total_bytes <= find_card(card).usable_bytes

    def largest_context(self, card: Card | str) -> int:
        """Most tokens of each sequence that fit on a card, at most what the model reads; 0 where none does."""
        usable = find_card(card).usable_bytes
        limit = self.model.makeup.context_length or _MOST_TOKENS
        return _most(lambda tokens: self._needed(tokens, self.sequences), usable, limit)

    def most_sequences(self, card: Card | str) -> int:
        """How many sequences of ``context`` tokens fit on a card at once; 0 where none does."""
        usable = find_card(card).usable_bytes
        return _most(lambda n: self._needed(self.context, n), usable, _MOST_SEQUENCES)

    def on(self, card: Card | str) -> CardFit:
        """Everything about this plan on a card."""
        found = find_card(card)
        fits = self.total_bytes <= found.usable_bytes
        smaller = None if fits else self._smaller(found)
        lacking = found.lacks(self.dtype)
        experts = any(group.role == "experts" for group in self.model.makeup.groups)
        one = self.weights_bytes + self.cache_bytes // self.sequences
        return CardFit(
            card=found,
            verdict="fits" if fits else "fits smaller" if smaller else "does not fit",
            smaller=smaller,
            needed_bytes=self.total_bytes,
            usable_bytes=found.usable_bytes,
            left_bytes=found.usable_bytes - self.total_bytes,
            largest_context=self.largest_context(found),
            most_sequences=self.most_sequences(found),
            cannot=(lacking,) if lacking else (),
            most_tokens_per_second=found.bandwidth / one if found.bandwidth and not experts else None,
        )

    def _needed(self, context: int, sequences: int) -> int:
        return self.counted.asked(self.model.makeup, context, sequences).total

    def _smaller(self, card: Card) -> Precision | None:
        if self.model.stored is not None:
            return None
        dtype = "bfloat16" if self.dtype == "float32" else self.dtype
        asked = {"context": self.context, "sequences": self.sequences, "longest": self.counted.longest}
        for precision in map(Precision.parse, (dtype, "int8", "nf4", "nf4+double")):
            if Counted.of(self.model.makeup, format_of(precision), dtype, **asked).total <= card.usable_bytes:
                return precision
        return None


def _most(needed: Callable[[int], int], usable: int, limit: int) -> int:
    """The largest whole number up to a limit for which what is needed is not more than what is usable."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if needed(middle) <= usable else (low, middle - 1)
    return low


def memory_plan(
    config_or_name: PlannedModel | Mapping[str, Any] | str | os.PathLike[str],
    quantization: Precision | str = "none",
    context: int = 4096,
    sequences: int = 1,
    *,
    dtype: Dtype = "auto",
    device_kind: str = "cuda",
    revision: str | None = None,
    token: str | bool | None = None,
) -> MemoryPlan:
    """What a model needs in memory, counted from its config; nothing of it is loaded and no code in it is run.

    A known model (`lmloupe.known_models`) is answered from numbers that were counted beforehand, without torch. Any
    other is built without numbers on torch's meta device, which takes no memory, and some milliseconds a layer.
    Quantized are the matrices that transformers hands to bitsandbytes: those of linear layers, not embeddings, norms
    and output matrix. Formats that bitsandbytes does not know (Q4_0 ...) are counted for the same matrices.

    Args:
        config_or_name: the key or the hub id of a known model; any other hub id, a folder, the embedded model's key;
            a config.json as a mapping or as its text; or the ``model`` of an earlier plan, which is not read again.
        quantization: ``"none"``, or any `Precision` or its short form, ``"nf4+double"``.
        context: tokens of each sequence, prompt and reply together, at least 1; cut to what the model reads.
        sequences: how many at once, at least 1.
        dtype: of what is not quantized, of the cache and of the activations; ``"auto"`` is the one that the weights are
            published in, or the precision itself where that is a plain dtype.
        device_kind: ``"cuda"``, ``"mps"`` or ``"cpu"``: how long the pieces are in which a prompt is read.
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        InvalidSettingError: a setting out of its range, or a config whose fields are missing, no numbers, or absurd.
        UnsupportedError: a config of no causal language model, of one that transformers does not know, or of weights
            that are quantized already in a way that cannot be counted, or that are to be quantized once more.
        LoadError: what `lmloupe.load_engine` raises for a hub id or a folder.

    >>> plan = memory_plan("llama-3.1-8b", "nf4", context=8192)
    >>> plan.n_parameters, round(plan.footprint_bytes / 1e6, 1), plan.cache_bytes_per_token
    (8030261248, 5591.5, 131072)
    >>> plan.equation("cache").filled
    '2 · 32 · 8 · 128 · 8,192 · 1 · 2'
    >>> plan.fits("t4"), plan.on("t4").cannot
    (True, ('The T4 has no hardware for bfloat16: compute in float16.',))
    """
    for name, value in (("context", context), ("sequences", sequences)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_TOKENS:
            raise InvalidSettingError(f"{name} is {value!r}; it must be a whole number from 1 to {_MOST_TOKENS:,}.")
    if dtype not in get_args(Dtype):
        raise InvalidSettingError(f"Dtype {dtype!r} is not known: choose from {', '.join(get_args(Dtype))}.")
    if device_kind not in PREFILL_CHUNK:
        raise InvalidSettingError(f"Device {device_kind!r} is not known: choose from {', '.join(PREFILL_CHUNK)}.")
    model = planned_model(config_or_name, revision, token)
    precision, chosen = _precision(quantization, dtype, model.makeup.dtype)
    if model.stored is not None and precision.is_quantized:
        raise UnsupportedError(
            f"The weights of {model.name} are quantized already ({model.stored.label}): take quantization none, "
            f"or choose the repository of the original weights for {precision.label}."
        )
    counted = Counted.of(
        model.makeup,
        model.stored or format_of(precision),
        chosen,
        context=min(context, model.makeup.context_length or context),
        sequences=sequences,
        longest=PREFILL_CHUNK[device_kind],
    )
    return _plan(model, precision, counted, context)


def _plan(model: PlannedModel, precision: Precision, counted: Counted, context: int) -> MemoryPlan:
    weighed, makeup = counted.weighed, model.makeup
    notes = list(model.notes)
    if context > counted.context:
        notes.append(f"{model.name} reads {counted.context:,} tokens at most, so that many are counted.")
    left = sum(group.n_parameters for group in makeup.groups if group.role == "experts" and not group.quantized)
    if counted.stored is not None and left > makeup.n_parameters // 10:
        share = f"{left / makeup.n_parameters:.0%}"
        notes.append(
            f"{share} of its parameters are experts, which transformers keeps as one tensor a layer: they are not "
            "linear layers, so they are not quantized."
        )
    return MemoryPlan(
        model=model,
        precision=precision,
        stored_as=counted.stored.label if counted.stored else precision.weights,
        dtype=counted.dtype,
        context=counted.context,
        sequences=counted.sequences,
        n_parameters=makeup.n_parameters,
        quantized_bytes=weighed.quantized_bytes,
        unquantized_bytes=weighed.other_bytes,
        constants_bytes=weighed.constants_bytes,
        weights_bytes=counted.weights,
        footprint_bytes=weighed.quantized_bytes + weighed.other_bytes + makeup.buffer_bytes,
        cache_bytes=counted.cache,
        cache_bytes_per_token=makeup.token_bytes(itemsize(counted.dtype)),
        activation_bytes=counted.work,
        total_bytes=counted.total,
        equations=equations(makeup, counted),
        notes=tuple(notes),
        counted=counted,
    )


def _precision(quantization: Precision | str, dtype: Dtype, published: str) -> tuple[Precision, str]:
    """The precision of the matrices, and the dtype of everything else."""
    if isinstance(quantization, str):
        named = quantization.strip() or "none"
        plain = published if dtype == "auto" else dtype
        quantization = Precision.parse(plain if named == "none" else named)
    if not quantization.is_quantized:
        if dtype not in ("auto", quantization.weights):
            raise InvalidSettingError(
                f"Weights in {quantization.weights} and dtype {dtype} exclude each other: name one of them."
            )
        return quantization, quantization.weights
    return quantization, published if dtype == "auto" else dtype
