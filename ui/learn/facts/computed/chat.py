"""Facts about conversations as the string that a model reads. A conversation is one of the lessons of Chat template."""

from __future__ import annotations

import json
from typing import Any, Literal

import lmloupe as lm
from ui.base.chips import visible
from ui.base.loaders import display_name, encoding, tokenizer
from ui.chat.lessons import LESSONS
from ui.chat.wrong_format.cost import answer_bits
from ui.learn.facts.registry import fact
from ui.state.settings import EMBEDDED_MODEL

__all__ = [
    "chat_begins_next",
    "chat_dropped",
    "chat_special_tokens",
    "chat_tokens",
    "chat_trained_tokens",
    "chat_writes",
    "end_of_turn",
    "family_that_writes",
    "fim_last",
    "reply_request",
    "reply_request_tokens",
    "wrong_format",
]

Conversation = Literal["question", "turns", "system", "tools"]


def _messages(conversation: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    lesson = next(one for one in LESSONS if one.key == conversation)
    return [dict(one) for one in lesson.messages], json.loads(lesson.tools) if lesson.tools else None


def _rendered(family: str, conversation: str, ask: bool = True) -> lm.RenderedChat:
    messages, tools = _messages(conversation)
    return lm.render_chat(tokenizer(family), messages, tools, add_generation_prompt=ask)


@fact
def chat_tokens(*, family: str, conversation: Conversation, ask: bool = True) -> int:
    """Number of tokens of a conversation in a family's format; with ``ask`` the request for a reply counts too.

    >>> chat_tokens(family="llama-3.1", conversation="question")
    42
    """
    return len(_rendered(family, conversation, ask).encoding)


@fact
def chat_special_tokens(*, family: str, conversation: Conversation, ask: bool = True) -> int:
    """Number of special tokens among them.

    >>> chat_special_tokens(family="qwen2", conversation="turns", ask=False)
    8
    """
    special = set(tokenizer(family).special_tokens.values())
    return sum(one in special for one in _rendered(family, conversation, ask).encoding.input_ids.tolist())


@fact
def chat_trained_tokens(*, family: str, conversation: Conversation) -> int:
    """Number of tokens of a conversation that an instruction fine-tuning run trains on.

    >>> chat_trained_tokens(family="llama-3.1", conversation="turns")
    8
    """
    return int(_rendered(family, conversation, False).assistant_mask.sum())


@fact
def chat_writes(*, family: str, conversation: Conversation, text: str) -> str:
    """``Yes`` where the family's template writes this text into the prompt, else ``No``.

    >>> chat_writes(family="phi-3", conversation="tools", text="get_weather")
    'No'
    """
    return "Yes" if text in _rendered(family, conversation).text else "No"


@fact
def chat_dropped(*, family: str, conversation: Conversation) -> int:
    """Number of parts of a conversation that matter and of which the family's template writes nothing.

    >>> chat_dropped(family="phi-3", conversation="tools")
    3
    """
    return sum(part.matters for part in _rendered(family, conversation).dropped_parts)


@fact
def chat_begins_next(*, family: str, conversation: Conversation) -> str:
    """``Yes`` where the ids of each turn are the beginning of those of the next, so that a cache can be used again.

    >>> chat_begins_next(family="phi-3", conversation="turns")
    'No'
    """
    messages, tools = _messages(conversation)
    return "Yes" if lm.prefix_stability(tokenizer(family), messages, tools).is_stable else "No"


@fact
def reply_request(*, family: str) -> str:
    """What a template adds to ask for a reply (the generation prompt), line ends as signs.

    >>> reply_request(family="qwen2")
    '<|im_start|>assistant⏎'
    """
    return visible(_request(family))


@fact
def reply_request_tokens(*, family: str) -> int:
    """Number of tokens of it.

    >>> reply_request_tokens(family="llama-3.1")
    4
    """
    return len(encoding(family, _request(family), False, True))


@fact
def end_of_turn(*, family: str) -> str:
    """Special token with which the family's template ends a turn.

    >>> end_of_turn(family="phi-3")
    '<|end|>'
    """
    return next(one.content for one in lm.stop_tokens(tokenizer(family)).tokens if "template" in one.sources)


def _request(family: str) -> str:
    with_it, without = (_rendered(family, "question", ask).text for ask in (True, False))
    same = next((i for i, (a, b) in enumerate(zip(with_it, without, strict=False)) if a != b), len(without))
    return with_it[same:]


@fact
def family_that_writes(*, conversation: Conversation, text: str) -> str:
    """The only one of Llama 3.1, Phi-3, Qwen2 and SmolLM2 whose template writes a text into the prompt.

    >>> family_that_writes(conversation="tools", text="get_weather")
    'Llama 3.1'
    """
    families = ("llama-3.1", "phi-3", "qwen2", "smollm2")
    found = [one for one in families if text in _rendered(one, conversation).text]
    if len(found) != 1:
        raise lm.QuestionError(f"{len(found)} of {len(families)} templates write {text!r}, not one.")
    return display_name(found[0])


@fact
def fim_last(*, family: str) -> str:
    """Last token of a code model's prompt for a gap, after which it writes.

    >>> fim_last(family="starcoder2")
    '<fim_middle>'
    """
    prompt = lm.fim_prompt(tokenizer(family), "before", "after")
    return lm.decode(prompt.encoding.tokenizer, prompt.encoding.input_ids[-1:].tolist())


@fact(slow=True)
def wrong_format(*, format: str) -> str:  # noqa: A002 - the name that a lesson reads well with
    """What a family's format does to the answer of the conversation ``turns`` for SmolLM2, whose own format is another.

    >>> wrong_format(format="llama-3.1")
    'the model expects it less'
    """
    own, other = (_answer_bits(family) for family in ("smollm2", format))
    if abs(own - other) < 0.05 * own:
        return "the model expects it as much as before"
    return "the model expects it less" if other > own else "the model expects it more"


def _answer_bits(family: str) -> float:
    """Bits a token of the first answer, after the turns before it in a family's format."""
    messages, _ = _messages("turns")
    at = next(i for i, one in enumerate(messages) if one["role"] == "assistant")
    prompt = lm.render_chat(tokenizer(family), messages[:at], add_generation_prompt=True).text
    answer = encoding("smollm2", messages[at]["content"], False, False).input_ids.tolist()
    ids = encoding("smollm2", prompt, False, True).input_ids.tolist()
    return float(answer_bits(EMBEDDED_MODEL, "none", tuple(ids), tuple(answer)).mean())
