"""Check that each prompt of a conversation begins with the one before it, so that a server can reuse its cache."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmloupe.chat.messages import check_messages
from lmloupe.chat.render import RenderedChat, render_chat
from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.encodings.encoding import encode
from lmloupe.errors import NoChatTemplateError, TemplateError, TemplateTimeoutError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = [
    "PrefixStability",
    "PrefixStep",
    "Prompts",
    "ServedPrompt",
    "prefix_stability",
    "served_prompts",
    "shared_length",
]

N_SHOWN = 4


@dataclass(frozen=True, slots=True)
class PrefixStep:
    """One prompt and the next one.

    Attributes:
        n_messages: messages of the earlier prompt, the reply included where a server has it cached.
        n_next_messages: messages of the later one.
        n_cached: tokens of the earlier prompt, which a server holds in its key-value cache.
        n_next: tokens of the later one.
        n_kept: tokens at the beginning in which both agree: this part of the cache can still be used.
        cached_ids: the first ids of the earlier prompt after these, at most 4.
        next_ids: the first ids of the later prompt after these, at most 4.
        error: why one of them cannot be rendered, None where both can; with an error all numbers are 0.
    """

    n_messages: int
    n_next_messages: int
    n_cached: int = 0
    n_next: int = 0
    n_kept: int = 0
    cached_ids: tuple[int, ...] = ()
    next_ids: tuple[int, ...] = ()
    error: str | None = None

    @property
    def n_lost(self) -> int:
        """Cached tokens that are thrown away; 0 where the later prompt begins with the earlier."""
        return self.n_cached - self.n_kept

    @property
    def position(self) -> int | None:
        """Index of the first token in which they part, None where they do not."""
        return self.n_kept if self.n_lost else None


@dataclass(frozen=True, slots=True)
class PrefixStability:
    """A conversation, prompt by prompt.

    Attributes:
        turns: messages 1..n against 1..n+1, without a generation prompt, as in training data.
        served: what a server meets: a prompt that asks for a reply and that reply, against the next prompt that asks
            for one. One step for each assistant's message that another message follows.
    """

    turns: tuple[PrefixStep, ...]
    served: tuple[PrefixStep, ...]

    @property
    def is_stable(self) -> bool:
        """Whether every prompt begins with the one before it, as far as they could be rendered."""
        return not any(step.n_lost for step in (*self.turns, *self.served))


def prefix_stability(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
) -> PrefixStability:
    """Compare the ids of a conversation turn by turn.

    Servers keep the keys and values of the prompt before and go on from there as far as the next prompt agrees with it,
    id for id. A template that ends a text otherwise than it goes on, or drops the reasoning of earlier turns, costs the
    cached tokens after that place. A reply counts as the ids of its own text as the template writes it, from the end of
    the generation prompt to the token that ends the turn.

    Args:
        tok: whose tokens.
        messages: the conversation, as `lmloupe.render_chat` takes it.
        tools: JSON schemas of functions.
        template: Jinja source or `ChatTemplates` in place of ``tok.chat_template``.
        variables: what else the template reads.

    Raises:
        NoChatTemplateError, TemplateTimeoutError, InputError: as `lmloupe.render_chat` says. Other errors of a template
            that refuses a part of the conversation are the ``error`` of that step.

    >>> from lmloupe import load_tokenizer
    >>> talk = [{"role": role, "content": "Hi"} for role in ("user", "assistant", "user")]
    >>> tok = load_tokenizer("phi-3")
    >>> step = prefix_stability(tok, talk).turns[1]
    >>> step.n_cached, step.n_kept, step.n_lost, [tok.piece(i) for i in (step.cached_ids[0], step.next_ids[0])]
    (7, 6, 1, ['<|endoftext|>', '<|user|>'])
    >>> prefix_stability(load_tokenizer("qwen2"), talk).is_stable
    True
    """
    messages = check_messages(messages)
    asked = Prompts(tok, messages, tools, template, variables)
    turns = [_step(asked.ids(n), asked.ids(n + 1), n, n + 1) for n in range(1, len(messages))]
    served = [_step(asked.with_reply(i), asked.ids(n, ask=True), i + 1, n) for i, n in _answered(messages)]
    return PrefixStability(tuple(turns), tuple(served))


@dataclass(frozen=True, slots=True, eq=False)
class ServedPrompt:
    """What a server has read, and the prompt that comes next.

    Attributes:
        n_messages: messages of the first, its reply included.
        n_next_messages: messages of the second, which asks for a reply.
        cached: int32 (n_cached,), the ids of a prompt and of its reply.
        following: int32 (n_next,), the ids of the next prompt.
    """

    n_messages: int
    n_next_messages: int
    cached: NDArray[np.int32]
    following: NDArray[np.int32]


def served_prompts(
    tok: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
) -> tuple[ServedPrompt, ...]:
    """The ids behind `PrefixStability.served`: one pair for each reply that another message follows.

    The arguments are those of `prefix_stability`. A pair that cannot be rendered is left out.

    >>> from lmloupe import load_tokenizer
    >>> talk = [{"role": role, "content": "Hi"} for role in ("user", "assistant", "user")]
    >>> (pair,) = served_prompts(load_tokenizer("phi-3"), talk)
    >>> len(pair.cached), len(pair.following), shared_length(pair.cached, pair.following)
    (6, 10, 6)
    """
    messages = check_messages(messages)
    asked = Prompts(tok, messages, tools, template, variables)
    found = []
    for i, n in _answered(messages):
        cached, following = asked.with_reply(i), asked.ids(n, ask=True)
        if not isinstance(cached, str) and not isinstance(following, str):
            found.append(ServedPrompt(i + 1, n, np.array(cached, np.int32), np.array(following, np.int32)))
    return tuple(found)


def _answered(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Each reply that another message follows, and how many messages the next request has."""
    replies = [i for i, message in enumerate(messages) if message.get("role") == "assistant" and i > 0]
    for i in (i for i in replies if i + 1 < len(messages)):
        yield i, next((j for j in replies if j > i), len(messages))


def shared_length(one: ArrayLike, other: ArrayLike) -> int:
    """How many ids at the beginning of two rows are the same.

    >>> shared_length([1, 2, 3], [1, 2, 9, 9])
    2
    """
    first, second = np.asarray(one), np.asarray(other)
    n = min(len(first), len(second))
    differs = np.flatnonzero(first[:n] != second[:n])
    return int(differs[0]) if len(differs) else n


_Ids = tuple[int, ...] | str
"""The ids of a prompt, or why there are none."""


class Prompts:
    """The beginnings of one conversation, each rendered once."""

    def __init__(self, tok: Tokenizer, messages: Sequence[Mapping[str, Any]], *arguments: Any) -> None:
        self._tok, self._messages = tok, messages
        self._tools, self._template, self._variables = arguments
        self._kept: dict[tuple[int, bool], RenderedChat | str] = {}

    def chat(self, n: int, *, ask: bool) -> RenderedChat | str:
        """The first ``n`` messages rendered, or why they cannot be."""
        if (n, ask) not in self._kept:
            try:
                self._kept[n, ask] = render_chat(
                    self._tok, self._messages[:n], self._tools, ask, self._template, self._variables
                )
            except (NoChatTemplateError, TemplateTimeoutError):
                raise
            except TemplateError as error:
                self._kept[n, ask] = str(error)
        return self._kept[n, ask]

    def ids(self, n: int, *, ask: bool = False) -> _Ids:
        """Of the first ``n`` messages."""
        chat = self.chat(n, ask=ask)
        return chat if isinstance(chat, str) else tuple(chat.encoding.input_ids.tolist())

    def with_reply(self, i: int) -> _Ids:
        """Of the messages before ``i`` with a request for a reply, and of message ``i`` as the model would write it."""
        prompt, answered = self.chat(i, ask=True), self.chat(i + 1, ask=False)
        if isinstance(prompt, str) or isinstance(answered, str):
            return prompt if isinstance(prompt, str) else str(answered)
        reply = _reply_text(prompt.text, answered, i)
        ids = encode(self._tok, reply, add_special_tokens=False, parse_special_tokens=True).input_ids
        return (*prompt.encoding.input_ids.tolist(), *ids.tolist())


def _reply_text(prompt: str, answered: RenderedChat, i: int) -> str:
    """What the model writes of message ``i``: from the end of the generation prompt to the token that ends the turn."""
    spans = [span for span in answered.spans if span.message == i]
    body = [span for span in spans if span.part in ("content", "tool_call", "template_text")]
    closing = [span for span in spans if span.part == "terminator"]
    end = max((span.end for span in body), default=0)
    for span in closing:
        said = answered.text[span.start : span.end].rstrip()
        end = max(end, span.start + len(said)) if said else end
    # Where the prompt does not begin the answered text, the template wrote this turn otherwise than it asked for it.
    start = len(prompt) if answered.text.startswith(prompt) else min((span.start for span in body), default=end)
    return answered.text[start:end]


def _step(cached: _Ids, following: _Ids, n: int, n_next: int) -> PrefixStep:
    error: Literal[""] | str = cached if isinstance(cached, str) else following if isinstance(following, str) else ""
    if isinstance(cached, str) or isinstance(following, str):
        return PrefixStep(n, n_next, error=error)
    kept = shared_length(cached, following)
    parted = kept < len(cached)
    return PrefixStep(
        n,
        n_next,
        len(cached),
        len(following),
        kept,
        cached[kept : kept + N_SHOWN] if parted else (),
        following[kept : kept + N_SHOWN] if parted else (),
    )
