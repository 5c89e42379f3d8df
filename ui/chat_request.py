"""What a page asks a template to render: the shared conversation, its tools, its variables, the edited template."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

import lmloupe as lm
from ui import state
from ui.errors import escape_markdown
from ui.loaders import tokenizer

__all__ = ["ChatRequest", "chat_request", "for_templates", "read_tools", "show_refusals"]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The arguments of `lmloupe.render_chat`, and one sentence for each that could not be read."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()

    def render(self, name: str, *, add_generation_prompt: bool, template: str | None = None) -> lm.RenderedChat:
        """The conversation in a family's format, in its edited template where there is one.

        Raises:
            LoupeError: as `lmloupe.render_chat` and `lmloupe.load_tokenizer` say.
        """
        if template is None:
            template = self.templates.get(name)
        arguments = (self.messages, self.tools, add_generation_prompt, template, self.variables)
        answer = _rendered(tokenizer(name), name, json.dumps(arguments), datetime.date.today().isoformat())
        if isinstance(answer, str):
            raise lm.TemplateError(answer)
        return answer


@st.cache_resource(max_entries=128, show_spinner=False)
def _rendered(_tok: lm.Tokenizer, name: str, arguments: str, day: str) -> lm.RenderedChat | str:
    """A rendering, or what the template's error says: one that ran until its limit need not do so at every click.

    ``name`` and ``day`` are in the key: the first stands for the tokenizer, the second for what strftime_now writes.
    """
    messages, tools, add_generation_prompt, template, variables = json.loads(arguments)
    try:
        return lm.render_chat(_tok, messages, tools, add_generation_prompt, template, variables)
    except (lm.NoChatTemplateError, lm.TemplateTimeoutError):
        raise  # the next try may have more time
    except lm.TemplateError as error:
        return str(error)


def chat_request() -> ChatRequest:
    """The shared settings as arguments; what cannot be read is left out and said, never lost."""
    refusals = []
    messages, error = for_templates(state.get("messages"))
    refusals += [error] if error else []
    tools, error = read_tools(state.get("tools"))
    refusals += [f"{error} Until then the tools are left out."] if error else []
    variables, error = _read_variables(state.get("variables"))
    refusals += [f"{error} Until then they are left out."] if error else []
    if state.get("date_string").strip():
        variables["date_string"] = state.get("date_string").strip()
    if not state.get("tools_in_user_message"):
        variables["tools_in_user_message"] = False
    return ChatRequest(messages, tools, variables, state.get("templates"), tuple(refusals))


def show_refusals(request: ChatRequest) -> None:
    """A red box for each part that could not be read."""
    for sentence in request.refusals:
        st.error(escape_markdown(sentence))


def for_templates(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Messages of the OpenAI form as templates read them: arguments of tool calls as values, not as JSON.

    Arguments that are no JSON stay a text, with a sentence about the first of them.
    """
    error = ""
    for i, message in enumerate(messages, start=1):
        for call in message.get("tool_calls", []):
            function = call["function"]
            try:
                arguments = _parse(function["arguments"] or "{}")
            except ValueError as cause:
                error = error or f"Turn {i}: the arguments of {function['name']} are no JSON: {cause}."
                continue
            if isinstance(arguments, dict):
                function["arguments"] = arguments
            else:
                error = error or f"Turn {i}: the arguments of {function['name']} must be a JSON object."
    return messages, error


def read_tools(text: str) -> tuple[list[dict[str, Any]] | None, str]:
    """Tools from their JSON: None where there are none, and a sentence where it is not right."""
    if not text.strip():
        return None, ""
    try:
        tools = _parse(text)
    except ValueError as cause:
        return None, f"The tools are no JSON: {cause}."
    if not isinstance(tools, list) or not all(
        isinstance(tool, dict) and isinstance(tool.get("function", {}), dict) for tool in tools
    ):
        return None, "The tools must be a list of function schemas: [{...}, {...}]."
    return tools or None, ""


def _read_variables(text: str) -> tuple[dict[str, Any], str]:
    if not text.strip():
        return {}, ""
    try:
        variables = _parse(text)
    except ValueError as cause:
        return {}, f"The template variables are no JSON: {cause}."
    if not isinstance(variables, dict):
        return {}, 'The template variables must be a JSON object such as {"enable_thinking": false}.'
    return variables, ""


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
