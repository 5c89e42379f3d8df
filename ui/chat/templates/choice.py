"""Whose template: the one choice of all pages that render a chat, with what a session has uploaded among it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import display_name, tokenizer
from ui.chat.templates.upload import CHOSEN, OwnTemplate, own_templates
from ui.state import store as state
from ui.state.settings import SETTINGS
from ui.state.uploads import note_typed, uploaded
from ui.tokenizers.choice import Choice
from ui.tokenizers.upload import upload_box

if TYPE_CHECKING:
    from ui.bar.bar import Bar

__all__ = ["FAMILIES", "TemplateChoice", "choose_template", "offered", "pick_template"]

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "smollm2")
"""The embedded tokenizers that have a chat template."""
OWN = "own:"
"""Before the label of an uploaded template, in the key of a choice."""
_REFUSED, _BOX = "template_refused", "template_choice"


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """A chat template that a person chose.

    Attributes:
        name: the tokenizer whose template it is, or which cuts what an uploaded one writes.
        own: what was uploaded; None for a tokenizer's own template.
    """

    name: str
    own: OwnTemplate | None = None

    @property
    def key(self) -> str:
        """How a choice names it."""
        return OWN + self.own.label if self.own else self.name

    @property
    def label(self) -> str:
        """The name that people know."""
        return self.own.label if self.own else display_name(self.name)

    @property
    def template(self) -> lm.ChatTemplates | None:
        """What was uploaded, for `lmloupe.render_chat`; None for the tokenizer's own."""
        return self.own.templates if self.own else None

    @property
    def code(self) -> str:
        """The expression that loads its tokenizer in Python; an upload is read from a file of its name."""
        return Choice(self.name, uploaded().get(self.name)).code

    def load(self) -> lm.Tokenizer:
        """Its tokenizer; see `lmloupe.load_tokenizer` for what it raises."""
        return uploaded().get(self.name) or tokenizer(self.name)


def choose_template(bar: Bar) -> TemplateChoice:
    """Draw the choice of a template in the bar, and the box for uploads behind the gear."""
    with bar.gear:
        own = own_templates()
        upload_box("template_of")
    bar.takes_uploads = True
    now = _now(own)
    with_template = [name for name, tok in uploaded().items() if tok.chat_template or tok.chat_templates]
    families = [*SETTINGS["template_of"].options, *with_template]
    other = [] if state.get("template_of") in families else [state.get("template_of")]
    choices = [*families, *other, *(OWN + one.label for one in own)]
    if st.session_state.get(_BOX) != now.key:
        st.session_state[_BOX] = now.key
    with bar.picks:
        st.selectbox(
            "Template of",
            choices,
            index=choices.index(now.key),
            key=_BOX,
            format_func=lambda key: key.removeprefix(OWN) if key.startswith(OWN) else display_name(key),
            accept_new_options=True,
            label_visibility="collapsed",
            width=160,
            on_change=lambda: pick_template(st.session_state[_BOX]),
            help="One of the families, a template of your own (in the settings), or the hub id or folder of a model: "
            "then it is the model's own published template.",
        )
    if refused := st.session_state.get(_REFUSED):
        st.error(escape_markdown(f"{refused} The page goes on with {now.label}."))
    return now


def offered(now: TemplateChoice) -> list[TemplateChoice]:
    """The families, the chosen template and all that were uploaded, each once."""
    every = [*(TemplateChoice(name) for name in FAMILIES), now]
    every += [TemplateChoice(own.tokenizer, own) for own in own_templates(draw=False)]
    return list({choice.key: choice for choice in every}.values())


def pick_template(key: object) -> None:
    """Choose a template by its key, in a callback; one that no tokenizer can have is refused with a sentence."""
    st.session_state.pop(_REFUSED, None)
    st.session_state.pop(CHOSEN, None)
    if isinstance(key, str) and key.startswith(OWN):
        st.session_state[CHOSEN] = key.removeprefix(OWN)
        return
    try:
        state.put("template_of", key)
        note_typed("template_of", state.get("template_of"))
    except ValueError as error:
        st.session_state[_REFUSED] = f"“{str(key)[:80]}” is not a template to choose: {error}."


def _now(own: list[OwnTemplate]) -> TemplateChoice:
    chosen = next((one for one in own if one.label == st.session_state.get(CHOSEN)), None)
    return TemplateChoice(chosen.tokenizer, chosen) if chosen else TemplateChoice(state.get("template_of"))
