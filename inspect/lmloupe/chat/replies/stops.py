"""The tokens that end a reply: who names each of them, and whether a fine-tuning run trains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lmloupe.chat.render import RenderedChat, render_chat
from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.errors import NoChatTemplateError, TemplateError, TemplateTimeoutError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["StopSet", "StopToken", "stop_tokens"]

StopSource = Literal["tokenizer", "generation_config", "template"]

_PROBE = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"})


@dataclass(frozen=True, slots=True)
class StopToken:
    """One token that ends a reply.

    Attributes:
        token_id: its id.
        content: how it is written; ``""`` for an id that the tokenizer has no token for.
        sources: who names it: ``"tokenizer"``, its eos token; ``"generation_config"``, the ``eos_token_id`` of the
            model's generation_config.json, at which ``model.generate`` of transformers stops; ``"template"``, which
            writes it at the end of an assistant's turn.
        is_trained: the loss mask counts it (`RenderedChat.assistant_mask`), so that fine-tuning teaches the model to
            write it.
        is_marked: the same in the template's own ``{% generation %}`` marks; None where it has none.
    """

    token_id: int
    content: str
    sources: tuple[StopSource, ...]
    is_trained: bool
    is_marked: bool | None

    @property
    def ends_generation(self) -> bool:
        """Whether LM Loupe's engine ends a reply there; a token that only the template names does not end it."""
        return self.sources != ("template",)


@dataclass(frozen=True, slots=True)
class StopSet:
    """All tokens that end a reply.

    Attributes:
        tokens: by id.
        template_error: why the template could not be asked, None where it could.
    """

    tokens: tuple[StopToken, ...]
    template_error: str | None = None


def stop_tokens(
    tok: Tokenizer,
    tools: Sequence[Mapping[str, Any]] | None = None,
    template: str | ChatTemplates | None = None,
    variables: Mapping[str, Any] | None = None,
    *,
    generation_ids: Iterable[int] | None = None,
) -> StopSet:
    """What ends a reply of a model: more than the tokenizer's eos, and a model never stops where one is left out.

    Args:
        tok: the family, or a model's tokenizer.
        tools: JSON schemas of functions, with which some templates end a turn otherwise.
        template: Jinja source or `ChatTemplates` in place of ``tok.chat_template``.
        variables: as `lmloupe.render_chat` takes them.
        generation_ids: the ``eos_token_id`` of a loaded model (``engine.describe().stop_ids``). None: what the
            generation_config.json beside the tokenizer says (``tok.stop_ids``).

    Raises:
        TemplateTimeoutError: the template did not end in time. Other errors of a template are in ``template_error``.
        InvalidMessagesError, InvalidSettingError, InvalidTextError: as `lmloupe.render_chat` does.

    >>> from lmloupe import load_tokenizer
    >>> for stop in stop_tokens(load_tokenizer("llama-3.1")).tokens:
    ...     print(stop.token_id, stop.content, stop.sources, stop.is_trained)
    128001 <|end_of_text|> ('generation_config',) False
    128008 <|eom_id|> ('generation_config',) False
    128009 <|eot_id|> ('tokenizer', 'generation_config', 'template') True
    """
    chat, error = None, None
    try:
        chat = render_chat(tok, _PROBE, tools, template=template, variables=variables)
    except TemplateTimeoutError:
        raise
    except TemplateError as failed:
        # A base model has no template to ask, which is no news; one with named templates alone may have chosen none.
        is_base = isinstance(failed, NoChatTemplateError) and template is None and not tok.chat_templates
        error = None if is_base else str(failed)
    eos = tok.special_tokens.get(tok.eos_token or "")
    named: dict[StopSource, set[int]] = {
        "tokenizer": set() if eos is None else {eos},
        "generation_config": set(tok.stop_ids if generation_ids is None else generation_ids),
        "template": _ends_of_turn(chat) if chat else set(),
    }
    trained = _ids_in(chat, chat.assistant_mask) if chat else set()
    marked = _ids_in(chat, chat.generation_mask) if chat and chat.generation_mask is not None else None
    found = [
        StopToken(
            token_id,
            _content(tok, token_id),
            tuple(source for source, ids in named.items() if token_id in ids),
            token_id in trained,
            None if marked is None else token_id in marked,
        )
        for token_id in sorted(set().union(*named.values()))
    ]
    return StopSet(tuple(found), error)


def _ends_of_turn(chat: RenderedChat) -> set[int]:
    """Special tokens that the template writes to close the assistant's turn."""
    closing = [span for span in chat.spans if span.message == len(_PROBE) - 1 and span.part == "terminator"]
    return {
        segment.token_id
        for segment in chat.segments
        if segment.token_id is not None and any(span.start <= segment.start < span.end for span in closing)
    }


def _ids_in(chat: RenderedChat, mask: Any) -> set[int]:
    return set(np.unique(chat.encoding.input_ids[mask]).tolist())


def _content(tok: Tokenizer, token_id: int) -> str:
    return tok.piece(token_id) if token_id >= 0 and tok.backend.id_to_token(token_id) is not None else ""
