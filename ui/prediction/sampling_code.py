"""The sampling settings as lines of Python for transformers alone."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import lmloupe as lm

__all__ = ["rolls_code", "sampling_code", "warpers_code"]

_CLASSES = MappingProxyType(
    {
        "repetition_penalty": "RepetitionPenaltyLogitsProcessor",
        "no_repeat_ngram_size": "NoRepeatNGramLogitsProcessor",
        "temperature": "TemperatureLogitsWarper",
        "top_h": "TopHLogitsWarper",
        "top_k": "TopKLogitsWarper",
        "top_p": "TopPLogitsWarper",
        "min_p": "MinPLogitsWarper",
        "typical_p": "TypicalLogitsWarper",
        "epsilon_cutoff": "EpsilonLogitsWarper",
        "eta_cutoff": "EtaLogitsWarper",
    }
)
"""The rules that transformers has."""


def _presence(sampling: lm.Sampling) -> str:
    return f"""def presence(ids, scores):
    scores = scores.clone()
    scores[:, ids.unique()] -= {sampling.presence_penalty!r}
    return scores"""


def _frequency(sampling: lm.Sampling) -> str:
    return f"""def frequency(ids, scores):
    return scores - {sampling.frequency_penalty!r} * torch.bincount(ids[0], minlength=scores.shape[1])"""


def _dry(sampling: lm.Sampling) -> str:
    cost = f"{sampling.dry_multiplier!r} * {sampling.dry_base!r} ** (n - {sampling.dry_allowed_length!r})"
    return f"""def dry(ids, scores):
    text, lengths, breakers = ids[0, -{sampling.dry_range!r}:].tolist(), {{}}, {set(sampling.dry_breakers) or "set()"}
    for place in range(1, len(text)):
        n = 0  # how long the end of the text is that stands before this place as well
        while n < place and text[place - 1 - n] == text[-1 - n] and text[-1 - n] not in breakers:
            n += 1
        if text[place] not in breakers:
            lengths[text[place]] = max(n, lengths.get(text[place], 0))
    scores = scores.clone()
    for token, n in lengths.items():
        if n >= {sampling.dry_allowed_length!r}:
            scores[0, token] -= {cost}
    return scores"""


def _top_n_sigma(sampling: lm.Sampling) -> str:
    return f"""def top_n_sigma(ids, scores):
    left = scores[scores.isfinite()]
    return scores.masked_fill(scores < left.max() - {sampling.top_n_sigma!r} * left.std(correction=0), -torch.inf)"""


def _xtc(sampling: lm.Sampling) -> str:
    return f"""def xtc(ids, scores):
    probs = torch.softmax(scores[0], -1)
    top = torch.nonzero(probs >= {sampling.xtc_threshold!r})[:, 0]
    if len(top) < 2:
        return scores
    least = top[probs[top] == probs[top].min()][-1]
    return scores.index_fill(1, top[top != least], -torch.inf)"""


def _mirostat(sampling: lm.Sampling) -> str:
    return f"""def mirostat(ids, scores):
    bits = -torch.log2(torch.softmax(scores, -1))
    return scores.masked_fill((bits > {2 * sampling.mirostat_tau!r}) & (bits > bits.min()), -torch.inf)"""


def _no_repeat(sampling: lm.Sampling) -> str:
    # What stands before it may have left nothing but what it removes, and transformers has nothing to draw from then.
    return f"""def no_repeat_ngram(ids, scores):
    left = NoRepeatNGramLogitsProcessor({int(sampling.no_repeat_ngram_size)!r})(ids, scores)
    return left if left.isfinite().any() else scores.masked_fill(scores < scores.max(), -torch.inf)"""


_LINES: MappingProxyType[str, tuple[str, Callable[[lm.Sampling], str]]] = MappingProxyType(
    {
        "presence_penalty": ("presence", _presence),
        "frequency_penalty": ("frequency", _frequency),
        "dry": ("dry", _dry),
        "top_n_sigma": ("top_n_sigma", _top_n_sigma),
        "xtc": ("xtc", _xtc),
        "mirostat": ("mirostat", _mirostat),
    }
)
"""The rules that it lacks: a function's name and its lines."""
_KEEP_THE_SCORES = frozenset({"repetition_penalty", "presence_penalty", "frequency_penalty", "dry", "temperature"})


def warpers_code(sampling: lm.Sampling, coin: float = 0.0) -> str:
    """Imports and a list ``warpers`` of what changes something, in the settings' order.

    The rules of transformers are its own classes, the others a few lines each, which need ``torch``. XTC is left out
    where ``coin`` is not below its probability.

    >>> print(warpers_code(lm.Sampling(temperature=0.5, top_k=3)))
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper
    <BLANKLINE>
    warpers = [TemperatureLogitsWarper(0.5), TopKLogitsWarper(3)]
    >>> print(warpers_code(lm.Sampling(presence_penalty=0.5)))
    def presence(ids, scores):
        scores = scores.clone()
        scores[:, ids.unique()] -= 0.5
        return scores
    <BLANKLINE>
    <BLANKLINE>
    warpers = [presence]
    """
    classes: set[str] = set()
    functions: list[str] = []
    listed: list[str] = []
    for rule in sampling.rules:
        if rule == "xtc" and coin >= sampling.xtc_probability:
            continue
        if rule in _LINES:
            name, lines = _LINES[rule]
            functions.append(f"{lines(sampling)}\n\n\n")
            listed.append(name)
            continue
        before = sampling.rules[: sampling.rules.index(rule)]
        greedy = rule == "temperature" and sampling.temperature == 0
        classes.add(name := "TopKLogitsWarper" if greedy else _CLASSES[rule])
        greedy_before = sampling.temperature == 0 and "temperature" in before  # leaves one token
        if rule == "no_repeat_ngram_size" and (greedy_before or not _KEEP_THE_SCORES.issuperset(before)):
            functions.append(f"{_no_repeat(sampling)}\n\n\n")
            listed.append("no_repeat_ngram")
        else:
            listed.append(f"{name}({1 if greedy else getattr(sampling, rule)!r})")
    imports = f"from transformers.generation.logits_process import {', '.join(sorted(classes))}\n\n" if classes else ""
    gap = "\n" if classes and functions else ""
    return f"{imports}{gap}{''.join(functions)}warpers = [{', '.join(listed)}]"


def sampling_code(sampling: lm.Sampling) -> str:
    """The settings as Python.

    >>> sampling_code(lm.Sampling(temperature=0.5, order=lm.LLAMA_CPP_ORDER))
    'lm.Sampling(temperature=0.5, order=lm.LLAMA_CPP_ORDER)'
    """
    return f"lm.{sampling!r}".replace(repr(lm.LLAMA_CPP_ORDER), "lm.LLAMA_CPP_ORDER")


def rolls_code(n: int, seed: int) -> tuple[str, str]:
    """Lines that print the rolls of the die, with `lmloupe` and without it; nothing where it was not rolled.

    The first need ``stages``, the second ``probs``, and NumPy's own numbers of that seed.
    """
    if not n:
        return "", ""
    own = f"print(lm.roll(stages[-1].probs, {n}, seed={seed}).ids.tolist())\n"
    theirs = (
        "import numpy as np\n"
        "order = torch.argsort(probs.double(), descending=True, stable=True).cpu()  # the strip, from the left\n"
        "ends = probs.double().cpu()[order].cumsum(0)\n"
        f"places = torch.from_numpy(np.random.default_rng({seed}).random({n})) * ends[-1]\n"
        "print(order[torch.searchsorted(ends, places, right=True)].tolist())\n"
    )
    return own, theirs
