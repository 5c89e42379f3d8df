"""The rules that most people leave off: one chip each until somebody turns it on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.components.distribution_view import RULES
from ui.state import store as state
from ui.state.settings import SETTINGS

__all__ = ["MORE", "breaker_ids", "draw_rule", "more_rules", "rule_on"]


@dataclass(frozen=True, slots=True)
class Control:
    """One setting: its name, its label, what it does, and the step of its slider; 0 where it is a number to type."""

    name: str
    label: str
    what: str
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class More:
    """One rule: what it does, the value its chip turns it on with, its settings, and those few people change."""

    what: str
    start: float
    controls: tuple[Control, ...]
    rare: tuple[Control, ...] = ()


_OF_P = "Keep the tokens whose surprisal is nearest to the entropy, up to this probability; 1 keeps all."
MORE = {
    "no_repeat_ngram_size": More(
        "Remove what would complete a run of so many tokens that the text has already.",
        2,
        (Control("no_repeat_ngram_size", "No-repeat n-gram", "A run of so many tokens may not come again; 0 is off."),),
    ),
    "presence_penalty": More(
        "Lower the scores of tokens that are in the text.",
        1.0,
        (Control("presence_penalty", "Presence penalty", "Taken from the score of each token in the text.", 0.1),),
    ),
    "frequency_penalty": More(
        "Lower the score of a token once for each time that it is in the text.",
        0.5,
        (Control("frequency_penalty", "Frequency penalty", "Taken once for each time the token is in the text.", 0.1),),
    ),
    "dry": More(
        "Lower the score of what would continue a repetition, the longer it is the more.",
        0.8,
        (
            Control("dry_multiplier", "DRY", "What the shortest repetition that counts costs; 0 is off.", 0.05),
            Control("dry_base", "DRY base", "Each further repeated token costs this many times as much.", 0.05),
            Control("dry_allowed_length", "DRY from length", "Shorter repetitions cost nothing."),
        ),
        (
            Control("dry_range", "DRY looks back, tokens", "How much of the text's end is searched; 0 is all of it."),
            Control("dry_breakers", "DRY breakers", "A repetition begins anew after these; \\n is a line break."),
        ),
    ),
    "top_n_sigma": More(
        "Keep scores within so many standard deviations of the best.",
        1.0,
        (Control("top_n_sigma", "Top-nσ", "Standard deviations below the best score; 0 keeps all.", 0.05),),
    ),
    "top_h": More(
        "Of the 100 best keep the first that make up this share of their entropy.",
        0.4,
        (Control("top_h", "Top-h", "Share of the entropy of the 100 most probable tokens; 0 keeps all.", 0.01),),
    ),
    "typical_p": More(_OF_P, 0.9, (Control("typical_p", "Typical", _OF_P, 0.01),)),
    "epsilon_cutoff": More(
        "Keep tokens with at least this probability.",
        0.01,
        (Control("epsilon_cutoff", "Epsilon", "Keep tokens with at least this probability; 0 keeps all.", 0.001),),
    ),
    "eta_cutoff": More(
        "Keep tokens with at least this probability, or less where the choice is open.",
        0.01,
        (Control("eta_cutoff", "Eta", "The bound falls as the entropy rises; 0 keeps all.", 0.001),),
    ),
    "xtc": More(
        "At some steps remove all top choices but the least probable of them.",
        0.5,
        (
            Control("xtc_probability", "XTC", "How often it acts; 0 is never.", 0.05),
            Control("xtc_threshold", "XTC from", "A top choice has at least this probability.", 0.01),
        ),
    ),
    "mirostat": More(
        "Keep tokens of at most mu bits of surprisal; mu, the limit, rises and falls with what was drawn before.",
        3.0,
        (Control("mirostat_tau", "Mirostat tau", "Bits of surprisal to steer to; 0 is off.", 0.1),),
        (Control("mirostat_eta", "Mirostat eta", "How fast the limit mu follows what was drawn.", 0.01),),
    ),
}
"""The rules with their controls; the first control turns its rule on."""
_GROUPS = {
    "Against repetition": ("no_repeat_ngram_size", "presence_penalty", "frequency_penalty", "dry"),
    "Remove improbable tokens": ("typical_p", "epsilon_cutoff", "eta_cutoff", "top_h", "top_n_sigma"),
    "By chance, or by what was drawn before": ("xtc", "mirostat"),
}


def rule_on(rule: str, suffix: str = "") -> bool:
    """Whether one of `MORE` is on."""
    name = MORE[rule].controls[0].name
    return bool(state.get(name + suffix) != SETTINGS[name].default)


def breaker_ids(tok: lm.Tokenizer, written: str) -> tuple[int, ...]:
    """The ids of DRY's breakers: of each text between spaces the last token that it has after a letter."""
    texts = [text.replace("\\n", "\n").replace("\\t", "\t") for text in written.split()]
    return tuple(dict.fromkeys(int(lm.encode(tok, f"a{text}").input_ids[-1]) for text in texts))


def draw_rule(rule: str, suffix: str, *, rare: bool = False) -> None:
    """The controls of a rule that is on."""
    for control in MORE[rule].rare if rare else MORE[rule].controls:
        name = control.name + suffix
        with st.container(width=165):
            if isinstance(SETTINGS[name].default, str):
                state.text_input(name, control.label, help=control.what)
            elif control.step:
                digits = "%.3f" if control.step < 0.01 else "%.2f"
                state.slider(name, control.label, step=control.step, help=control.what, format=digits)
            else:
                state.number_input(name, control.label, help=control.what)


def more_rules(suffix: str = "", *, controls: bool) -> None:
    """A chip for each rule that is off, and what few people change of those that are on.

    Args:
        suffix: ``"_b"`` for the second of two settings.
        controls: draw all controls of a rule that is on; else its first ones are somewhere else on the page.
    """
    st.caption("Press a rule to switch it on; point at it to read what it does.")
    for group, rules in _GROUPS.items():
        st.markdown(f"**{group}**")
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            for rule in rules:
                name = RULES[rule][0].upper() + RULES[rule][1:]
                if not rule_on(rule, suffix):
                    st.button(
                        f"{name} off", key=f"open_{rule}{suffix}", help=f"Turn it on. {MORE[rule].what}",
                        on_click=_set, args=(rule, suffix, MORE[rule].start), type="tertiary",
                    )  # fmt: skip
                    continue
                st.button(
                    f"{name} on", key=f"close_{rule}{suffix}", help=f"Turn it off. {MORE[rule].what}",
                    on_click=_set, args=(rule, suffix, SETTINGS[MORE[rule].controls[0].name].default),
                )  # fmt: skip
                if controls:
                    draw_rule(rule, suffix)
                draw_rule(rule, suffix, rare=True)


def _set(rule: str, suffix: str, value: float) -> None:
    state.put(MORE[rule].controls[0].name + suffix, value)
