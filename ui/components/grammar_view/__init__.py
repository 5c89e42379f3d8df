"""What a grammar did to each token that a model wrote: one column a token, and the chosen one's candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ui.components import kit

__all__ = ["Candidate", "GrammarStep", "grammar_view", "picked_step"]

_HERE = Path(__file__).parent
_render = kit.component("lmloupe_grammar", _HERE / "grammar_view.js", kit.DRAWING, _HERE / "grammar_view.css")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One token that the model might have written.

    Attributes:
        label: its text, white space visible.
        own: its probability in the model's own distribution, 0 to 1.
        left: what it has once the others are struck out; None where it is itself struck out.
        drawn: whether it was written.
        special: whether it is a special token.
        own_text, left_text: the two as people read them.
    """

    label: str
    own: float
    left: float | None
    drawn: bool
    special: bool
    own_text: str
    left_text: str


@dataclass(frozen=True, slots=True)
class GrammarStep:
    """One token that was written.

    Attributes:
        label: its text, white space visible.
        special: whether it is a special token.
        struck_out: probability of what the grammar struck out, 0 to 1, and as people read it.
        allowed: how many tokens of the vocabulary might come, as people read it, and as a share of a logarithmic axis.
        wanted: what the model puts first and its probability, where that was struck out; else None.
        forced: whether one token alone might come.
        candidates: the most probable tokens, best first.
        says: the step in words.
    """

    label: str
    special: bool
    struck_out: float
    struck_out_text: str
    allowed: str
    allowed_share: float
    wanted: tuple[str, str] | None
    forced: bool
    candidates: tuple[Candidate, ...]
    says: str


def grammar_view(
    steps: Sequence[GrammarStep],
    *,
    picked: int,
    ending: str,
    free: str,
    free_title: str,
    name: str,
    key: str,
    on_pick: Callable[[], None] = kit.nothing,
) -> None:
    """Draw the steps.

    Args:
        steps: at least one.
        picked: the step whose candidates are shown at first.
        ending: why the text ends.
        free: what the model writes without the grammar.
        free_title: the heading of that.
        name: what the picture is, in words.
        key: the widget's key.
        on_pick: called before the run that a press asks for; `picked_step` reads which step was pressed.
    """
    data = {
        "name": name,
        "steps": [asdict(step) for step in steps],
        "picked": picked,
        "ending": ending,
        "free": free,
        "free_title": free_title,
    }
    _render(key=key, data=data, on_picked_change=on_pick)


def picked_step(key: str) -> int | None:
    """In ``on_pick``: the step that was pressed. It comes from a browser: check that it is there."""
    return kit.whole(kit.sent(key, "picked"), "step")
