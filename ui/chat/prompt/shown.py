"""A rendered chat for the prompt view, with the lines below it: how long it is, whose template, and what trains."""

from __future__ import annotations

import numpy as np

import lmloupe as lm
from ui.base.words import counted
from ui.chat.templates.choice import TemplateChoice

__all__ = ["ending_words", "length_words", "loss_words", "n_asking", "owner_words"]


def length_words(chat: lm.RenderedChat) -> str:
    """How long the prompt is."""
    n_special = int(chat.encoding.special_tokens_mask.sum())
    return f"{counted(len(chat.encoding), 'token')}, {n_special:,} of them special."


def ending_words(chat: lm.RenderedChat, *, asked: bool, goes_on: bool, knows: bool) -> str:
    """How the prompt ends.

    Args:
        chat: the prompt.
        asked: whether a reply is asked for.
        goes_on: whether it ends in the text of the last message.
        knows: whether the template writes another text where a reply is asked for.
    """
    if goes_on:
        blank = (
            " That text ends with a space, which this template keeps. Models have learned words that begin with their "
            "space, so they go on better without it."
        )
        end = "It ends where the text of the last message ends; the model goes on from there."
        return end + (blank if chat.text.endswith(" ") else "")
    if not knows:
        return "This template does not know add_generation_prompt: asking for a reply changes nothing."
    n = n_asking(chat)
    if asked and n:
        return (
            f"The last {'token' if n == 1 else f'{n} tokens'}, underlined, {'asks' if n == 1 else 'ask'} for the reply."
        )
    return "" if asked else "No reply is asked for: the model would not know that it is its turn."


def n_asking(chat: lm.RenderedChat) -> int:
    """How many tokens ask for the reply."""
    spans = [(span.start, span.end) for span in chat.spans if span.part == "generation_prompt"]
    offsets = chat.encoding.offsets
    asks = np.zeros(len(offsets), bool)
    for start, end in spans:
        asks |= (offsets[:, 0] < end) & (offsets[:, 1] > start)
    return int(asks.sum())


def owner_words(chat: lm.RenderedChat, tok: lm.Tokenizer, choice: TemplateChoice) -> str:
    """Who wrote the template."""
    if choice.own:
        return "The template that you uploaded, cut by the tokenizer of the family that you chose for it."
    if chat.source not in (tok.chat_template, *tok.chat_templates.values()):
        return "Your edited template."
    if tok.source == "embedded":
        return "The template is written for LM Loupe; it gives the same text as the published one."
    return "The model's own published template."


def loss_words(chat: lm.RenderedChat) -> str:
    """Which tokens a fine-tuning run trains on."""
    if chat.followed != "values":
        return "Which tokens train is not known: this template cannot be followed, so no character has a message."
    own, total = int(chat.assistant_mask.sum()), len(chat.encoding)
    words = (
        f"{counted(own, 'token')} of {total:,} {'trains' if own == 1 else 'train'}: what the assistant wrote, and the "
        "token that ends its turn. The loss ignores the others."
    )
    marked = chat.generation_mask
    if marked is None:
        return words
    if np.array_equal(marked, chat.assistant_mask):
        return f"{words} The template's {{% generation %}} marks name the same tokens."
    differ = int((marked != chat.assistant_mask).sum())
    return (
        f"{words} The template's own {{% generation %}} marks name {int(marked.sum()):,}; "
        f"{counted(differ, 'token')} {'differs' if differ == 1 else 'differ'}."
    )
