"""The settings that the next token is drawn with, and the orders in which libraries apply them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from lmloupe.errors import InvalidSettingError

__all__ = ["LARGEST", "LLAMA_CPP_ORDER", "TRANSFORMERS_ORDER", "Sampling"]

LARGEST = float(np.finfo(np.float64).max)

TRANSFORMERS_ORDER = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "presence_penalty",
    "frequency_penalty",
    "dry",
    "top_n_sigma",
    "temperature",
    "top_h",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "xtc",
    "mirostat",
)
"""The order of transformers 5.23, ``GenerationMixin._get_logits_processor``.

It lacks six of the rules. Presence, frequency, DRY and top-n-sigma are where ``generate`` runs a processor that it is
given as ``logits_processor=``; XTC and mirostat choose among what all others left.
"""
LLAMA_CPP_ORDER = (
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "no_repeat_ngram_size",
    "dry",
    "top_n_sigma",
    "top_k",
    "typical_p",
    "top_p",
    "min_p",
    "top_h",
    "epsilon_cutoff",
    "eta_cutoff",
    "xtc",
    "temperature",
    "mirostat",
)
"""llama.cpp's default chain, ``--samplers``: penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature.

Its "penalties" are the first three here. It lacks four of the rules: no-repeat n-gram stands with the penalties, top-h,
epsilon and eta stand with the other cuts, before XTC. With mirostat llama.cpp itself applies no other rule than the
temperature.
"""

# Of each rule the setting that turns it on, and the value at which it is off.
_SWITCHES = MappingProxyType(
    {rule: (rule, 0) for rule in TRANSFORMERS_ORDER}
    | {rule: (rule, 1) for rule in ("repetition_penalty", "temperature", "top_p", "typical_p")}
    | {"dry": ("dry_multiplier", 0), "xtc": ("xtc_probability", 0), "mirostat": ("mirostat_tau", 0)}
)
_POSITIVE, _SHARE = "be a positive number", "lie between 0 and 1"


@dataclass(frozen=True, slots=True, repr=False)
class Sampling:
    """How the next token is drawn. These defaults change nothing: the model's own distribution.

    No rule removes the last token: one that would remove all that are left keeps the most probable of them. "The text"
    is the prompt and all that has been written. A list for ``dry_breakers`` or ``order`` is kept as a tuple.

    Attributes:
        temperature: logits are divided by it; 0 is greedy, the most probable token always. A temperature near 0
            gives the same but where tokens are exactly as probable as each other: they share.
        top_k: keep the k most probable tokens; 0 keeps all. Fan et al., 2018.
        top_p: keep the smallest set of tokens with at least this probability together; 1 keeps all. A token stays
            if it and all less probable ones have more than ``1 - top_p``, which is exact near 1.
            Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
        min_p: keep tokens with at least this share of the largest probability; 0 keeps all.
            Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024.
        repetition_penalty: logits of tokens already in the text are divided by it when positive and
            multiplied when negative; 1 changes nothing. Keskar et al., "CTRL", 2019.
        typical_p: keep the tokens whose surprisal is nearest to the entropy, as few as have this probability together;
            1 keeps all. It can remove the most probable token. Meister et al., "Locally Typical Sampling", 2022.
        epsilon_cutoff: keep tokens with at least this probability; 0 keeps all.
            Hewitt et al., "Truncation Sampling as Language Model Desmoothing", 2022.
        eta_cutoff: keep tokens with at least ``min(eta, sqrt(eta) exp(-entropy))``, entropy in nats; 0 keeps all. The
            same paper's.
        top_h: of the 100 most probable tokens keep the first whose terms ``-p log p`` add up to at most this share of
            the entropy of the 100; 0 keeps all. Potraghloo et al., "Top-H Decoding", 2025; the 100 are transformers'.
        top_n_sigma: keep logits within this many standard deviations of the largest; 0 keeps all. The deviation is the
            population's, over what is left. Tang et al., "Top-nσ: Not All Logits Are You Need", 2024.
        no_repeat_ngram_size: remove what would complete a run of so many tokens that is in the text already; 0 removes
            none. Paulus et al., 2017.
        presence_penalty: taken from the logits of tokens that are in the text.
        frequency_penalty: taken from the logit of a token once for each time that it is in the text. Both are OpenAI's,
            which counts the answer alone; here, as in llama.cpp, the prompt counts.
        dry_multiplier: a token that would go on with a repetition of n tokens, n at least ``dry_allowed_length``, loses
            ``dry_multiplier * dry_base ** (n - dry_allowed_length)``; 0 is off. "DRY", by P. E. Weidmann, 2024
            (text-generation-webui, pull request 5677), whose defaults these are.
        dry_base: at least 1.
        dry_allowed_length: the shortest repetition that costs something.
        dry_range: how many tokens at the end of the text are looked at; 0 is all.
        dry_breakers: ids of tokens at which a repetition begins anew; they are never penalized themselves.
        xtc_probability: how often XTC acts; 0 is never. "Exclude top choices", by P. E. Weidmann, 2024
            (text-generation-webui, pull request 6335).
        xtc_threshold: of the tokens with at least this probability all but the least probable are removed, if they are
            two or more; of equal ones the one with the largest id stays.
        mirostat_tau: the surprisal in bits that the draws are steered to; 0 is off. Mirostat 2 keeps tokens of at most
            mu bits, which begins at ``2 * mirostat_tau``; a draw changes it by
            ``-mirostat_eta * (surprisal - mirostat_tau)``, the surprisal of the token that was drawn in what it was
            drawn from. Basu et al., "Mirostat", 2021, as llama.cpp has it.
        mirostat_eta: how fast mu follows.
        order: every rule once, first to last. A rule has its setting's name, but for "dry", "xtc" and "mirostat".

    Raises:
        InvalidSettingError: a value outside its range.

    >>> Sampling(top_p=1.5)
    Traceback (most recent call last):
    lmloupe.InvalidSettingError: top_p is 1.5, but it must lie between 0 and 1 (above 0).
    >>> Sampling(temperature=0.7, dry_multiplier=0.8).rules
    ('dry', 'temperature')
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    _: KW_ONLY
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    top_h: float = 0.0
    top_n_sigma: float = 0.0
    no_repeat_ngram_size: int = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_range: int = 0
    dry_breakers: Sequence[int] = ()
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat_tau: float = 0.0
    mirostat_eta: float = 0.1
    order: Sequence[str] = TRANSFORMERS_ORDER

    def __post_init__(self) -> None:
        for name in ("dry_breakers", "order"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise InvalidSettingError(f"{name} is {value!r}, but it must be a tuple.")
            object.__setattr__(self, name, tuple(value))
        for name, value in self._values():
            if name in ("dry_breakers", "order"):
                continue
            if isinstance(value, bool) or not isinstance(value, numbers.Real):
                raise InvalidSettingError(f"{name} is {value!r}, but it must be a number.")
            holds, rule = _check(name, value)
            if not holds:
                raise InvalidSettingError(f"{name} is {value}, but it must {rule}.")
        if not all(isinstance(i, numbers.Integral) and i >= 0 for i in self.dry_breakers):
            raise InvalidSettingError(f"dry_breakers is {self.dry_breakers!r}, but it must hold ids of tokens.")
        if sorted(map(str, self.order)) != sorted(TRANSFORMERS_ORDER):
            raise InvalidSettingError(
                f"order is {self.order!r}, but it must name every rule once, as TRANSFORMERS_ORDER does."
            )

    def __repr__(self) -> str:
        """What differs from the model's own distribution, as Python.

        >>> Sampling(0.5, min_p=0.1), Sampling()
        (Sampling(temperature=0.5, min_p=0.1), Sampling())
        """
        defaults = {field.name: field.default for field in fields(self)}
        given = [f"{name}={value!r}" for name, value in self._values() if value != defaults[name]]
        return f"Sampling({', '.join(given)})"

    def _values(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that are on, in the order in which they are applied."""
        return tuple(rule for rule in self.order if self.applies(rule))

    def applies(self, rule: str) -> bool:
        """Whether a rule of the order is on: its setting is not the one that changes nothing.

        >>> Sampling(top_k=5).applies("top_k"), Sampling().applies("dry")
        (True, False)
        """
        name, off = _SWITCHES[rule]
        return bool(getattr(self, name) != off)


def _check(name: str, value: Any) -> tuple[bool, str]:
    """Whether a number lies in its range, and the words for it."""
    if name in ("top_k", "no_repeat_ngram_size", "dry_range", "dry_allowed_length"):
        least = 1 if name == "dry_allowed_length" else 0
        whole = least <= value < math.inf and value == int(value)
        words = {"dry_range": "be 0 (all) or a positive whole number", "dry_allowed_length": "be a whole number from 1"}
        return whole, words.get(name, "be 0 (off) or a positive whole number")
    if name == "temperature":
        return 0 <= value <= LARGEST, "be 0 (greedy) or a positive number"
    if name in ("top_p", "typical_p", "xtc_threshold"):
        return 0 < value <= 1, f"{_SHARE} (above 0)"
    if name in ("epsilon_cutoff", "eta_cutoff"):
        return 0 <= value < 1, f"{_SHARE} (below 1)"
    if name in ("min_p", "top_h", "xtc_probability"):
        return 0 <= value <= 1, _SHARE
    if name in ("presence_penalty", "frequency_penalty"):
        return -LARGEST <= value <= LARGEST, "be a finite number"
    if name == "dry_base":
        return 1 <= value <= LARGEST, "be a number from 1"
    if name == "repetition_penalty":
        return 0 < value <= LARGEST, _POSITIVE
    return 0 <= value <= LARGEST, f"be 0 (off) or {_POSITIVE[3:]}"
