"""The conversation as the two views draw it: its turns as bubbles, and the string at one of its replies."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

import lmloupe as lm
from lmloupe.chat.messages import RESULT_ROLES, called_functions
from ui.base.words import counted, probability
from ui.chat.talk.branches import Branches
from ui.chat.talk.replies import Made, Writing
from ui.components.talk import Exchanges, Stretch, Turn

__all__ = ["ENDS", "Shown", "called", "exchange_tabs", "heading", "made_by", "stretches_of", "turns_of", "zones_of"]

ENDS = {
    "stop": "ended at {token}",
    "length": "cut off at the maximum of new tokens",
    "context": "cut off where the context is full",
    "stopped": "stopped by you",
}
_NAMES = {"user": "You", "assistant": "Model", "system": "System", "developer": "Developer"}
ZONES = (
    (
        "cached",
        "What a server has of this prompt from the reply before, id for id: its prompt and what was written, but for "
        "the last token, which the model has drawn and not read.",
    ),
    ("read", "Tokens of the prompt that come after these: the model reads them before it writes."),
    ("written", "Tokens that the model wrote."),
)


def called(message: Mapping[str, Any]) -> str | None:
    """The tool that a message calls first; None where it calls none."""
    functions = called_functions(message)
    return str(functions[0].get("name", "tool")) if functions else None


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the screen.

    Attributes:
        tree: the conversation, as one path of all that was said.
        found: its requests, where it could be rendered.
        made: how this model wrote its replies, by their turn; from `made_by`.
        offered: a reply that is shown and not in the conversation yet.
    """

    tree: Branches
    found: Sequence[lm.Exchange]
    made: Mapping[int, Made]
    offered: Writing | None = None


def made_by(tree: Branches, model: str, n_rows: int) -> dict[int, Made]:
    """How a model wrote its replies, by their turn; the ids of another model's replies mean nothing to it.

    Args:
        tree: the conversation.
        model: whose replies.
        n_rows: of its matrix; a link may claim any ids.
    """
    kept = {place: Made.of(made) for place in range(len(tree.path)) if (made := tree.made(place)) is not None}
    return {place: one for place, one in kept.items() if one.model == model and max(one.ids) < n_rows}


def turns_of(shown: Shown, tok: lm.Tokenizer, stops: Collection[int], *, can_reply: bool) -> list[Turn]:
    """The bubbles, that of a reply which is only offered included.

    Args:
        shown: what is on the screen.
        tok: the model's tokenizer.
        stops: the model's own tokens that end a reply.
        can_reply: whether the model can be asked at all.
    """
    added, by_place = _added(shown.found), {one.message: one for one in shown.found}
    turns = []
    for place, message in enumerate(shown.tree.messages):
        at, of = shown.tree.alternatives(place)
        is_reply = message["role"] == "assistant" and place > 0
        turn = _turn(message, added.get(place), place=at, of=of, replies=is_reply and can_reply)
        how, kept = shown.made.get(place), shown.tree.made(place)
        if how is None and kept is not None:
            turn = replace(turn, note=f"written by {kept['model']}")
        turns.append(turn if how is None else _with_end(turn, how, by_place.get(place), tok, stops))
    if shown.offered is not None:
        place, reply = len(turns), shown.offered
        turn = _turn(reply.message(), added.get(place), replies=can_reply, kept=False)
        turns.append(_with_end(turn, reply.made(), by_place.get(place), tok, stops))
    return turns


def _turn(message: Mapping[str, Any], added: int | None, **more: Any) -> Turn:
    role = "tool" if message["role"] in RESULT_ROLES else message["role"]
    content = message.get("content")
    text = content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
    calls = tuple(
        (str(function.get("name", "")), json.dumps(function.get("arguments"), ensure_ascii=False))
        for function in called_functions(message)
    )
    name = f"Tool {message.get('name') or ''}".strip() if role == "tool" else _NAMES.get(role, role)
    return Turn(role, name, text, calls, added, editable=isinstance(content, str) and not calls, **more)


def _with_end(turn: Turn, made: Made, one: lm.Exchange | None, tok: lm.Tokenizer, stops: Collection[int]) -> Turn:
    """The bubble with what ended the reply, and whether its ids come back."""
    token = f"{tok.piece(made.ids[-1])} ({made.ids[-1]})" if tok.has(made.ids[-1]) else str(made.ids[-1])
    note = ENDS.get(made.ended, made.ended).format(token=token)
    passed = next((at for at, token_id in enumerate(made.ids[:-1]) if token_id in stops), None)
    if passed is not None:  # where it would have ended, had no stop token been left out
        note += f", ran on past {tok.piece(made.ids[passed])} at its token {passed + 1}"
    same = one.comes_back if one is not None and one.is_known else None
    return replace(turn, note=f"{note}, seed {made.seed}", same=same)


def _added(found: Sequence[lm.Exchange]) -> dict[int, int]:
    """How many tokens of the string belong to each turn, as the last request that has it writes it."""
    added: dict[int, int] = {}
    for one in found:
        turns, counts = np.unique(one.turns, return_counts=True)
        for turn, n in zip(turns.tolist(), counts.tolist(), strict=True):
            if turn >= 0 and (turn != one.message or len(one.reply_ids)):
                added[turn] = n
    return added


def exchange_tabs(found: Sequence[lm.Exchange], wanted: int) -> Exchanges:
    """One tab for each reply; the last is chosen unless another one is wanted, by its turn."""
    chosen = next((one.message for one in found if one.message == wanted), found[-1].message)
    return Exchanges(tuple((one.message, str(i)) for i, one in enumerate(found, start=1)), chosen)


def stretches_of(
    one: lm.Exchange, messages: Sequence[Mapping[str, Any]], tok: lm.Tokenizer, steps: Sequence[lm.Step], forced: int
) -> list[Stretch]:
    """The prompt and the reply of one request, cut at the turns.

    Args:
        one: the request.
        messages: the conversation.
        tok: the model's tokenizer.
        steps: of the reply, where they are known: they give the probabilities.
        forced: tokens of the reply that come before the first step.
    """
    tokens = [*_read(one), *_written(one, tok, steps, forced)]
    borders = [0, *(np.flatnonzero(np.diff(one.turns)) + 1).tolist(), len(tokens)]
    found = []
    for start, end in pairwise(borders):
        if start == end:
            continue
        turn = int(one.turns[start])
        role = "" if turn < 0 else messages[turn]["role"] if turn < len(messages) else "assistant"
        role = "tool" if role in RESULT_ROLES else role
        name = "template" if turn < 0 else f"{turn + 1} {role}"
        found.append(Stretch(turn, role, name, end - start, start, tuple(tokens[start:end])))
    return found


_Token = tuple[str, int, int, bool, str]


def _read(one: lm.Exchange) -> list[_Token]:
    enc = one.prompt.encoding
    special = enc.special_tokens_mask.tolist()
    found, at = [], 0
    for i, (start, end) in enumerate(enc.offsets.tolist()):
        # White space that a token does not cover goes with the token after it; a part of a character has no text.
        text = enc.text[at : max(at, end)] if end > at else ""
        at = max(at, end)
        found.append((text, int(enc.input_ids[i]), int(i >= one.n_reused), bool(special[i]), ""))
        del start
    return found


def _written(one: lm.Exchange, tok: lm.Tokenizer, steps: Sequence[lm.Step], forced: int) -> list[_Token]:
    enc = lm.spell(tok, one.reply_ids.astype(np.int64))
    special = enc.special_tokens_mask.tolist()
    found, at = [], 0
    zone = 2 if one.is_known else 1
    for i, (_, end) in enumerate(enc.offsets.tolist()):
        text = enc.text[at : max(at, end)]
        at = max(at, end)
        step = steps[i - forced] if 0 <= i - forced < len(steps) else None
        words = f", probability {probability(math.exp(step.log_prob))}" if step is not None else ""
        words = ", given" if one.is_known and i < forced else words
        found.append((text, int(one.reply_ids[i]), zone, bool(special[i]), words))
    return found


def zones_of(one: lm.Exchange) -> list[tuple[str, int, str]]:
    """How many tokens are in each zone, with what that is."""
    written = len(one.reply_ids) if one.is_known else 0
    read = one.n_read + len(one.reply_ids) - written
    return [(name, n, words) for (name, words), n in zip(ZONES, (one.n_reused, read, written), strict=True)]


def heading(one: lm.Exchange, ended: str | None, end_token: str) -> str:
    """What this request was, in its own numbers.

    Args:
        one: the request.
        ended: what ended the reply, None where the model has not written it here.
        end_token: how its last token is written.
    """
    n = one.n_prompt
    if one.n_reused:
        are = "is" if one.n_read == 1 else "are"
        read = f"{one.n_reused:,} of {n:,} tokens can be reused from before, {one.n_read:,} {are} new"
    else:
        read = f"All {n:,} tokens are new"
    wrote = len(one.reply_ids)
    if ended is None or not one.is_known:
        return read if not wrote else f"{read}; the reply of {counted(wrote, 'token')} was given, not written here"
    why = {"stop": f"until {end_token}", "length": "until the maximum", "context": "until the context was full"}
    return f"{read}; the model wrote {wrote:,} {why.get(ended, 'until you stopped it')}"
