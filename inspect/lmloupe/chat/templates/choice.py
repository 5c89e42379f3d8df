"""Which of a tokenizer's chat templates writes a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmloupe.chat.templates.file import ChatTemplates
from lmloupe.encodings.encoding import check_text
from lmloupe.errors import NoChatTemplateError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["choose_template"]


def choose_template(
    tok: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None, template: str | ChatTemplates | None = None
) -> str:
    """The source of the template that a conversation is written with, chosen as transformers does.

    Args:
        tok: whose templates.
        tools: where some are given, be it an empty list, a template named ``tool_use`` comes before ``default``.
        template: Jinja source, the name of one of the tokenizer's templates, or templates that came in files.

    Raises:
        NoChatTemplateError: a base model and no ``template``; or only named templates, none of which is the default.
        InvalidTextError: a lone surrogate in the source.

    >>> from lmloupe import load_tokenizer
    >>> choose_template(load_tokenizer("qwen2"), template="{{ messages[0].content }}")
    '{{ messages[0].content }}'
    """
    named = tok.chat_templates
    if isinstance(template, ChatTemplates):
        source = template.choose(tools)
    elif template is not None:
        source = named.get(template, template)
    elif tools is not None and "tool_use" in named:
        source = named["tool_use"]
    elif tok.chat_template is not None:
        source = tok.chat_template
    elif named:
        names = ", ".join(repr(name[:40]) for name in sorted(named))
        raise NoChatTemplateError(
            f"{tok.name} has no default chat template, only templates with these names: {names}. Give one of the names "
            "as the template" + (", or give tools." if "tool_use" in named else ".")
        )
    else:
        raise NoChatTemplateError(
            f"{tok.name} has no chat template: it is a base model, trained on running text and not on "
            "conversations. Choose an instruct model, or give a template of your own."
        )
    check_text(source)
    return source
