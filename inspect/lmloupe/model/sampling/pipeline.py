"""The pipeline from logits to a draw: each rule of `Sampling` in its order.

The rules are those of transformers' ``GenerationMixin.generate`` where it has them, whose processors the tests compare
with. NumPy only, so that a slider moves without the model running again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.sampling import penalties, rules
from lmloupe.model.sampling.scores import FloatArray, Scores, entropy_bits, log_softmax
from lmloupe.model.sampling.settings import Sampling

__all__ = ["Sampling", "Stage", "draw", "log_softmax", "sampling_probs", "sampling_stages"]

_ALWAYS_LISTED = frozenset({"repetition_penalty", "temperature", "top_k", "top_p", "min_p"})


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The distribution after one step of the pipeline.

    Attributes:
        name: ``"logits"``, or that of a rule as in ``Sampling.order``: ``"temperature"``, ``"top_k"``, ``"dry"``.
        probs: float64 (vocab,), sums to 1; 0 where a token has been struck out.
        kept: bool (vocab,), False where this or an earlier step struck the token out.
        removed_mass: probability, before this step, of the tokens that it struck out.
        entropy_bits: Shannon entropy of ``probs`` in bits.
    """

    name: str
    probs: FloatArray
    kept: NDArray[np.bool_]
    removed_mass: float
    entropy_bits: float


class _Moment(NamedTuple):
    """What a rule may look at besides the scores."""

    text: NDArray[np.int64]
    mu: float
    coin: float


_Rule: TypeAlias = Callable[[Scores, Sampling, _Moment], Scores]
_RULES: MappingProxyType[str, _Rule] = MappingProxyType(
    {
        "repetition_penalty": lambda s, by, at: penalties.repetition(s, at.text, float(by.repetition_penalty)),
        "no_repeat_ngram_size": lambda s, by, at: penalties.no_repeat_ngram(s, at.text, int(by.no_repeat_ngram_size)),
        "presence_penalty": lambda s, by, at: penalties.presence(s, at.text, float(by.presence_penalty)),
        "frequency_penalty": lambda s, by, at: penalties.frequency(s, at.text, float(by.frequency_penalty)),
        "dry": lambda s, by, at: penalties.dry(
            s,
            at.text,
            multiplier=float(by.dry_multiplier),
            base=float(by.dry_base),
            allowed_length=int(by.dry_allowed_length),
            range_=int(by.dry_range),
            breakers=by.dry_breakers,
        ),
        "top_n_sigma": lambda s, by, _: rules.top_n_sigma(s, float(by.top_n_sigma)),
        "temperature": lambda s, by, _: s.heat(float(by.temperature)),
        "top_h": lambda s, by, _: rules.top_h(s, float(by.top_h)),
        "top_k": lambda s, by, _: rules.top_k(s, int(by.top_k)),
        "top_p": lambda s, by, _: rules.top_p(s, float(by.top_p)),
        "min_p": lambda s, by, _: rules.min_p(s, float(by.min_p)),
        "typical_p": lambda s, by, _: rules.typical(s, float(by.typical_p)),
        "epsilon_cutoff": lambda s, by, _: rules.epsilon(s, float(by.epsilon_cutoff)),
        "eta_cutoff": lambda s, by, _: rules.eta(s, float(by.eta_cutoff)),
        "xtc": lambda s, by, at: rules.xtc(s, float(by.xtc_threshold)) if at.coin < by.xtc_probability else s,
        "mirostat": lambda s, _, at: rules.mirostat(s, at.mu),
    }
)


def _pipeline(
    logits: ArrayLike,
    sampling: Sampling,
    previous_ids: NDArray[np.integer] | None,
    mu: float | None,
    coin: float,
) -> Iterator[tuple[str, Scores]]:
    raw = np.asarray(logits, dtype=np.float64)
    if raw.ndim != 1 or np.isnan(raw).any() or not np.isfinite(raw.max(initial=-np.inf)):
        raise InvalidSettingError(
            "The logits must be one vector of numbers with at least one finite one; "
            "NaN usually means that this model broke under its quantization."
        )
    text = np.asarray(() if previous_ids is None else previous_ids, dtype=np.int64)
    at = _Moment(text, 2 * float(sampling.mirostat_tau) if mu is None else mu, coin)
    scores = Scores(raw)
    yield "logits", scores
    for name in sampling.order:
        if sampling.applies(name):
            scores = _RULES[name](scores, sampling, at)
        elif name not in _ALWAYS_LISTED:
            continue
        yield name, scores


def sampling_stages(
    logits: ArrayLike,
    sampling: Sampling,
    previous_ids: NDArray[np.integer] | None = None,
    *,
    mu: float | None = None,
    coin: float = 0.0,
) -> tuple[Stage, ...]:
    """Every step from the model's distribution to the one that is drawn from.

    Args:
        logits: (vocab,), the model's raw scores.
        sampling: the settings; a setting at its default gives a stage that changes nothing.
        previous_ids: (n,), tokens already in the text, for the rules that look at it.
        mu: of mirostat, in bits; None is its first step, ``2 * mirostat_tau``.
        coin: from 0 to below 1: XTC acts where it is below ``xtc_probability``. A generation's is
            `lmloupe.xtc_coin`.

    Returns:
        The model's own, then the rules in the order of ``sampling.order``: repetition penalty, temperature, top-k,
        top-p and min-p always, the others only where they are on. The last one is drawn from.

    Raises:
        InvalidSettingError: the logits hold NaN or nothing finite.

    >>> stages = sampling_stages([2.0, 1.0, 0.0, -1.0], Sampling(top_k=2, typical_p=0.5))
    >>> [(s.name, int(s.kept.sum()), round(s.removed_mass, 3)) for s in stages[2:]]
    [('temperature', 4, 0.0), ('top_k', 2, 0.119), ('top_p', 2, 0.0), ('min_p', 2, 0.0), ('typical_p', 1, 0.269)]
    """
    stages: list[Stage] = []
    seen: Scores | None = None
    for name, scores in _pipeline(logits, sampling, previous_ids, mu, coin):
        if scores is seen:  # a rule that is off, or removes nothing, hands on the very scores
            stages.append(replace(stages[-1], name=name, removed_mass=0.0))
            continue
        seen = scores
        removed = float(stages[-1].probs[~scores.alive].sum()) if stages else 0.0
        stages.append(Stage(name, scores.probs, scores.alive, removed, entropy_bits(scores.probs)))
    return tuple(stages)


def sampling_probs(
    logits: ArrayLike,
    sampling: Sampling,
    previous_ids: NDArray[np.integer] | None = None,
    *,
    mu: float | None = None,
    coin: float = 0.0,
) -> FloatArray:
    """The last stage's probabilities alone, float64 (vocab,): what `generate` draws from at each step.

    >>> sampling_probs([2.0, 1.0, 0.0], Sampling(temperature=0)).tolist()
    [1.0, 0.0, 0.0]
    """
    *_, (_, scores) = _pipeline(logits, sampling, previous_ids, mu, coin)
    return scores.probs


def draw(probs: FloatArray, rng: np.random.Generator) -> int:
    """One token id drawn from a distribution, by inversion of its cumulative sum.

    >>> draw(np.array([0.0, 1.0]), np.random.default_rng(0))
    1
    """
    candidates = np.flatnonzero(probs)
    cumulative = np.cumsum(probs[candidates])
    place = np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")
    return int(candidates[min(int(place), len(candidates) - 1)])
