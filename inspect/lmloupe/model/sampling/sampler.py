"""The draws of one generation, token after token."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.sampling.pipeline import Sampling, Stage, draw, sampling_probs, sampling_stages

__all__ = ["Sampler", "require_seed", "xtc_coin"]

_TEXT_RULES = frozenset({"repetition_penalty", "no_repeat_ngram_size", "presence_penalty", "frequency_penalty", "dry"})
_COIN = 242_043  # so that the coins are another sequence than the draws of the same seed


def xtc_coin(seed: int, step: int = 0) -> float:
    """The number that decides whether XTC acts: it does where this is below ``xtc_probability``.

    Args:
        seed: of the generation, at least 0.
        step: how many tokens the generation has drawn before.

    Raises:
        InvalidSettingError: one of them is no whole number from 0.

    >>> round(xtc_coin(0), 3), round(xtc_coin(0, step=1), 3)
    (0.158, 0.874)
    """
    require_seed(seed)
    require_seed(step, "step")
    return float(np.random.default_rng((_COIN, seed, step)).random())


def require_seed(seed: int, name: str = "seed") -> None:
    """Refuse what NumPy takes for no seed.

    Raises:
        InvalidSettingError: not a whole number from 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
        raise InvalidSettingError(f"{name} is {seed!r}; it must be a whole number, at least 0.")


class Sampler:
    """What draws the tokens of one generation. It remembers what it drew, so each generation has its own.

    Args:
        sampling: the settings.
        seed: of NumPy's PCG64, at least 0.

    Attributes:
        sampling: the settings.
        mu: bits, what mirostat keeps at the next step; ``2 * mirostat_tau`` at the first.
        n_drawn: tokens drawn so far.

    Raises:
        InvalidSettingError: the seed is no whole number from 0.

    >>> sampler = Sampler(Sampling(temperature=0), seed=0)
    >>> sampler.choose([1.0, 3.0, 2.0], [5, 7])
    1
    """

    def __init__(self, sampling: Sampling, seed: int) -> None:
        require_seed(seed)
        self.sampling = sampling
        self.mu = 2 * float(sampling.mirostat_tau)
        self.n_drawn = 0
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._reads_text = not _TEXT_RULES.isdisjoint(sampling.rules)

    @property
    def takes_the_best(self) -> bool:
        """Whether the token with the largest score is always drawn: no need to bring all scores to the CPU."""
        if self.sampling.temperature != 0 or self._reads_text:
            return False
        # Before the temperature these two may remove the best; after it there is nothing else to keep.
        rules = self.sampling.rules
        return {"typical_p", "xtc"}.isdisjoint(rules[: rules.index("temperature")])

    def _coin(self) -> float:
        return xtc_coin(self._seed, self.n_drawn) if self.sampling.xtc_probability else 0.0

    def stages(self, logits: ArrayLike, ids: Sequence[int]) -> tuple[Stage, ...]:
        """What `choose` would draw from now, step by step, without drawing: `sampling_stages` of this moment."""
        return sampling_stages(logits, self.sampling, np.asarray(ids), mu=self.mu, coin=self._coin())

    def choose(self, logits: ArrayLike, ids: Sequence[int]) -> int:
        """Draw one token.

        Args:
            logits: (vocab,), the model's raw scores after the text.
            ids: all tokens of the text so far, the prompt's included.
        """
        probs = self.probs(logits, ids)
        token_id = draw(probs, self._rng)
        self.remember(token_id, probs)
        return token_id

    def probs(self, logits: ArrayLike, ids: Sequence[int]) -> NDArray[np.float64]:
        """What `choose` would draw from now, float64 (vocab,), without drawing."""
        previous = np.asarray(ids) if self._reads_text else None
        return sampling_probs(logits, self.sampling, previous, mu=self.mu, coin=self._coin())

    def resume(self, n_drawn: int) -> None:
        """Go on after so many tokens that a sampler of this seed has drawn elsewhere: the next draw is the one after.

        Args:
            n_drawn: at least 0; before the first draw of this sampler.

        Raises:
            InvalidSettingError: mirostat is on, and what it keeps depends on the scores of all those tokens.

        >>> whole, rest = (Sampler(Sampling(), seed=7) for _ in range(2))
        >>> drawn = [whole.choose([0.0] * 9, ()) for _ in range(5)]
        >>> rest.resume(2)
        >>> drawn[2:] == [rest.choose([0.0] * 9, ()) for _ in range(3)]
        True
        """
        if n_drawn and self.sampling.applies("mirostat"):
            raise InvalidSettingError(
                "With mirostat a draw depends on the scores of all draws before it, so a generation cannot go on from "
                "its tokens alone: begin it anew."
            )
        bits: Any = self._rng.bit_generator
        bits.advance(n_drawn)  # `draw` takes one number of PCG64 for each token
        self.n_drawn += n_drawn

    def remember(self, token_id: int, probs: NDArray[np.float64]) -> None:
        """Take note of a token that was drawn from `probs`, here or elsewhere."""
        surprisal = -math.log2(probs[token_id])
        self.mu -= float(self.sampling.mirostat_eta) * (surprisal - float(self.sampling.mirostat_tau))
        self.n_drawn += 1
