"""What a comparison of precisions says: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.precision import Precision

__all__ = ["ComparisonStep", "PrecisionResult", "QuantizationReport"]


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionResult:
    """One precision of a model, measured on a text of n tokens beside the baseline.

    The words are those of llama.cpp's tables (``llama-perplexity --kl-divergence``), which gives the divergence in
    nats: bits are nats / ln 2. Here every position counts, there those of the second half of a context.

    Attributes:
        precision: how the weights are stored.
        is_baseline: what the others are measured against; its own divergence is 0 everywhere.
        next_log_probs: float32 (vocab_rows,), natural logs of the probabilities of the token after the text.
        kl_bits: float64 (n,), Kullback-Leibler divergence KL(baseline || this) of the next token's distribution after
            each token, over the whole vocabulary, in bits; infinite where this rules out what the baseline does not.
        top_changed: bool (n,), whether the most probable next token is another; with ties, whether none is shared.
        top_ids: int32 (n, k), the most probable next tokens after each token, best first.
        top_log_probs: float32 (n, k), theirs.
        baseline_log_probs: float32 (n, k), what the baseline gives to ``top_ids``.
        log_probs_at_baseline: float32 (n, k), what this gives to the baseline's ``top_ids``.
        target_log_probs: float32 (n - 1,), of the tokens that follow in the text.
        baseline_target_log_probs: float32 (n - 1,), what the baseline gives to them.
        state_cosine: float32 (n_layers + 1, n), cosine of a token's hidden state with the baseline's; row 0 is the
            embedding, row i what block i wrote, the last one normed. (0, n) where the model has no single stream.
        state_error: float32 (n_layers + 1, n), length of the difference over the length of the baseline's state.
        continuation_ids: int32 (m,), the greedy continuation of the text.
        continuation_log_probs: float32 (m,), what this gives to its own continuation.
        first_difference: number of tokens that the continuation shares with the baseline's before the first that
            differs; -1 where none does.
        weight_bytes: memory of all weights with their scales, in bytes; of a simulated precision what its format would
            take, by `bits_per_weight`.
        load_s: seconds of the load; 0.0 where the engine was loaded before. Rounding included where simulated.
        pass_s: seconds of the pass over the text, logits included, what is measured of them not.
    """

    precision: Precision
    is_baseline: bool
    next_log_probs: NDArray[np.float32]
    kl_bits: NDArray[np.float64]
    top_changed: NDArray[np.bool_]
    top_ids: NDArray[np.int32]
    top_log_probs: NDArray[np.float32]
    baseline_log_probs: NDArray[np.float32]
    log_probs_at_baseline: NDArray[np.float32]
    target_log_probs: NDArray[np.float32]
    baseline_target_log_probs: NDArray[np.float32]
    state_cosine: NDArray[np.float32]
    state_error: NDArray[np.float32]
    continuation_ids: NDArray[np.int32]
    continuation_log_probs: NDArray[np.float32]
    first_difference: int
    weight_bytes: int
    load_s: float
    pass_s: float

    @property
    def mean_kl_bits(self) -> float:
        """Mean of ``kl_bits`` over all positions."""
        return float(self.kl_bits.mean())

    @property
    def median_kl_bits(self) -> float:
        """Median of ``kl_bits``."""
        return float(np.median(self.kl_bits))

    @property
    def p99_kl_bits(self) -> float:
        """99th percentile of ``kl_bits``, by linear interpolation between the two nearest."""
        if not np.isfinite(self.kl_bits).all():
            return float(np.percentile(self.kl_bits, 99, method="nearest"))
        return float(np.percentile(self.kl_bits, 99))

    @property
    def changed_top_share(self) -> float:
        """Share of positions at which the most probable token is another, 0 to 1."""
        return float(self.top_changed.mean())

    @property
    def first_flip(self) -> int:
        """The first position after which the most probable token is another, from 0; -1 where there is none."""
        return int(self.top_changed.argmax()) if self.top_changed.any() else -1

    @property
    def perplexity(self) -> float | None:
        """Exponential of the mean surprisal in nats of the text's tokens from the second on; None for one token."""
        return float(np.exp(-self.target_log_probs.astype(np.float64).mean())) if len(self.target_log_probs) else None

    @property
    def ln_ppl_ratio(self) -> float | None:
        """ln(perplexity / the baseline's perplexity): 0.01 is about 1 % more; None for a text of one token."""
        changes = self.baseline_target_log_probs.astype(np.float64) - self.target_log_probs
        return float(changes.mean()) if len(changes) else None

    @property
    def probability_changes(self) -> NDArray[np.float64]:
        """float64 (n - 1,), by how much the probability of the text's own next token is more than the baseline's."""
        own, baseline = self.target_log_probs, self.baseline_target_log_probs
        found: NDArray[np.float64] = np.exp(own.astype(np.float64)) - np.exp(baseline.astype(np.float64))
        return found

    @property
    def mean_probability_change(self) -> float | None:
        """Mean of ``probability_changes``, -1 to 1; None for a text of one token."""
        return float(self.probability_changes.mean()) if len(self.target_log_probs) else None

    @property
    def rms_probability_change(self) -> float | None:
        """Root of the mean square of ``probability_changes``, 0 to 1; None for a text of one token."""
        if not len(self.target_log_probs):
            return None
        return float(np.sqrt(np.square(self.probability_changes).mean()))

    @property
    def cosine_by_layer(self) -> NDArray[np.float32]:
        """float32 (n_layers + 1,), mean of ``state_cosine`` over the tokens; empty without states."""
        found: NDArray[np.float32] = self.state_cosine.mean(1)
        return found

    @property
    def error_by_layer(self) -> NDArray[np.float32]:
        """float32 (n_layers + 1,), mean of ``state_error`` over the tokens; empty without states."""
        found: NDArray[np.float32] = self.state_error.mean(1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationReport:
    """A model in several precisions on one text; see `lmloupe.compare_quantizations`.

    Attributes:
        name: embedded key, hub id or folder.
        device: where it ran.
        published_as: what the weights were published as; no precision has more in it than this. Empty where unknown.
        input_ids: int32 (n,), what the model read.
        results: the baseline first, then one for each precision in the order in which they were asked for.
        refused: the precisions that could not be had, each with the sentence that says why and what to do.
        stateless: why hidden states are not compared, in a sentence; empty where they are.
    """

    name: str
    device: str
    published_as: str
    input_ids: NDArray[np.int32]
    results: tuple[PrecisionResult, ...]
    refused: tuple[tuple[Precision, str], ...] = ()
    stateless: str = ""

    @property
    def baseline(self) -> PrecisionResult:
        """What the others are measured against."""
        return self.results[0]

    @property
    def others(self) -> tuple[PrecisionResult, ...]:
        """All but the baseline."""
        return self.results[1:]

    def __getitem__(self, spec: str) -> PrecisionResult:
        """The result of a precision by its short form, ``report["nf4+double"]``.

        Raises:
            KeyError: it is not among the results.
        """
        for result in self.results:
            if result.precision.spec == spec:
                return result
        raise KeyError(spec)


@dataclass(frozen=True, slots=True)
class ComparisonStep:
    """How far a comparison is.

    Attributes:
        done: share of the work that is done, 0 to 1.
        doing: what is being done, in words: ``"Loading nf4"``.
        report: what is known so far; None before the baseline is measured.
    """

    done: float
    doing: str
    report: QuantizationReport | None
