"""How a class goes from a question to its answer and on to the next step, and back."""

from __future__ import annotations

from ui.learn.classes.store.answers import Classroom, Phase

__all__ = ["after", "before"]


def after(room: Classroom) -> tuple[int, Phase]:
    """Position and phase that come next: from a question its answer, from there the next step."""
    if room.phase in ("open", "closed"):
        return room.position, "reveal"
    position = min(room.position + 1, len(room.plan))
    if position == len(room.plan):
        return position, "finish"
    if not room.plan[position].asks:
        return position, "reveal"
    return position, "closed" if position <= room.revealed else "open"


def before(room: Classroom) -> tuple[int, Phase]:
    """Position and phase that came before: from an answer its question, from there the answer of the step before."""
    if room.phase == "reveal" and room.plan[room.position].asks:
        return room.position, "closed"
    position = max(room.position - 1, -1)
    return (position, "lobby") if position < 0 else (position, "reveal")
