"""Collect what a page asks a template to render: the shared conversation, tools, variables, the edited template.

Every page that renders a chat, and the Python shown beside it, goes through one `ChatRequest`.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.chat.typed_json import arguments_error, read_tools, read_variables
from ui.state import store as state

__all__ = [
    "ChatRequest",
    "chat_request",
    "ending_switches",
    "show_refusals",
    "template_code",
]

Template: TypeAlias = str | lm.ChatTemplates


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The arguments of `lmloupe.render_chat`, and one sentence for each that could not be read."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    continue_final_message: bool = False
    refusals: tuple[str, ...] = ()
    own: lm.ChatTemplates | None = None
    """An uploaded template in place of every other one."""

    def template_for(self, tok: lm.Tokenizer) -> Template | None:
        """The uploaded template, the edited one of a family, or the name of the chosen one; None: the tokenizer's."""
        return self.own or self.templates.get(tok.name)

    def template_in_code(self, tok: lm.Tokenizer, template: Template | None = None) -> str:
        """The template of `render` as an expression in Python; that of an upload came in a file of its own."""
        given = template or self.template_for(tok)
        if given is None and tok.source == "file":
            named = dict(tok.chat_templates) or {"default": tok.chat_template or ""}
            special = {"bos_token": tok.bos_token, "eos_token": tok.eos_token}
            given = lm.ChatTemplates(tok.name, named, {name: token for name, token in special.items() if token})
        return template_code(given)

    def render(
        self, tok: lm.Tokenizer, *, add_generation_prompt: bool, template: Template | None = None
    ) -> lm.RenderedChat:
        """The conversation in a family's format, in its edited template where there is one.

        Args:
            tok: whose format; a loaded model's own tokenizer, or one of the families.
            add_generation_prompt: ask for a reply, unless the request is to go on from the last message.
            template: in place of the tokenizer's and of an edited one.

        Raises:
            LoupeError: as `lmloupe.render_chat` says.
        """
        rendered: lm.RenderedChat = _answered(
            "render_chat",
            tok,
            messages=self.messages,
            tools=self.tools,
            add_generation_prompt=add_generation_prompt and not self.continue_final_message,
            template=template or self.template_for(tok),
            variables=self.variables,
            continue_final_message=self.continue_final_message,
        )
        return rendered

    def prefix(self, tok: lm.Tokenizer, template: Template | None = None) -> lm.PrefixStability:
        """Whether its prompts begin with each other; see `lmloupe.prefix_stability`."""
        found: lm.PrefixStability = _answered(
            "prefix_stability",
            tok,
            messages=self.messages,
            tools=self.tools,
            template=template or self.template_for(tok),
            variables=self.variables,
        )
        return found

    def served(self, tok: lm.Tokenizer, template: Template | None = None) -> tuple[lm.ServedPrompt, ...]:
        """What a server has read and what it gets next, turn by turn; see `lmloupe.served_prompts`."""
        found: tuple[lm.ServedPrompt, ...] = _answered(
            "served_prompts",
            tok,
            messages=self.messages,
            tools=self.tools,
            template=template or self.template_for(tok),
            variables=self.variables,
        )
        return found

    def stops(
        self, tok: lm.Tokenizer, template: Template | None = None, generation_ids: Sequence[int] | None = None
    ) -> lm.StopSet:
        """What ends a reply; see `lmloupe.stop_tokens`."""
        found: lm.StopSet = _answered(
            "stop_tokens",
            tok,
            tools=self.tools,
            template=template or self.template_for(tok),
            variables=self.variables,
            generation_ids=generation_ids,
        )
        return found

    def reply(self, tok: lm.Tokenizer, ids: Sequence[int]) -> lm.ReplyComparison:
        """Whether a reply to it comes back when it is rendered; see `lmloupe.compare_reply`."""
        found: lm.ReplyComparison = _answered(
            "compare_reply",
            tok,
            messages=self.messages,
            reply_ids=list(ids),
            tools=self.tools,
            template=self.template_for(tok),
            variables=self.variables,
            continue_final_message=self.continue_final_message,
        )
        return found

    def exchanges(self, tok: lm.Tokenizer, replies: Mapping[int, Sequence[int]]) -> tuple[lm.Exchange, ...]:
        """The conversation request by request; see `lmloupe.exchanges`."""
        found: tuple[lm.Exchange, ...] = _answered(
            "exchanges",
            tok,
            messages=self.messages,
            replies=[[place, list(ids)] for place, ids in replies.items()],
            tools=self.tools,
            template=self.template_for(tok),
            variables=self.variables,
        )
        return found

    def code(self, tok: lm.Tokenizer, *, add_generation_prompt: bool, template: lm.ChatTemplates | None = None) -> str:
        """Lines that define ``chat`` from ``tok``, as `render` does."""
        return (
            f"messages = {self.messages!r}\n"
            f"tools = {self.tools!r}\n"
            f"variables = {self.variables!r}\n"
            f"template = {self.template_in_code(tok, template)}  # None: the tokenizer's own\n"
            "chat = lm.render_chat(\n"
            "    tok, messages, tools, template=template, variables=variables,\n"
            f"    {self.ending_code(add_generation_prompt=add_generation_prompt)},\n"
            ")"
        )

    def ending_code(self, *, add_generation_prompt: bool) -> str:
        """The last arguments of the call, which say how the prompt ends."""
        asked = add_generation_prompt and not self.continue_final_message
        return f"add_generation_prompt={asked}, continue_final_message={self.continue_final_message}"


def template_code(template: Template | None) -> str:
    """A template as an expression in Python."""
    if not isinstance(template, lm.ChatTemplates):
        return repr(template)
    special = None if template.special_tokens is None else dict(template.special_tokens)
    return f"lm.ChatTemplates({template.name!r}, {dict(template.templates)!r}, {special!r})"


def _answered(question: str, tok: lm.Tokenizer, **arguments: Any) -> Any:
    template = arguments["template"]
    if isinstance(template, lm.ChatTemplates):
        own = template.special_tokens
        arguments["template"] = [template.name, dict(template.templates), None if own is None else dict(own)]
    given = json.dumps(arguments)
    if tok.source == "file":  # an upload is its session's alone: it goes through no cache that serves all
        answer = _answer(question, tok, given)
    else:
        answer = _kept(question, tok, tok.name, given, datetime.date.today().isoformat())
    if isinstance(answer, str):
        raise lm.TemplateError(answer)
    return answer


@st.cache_resource(max_entries=256, show_spinner=False)
def _kept(question: str, _tok: lm.Tokenizer, name: str, arguments: str, day: str) -> Any:
    """An answer of the library, or what the template's error says: a slow one need not run at every click.

    ``name`` and ``day`` are in the key: the first stands for the tokenizer, the second for what strftime_now writes.
    """
    return _answer(question, _tok, arguments)


def _answer(question: str, tok: lm.Tokenizer, arguments: str) -> Any:
    given = json.loads(arguments)
    if isinstance(given["template"], list):
        given["template"] = lm.ChatTemplates(*given["template"])
    if "replies" in given:  # JSON has texts alone as keys
        given["replies"] = dict(given["replies"])
    try:
        return getattr(lm, question)(tok, **given)
    except (lm.NoChatTemplateError, lm.TemplateTimeoutError):
        raise  # the next try may have more time
    except lm.TemplateError as error:
        return str(error)


def chat_request(*, own: lm.ChatTemplates | None = None) -> ChatRequest:
    """The shared settings as arguments; a part that cannot be read is left out, with a sentence that says so.

    Args:
        own: an uploaded template, from `ui.chat.templates.upload.choose_for_model`.
    """
    refusals = []
    messages = state.get("messages")
    refusals += [error] if (error := arguments_error(messages)) else []
    tools, error = read_tools(state.get("tools"))
    refusals += [f"{error} Until then the tools are left out."] if error else []
    variables, error = read_variables(state.get("variables"))
    refusals += [f"{error} Until then they are left out."] if error else []
    if state.get("date_string").strip():
        variables["date_string"] = state.get("date_string").strip()
    if not state.get("tools_in_user_message"):
        variables["tools_in_user_message"] = False
    go_on = state.get("continue_final_message")
    return ChatRequest(messages, tools, variables, state.get("templates"), go_on, tuple(refusals), own)


def ending_switches(*, asked_help: str | None = None) -> bool:
    """Draw the switches that say how the prompt ends; return whether a reply is asked for.

    Args:
        asked_help: what asking for a reply does on this page. None: it always asks for one, so there is no switch.
    """
    go_on = state.get("continue_final_message")
    asked = asked_help is None or state.toggle(
        "add_generation_prompt", "Ask for a reply", help=asked_help, disabled=go_on
    )
    state.toggle(
        "continue_final_message",
        "Go on from the last message",
        help="End where the text of the last message ends (continue_final_message), so that the model goes on from "
        "there: a reply that is begun for it.",
    )
    return bool(asked) and not go_on


def show_refusals(request: ChatRequest) -> None:
    """A red box for each part that could not be read."""
    for sentence in request.refusals:
        st.error(escape_markdown(sentence))
