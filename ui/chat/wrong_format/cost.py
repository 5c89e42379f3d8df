"""What the wrong format costs: one answer, scored behind the prompt that each family's template makes.

Streamlit appears here only as a cache; the numbers are the engine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.loaders import display_name, engine, tokenizer
from ui.chat.request import ChatRequest
from ui.chat.templates.upload import own_templates

__all__ = ["Format", "Scored", "answer_bits", "formats", "headline", "last_answer", "own_answer", "together"]

FAMILIES = ("smollm2", "qwen2", "llama-3.1", "phi-3")
MAX_OWN_ANSWER = 40


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write the conversation up to the answer.

    Attributes:
        name: what it is called.
        prompt: the text; empty where there is none.
        error: why there is none.
        left_out: what of the conversation its template wrote nothing of.
        own: whether it is the format that the model was trained with.
    """

    name: str
    prompt: str = ""
    error: str = ""
    left_out: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """A prompt, the formats that write it, and the answer's surprisal behind it, float32 (n,), in bits."""

    names: tuple[str, ...]
    ids: tuple[int, ...]
    bits: NDArray[np.float32]
    own: bool

    @property
    def name(self) -> str:
        """The formats that write this prompt."""
        return " and ".join((", ".join(self.names[:-1]), self.names[-1]) if len(self.names) > 1 else self.names)

    @property
    def mean(self) -> float:
        """Bits per token."""
        return float(self.bits.mean())


def last_answer(messages: Sequence[dict[str, Any]]) -> int | None:
    """Index of the last assistant turn that says something and is not the first turn."""
    for i in range(len(messages) - 1, 0, -1):
        content = messages[i].get("content")
        if messages[i]["role"] == "assistant" and isinstance(content, str) and content.strip():
            return i
    return None


def formats(request: ChatRequest, model: lm.Tokenizer) -> list[Format]:
    """The conversation in the model's own format, each other family's, each uploaded one, and two common mistakes.

    Args:
        request: the conversation up to the answer.
        model: the loaded model's tokenizer. Without a chat template of its own no format is the right one.
    """
    found: list[Format] = []
    # The embedded model's template is its family's, under whose name an edited one is kept.
    key = next((key for key in FAMILIES if tokenizer(key).chat_template == model.chat_template), "")
    own = tokenizer(key) if key else model
    if own.chat_template is not None:
        found.append(_format(display_name(own.name), request, own, asked=True, own=True))
    found += [_format(display_name(name), request, tokenizer(name), asked=True) for name in FAMILIES if name != key]
    for mine in own_templates(draw=False):
        found.append(_format(mine.label, replace(request, own=mine.templates), mine.load(), asked=True))
    if own.chat_template is not None:
        found.append(_format(f"{display_name(own.name)} without generation prompt", request, own, asked=False))
    contents = [message.get("content") for message in request.messages]
    bare = "\n".join(text for text in contents if isinstance(text, str)) + "\n"
    return [*found, Format("The texts alone, no template", bare)]


def _format(label: str, request: ChatRequest, tok: lm.Tokenizer, *, asked: bool, own: bool = False) -> Format:
    label += " (edited)" if tok.name in request.templates and request.own is None else ""
    try:
        chat = request.render(tok, add_generation_prompt=asked)
    except lm.LoupeError as error:
        return Format(label, error=str(error))
    left_out = tuple(part.words for part in chat.dropped_parts if part.matters)
    return Format(label, chat.text, left_out=left_out, own=own)


def together(
    written: Sequence[Format], ids: Sequence[tuple[int, ...]], bits: Sequence[NDArray[np.float32]]
) -> list[Scored]:
    """One row for each prompt: formats that write the same one stand together, the model's own first."""
    rows: dict[tuple[int, ...], Scored] = {}
    for form, prompt, surprisal in zip(written, ids, bits, strict=True):
        before = rows.get(prompt)
        names, own = ((*before.names, form.name), before.own or form.own) if before else ((form.name,), form.own)
        rows[prompt] = Scored(names, prompt, surprisal, own)
    return sorted(rows.values(), key=lambda row: not row.own)


def headline(rows: Sequence[Scored]) -> str:
    """What the matrix shows, with its numbers: the model's own format against the one that costs most."""
    worst, best = max(rows, key=lambda row: row.mean), min(rows, key=lambda row: row.mean)
    if len(rows) == 1:
        return f"Only {worst.name} can write this conversation: {worst.mean:.2f} bits per token"
    if worst is best:
        return f"Every format costs this answer the same: {worst.mean:.2f} bits per token"
    first = rows[0] if rows[0].own else best
    what = f"the model's own format ({first.name})" if first.own else first.name
    if first is worst:
        return f"Here {what} is the worst: {first.mean:.2f} bits per token, {best.mean:.2f} with {best.name}"
    also = "" if first is best else f", and even less after {best.name}: {best.mean:.2f}"
    return f"This answer takes {worst.mean:.2f} bits per token after {worst.name}, {first.mean:.2f} after {what}{also}"


@st.cache_data(max_entries=128, show_spinner=False)
def answer_bits(
    model: str, quantization: lm.Quantization, prompt: tuple[int, ...], answer: tuple[int, ...]
) -> np.ndarray:
    """Surprisal of each token of the answer behind the prompt, float32 (len(answer),), in bits."""
    scored = engine(model, quantization).score([*prompt, *answer])
    return np.asarray(scored.surprisal_bits[-len(answer) :], dtype=np.float32)


@st.cache_data(max_entries=32, show_spinner=False)
def own_answer(model: str, quantization: lm.Quantization, prompt: tuple[int, ...]) -> str:
    """What the model itself says first to this prompt: its likeliest tokens, at most forty, without what ends it."""
    loaded = engine(model, quantization)
    greedy = lm.Sampling(temperature=0.0)
    with closing(loaded.generate(list(prompt), greedy, MAX_OWN_ANSWER)) as steps:
        ids = [step.token_id for step in steps]
    special = set(loaded.tokenizer.special_tokens.values())
    return lm.decode(loaded.tokenizer, [i for i in ids if i not in special]).strip()
