"""The sampling settings as lines of Python for transformers alone."""

from __future__ import annotations

import lmloupe as lm

__all__ = ["rolls_code", "warpers_code"]


def warpers_code(sampling: lm.Sampling) -> str:
    """An import and a list ``warpers``: transformers' own rules for the settings that change something, in its order.

    >>> print(warpers_code(lm.Sampling(temperature=0.5, top_k=3)))
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper
    <BLANKLINE>
    warpers = [TemperatureLogitsWarper(0.5), TopKLogitsWarper(3)]
    """
    chosen: list[tuple[str, object]] = []
    if sampling.repetition_penalty != 1:
        chosen.append(("RepetitionPenaltyLogitsProcessor", sampling.repetition_penalty))
    if sampling.temperature == 0:
        chosen.append(("TopKLogitsWarper", 1))
    elif sampling.temperature != 1:
        chosen.append(("TemperatureLogitsWarper", sampling.temperature))
    if sampling.top_k:
        chosen.append(("TopKLogitsWarper", sampling.top_k))
    if sampling.top_p < 1:
        chosen.append(("TopPLogitsWarper", sampling.top_p))
    if sampling.min_p:
        chosen.append(("MinPLogitsWarper", sampling.min_p))
    if not chosen:
        return "warpers = []"
    names = ", ".join(sorted({name for name, _ in chosen}))
    listed = ", ".join(f"{name}({value!r})" for name, value in chosen)
    return f"from transformers.generation.logits_process import {names}\n\nwarpers = [{listed}]"


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
