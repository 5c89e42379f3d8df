"""What an engine says about a text from inside the model: plain data, without torch.

A layer is counted so that 0 is the
embedding, before any block, and ``n_layers`` is the last block's output: ``n_layers + 1`` rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.running import Running

__all__ = [
    "AttentionSummary",
    "AttentionWeights",
    "Attribution",
    "LensParts",
    "LensRow",
    "LensRows",
    "LogitLens",
    "Scored",
]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """How a model rates a text: every token but the first, after the tokens before it.

    Entry ``i`` of the arrays is about token ``i + 1``. A text of one token has nothing to rate: arrays of length 0 and
    a perplexity of nan.

    Attributes:
        input_ids: int32 (n,), what the model read.
        log_probs: float32 (n - 1,), natural log of the token's probability after its prefix.
        ranks: int32 (n - 1,), 1 where no token is more probable than it.
        entropy_bits: float32 (n - 1,), entropy of what was expected there: the surprisal to be expected, in bits.
        top_ids: int32 (n - 1, top_k), what the model held most probable there, best first.
        top_log_probs: float32 (n - 1, top_k), theirs, natural logs.

    >>> scored = Scored(
    ...     np.array([3, 1, 2], np.int32), np.log(np.array([0.5, 0.125], np.float32)), np.array([1, 3], np.int32),
    ...     np.zeros(2, np.float32), np.zeros((2, 5), np.int32), np.zeros((2, 5), np.float32))
    >>> scored.surprisal_bits.tolist(), round(scored.perplexity, 6)
    ([1.0, 3.0], 4.0)
    """

    input_ids: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    ranks: NDArray[np.int32]
    entropy_bits: NDArray[np.float32]
    top_ids: NDArray[np.int32] = field(repr=False)
    top_log_probs: NDArray[np.float32] = field(repr=False)

    @property
    def surprisal_bits(self) -> NDArray[np.float32]:
        """float32 (n - 1,), -log2 of the probability: 0 for a token that was certain."""
        return -self.log_probs / np.float32(math.log(2))

    @property
    def perplexity(self) -> float:
        """Exponential of the mean negative log probability per token rated; nan for a text of one token.

        Among so many equally likely tokens a guess would be as hard.
        """
        if len(self.log_probs) == 0:
            return math.nan
        return float(np.exp(-self.log_probs.mean(dtype=np.float64)))


@dataclass(frozen=True, slots=True, eq=False)
class LogitLens:
    """What the model would say after every layer: the final norm and the output matrix put on each layer's state.

    The norm is applied once, with each state's own statistics. The last row is the model's own answer.

    Attributes:
        input_ids: int32 (n,), what the model read.
        token_ids: int32 (n_layers + 1, n, top_k), best first.
        log_probs: float32 (n_layers + 1, n, top_k), theirs, natural logs.
        entropy_bits: float32 (n_layers + 1, n), of the distribution over the whole vocabulary.
        final_log_probs: float32 (n_layers + 1, n), at that layer, of the token that the last layer ranks first.
        final_ranks: int32 (n_layers + 1, n), its rank at that layer, 1 where none is more probable.
        norms: float32 (n_layers + 1, n), Euclidean length of the residual stream there, before the final norm.
    """

    input_ids: NDArray[np.int32]
    token_ids: NDArray[np.int32] = field(repr=False)
    log_probs: NDArray[np.float32] = field(repr=False)
    entropy_bits: NDArray[np.float32] = field(repr=False)
    final_log_probs: NDArray[np.float32] = field(repr=False)
    final_ranks: NDArray[np.int32] = field(repr=False)
    norms: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class LensRow:
    """One layer of a `LogitLens` at the m positions that were asked for.

    Attributes:
        layer: 0 for the embedding to ``n_layers`` for the model's answer.
        positions: int32 (m,).
        token_ids: int32 (m, top_k), best first.
        log_probs: float32 (m, top_k), theirs, natural logs.
        entropy_bits: float32 (m,).
        final_log_probs: float32 (m,), of the token that the last layer ranks first at that position.
        final_ranks: int32 (m,), its rank here.
        norms: float32 (m,), Euclidean length of the residual stream.
    """

    layer: int
    positions: NDArray[np.int32]
    token_ids: NDArray[np.int32] = field(repr=False)
    log_probs: NDArray[np.float32] = field(repr=False)
    entropy_bits: NDArray[np.float32] = field(repr=False)
    final_log_probs: NDArray[np.float32] = field(repr=False)
    final_ranks: NDArray[np.int32] = field(repr=False)
    norms: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LensParts:
    """What a logit lens reads a state with, for doing the same with transformers alone.

    Logits are ``head(norm(state)) * scale``, then ``soft_cap * tanh(logits / soft_cap)`` where there is a cap.

    Attributes:
        norm: dotted path of the final norm in the transformers model, ``model.norm`` or ``transformer.ln_f``: what
            ``model.get_submodule`` takes.
        head: dotted path of the output matrix, ``lm_head``.
        scale: the factor of the logits (Granite, Cohere); 1.0 in most models.
        soft_cap: the bound of the logits (Gemma 2); None in most models.

    >>> parts = LensParts("transformer.ln_f", "lm_head", 1.0, None)
    >>> parts.norm
    'transformer.ln_f'
    """

    norm: str
    head: str
    scale: float
    soft_cap: float | None


class LensRows(Running[LensRow], Protocol):
    """A lens while it is computed, row by row."""


@dataclass(frozen=True, slots=True, eq=False)
class AttentionWeights:
    """What one block's query heads read.

    Attributes:
        input_ids: int32 (n,), what the model read.
        layer: which block, from 0.
        weights: float32 (n_heads, n, n): head, token that reads, token that is read. A row and its sink sum to 1.
        sink: float32 (n_heads, n), the share of each row that goes to the sink: one more logit in the softmax, with no
            token and no value behind it (gpt-oss, MiMo-V2, Flint). None in models without, whose rows sum to 1, and in
            those that scale their output by it afterwards (Granite SWA): the weights are those before.
        module: dotted path of the attention in the transformers model, ``model.layers.0.self_attn``.
        layers: every block that has such weights, from 0; state-space and convolution blocks have none.

    >>> half = AttentionWeights(
    ...     np.array([7], np.int32), 0, np.full((1, 1, 1), 0.5, np.float32), np.full((1, 1), 0.5, np.float32),
    ...     "model.layers.0.self_attn", (0, 1))
    >>> float(half.weights[0, 0].sum() + half.sink[0, 0])
    1.0
    """

    input_ids: NDArray[np.int32]
    layer: int
    weights: NDArray[np.float32] = field(repr=False)
    sink: NDArray[np.float32] | None = field(repr=False)
    module: str
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AttentionSummary:
    """Every head of every block in four numbers and one small pattern.

    The numbers are means over all tokens but the first, which can read nothing but itself; for a text of one token
    they are that token's. Heads that a block does not have, and blocks without attention weights, are nan.

    Attributes:
        input_ids: int32 (n,), what the model read.
        first: float32 (n_layers, n_heads), the share that goes to the text's first token.
        previous: float32 (n_layers, n_heads), the share that goes to the token just before.
        itself: float32 (n_layers, n_heads), the share that goes to the token that reads.
        entropy_bits: float32 (n_layers, n_heads), of each row, in bits: 0 where one token is read, log2(k) where k
            are read alike.
        patterns: float32 (n_layers, n_heads, m, m), the weights, token that reads before token that is read. Where the
            text has more than m tokens, neighbours are taken together: the share that one group, on average, reads
            from another.
        layers: every block that has attention weights, from 0.

    >>> one = np.ones((1, 1), np.float32)
    >>> summary = AttentionSummary(np.array([7], np.int32), one, one * 0, one, one * 0, np.ones((1, 1, 1, 1)), (0,))
    >>> float(summary.first[0, 0])
    1.0
    """

    input_ids: NDArray[np.int32]
    first: NDArray[np.float32] = field(repr=False)
    previous: NDArray[np.float32] = field(repr=False)
    itself: NDArray[np.float32] = field(repr=False)
    entropy_bits: NDArray[np.float32] = field(repr=False)
    patterns: NDArray[np.float32] = field(repr=False)
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each part of a model adds to one token's logit; all terms, `unexplained` too, together are the logit.

    Each part writes a vector into the residual stream; the final norm divides by a length (and, where it is a
    LayerNorm, takes the mean away), the output matrix takes the product with the token's row. With the norm's divisor
    held as it was, that is linear, so the logit is a sum over parts.

    Attributes:
        token_id: whose logit.
        position: after which token of the text, from 0.
        embedding: of what goes into the first layer.
        attention: float32 (n_layers,), of each layer's attention, after a norm that follows it (Gemma).
        mlp: float32 (n_layers,), of each layer's MLP, likewise.
        bias: of the final norm's and of the output matrix's own bias; 0 where they have none.
        soft_cap: what the bound on the logits takes away at the end (Gemma 2): the bent logit less the one before; 0.0
            in models without.
        unexplained: the logit less all of these: rounding.
        logit: the model's own.
    """

    token_id: int
    position: int
    embedding: float
    attention: NDArray[np.float32] = field(repr=False)
    mlp: NDArray[np.float32] = field(repr=False)
    bias: float
    soft_cap: float
    unexplained: float
    logit: float
