"""What a model answers, wherever it runs: the `Engine` protocol and the plain data that crosses it.

Only NumPy arrays and frozen dataclasses cross this face, results are reduced where the tensors are, and
nothing here imports torch: `lmloupe.model.local` answers in this process, and another engine could answer from
a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.architecture.results import ArchitectureQuestions, BlockFacts, ModuleNode
from lmloupe.model.embeddings.results import EmbeddingQuestions, Neighbours, TextOrIds
from lmloupe.model.inside.results import InsideQuestions
from lmloupe.model.sampling import Sampling, log_softmax
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = [
    "Device",
    "Engine",
    "Generation",
    "ModelDescription",
    "ModuleInfo",
    "Neighbours",
    "NextToken",
    "Quantization",
    "Step",
    "TextOrIds",
]

Quantization: TypeAlias = Literal["none", "int8", "nf4", "fp4"]
Device: TypeAlias = Literal["auto", "cuda", "mps", "cpu"]


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
class NextToken:
    """The scores of every possible next token.

    Attributes:
        input_ids: int32 (n,), what the model read.
        logits: float32 (vocab_rows,), the raw scores after the last token.
    """

    input_ids: NDArray[np.int32]
    logits: NDArray[np.float32]

    @property
    def log_probs(self) -> NDArray[np.float64]:
        """float64 (vocab_rows,), natural logs of the probabilities; ``np.exp`` of them sums to 1."""
        return log_softmax(self.logits)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One generated token and what else could have been said.

    Attributes:
        token_id: the id that was drawn.
        text: what it adds to the text; empty while a character is still incomplete.
        log_prob: its natural-log probability in the model's own distribution, before any sampling setting.
        top_ids: int32 (10,), the most probable ids of that distribution, best first.
        top_log_probs: float32 (10,), theirs.
        entropy_bits: entropy of that distribution in bits.
        elapsed_s: seconds since the prefill began; the first step's is the time to the first token.
        lens_ids: int32 (n_layers + 1,), the token that each depth puts first, where the lens was asked for; else None.
        lens_log_probs: float32 (n_layers + 1,), theirs at that depth.
    """

    token_id: int
    text: str
    log_prob: float
    top_ids: NDArray[np.int32]
    top_log_probs: NDArray[np.float32]
    entropy_bits: float
    elapsed_s: float
    lens_ids: NDArray[np.int32] | None = None
    lens_log_probs: NDArray[np.float32] | None = None


class Generation(Iterator[Step], Protocol):
    """A running generation: iterate over its steps, or `poll` so as never to wait for long."""

    @property
    def input_ids(self) -> NDArray[np.int32]:
        """int32 (n,), the prompt as the model reads it."""

    def poll(self, timeout_s: float) -> Step | None:
        """The next step, or None after ``timeout_s`` seconds without one.

        Raises:
            StopIteration: the generation has ended.
        """

    def close(self) -> None:
        """Stop: the model computes no further token after the one at hand. Safe to call twice."""


class Engine(EmbeddingQuestions, ArchitectureQuestions, InsideQuestions, Protocol):
    """A causal language model and the questions that it answers.

    A text is encoded with what the tokenizer adds by itself (Llama 3.1: bos), special tokens in it are
    read as such; for full control pass ids, as with a rendered chat, which has its bos already.
    Every method raises `lmloupe.ContextLengthError` for more tokens than the context holds,
    `lmloupe.InvalidIdError` for an id beyond the matrix and `lmloupe.InvalidTextError` for a text without tokens.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that goes with the model."""

    def describe(self) -> ModelDescription:
        """What is loaded: modules, shapes, dtypes, bytes."""

    def next_token(self, text_or_ids: TextOrIds) -> NextToken:
        """Scores of every possible next token, from one forward pass."""

    def generate(
        self,
        text_or_ids: TextOrIds,
        sampling: Sampling | None = None,
        max_new_tokens: int = 128,
        seed: int = 0,
        *,
        lens: bool = False,
    ) -> Generation:
        """Generate token by token, until an end token, ``max_new_tokens`` or the end of the context.

        ``lens`` records what each depth would have said at every step, from the same pass.
        The same seed gives the same tokens on the same machine and settings.
        """
