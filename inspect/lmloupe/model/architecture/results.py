"""What an engine says about its model's build: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockFacts", "Device", "Dtype", "Histogram", "ModelDescription", "ModuleInfo", "ModuleNode", "Quantization"]

Quantization: TypeAlias = Literal["none", "int8", "nf4", "fp4"]
Device: TypeAlias = Literal["auto", "cuda", "mps", "cpu"]
Dtype: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
PositionKind: TypeAlias = Literal["rope", "learned", "alibi"]


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One module that owns parameters.

    Attributes:
        name: path in the model, ``model.layers.0.self_attn.q_proj``.
        kind: class name, ``Linear4bit``.
        shape: shape of its weight before any packing, outputs first.
        n_parameters: numbers in weight and bias, before packing; 0 where it shares another's (tied).
        dtype: as stored, ``"float32"``, or ``"nf4"``, ``"fp4"``, ``"int8"`` for a quantized weight.
        bytes: memory of weight, bias and quantization constants.
        is_quantized: stored in 8 or 4 bits by bitsandbytes.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    n_parameters: int
    dtype: str
    bytes: int
    is_quantized: bool


@dataclass(frozen=True, slots=True)
class ModuleNode:
    """One module of the model, containers too; a parent stands before its children.

    Attributes:
        name: path in the model, ``model.layers.0.self_attn``; empty for the model itself.
        parent: path of the module around it; None for the model itself.
        kind: class name, ``LlamaAttention``.
        shape: shape of its own weight before any packing, outputs first; empty where it has none.
        n_parameters: numbers in it and in all modules below it, before packing; shared ones at their first owner only.
        dtype: of its own weight as stored, ``"float32"``, ``"nf4"``, ``"int8"``; empty where it has none.
        bytes: memory of it and of all modules below it.
        is_quantized: its own weight is stored in 8 or 4 bits, or that of a module below it.
        n_children: modules directly below it.
    """

    name: str
    parent: str | None
    kind: str
    shape: tuple[int, ...]
    n_parameters: int
    dtype: str
    bytes: int
    is_quantized: bool
    n_children: int


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """One decoder block in numbers, read from the loaded modules and the config; None where the model does not say.

    Attributes:
        name: path of the first block, ``model.layers.0``.
        kind: its class, ``LlamaDecoderLayer``.
        norm_kind: ``"RMSNorm"`` or ``"LayerNorm"``.
        norm_eps: added under the norm's root.
        n_norms: norms in the block that are ``width`` wide: 2 in most, 1 with a single norm before a parallel residual,
            4 where the outputs of attention and MLP are normed too.
        activation: as the config names it, ``"silu"``, ``"gelu_pytorch_tanh"``.
        gated_mlp: the MLP multiplies an activated gate with a second projection (SwiGLU, GEGLU).
        intermediate_size: width inside the MLP.
        n_experts, n_experts_per_token: of a mixture of experts.
        position_kind: ``"rope"`` (rotated queries and keys), ``"learned"`` (a second embedding matrix) or ``"alibi"``.
        rope_theta: base of the rotation's wavelengths.
        rope_scaling: how the rotation is stretched beyond the trained context, ``"llama3"``; None without.
        rope_factor: by how much, where one factor says so.
        rotary_dims: how many of a head's dimensions are rotated.
        n_heads, n_kv_heads, head_dim: queries' heads, heads of keys and values, and their width.
        attention_bias: one of the attention's projections adds a bias.
        biased: paths in the block of all linear modules that add a bias, ``"self_attn.q_proj"``.
        qk_norm: queries and keys are normed in each head.
        sliding_window: tokens that a windowed layer looks back; None where every layer sees everything.
        n_windowed_layers: how many layers have that window.
        tied_embeddings: the output matrix is the input matrix.
        parallel_residual: attention and MLP read the same input and both are added to it.
    """

    name: str
    kind: str
    norm_kind: str | None
    norm_eps: float | None
    n_norms: int | None
    activation: str | None
    gated_mlp: bool | None
    intermediate_size: int | None
    n_experts: int | None
    n_experts_per_token: int | None
    position_kind: PositionKind | None
    rope_theta: float | None
    rope_scaling: str | None
    rope_factor: float | None
    rotary_dims: int | None
    n_heads: int
    n_kv_heads: int
    head_dim: int
    attention_bias: bool | None
    biased: tuple[str, ...]
    qk_norm: bool | None
    sliding_window: int | None
    n_windowed_layers: int
    tied_embeddings: bool
    parallel_residual: bool | None


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What is loaded, where, and what it takes.

    Attributes:
        name: embedded key, hub id or folder.
        revision: the hub's commit where known, else None.
        architecture: class name, ``LlamaForCausalLM``.
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        compute_dtype: dtype of the activations, ``"float32"``.
        n_layers: blocks that a text goes through; of an encoder-decoder, the decoder's.
        width: numbers that a token has between the blocks.
        embedding_width: numbers in a row of the embedding matrix: ``width`` in most models, less in OPT-350M.
        n_heads, n_kv_heads, head_dim: of the config, the first layer's where they differ; 0 without attention.
        vocab_rows: rows of the embedding matrix, at least the tokenizer's ``vocab_size``.
        context_length: most tokens that the model was built to read at once; 0 where its config names no limit.
        tied_embeddings: the output matrix is the input matrix.
        n_parameters: all numbers, tied ones once.
        bytes: memory of all weights.
        modules: every module that owns parameters, in the model's order.
        tree: every module, containers too, in the model's order.
        block: one decoder block in numbers.
        stop_ids: the ``eos_token_id`` of its generation config, at which a reply ends; the tokenizer's eos ends it too.
        notes: what a person should know of how this model reads texts, in plain sentences; empty for most.
        published_as: what the weights were published as, ``"bfloat16"`` or ``"4-bit (Q4_1)"``; empty where the files do
            not say. No precision that is loaded has more in it than this.
    """

    name: str
    revision: str | None
    architecture: str
    device: str
    quantization: Quantization
    compute_dtype: str
    n_layers: int
    width: int
    embedding_width: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    vocab_rows: int
    context_length: int
    tied_embeddings: bool
    n_parameters: int
    bytes: int
    modules: tuple[ModuleInfo, ...] = field(repr=False)
    tree: tuple[ModuleNode, ...] = field(repr=False)
    block: BlockFacts = field(repr=False)
    stop_ids: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    published_as: str = ""

    @property
    def n_quantized(self) -> int:
        """How many weights are stored in 8 or 4 bits; 0 also where bitsandbytes found none that it could (Falcon)."""
        return sum(module.is_quantized for module in self.modules)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """The numbers of one weight, counted.

    Attributes:
        name: as it was asked for: the path of a module or of a parameter.
        parameter: which of the module's parameters is counted: ``"weight"`` where it has one.
        edges: float32 (bins + 1,), bounds of the bins, half open but for the last.
        counts: int64 (bins,), numbers in each; their sum is ``n``.
        mean, std, min, max: of all numbers; ``std`` with divisor n.
        n: how many numbers.
        dtype: as stored, ``"float32"``, ``"nf4"``, ``"int8"``; the numbers counted are those that the model multiplies
            with, dequantized by bitsandbytes where they are stored in 8 or 4 bits.
        levels: float32 (m,), what 4-bit codes stand for before they are multiplied with their block's scale, -1 to 1,
            ascending: 16 for ``"nf4"``, 15 for ``"fp4"``, which has zero twice; empty for other dtypes.
        level_counts: int64 (m,), numbers stored as each of them; empty for other dtypes.
        block_size: how many numbers share a scale; 0 for other dtypes.
    """

    name: str
    parameter: str
    edges: NDArray[np.float32] = field(repr=False)
    counts: NDArray[np.int64] = field(repr=False)
    mean: float
    std: float
    min: float
    max: float
    n: int
    dtype: str
    levels: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32), repr=False)
    level_counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    block_size: int = 0
