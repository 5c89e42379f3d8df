"""Facts about numbers of bits: one block in nf4, the planner's sums, what a card holds."""

from __future__ import annotations

from typing import Literal

import numpy as np

import lmloupe as lm
from ui.learn.facts.registry import fact
from ui.precision.block.answers import block_of
from ui.state.settings import EMBEDDED_MODEL

__all__ = [
    "block_bits",
    "block_bits_text",
    "block_code",
    "block_error",
    "block_levels",
    "block_size",
    "plan_fits",
    "plan_gigabytes",
    "plan_number",
    "rule_of_thumb",
    "unshared_cache",
]

BLOCK = "model.layers.0.self_attn.q_proj"
Form = Literal["nf4", "nf4+double", "fp4", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128"]


def _block(form: str) -> lm.QuantizationBlock:
    return block_of(EMBEDDED_MODEL, "none", BLOCK, 0, 0, form)


@fact(slow=True)
def block_size(*, form: Form = "nf4") -> int:
    """How many weights share one scale.

    >>> block_size()
    64
    """
    return len(_block(form).values)


@fact(slow=True)
def block_levels(*, form: Form = "nf4") -> int:
    """How many different values a weight can be stored as, before the scale.

    >>> block_levels()
    16
    """
    return len(np.unique(_block(form).levels))


@fact(slow=True)
def block_bits(*, form: Form = "nf4") -> float:
    """Bits a weight takes, its share of the scale counted.

    >>> block_bits()
    4.5
    """
    return float(_block(form).bits)


@fact(slow=True)
def block_bits_text(*, form: Form = "nf4") -> str:
    """The same as a text, for a choice.

    >>> block_bits_text()
    '4.5'
    """
    return f"{block_bits(form=form):g}"


@fact(slow=True)
def block_code(*, place: int, form: Form = "nf4") -> int:
    """Code of one weight of the first block of the first query matrix; ``place`` counts from 1.

    >>> block_code(place=1)
    6
    """
    return int(_block(form).codes[place - 1])


@fact(slow=True)
def block_error(*, form: Form = "nf4") -> float:
    """Largest change of a weight in that block, as a share of the largest weight in it, from 0 to 1.

    >>> 0 < block_error() < 0.2
    True
    """
    block = _block(form)
    return float(np.abs(block.errors).max() / np.abs(block.values).max())


@fact
def plan_number(
    *,
    model: str,
    of: Literal["parameters", "bytes_per_token", "context", "people", "heads", "key_heads"],
    precision: str = "none",
    card: str = "t4",
    context: int = 8192,
) -> int:
    """A number of a plan, such as parameters, bytes of the cache for one token, or the most people that a card holds.

    >>> plan_number(model="llama-3.1-8b", of="parameters")
    8030261248
    """
    plan = lm.memory_plan(model, precision, context=context)
    if of == "context":
        return plan.largest_context(card)
    if of == "people":
        return plan.most_sequences(card)
    makeup = plan.model.makeup
    return {
        "parameters": plan.n_parameters,
        "bytes_per_token": plan.cache_bytes_per_token,
        "heads": makeup.n_heads,
        "key_heads": makeup.n_kv_heads,
    }[of]


@fact
def plan_gigabytes(
    *,
    model: str,
    of: Literal["weights", "cache", "total"] = "weights",
    precision: str = "none",
    context: int = 8192,
    people: int = 1,
) -> float:
    """Memory that a plan needs in gigabytes (1,000,000,000 bytes): for the weights, the cache, or all of it.

    >>> round(plan_gigabytes(model="llama-3.1-8b"), 1)
    16.1
    """
    plan = lm.memory_plan(model, precision, context=context, sequences=people)
    return {"weights": plan.weights_bytes, "cache": plan.cache_bytes, "total": plan.total_bytes}[of] / 1e9


@fact
def plan_fits(*, model: str, card: str, precision: str = "none", context: int = 8192, people: int = 1) -> str:
    """``Yes`` where a model with this context fits into a card, else ``No``.

    >>> plan_fits(model="llama-3.1-8b", card="t4")
    'No'
    """
    return "Yes" if lm.memory_plan(model, precision, context=context, sequences=people).fits(card) else "No"


@fact
def rule_of_thumb(*, model: str, bits: float) -> float:
    """Parameters times bits of each, in gigabytes (1,000,000,000 bytes).

    >>> round(rule_of_thumb(model="llama-3.1-8b", bits=4), 1)
    4.0
    """
    return plan_number(model=model, of="parameters") * bits / 8 / 1e9


@fact
def unshared_cache(*, model: str, context: int = 8192) -> float:
    """Gigabytes of the cache of one text if every head had keys and values of its own.

    >>> round(unshared_cache(model="llama-3.1-8b"), 1)
    4.3
    """
    sets = plan_number(model=model, of="heads") / plan_number(model=model, of="key_heads")
    return plan_gigabytes(model=model, of="cache", context=context) * sets
