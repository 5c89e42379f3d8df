"""What a person does to the conversation: say something, ask again, go back, take another alternative, undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import streamlit as st

from ui.chat.talk.branches import Branches
from ui.chat.talk.replies import Ask, Made, Writing
from ui.components import kit
from ui.state import store as state

__all__ = [
    "SAY",
    "TALK",
    "Refused",
    "ask_again",
    "asked",
    "branches",
    "change",
    "go_on_with",
    "keep_offered",
    "let_go",
    "offer",
    "pressed",
    "refused",
    "say_first",
    "say_otherwise",
    "send",
    "switch",
    "take_reply",
    "undo",
    "undo_label",
    "version",
    "writing",
    "written",
]

SAY, TALK = "conversation_say", "conversation_talk"
_ASK, _OFFER, _UNDO, _WRITING = "conversation_ask", "conversation_offer", "conversation_undos", "conversation_writing"
_REFUSED, _LET_GO = "conversation_refused", "conversation_let_go"
MOST_UNDO = 50


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that was not taken over, so that it is not lost."""

    text: str
    reason: str


def branches() -> Branches:
    """The conversation of all pages as the tree that it is a path of."""
    return Branches(state.get("chat_turns"), state.get("messages"))


def version(tree: Branches) -> str:
    """A name of what is shown; a press that belongs to another one does nothing."""
    return blake2b(repr(tree.messages).encode(), digest_size=6).hexdigest()


def asked() -> Ask | None:
    """The reply that a person has asked for, if the conversation is still the one that it answers."""
    found: Ask | None = st.session_state.get(_ASK)
    return found if found is not None and found.messages == state.get("messages") else None


def writing(now: Writing) -> None:
    """Say what is being written; what a person does meanwhile finds it."""
    st.session_state[_WRITING] = now


def written() -> Writing | None:
    """What is being written, or was last, if the conversation is still the one that it answers."""
    found: Writing | None = st.session_state.get(_WRITING)
    return found if found is not None and found.messages == state.get("messages") else None


def offer(reply: Writing | None) -> None:
    """A reply that is shown and not in the conversation yet; what a person says next puts it there."""
    st.session_state[_OFFER] = reply


def refused() -> Refused | None:
    """The last message, if it was not taken over."""
    found: Refused | None = st.session_state.get(_REFUSED)
    return found


@contextmanager
def change(label: str) -> Iterator[Branches]:
    """Change the conversation; undo brings back what was there. A reply that is shown becomes part of it first.

    Args:
        label: what is done, for the button that undoes it.
    """
    before = (label, {name: state.get(name) for name in ("messages", "chat_turns", "stops_changed")})
    tree = branches()
    shown: Writing | None = st.session_state.get(_OFFER)
    now = written()
    if shown is not None and shown.messages == before[1]["messages"]:
        tree.add(len(tree.path), shown.message(), shown.made().as_dict())
    elif now is not None and now.asked and not now.run.finished and now.run.steps:
        tree.add(len(tree.path), now.message(), now.made().as_dict())  # cut off by what is done now
    st.session_state[_OFFER] = st.session_state[_WRITING] = st.session_state[_ASK] = st.session_state[_REFUSED] = None
    yield tree
    state.put("messages", tree.messages)
    state.put("chat_turns", tree.nodes)
    state.put("string_at", -1)
    st.session_state[_LET_GO] = tree.n_let_go
    held = st.session_state.setdefault(_UNDO, [])
    held.append(before)
    del held[:-MOST_UNDO]


def _ask(tree: Branches, seed: int | None = None, forced: tuple[int, ...] = ()) -> None:
    st.session_state[_ASK] = Ask(tree.messages, seed, forced)


def send(called: str | None) -> None:
    """Say what is in the input, as a person or as the tool that was ``called``; in its ``on_submit``."""
    text = st.session_state.get(SAY)
    if not text:
        return
    as_tool = called is not None and state.get("answer_as") == "tool"
    message = {"role": "tool", "name": called, "content": text} if as_tool else {"role": "user", "content": text}
    try:
        with change("Send") as tree:
            tree.add(len(tree.path), message)
    except ValueError as error:
        st.session_state[_REFUSED] = Refused(text, str(error).removesuffix("."))
        return
    _ask(tree)


def take_reply(reply: Writing) -> None:
    """Put a reply that was asked for into the conversation: part of what asked for it, undone together."""
    tree = branches()
    made = reply.made().as_dict()
    if not tree.show_made(len(tree.path), made):
        tree.add(len(tree.path), reply.message(), made)
    st.session_state[_ASK] = st.session_state[_WRITING] = None
    state.put("messages", tree.messages)
    state.put("chat_turns", tree.nodes)


def keep_offered() -> None:
    """Put the reply that is shown into the conversation."""
    with change("Keep"):
        pass


def ask_again(place: int, *, same_seed: bool = False) -> None:
    """Another reply in a place, from a seed that none of those there has, or from the same one with other settings."""
    with change("Again") as tree:
        shown = tree.made(place) if place < len(tree.path) else None
        seeds = [made["seed"] for made in tree.replies(place)]
        tree.cut(place)
    _ask(tree, shown["seed"] if same_seed and shown else max(seeds) + 1 if seeds else None)


def go_on_with(place: int, at: int, token_id: int) -> None:
    """The reply in a place up to its token ``at``, then another token, and on from there."""
    tree = branches()
    n = len(tree.path) + (st.session_state.get(_OFFER) is not None)
    if place >= n:
        return  # pressed twice before the page was drawn anew
    with change("Another token") as tree:
        made = Made.of(tree.made(place) or {})
        tree.cut(place)
    _ask(tree, made.seed, (*made.ids[:at], token_id))


def pressed() -> None:
    """Do what was pressed in the bubbles; in the component's callback."""
    sent = kit.sent(TALK, "act")
    if not isinstance(sent, dict):
        return
    tree = branches()
    place = sent.get("turn")
    n = len(tree.path) + (st.session_state.get(_OFFER) is not None)
    if sent.get("version") != version(tree) or not isinstance(place, int) or not 0 <= place < n:
        return  # pressed on a conversation that another page, or Back, has changed since
    what = sent.get("what")
    if what == "keep":
        keep_offered()
    elif what == "again":
        ask_again(place)
    elif what == "switch" and sent.get("step") in (-1, 1):
        switch(place, sent["step"])
    elif what == "edit" and isinstance(sent.get("text"), str):
        say_otherwise(place, sent["text"])
    elif what == "system" and isinstance(sent.get("text"), str):
        say_first(sent["text"])


def switch(place: int, step: int) -> None:
    """Show the alternative before or after, with all that was said behind it."""
    with change("Alternative") as tree:
        tree.step(place, step)


def say_otherwise(place: int, text: str) -> None:
    """Other words in a turn: a branch that has what follows up to the next reply, which is written anew."""
    turns = branches().messages
    if place < len(turns) and turns[place].get("content") != text:
        _begin_anew("Edit", place, turns[place] | {"content": text}, turns[place + 1 :])


def say_first(text: str) -> None:
    """A system turn before a conversation that has none."""
    _begin_anew("System turn", 0, {"role": "system", "content": text}, branches().messages)


def _begin_anew(label: str, place: int, message: dict[str, Any], rest: list[dict[str, Any]]) -> None:
    """Another message in a place, and after it of the rest what comes before the next reply."""
    if message["role"] == "assistant":
        rest = []
    kept = next((i for i, turn in enumerate(rest) if turn["role"] == "assistant"), len(rest))
    try:
        with change(label) as tree:
            for i, turn in enumerate([message, *rest[:kept]], start=place):
                tree.add(i, turn)
    except ValueError as error:
        st.session_state[_REFUSED] = Refused(message["content"], str(error).removesuffix("."))
        return
    _ask(tree)


def undo_label() -> str:
    """What the next undo takes back; empty where there is nothing."""
    held: list[tuple[str, Any]] = st.session_state.get(_UNDO, [])
    return held[-1][0] if held else ""


def undo() -> None:
    """Bring back what was there before the last change that was made here."""
    if not undo_label():
        return  # pressed twice before the page was drawn anew
    _, before = st.session_state[_UNDO].pop()
    for name in (_ASK, _OFFER, _WRITING, _REFUSED):
        st.session_state[name] = None
    for name, value in before.items():
        state.put(name, value)
    state.put("string_at", -1)


def let_go() -> int:
    """How many turns of other branches had to go at the last change."""
    return int(st.session_state.get(_LET_GO) or 0)
