"""What the wrong chat template costs: one answer, scored behind the prompt that each family's template makes.

Streamlit appears here only as a cache; the numbers are the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base.loaders import display_name, engine, tokenizer
from ui.chat.request import ChatRequest
from ui.chat.templates.upload import own_templates

__all__ = ["Format", "answer_bits", "formats", "last_answer"]

FAMILIES = ("smollm2", "qwen2", "llama-3.1", "phi-3")


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write the conversation up to the answer; ``prompt`` is the text, ``error`` why there is none."""

    name: str
    prompt: str = ""
    error: str = ""


def last_answer(messages: list[dict[str, Any]]) -> int | None:
    """Index of the last assistant turn that says something and is not the first turn."""
    for i in range(len(messages) - 1, 0, -1):
        content = messages[i].get("content")
        if messages[i]["role"] == "assistant" and isinstance(content, str) and content.strip():
            return i
    return None


def formats(request: ChatRequest) -> list[Format]:
    """The conversation in each family's and each uploaded format, and two common mistakes with the model's own."""
    written = [_format(display_name(name), request, name, asked=True) for name in FAMILIES]
    for mine in own_templates(draw=False):
        written.append(_format(mine.label, replace(request, own=mine.templates), mine.tokenizer, asked=True))
    forgotten = _format("SmolLM2, no generation prompt", request, FAMILIES[0], asked=False)
    contents = [message.get("content") for message in request.messages]
    bare = "\n".join(text for text in contents if isinstance(text, str)) + "\n"
    return [*written, forgotten, Format("No template, texts alone", bare)]


def _format(label: str, request: ChatRequest, name: str, *, asked: bool) -> Format:
    label += " (edited)" if name in request.templates and request.own is None else ""
    try:
        return Format(label, request.render(tokenizer(name), add_generation_prompt=asked).text)
    except lm.LoupeError as error:
        return Format(label, error=str(error))


@st.cache_data(max_entries=128, show_spinner=False)
def answer_bits(
    model: str, quantization: lm.Quantization, prompt: tuple[int, ...], answer: tuple[int, ...]
) -> np.ndarray:
    """Surprisal of each token of the answer behind the prompt, float32 (len(answer),), in bits."""
    scored = engine(model, quantization).score([*prompt, *answer])
    return np.asarray(scored.surprisal_bits[-len(answer) :], dtype=np.float32)
