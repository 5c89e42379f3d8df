"""What the planner is asked: which model, in which precision, on which card, for how much text and how many people."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base.glossary.entries import explained
from ui.base.loaders import display_name
from ui.components.memory_plan import chosen_in
from ui.state import store as state
from ui.state.names import PASTED
from ui.state.settings import EMBEDDED_MODEL, SETTINGS

__all__ = ["DEFAULT_MODEL", "MOST_PEOPLE", "SHOWN", "Asked", "choose", "config_box", "model_name", "take"]

MOST_PEOPLE = int(SETTINGS["plan_people"].high or 1)
DEFAULT_MODEL = str(SETTINGS["plan_model"].default)
SHOWN = ("float32", "bfloat16", "int8", "fp4", "nf4", "nf4+double")
"""The precisions that are always drawn, by their short form: most bytes first."""
SIMULATED = ("q8_0", "q4_0", "int4_g128", "nvfp4", "mxfp4")
_HELP = (
    "The models that people meet, known by their published configs. Or type the hub id of any other, such as "
    "openai-community/gpt2, of which only config.json is read, or a folder of this machine, such as /home/me/model."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Attributes:
        model: key, hub id, folder or `PASTED`.
        config: the text that was pasted; "" where the model has a name.
        precision: its short form.
        card: its key.
        context: tokens for each person.
        people: sequences at once.
        simulated: whether formats that are worked by arithmetic are drawn too.
    """

    model: str
    config: str
    precision: str
    card: str
    context: int
    people: int
    simulated: bool

    @property
    def name(self) -> str:
        """The model's name for people."""
        return model_name(self.model)

    @property
    def shown(self) -> tuple[str, ...]:
        """The precisions that are drawn, the chosen one among them."""
        shown = (*SHOWN, *SIMULATED) if self.simulated else SHOWN
        return shown if self.precision in shown else (*shown, self.precision)


def model_name(model: str) -> str:
    """A model's name for people; a hub id or a folder as it is."""
    if model == PASTED:
        return "This config"
    known = {one.key: one.name for one in lm.known_models()}
    return known.get(model) or display_name(model)


def choose(bar: Bar) -> Asked:
    """Draw the three choices in the bar and the rare ones in its gear."""
    models = [EMBEDDED_MODEL, *(one.key for one in lm.known_models() if EMBEDDED_MODEL not in one.aliases), PASTED]
    cards = {card.key: card.name for card in lm.known_cards()}
    with bar.picks:
        model = state.selectbox(
            "plan_model", "Model", models, format_func=_offered, accept_new_options=True, quiet=True,
            label_visibility="collapsed", width=190, help=_HELP,
        )  # fmt: skip
        precision = state.selectbox(
            "plan_precision", "Precision", _precisions(), format_func=_label, label_visibility="collapsed", width=170,
            help=explained("precision", "int8, fp4 and nf4 are bitsandbytes'; simulated formats in bytes only."),
        )  # fmt: skip
        card = state.selectbox(
            "plan_card", "Card", list(cards), format_func=lambda key: cards[key], label_visibility="collapsed",
            width=150, help="The card, or the computer without one, that the model is to run on.",
        )  # fmt: skip
    with bar.gear:
        simulated = state.toggle(
            "plan_simulated", "Formats of other engines too",
            help="Q8_0, Q4_0, int4 in groups of 128, NVFP4 and MXFP4: their bytes, by arithmetic.",
        )  # fmt: skip
        state.segmented(
            "plan_axis", "The axis ends", format_func={"card": "behind the card", "bars": "behind the chosen bar"}.get,
            help="Behind the card, its line stands still whatever the model; behind the bar, a small model is seen.",
        )  # fmt: skip
    state.show_refusal("plan_model")
    config = state.get("plan_config") if model == PASTED else ""
    context, people = state.get("plan_context"), state.get("plan_people")
    return Asked(model, config, precision, card, context, people, simulated)


def _offered(model: str) -> str:
    return "Paste a config.json …" if model == PASTED else model_name(model)


def _precisions() -> list[str]:
    chosen = state.get("plan_precision")
    offered = [*SHOWN, *SIMULATED]
    return offered if chosen in offered else [*offered, chosen]


def _label(spec: str) -> str:
    return lm.Precision.parse(spec).label


def config_box() -> None:
    """The box for a config.json; what was typed stays, whatever is said of it."""
    state.text_area(
        "plan_config", "config.json", height=220,
        placeholder='{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, …}',
        help="The file of this name in a model's repository. It is read as JSON; nothing in it is executed.",
    )  # fmt: skip


def take(key: str) -> None:
    """A bar, a cell or a slider asked for something: keep what can be."""
    asked = chosen_in(key)
    changes = {
        "plan_precision": asked.precision,
        "plan_card": asked.card,
        "plan_context": asked.context,
        "plan_people": asked.sequences,
    }
    for name, value in changes.items():
        if value is None:
            continue
        try:
            state.put(name, value)
        except ValueError:  # from a browser that shows something older, or from a stranger: nothing of it is believed
            st.toast(f"{name.removeprefix('plan_').capitalize()} stays as it is.")
