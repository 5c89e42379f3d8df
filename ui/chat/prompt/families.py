"""One conversation in every family's template: how long each prompt is, and what each leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lmloupe as lm
from ui.base.words import counted
from ui.chat.prompt.dropped import lost_parts
from ui.chat.request import ChatRequest
from ui.chat.templates.choice import TemplateChoice, offered
from ui.components.prompt_view import Lost, Tab

__all__ = ["Written", "every_family", "family_tabs", "remedy"]


@dataclass(frozen=True, slots=True)
class Written:
    """What one template made of the conversation; ``error`` where it made nothing."""

    choice: TemplateChoice
    chat: lm.RenderedChat | None = None
    lost: tuple[Lost, ...] = ()
    error: lm.LoupeError | None = None


def every_family(request: ChatRequest, now: TemplateChoice, *, asked: bool) -> dict[str, Written]:
    """The conversation in the template that is chosen now and in all others that may be, by the key of the choice."""
    return {choice.key: _written(choice, request, asked=asked) for choice in offered(now)}


def _written(choice: TemplateChoice, request: ChatRequest, *, asked: bool) -> Written:
    try:
        tok = choice.load()
        chat = request.render(tok, add_generation_prompt=asked, template=choice.template)
    except lm.LoupeError as error:
        return Written(choice, error=error)
    return Written(choice, chat, tuple(lost_parts(chat, choice.label, request.messages, request.tools)))


def family_tabs(written: Mapping[str, Written], now: TemplateChoice) -> list[Tab]:
    """A tab for each that says how many tokens it writes, or how much it leaves out."""
    tabs = []
    for key, one in written.items():
        note = "cannot write it" if one.chat is None else counted(len(one.chat.encoding), "token")
        if one.lost:
            note += f", {len(one.lost)} left out"
        tabs.append(Tab(key, one.choice.label, note, bool(one.lost) or one.chat is None, key == now.key))
    return tabs


def remedy(written: Mapping[str, Written], now: TemplateChoice) -> Tab | None:
    """A template that leaves out nothing, where the one that is chosen now does or writes nothing at all."""
    chosen = written[now.key]
    better = next((one for one in written.values() if one.chat is not None and not one.lost), None)
    if better is None or (chosen.chat is not None and not chosen.lost):
        return None
    if chosen.chat is None:
        what = "this"
    elif any(part.message is None for part in chosen.lost):
        what = "the tools"
    else:
        what = "the call" if all(part.call is not None for part in chosen.lost) else "all of it"
    return Tab(better.choice.key, f"Show {better.choice.label}, which writes {what}")
