"""The conversation as bubbles, and beside it the one string that a family's model reads."""

from __future__ import annotations

from collections.abc import Mapping

import lmloupe as lm
from ui.chat.conversation.bubbles import collect, edited
from ui.chat.prompt.families import Written, family_tabs, remedy
from ui.chat.prompt.shown import ending_words, length_words, loss_words, owner_words
from ui.chat.request import ChatRequest
from ui.chat.templates.choice import TemplateChoice, pick_template
from ui.components.prompt_view import LAYERS, Prompt, chat_pieces, prompt_view, sent_by
from ui.state import store as state

__all__ = ["conversation_view"]

_KEY = "conversation"


def conversation_view(
    written: Mapping[str, Written], now: TemplateChoice, request: ChatRequest, *, asked: bool
) -> None:
    """Draw both; the bubbles write the shared conversation, the tabs choose the family and the layer.

    Args:
        written: from `every_family`.
        now: the template that is chosen.
        request: what was rendered.
        asked: whether a reply is asked for.
    """
    one = written[now.key]
    tabs = family_tabs(written, now)
    if one.chat is None:
        prompt = Prompt(families=tabs, error=_words(one.error, now), remedy=remedy(written, now))
    else:
        layer = state.get("chat_layer")
        prompt = Prompt(
            chat_pieces(one.chat),
            one.chat.encoding,
            layer,
            one.chat.assistant_mask,
            layers=True,
            families=tabs,
            lost=one.lost,
            remedy=remedy(written, now),
            foot=_foot(one.chat, now, request, asked=asked),
        )
    prompt_view(
        prompt,
        key=_KEY,
        editor=edited(),
        on_edit=lambda: collect(_KEY),
        on_family=lambda: pick_template(sent_by(_KEY, "family")),
        on_layer=_take_layer,
    )


def _words(error: lm.LoupeError | None, now: TemplateChoice) -> str:
    # The library calls a family by its key, the pages by its name.
    return str(error).replace(now.name, now.label, 1) if now.own is None else str(error)


def _foot(chat: lm.RenderedChat, now: TemplateChoice, request: ChatRequest, *, asked: bool) -> list[str]:
    tok = now.load()
    goes_on = request.continue_final_message
    knows = goes_on or request.render(tok, add_generation_prompt=not asked, template=now.template).text != chat.text
    end = ending_words(chat, asked=asked, goes_on=goes_on, knows=knows)
    first = loss_words(chat) if state.get("chat_layer") == "loss" else f"{length_words(chat)} {end}"
    return [first, owner_words(chat, tok, now)]


def _take_layer() -> None:
    layer = sent_by(_KEY, "layer")
    if layer in LAYERS:
        state.put("chat_layer", layer)
