"""What a model is made of, as numbers to count with: its parameters in groups, and what each layer caches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lmloupe.planner.storage import Format, itemsize, stored

__all__ = ["CacheGroup", "CacheKind", "Makeup", "ParameterGroup", "Role", "Weighed", "weigh", "work_bytes"]

Role: TypeAlias = Literal["embedding", "output", "attention", "mlp", "experts", "norm", "vision", "other"]
CacheKind: TypeAlias = Literal["full", "sliding", "latent", "state", "other"]


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Parameters of the same name in every layer that have the same shape.

    Attributes:
        name: path in the model with a star for the number of a layer, ``model.layers.*.self_attn.q_proj.weight``.
        role: ``"embedding"``, ``"output"`` (the output matrix, where it is not the embedding), ``"attention"``,
            ``"mlp"``, ``"experts"``, ``"norm"``, ``"vision"`` or ``"other"``.
        shape: of one of them, outputs first.
        count: how many there are.
        quantized: bitsandbytes takes it, as transformers loads the model: the weight of a linear layer that is not the
            output matrix.
        dtype: ``"float32"`` where it is kept in it whatever the model's dtype, else None.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    count: int
    quantized: bool
    dtype: str | None = None

    @property
    def size(self) -> int:
        """Numbers in one of them."""
        return math.prod(self.shape)

    @property
    def n_parameters(self) -> int:
        """Numbers in all of them."""
        return self.size * self.count


@dataclass(frozen=True, slots=True)
class CacheGroup:
    """Layers that cache alike.

    Attributes:
        kind: ``"full"`` (keys and values of every token), ``"sliding"`` (of the last ones), ``"latent"`` (DeepSeek's:
            what keys and values are multiplied out of), ``"state"`` (of a fixed size) or ``"other"``.
        layers: how many layers.
        per_token: numbers that one layer keeps for one token of one sequence, in the model's dtype.
        window: tokens that one layer keeps at most; None for all. One less than the config's window: the token that
            comes is not cached yet.
        state: numbers that one layer keeps for a sequence whatever its length, in the model's dtype.
        state_float32: the same, of those that are float32 in every dtype.
        n_kv_heads, key_width, value_width: of keys and values, where ``per_token`` is
            ``n_kv_heads * (key_width + value_width)``; 0 where it is not.
    """

    kind: CacheKind
    layers: int
    per_token: int
    window: int | None = None
    state: int = 0
    state_float32: int = 0
    n_kv_heads: int = 0
    key_width: int = 0
    value_width: int = 0

    def kept(self, tokens: int) -> int:
        """Tokens that one layer keeps after ``tokens`` of them."""
        return tokens if self.window is None else min(tokens, self.window)

    def bytes(self, tokens: int, item: int) -> int:
        """Of all its layers for one sequence; ``item`` is the size of one number."""
        return self.layers * ((self.per_token * self.kept(tokens) + self.state) * item + 4 * self.state_float32)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Weights in a precision, in whole numbers that equations are filled with.

    Attributes:
        quantized_numbers, quantized_bytes: of the matrices that are quantized, as codes.
        other_numbers, other_bytes: of everything else: embeddings, output matrix, norms, biases.
        float32_numbers: those of ``other_numbers`` that stay float32 in every dtype.
        n_matrices: how many matrices are quantized.
        n_columns: columns of all of them together.
        n_scales, n_nested: scales of all quantized matrices, and scales of scales.
        scale_bytes: of scales, zero points and scales of scales.
        book_bytes: of bitsandbytes' tables of what codes stand for, which every 4-bit matrix has for itself.
        largest: numbers in the largest quantized matrix; 0 without.
    """

    quantized_numbers: int
    quantized_bytes: int
    other_numbers: int
    other_bytes: int
    float32_numbers: int
    n_matrices: int
    n_columns: int
    n_scales: int
    n_nested: int
    scale_bytes: int
    book_bytes: int
    largest: int

    @property
    def constants_bytes(self) -> int:
        """Of all that transformers' ``get_memory_footprint`` leaves out."""
        return self.scale_bytes + self.book_bytes


def weigh(groups: Sequence[ParameterGroup], chosen: Format | None, dtype: str) -> Weighed:
    """Count weights with the quantized matrices in a format (None: in ``dtype`` too), and the rest in ``dtype``."""
    taken = [group for group in groups if chosen is not None and group.quantized]
    kept = [group for group in groups if chosen is None or not group.quantized]
    found = [(group.count, stored(group.shape, chosen)) for group in taken if chosen is not None]
    wide = sum(group.n_parameters for group in kept if group.dtype == "float32")
    others = sum(group.n_parameters for group in kept)
    matrices = sum(group.count for group in taken)
    return Weighed(
        quantized_numbers=sum(group.n_parameters for group in taken),
        quantized_bytes=sum(n * -(-each.codes // 8) for n, each in found),
        other_numbers=others,
        other_bytes=(others - wide) * itemsize(dtype) + 4 * wide,
        float32_numbers=wide,
        n_matrices=matrices,
        n_columns=sum(group.count * group.shape[-1] for group in taken),
        n_scales=sum(n * each.n_scales for n, each in found),
        n_nested=sum(n * each.n_nested for n, each in found),
        scale_bytes=sum(n * -(-each.scales // 8) for n, each in found),
        book_bytes=matrices * chosen.book_bytes if chosen is not None else 0,
        largest=max((group.size for group in taken), default=0),
    )


@dataclass(frozen=True, slots=True)
class Makeup:
    """What a model is made of.

    Attributes:
        architecture: class name, ``LlamaForCausalLM``.
        n_layers: blocks that a text goes through.
        width: numbers that a token has between the blocks.
        inner: width inside the MLP; of the widest layer where they differ.
        vocab_rows: rows of the embedding matrix.
        n_heads, n_kv_heads, head_dim: of the config, the first layer's where they differ; 0 without attention.
        context_length: most tokens that the model was built to read at once; 0 where its config names no limit.
        dtype: that its weights are published in, ``"bfloat16"``.
        tied: the output matrix is the embedding matrix.
        buffer_bytes: of tensors that are no parameters, such as the rotation's wavelengths: float32 in every dtype.
        groups: all parameters, tied ones once.
        caches: all layers that cache something.
    """

    architecture: str
    n_layers: int
    width: int
    inner: int
    vocab_rows: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    context_length: int
    dtype: str
    tied: bool
    buffer_bytes: int
    groups: tuple[ParameterGroup, ...]
    caches: tuple[CacheGroup, ...]

    @property
    def n_parameters(self) -> int:
        """All numbers, tied ones once."""
        return sum(group.n_parameters for group in self.groups)

    def cache_bytes(self, tokens: int, dtype: str) -> int:
        """What the cache of one sequence holds after ``tokens`` tokens."""
        return sum(group.bytes(tokens, itemsize(dtype)) for group in self.caches)

    def token_bytes(self, item: int) -> int:
        """What the cache of one sequence grows by with one token while no window is full."""
        return sum(group.layers * group.per_token for group in self.caches) * item

    def work_bytes(self, piece: int, sequences: int, dtype: str, largest: int) -> int:
        """See the function `work_bytes`."""
        sizes = (self.width, self.inner, self.vocab_rows)
        return work_bytes(sizes, piece, itemsize(dtype), sequences=sequences, largest=largest)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Makeup:
        """Read what `as_json` gave."""
        groups = tuple(ParameterGroup(**each | {"shape": tuple(each["shape"])}) for each in data["groups"])
        caches = tuple(CacheGroup(**each) for each in data["caches"])
        return cls(**{**data, "groups": groups, "caches": caches})


def work_bytes(sizes: tuple[int, int, int], piece: int, item: int, *, sequences: int = 1, largest: int = 0) -> int:
    """What one forward pass needs beside weights and cache: an estimate.

    States of one piece of a prompt (queries, keys, values, the MLP's inner numbers), the scores of one position of
    every sequence in float32 a few times over, and one quantized matrix as it is dequantized for a product.

    Args:
        sizes: width of the model, width inside its MLP, rows of its vocabulary.
        piece: tokens of the piece.
        item: bytes of one number.
        sequences: how many sequences are scored at once.
        largest: numbers in the largest quantized matrix.
    """
    width, inner, rows = sizes
    return piece * (8 * width + 3 * inner) * item + 6 * sequences * rows * 4 + largest * item
