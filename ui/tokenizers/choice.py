"""Which tokenizer, or which ones: the compact choices in the bar, with what a session has uploaded among them."""

from __future__ import annotations

from dataclasses import dataclass

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base.loaders import display_name, tokenizer
from ui.base.words import counted
from ui.state import store as state
from ui.tokenizers.upload import uploaded_tokenizers

__all__ = ["Choice", "choose_tokenizer", "choose_tokenizers"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A tokenizer that a person chose.

    Attributes:
        name: embedded key, hub id, or ``upload:`` and the name of the file.
        uploaded: the tokenizer where it is an upload. It belongs to this session: no cache that serves all may get it.
    """

    name: str
    uploaded: lm.Tokenizer | None = None

    @property
    def label(self) -> str:
        """The name that people know."""
        return display_name(self.name)

    def load(self) -> lm.Tokenizer:
        """The tokenizer; see `lmloupe.load_tokenizer` for what it raises."""
        return self.uploaded or tokenizer(self.name)


def choose_tokenizer(bar: Bar, name: str = "tokenizer", label: str = "Tokenizer") -> Choice:
    """Draw the choice of one tokenizer in the bar."""
    with bar.picks:
        chosen = state.selectbox(
            name, label, format_func=display_name, accept_new_options=True, label_visibility="collapsed", width=170,
            help="Embedded, or type the hub id of any other, such as openai-community/gpt2.",
        )  # fmt: skip
    return Choice(chosen)


def choose_tokenizers(bar: Bar, name: str = "tokenizers", label: str = "Tokenizers") -> tuple[Choice, ...]:
    """Draw the choice of several tokenizers in the bar: their number, and behind it the list."""
    with bar.picks.popover(counted(len(state.get(name)), "tokenizer"), icon=":material/view_list:", key=f"pick_{name}"):
        names = state.multiselect(
            name, label, format_func=display_name, accept_new_options=True,
            help="Five are part of LM Loupe; type the hub id of any other, such as openai-community/gpt2.",
        )  # fmt: skip
        uploads = uploaded_tokenizers()
    return (*(Choice(one) for one in names), *(Choice(key, tok) for key, tok in uploads.items()))
