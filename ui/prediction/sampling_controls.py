"""The sampling settings, drawn alike on every page that draws tokens."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

import lmloupe as lm
from ui.base.glossary.entries import explained
from ui.prediction.sampling.order import choose_order
from ui.prediction.sampling.rules import MORE, breaker_ids, draw_rule, more_rules, rule_on
from ui.state import store as state

__all__ = [
    "PRESETS",
    "PROMPTS",
    "choose_sampling",
    "coin_of",
    "current_sampling",
    "prompt_chips",
    "sampling_presets",
    "sampling_row",
    "settings_of",
]

PRESETS = {
    "All off": (lm.Sampling(), "Draw from the model's own distribution."),
    "Greedy": (lm.Sampling(temperature=0.0), "Always the best token."),
    "Top-k 5": (lm.Sampling(top_k=5), "Remove all but the five best."),
    "Top-p 0.75": (lm.Sampling(top_p=0.75), "Keep the fewest tokens that reach three quarters of the probability."),
    "Min-p 0.1": (lm.Sampling(min_p=0.1), "Keep what has at least a tenth of the best token's probability."),
    "Temperature 0.7, top-p 0.9": (lm.Sampling(temperature=0.7, top_p=0.9), "Sharpen first, then cut the tail."),
}
"""Settings to begin with, and what each shows."""


PROMPTS = ("My favorite color is", "Once upon a time", "2 + 2 =")
"""Texts after which there is something to sample."""

_CONTROLS: dict[str, tuple[str, float, float, str]] = {
    "temperature": ("Temperature", 0.05, 0.7, explained("temperature")),
    "top_k": ("Top-k", 1, 5, explained("top_k")),
    "top_p": ("Top-p", 0.01, 0.9, explained("top_p")),
    "min_p": ("Min-p", 0.01, 0.1, explained("min_p")),
    "repetition_penalty": (
        "Repetition penalty", 0.05, 1.3, explained("repetition_penalty")
    ),
}  # fmt: skip
"""Label, step, a value to begin with, and what each setting does (Markdown)."""
_OPEN = "sampling_open"
# Settings that the screen has another name for, or writes as text.
_ELSEWHERE = {"order": "sampling_order", "dry_breakers": ""}


def current_sampling(suffix: str = "", tok: lm.Tokenizer | None = None) -> lm.Sampling:
    """The settings as they are now, for a page that draws their controls below what they change.

    Args:
        suffix: ``"_b"`` for the second of two settings.
        tok: the model's tokenizer, for the ids of DRY's breakers; without it there are none.
    """
    names = {field.name: _ELSEWHERE.get(field.name, field.name) for field in fields(lm.Sampling)}
    values = {field: state.get(f"{name}{suffix}") for field, name in names.items() if name}
    if tok is not None and values["dry_multiplier"]:
        values["dry_breakers"] = breaker_ids(tok, state.get(f"dry_breakers{suffix}"))
    return lm.Sampling(**values)


def settings_of(sampling: lm.Sampling) -> dict[str, object]:
    """The settings by the names that a link gives them; DRY's breakers, which a link has as text, are left out."""
    names = {field.name: _ELSEWHERE.get(field.name, field.name) for field in fields(sampling)}
    return {name: getattr(sampling, field) for field, name in names.items() if name}


def coin_of(sampling: lm.Sampling) -> float:
    """XTC's coin at the first step of the seed that the page has; 0 where XTC is off."""
    return lm.xtc_coin(state.get("seed")) if sampling.applies("xtc") else 0.0


def sampling_presets(sampling: lm.Sampling) -> None:
    """One button for each of `PRESETS`, which sets all settings; behind two more the other rules, and their order."""
    for name, (preset, shows) in PRESETS.items():
        st.button(name, key=f"preset_{name}", help=shows, on_click=_take, args=(preset,))
    with st.popover("More rules", key="more_rules", type="tertiary", icon=":material/tune:"):
        more_rules(controls=False)
    with st.popover("Order", key="rule_order", type="tertiary", icon=":material/swap_vert:"):
        choose_order(sampling)


def prompt_chips() -> None:
    """One button for each of `PROMPTS`; it replaces the text, and Back brings the old one."""
    for prompt in PROMPTS:
        st.button(prompt, key=f"prompt_{prompt}", on_click=state.put, args=("text", prompt))


def _take(sampling: lm.Sampling) -> None:
    st.session_state.pop(_OPEN, None)
    for name, value in settings_of(sampling).items():
        state.put(name, value)


def _draw(name: str, suffix: str, width: int | str = "stretch") -> None:
    label, step, _, what = _CONTROLS[name]
    if name == "top_k":
        state.number_input(f"{name}{suffix}", label, help=what, width=width)
    else:
        state.slider(f"{name}{suffix}", label, step=step, help=what, width=width)


def sampling_row() -> None:
    """Temperature as a large slider, the other settings beside it: a thin chip where off, its control where on.

    Rules that few people use are drawn only where they are on; `sampling_presets` has the button to turn them on.
    """
    st.html(_LARGE)
    opened: set[str] = st.session_state.get(_OPEN, set())
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="sampling_row"):
        with st.container(width=400, key="large_temperature"):
            _draw("temperature", "")
        for name, (label, *_, what) in _CONTROLS.items():
            if name == "temperature":
                continue
            if state.get(name) == getattr(lm.Sampling(), name) and name not in opened:
                st.button(
                    f"{label} off", key=f"open_{name}", help=f"Turn it on. {what}", on_click=_open, args=(name,),
                    type="tertiary",
                )  # fmt: skip
            else:
                with st.container(width=160):
                    _draw(name, "")
        for rule in MORE:
            if rule_on(rule):
                draw_rule(rule, "")


def _open(name: str) -> None:
    # A control that is dragged to where it changes nothing stays under the person's hand.
    st.session_state[_OPEN] = st.session_state.get(_OPEN, set()) | {name}
    state.put(name, _CONTROLS[name][2] if name != "top_k" else int(_CONTROLS[name][2]))


_LARGE = """<style>
.st-key-large_temperature [role="slider"] { height: 1.5rem; width: 1.5rem; }
.st-key-large_temperature label p { font-size: 1.125rem; font-weight: 600; }
.st-key-large_temperature [data-testid="stSliderThumbValue"] { font-size: 1.125rem; font-weight: 700; }
</style>"""


def choose_sampling(suffix: str = "", tok: lm.Tokenizer | None = None) -> lm.Sampling:
    """Five controls, side by side where there is room, and all other rules with their order in an expander.

    Args:
        suffix: ``"_b"`` for the second of two settings.
        tok: as in `current_sampling`.
    """
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        for name in ("repetition_penalty", "temperature", "top_k", "top_p", "min_p"):
            with st.container(width=190):
                _draw(name, suffix)
    on = sum(rule_on(rule, suffix) for rule in MORE)
    # Not a popover: the controls may be in one. The label keeps its words, or the expander would close at a change.
    with st.expander("More rules, and their order", expanded=on > 0):
        more_rules(suffix, controls=True)
        st.markdown("**Order**")
        choose_order(current_sampling(suffix, tok), suffix)
    return current_sampling(suffix, tok)
