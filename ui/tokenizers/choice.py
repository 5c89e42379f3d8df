"""Which tokenizer, or which ones: the compact choices in the bar, with what a session has uploaded among them."""

from __future__ import annotations

from dataclasses import dataclass

import lmloupe as lm
from ui.bar.bar import Bar
from ui.base.loaders import display_name, tokenizer
from ui.base.words import counted
from ui.state import store as state
from ui.state.names import UPLOAD
from ui.state.uploads import uploaded
from ui.tokenizers.upload import upload_box

__all__ = ["Choice", "choose_tokenizer", "choose_tokenizers"]

_HELP = (
    "Five are part of LM Loupe. Or type the hub id of any other, such as openai-community/gpt2, or a folder of the "
    "machine that LM Loupe runs on, written from its root, such as /home/me/tokenizer."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A tokenizer that a person chose.

    Attributes:
        name: embedded key, hub id, folder, or ``upload:`` and the name of the file.
        uploaded: the tokenizer where it is an upload. It belongs to this session: no cache that serves all may get it.
    """

    name: str
    uploaded: lm.Tokenizer | None = None

    @property
    def label(self) -> str:
        """The name that people know."""
        return display_name(self.name)

    @property
    def code(self) -> str:
        """The expression that loads it in Python; an upload is read from a file of its name."""
        if self.uploaded is None:
            return f"lm.load_tokenizer({self.name!r})"
        file = self.name.removeprefix(UPLOAD)
        return f'lm.load_tokenizer_file(open({file!r}, "rb").read(), {self.name!r})'

    def load(self) -> lm.Tokenizer:
        """The tokenizer; see `lmloupe.load_tokenizer` for what it raises."""
        return self.uploaded or tokenizer(self.name)


def choose_tokenizer(bar: Bar, name: str = "tokenizer", label: str = "Tokenizer") -> Choice:
    """Draw the choice of one tokenizer in the bar, and in the gear the box for a person's own."""
    with bar.picks:
        chosen = state.selectbox(
            name, label, _offered(), format_func=_shown, accept_new_options=True, label_visibility="collapsed",
            width=170, help=f"{label}. {_HELP} Your own tokenizer.json: in the settings.", quiet=True,
        )  # fmt: skip
    state.show_refusal(name)
    if not bar.takes_uploads:  # once, where a page draws several choices
        bar.takes_uploads = True
        with bar.gear:
            upload_box(name)
    return Choice(chosen, uploaded().get(chosen))


def choose_tokenizers(bar: Bar, name: str = "tokenizers", label: str = "Tokenizers") -> tuple[Choice, ...]:
    """Draw the choice of several tokenizers in the bar: their number, and behind it the list and a person's own."""
    with bar.picks.popover(counted(len(state.get(name)), "tokenizer"), icon=":material/view_list:", key=f"pick_{name}"):
        names = state.multiselect(
            name, label, _offered(), format_func=_shown, accept_new_options=True, help=_HELP, quiet=True
        )
        if not bar.takes_uploads:  # once, where a page draws several choices
            upload_box(name)
    bar.takes_uploads = True
    state.show_refusal(name)
    return tuple(Choice(one, uploaded().get(one)) for one in names)


def _offered() -> list[str]:
    return [*lm.embedded_tokenizers(), *uploaded()]


def _shown(name: str) -> str:
    return f"{display_name(name)} (uploaded)" if name.startswith(UPLOAD) else display_name(name)
