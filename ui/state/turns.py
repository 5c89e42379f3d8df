"""The settings of a conversation with the model: the tree of what was said, and what ends a reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lmloupe as lm
from ui.state.kinds import Setting, choice, integer

__all__ = ["MAX_TURNS", "conversation_settings", "token_ids", "turns_check"]

MAX_TURNS = 200
MAX_REPLY = 4096
MAX_STOPS = 32
ENDED = ("stop", "length", "context", "stopped")
"""What can have ended a reply."""
_MADE = {"model", "quantization", "sampling", "most", "seed", "stops", "ids", "forced", "ended", "prompt"}

Messages = list[dict[str, Any]]
MessagesCheck = Callable[[object], Messages]
TextCheck = Callable[[object], str]


def conversation_settings(messages: MessagesCheck, plain: TextCheck) -> tuple[Setting, ...]:
    """The settings of the page Conversation, given the checks of the shared conversation and of a text."""
    return (
        # All that was said, with the replies that are not on the screen; see ui/chat/talk/branches.py.
        Setting("chat_turns", [], turns_check(messages, plain), packed=True),
        # Tokens that end a reply and are left out, or that do not and are added.
        Setting("stops_changed", (), token_ids, lambda text: text.split(",") if text else [], _listed),
        choice("answer_as", "tool", ("tool", "user")),
        # The reply at which the string is shown, as its turn from 0; -1 for the last.
        integer("string_at", -1, -1, 1000),
    )


def turns_check(messages: MessagesCheck, plain: TextCheck) -> Callable[[object], Messages]:
    """A check of the tree of what was said in a conversation; its form is in `ui.chat.talk.branches`."""

    def check(value: object) -> Messages:
        if not isinstance(value, list | tuple) or len(value) > MAX_TURNS:
            raise ValueError(f"it must be a list of at most {MAX_TURNS} turns")
        return [_turn(node, i, messages, plain) for i, node in enumerate(value)]

    return check


def _turn(node: object, i: int, messages: MessagesCheck, plain: TextCheck) -> dict[str, Any]:
    if not isinstance(node, dict) or set(node) != {"parent", "message", "made", "chosen"}:
        raise ValueError("every turn must have a parent, a message, how it was made, and whether it is chosen")
    if not _is_whole(node["parent"], -1, i - 1) or not isinstance(node["chosen"], bool):
        raise ValueError("every turn must come after the one that it answers")
    made = None if node["made"] is None else _made(node["made"], plain)
    (message,) = messages([node["message"]])
    return {"parent": node["parent"], "message": message, "made": made, "chosen": node["chosen"]}


def _made(made: object, plain: TextCheck) -> dict[str, Any]:
    """How a reply was written, as `ui.chat.talk.replies.Made` keeps it."""
    wrong = ValueError("how a reply was written must be its model, settings, seed and ids")
    if not isinstance(made, dict) or set(made) != _MADE or not isinstance(made["sampling"], dict):
        raise wrong
    lists = [made["ids"], *([] if made["stops"] is None else [made["stops"]])]
    if not all(_are_ids(one) for one in lists) or not made["ids"]:
        raise wrong
    if not all(_is_whole(made[name], 0, 2**31 - 1) for name in ("most", "seed", "forced")):
        raise wrong
    if made["ended"] not in ENDED or made["forced"] > len(made["ids"]):
        raise wrong
    try:
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in made["sampling"].items()
        }
        lm.Sampling(**given)
    except (TypeError, lm.InputError) as error:
        raise wrong from error
    return made | {name: plain(made[name]) for name in ("model", "quantization", "ended", "prompt")}


def _are_ids(value: object) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) <= MAX_REPLY and all(_is_whole(i, 0, 2**31 - 1) for i in value)
    )


def token_ids(value: object) -> tuple[int, ...]:
    """Ids of tokens, each once, from numbers or from their digits.

    Raises:
        ValueError: too many of them, or one that is none.

    >>> token_ids(["2", 0, 2])
    (0, 2)
    """
    if not isinstance(value, list | tuple) or len(value) > MAX_STOPS:
        raise ValueError(f"it must be at most {MAX_STOPS} ids")
    read = [int(one) if isinstance(one, str) and one.isdecimal() and one.isascii() else one for one in value]
    if not all(_is_whole(one, 0, 2**31 - 1) for one in read):
        raise ValueError("it must be ids of tokens, whole numbers from 0")
    return tuple(sorted(set(read)))


def _listed(ids: tuple[int, ...]) -> str:
    return ",".join(map(str, ids))


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
