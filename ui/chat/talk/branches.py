"""A conversation as a tree: every turn that was said in a place, and which of them is on the screen.

The conversation of all pages (the setting ``messages``) is one path through it; the setting ``chat_turns`` holds the
tree. What another page changes becomes a branch as well, so that nothing is lost. Nothing in this module knows
Streamlit.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ui.state.turns import MAX_TURNS

__all__ = ["Branches"]

Message = dict[str, Any]
_ROOT = -1


class Branches:
    """All that was said, and the path that is shown.

    Args:
        nodes: the tree as `nodes` gives it: a list of ``{"parent", "message", "made", "chosen"}``.
        messages: the conversation that is shown; what of it is not in the tree comes into it. One that begins with
            another message than every conversation in the tree is another conversation, and the tree is left behind.

    Attributes:
        nodes: each turn after the one that it answers: ``parent`` is its index, -1 for a first turn; ``made`` says how
            the model wrote it, None where it did not; ``chosen`` marks one of those with the same parent.
        path: the turns that are shown, as indexes.
        n_let_go: turns that had to go because there were too many.

    >>> one = Branches([], [{"role": "user", "content": "Hi"}])
    >>> one.add(1, {"role": "assistant", "content": "Hello"}, {"seed": 0})
    >>> one.add(1, {"role": "assistant", "content": "Hey"}, {"seed": 1})
    >>> one.alternatives(1), one.messages[-1]["content"]
    ((1, 2), 'Hey')
    >>> one.step(1, -1)
    >>> one.messages[-1]["content"], one.made(1)
    ('Hello', {'seed': 0})
    """

    def __init__(self, nodes: Sequence[dict[str, Any]], messages: Sequence[Message]) -> None:
        self.nodes: list[dict[str, Any]] = copy.deepcopy(list(nodes))
        self.path: list[int] = []
        self.n_let_go = 0
        if messages and not any(self.nodes[i]["message"] == messages[0] for i in self._after(_ROOT)):
            self.nodes = []
        for place, message in enumerate(messages):
            self._enter(place, message, None, new=False)

    @property
    def messages(self) -> list[Message]:
        """The conversation that is shown."""
        return [copy.deepcopy(self.nodes[i]["message"]) for i in self.path]

    def made(self, place: int) -> dict[str, Any] | None:
        """How the model wrote the turn in this place; None where it did not."""
        found: dict[str, Any] | None = self.nodes[self.path[place]]["made"]
        return found

    def alternatives(self, place: int) -> tuple[int, int]:
        """Which of the turns in this place is shown, from 0, and how many there are."""
        same = self._same(place)
        return same.index(self.path[place]), len(same)

    def replies(self, place: int) -> list[dict[str, Any]]:
        """How the model wrote those in this place that it wrote, behind the turns before it."""
        parent = self.path[place - 1] if place else _ROOT
        return [made for i in self._after(parent) if (made := self.nodes[i]["made"]) is not None]

    def add(self, place: int, message: Message, made: dict[str, Any] | None = None) -> None:
        """Say something in a place: a new alternative, with what was said after it left on its own branch."""
        del self.path[place:]
        self._enter(place, message, made, new=True)
        self._make_room()

    def cut(self, place: int) -> None:
        """Go back to before a place."""
        del self.path[place:]

    def step(self, place: int, step: int) -> None:
        """Show the next alternative, or the one before, with what was said after it last."""
        same = self._same(place)
        at = min(max(same.index(self.path[place]) + step, 0), len(same) - 1)
        self.show(place, at)

    def show(self, place: int, at: int) -> None:
        """Show one alternative of a place, from 0, with what was said after it last."""
        node: int | None = self._same(place)[at]
        del self.path[place:]
        while node is not None:
            self._choose(node)
            self.path.append(node)
            node = next((i for i in self._after(node) if self.nodes[i]["chosen"]), None)

    def show_made(self, place: int, made: dict[str, Any]) -> bool:
        """Show the alternative that was written in just this way; False where there is none."""
        same = self._same(place)
        at = next((at for at, i in enumerate(same) if self.nodes[i]["made"] == made), None)
        if at is not None:
            self.show(place, at)
        return at is not None

    def _same(self, place: int) -> list[int]:
        return self._after(self.path[place - 1] if place else _ROOT)

    def _after(self, parent: int) -> list[int]:
        return [i for i, node in enumerate(self.nodes) if node["parent"] == parent]

    def _choose(self, node: int) -> None:
        for i in self._after(self.nodes[node]["parent"]):
            self.nodes[i]["chosen"] = i == node

    def _enter(self, place: int, message: Message, made: dict[str, Any] | None, *, new: bool) -> None:
        parent = self.path[place - 1] if place else _ROOT
        equal = [] if new else [i for i in self._after(parent) if self.nodes[i]["message"] == message]
        node = next((i for i in equal if self.nodes[i]["chosen"]), equal[0] if equal else len(self.nodes))
        if node == len(self.nodes):
            kept = {"parent": parent, "message": copy.deepcopy(message), "made": made, "chosen": True}
            self.nodes.append(kept)
        self._choose(node)
        self.path.append(node)

    def _make_room(self) -> None:
        """Let the oldest ends of other branches go, where there are too many turns."""
        while len(self.nodes) > MAX_TURNS:
            parents = {node["parent"] for node in self.nodes}
            last = next((i for i in range(len(self.nodes)) if i not in parents and i not in self.path), None)
            if last is None:
                return
            del self.nodes[last]
            for node in self.nodes:
                node["parent"] -= node["parent"] > last
            self.path = [i - (i > last) for i in self.path]
            self.n_let_go += 1
