"""The order in which the rules are applied: its list, and whether it matters here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.components.distribution_view import RULES, setting_words
from ui.components.order_list import Ordered, order_in, order_list
from ui.state import store as state

__all__ = ["choose_order", "order_sentence", "order_words"]

ORDERS = {"transformers": lm.TRANSFORMERS_ORDER, "llama.cpp": lm.LLAMA_CPP_ORDER}
_LESS = 1e-9  # what only rounding tells apart


def choose_order(sampling: lm.Sampling, suffix: str = "") -> None:
    """The rules as a list to order, and the two orders that libraries have."""
    name = f"sampling_order{suffix}"
    st.caption("transformers divides by the temperature before it cuts, llama.cpp after all cuts.")
    with st.container(horizontal=True, gap="small"):
        for library, order in ORDERS.items():
            st.button(
                f"{library}’ order" if library.endswith("s") else f"{library}’s order", key=f"order_{library}{suffix}",
                disabled=sampling.order == order, on_click=state.put, args=(name, order),
            )  # fmt: skip
    key = f"order_list{suffix}"
    rows = [
        Ordered(rule, RULES[rule], setting_words(rule, sampling) if sampling.applies(rule) else "off", on)
        for rule in sampling.order
        for on in [sampling.applies(rule)]
    ]
    order_list(
        rows, label="The rules in the order in which they are applied", key=key, on_move=lambda: _move(key, name)
    )


def _move(key: str, name: str) -> None:
    order = order_in(key)
    if order is not None and sorted(order) == sorted(lm.TRANSFORMERS_ORDER):
        state.put(name, order)


def _listed(rules: Sequence[str]) -> str:
    return ", then ".join(RULES[rule] for rule in rules)


def order_words(sampling: lm.Sampling) -> str:
    """In which order each library applies the rules that are on; nothing where one rule or none is on."""
    if len(sampling.rules) < 2:
        return ""
    one, two = (replace(sampling, order=order).rules for order in ORDERS.values())
    if one == two:
        said = f"transformers and llama.cpp apply these rules in the same order: {_listed(one)}."
    else:
        said = f"transformers applies {_listed(one)}; llama.cpp {_listed(two)}."
    alone = " With mirostat llama.cpp itself leaves out all rules but the temperature."
    return said + (alone if sampling.applies("mirostat") else "")


def order_sentence(tok: lm.Tokenizer, answer: lm.NextToken, sampling: lm.Sampling, coin: float) -> str:
    """Whether it matters here in which of the orders the rules are applied: computed, in one sentence of Markdown.

    Nothing where one rule or none is on.
    """
    if len(sampling.rules) < 2:
        return ""
    orders = {"this order": sampling.order} | {f"{library}’s" if library != "transformers" else "transformers’": order
                                               for library, order in ORDERS.items()}  # fmt: skip
    ends: dict[str, lm.Stage] = {}
    for name, order in orders.items():
        if name == "this order" and order in ORDERS.values():
            continue
        with_order = replace(sampling, order=order)
        ends[name] = lm.sampling_stages(answer.logits, with_order, answer.input_ids, coin=coin)[-1]
    (first, own), *others = ends.items()
    moved = {name: np.abs(end.probs - own.probs) for name, end in others}
    name = max(moved, key=lambda name: float(moved[name].max()))
    if moved[name].max() < _LESS:
        return "The order of the rules does not change the result here."
    token = int(moved[name].argmax())
    return (
        f"**The order of the rules changes the result here:** “{escape_markdown(token_label(tok, token))}” has "
        f"{_chance(own, token)} in {first if first == 'this order' else f'{first} order'} and "
        f"{_chance(ends[name], token)} in {name} order; {counted(int(own.kept.sum()), 'token')} left against "
        f"{int(ends[name].kept.sum()):,}."
    )


def _chance(end: lm.Stage, token: int) -> str:
    return probability(float(end.probs[token])) if end.kept[token] else "no chance"
