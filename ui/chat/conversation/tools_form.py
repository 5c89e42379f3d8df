"""Edit tool definitions in forms or as JSON; the shared setting ``tools`` holds the JSON."""

from __future__ import annotations

import json
from typing import Any, Literal

import streamlit as st

from ui.base.errors import escape_markdown
from ui.chat.lessons import WEATHER_TOOL
from ui.chat.typed_json import read_tools
from ui.state import store as state
from ui.state.drafts import commit, draft

__all__ = ["edit_tools"]

TYPES = ("string", "number", "integer", "boolean", "array", "object")


def edit_tools() -> None:
    """One form for each tool: name, description, parameters; below them the JSON, which may be edited as well."""
    version = draft("tools").version
    tools, error = read_tools(state.get("tools"))
    for i, tool in enumerate(tools or []):
        _form(i, tool, version)
    st.button("Add a tool", icon=":material/add:", on_click=_add, disabled=bool(error), key="tool_add")
    state.text_area(
        "tools",
        "The tools as JSON",
        height=180,
        placeholder='[{"type": "function", "function": {"name": ...}}]',
        help="A list of function schemas in the OpenAI form; the forms above write it. Empty: no tools.",
    )
    if error:
        st.error(escape_markdown(error))


def _form(i: int, tool: dict[str, Any], version: int) -> None:
    function = tool.get("function", tool)
    parameters = function.get("parameters")
    schema = parameters if isinstance(parameters, dict) else {}
    properties, required = schema.get("properties", {}), schema.get("required", [])
    key = f"tool_{version}_{i}"
    changed: dict[str, Any] = {"on_change": _collect, "args": (i, version)}
    with st.container(border=True):
        name_column, text_column, button_column = st.columns([4, 9, 1], vertical_alignment="bottom")
        name_column.text_input("Name of the function", str(function.get("name", "")), key=f"{key}_name", **changed)
        text_column.text_input(
            "What it does", str(function.get("description", "")), key=f"{key}_description", **changed
        )
        button_column.button(
            "",
            icon=":material/delete:",
            key=f"{key}_delete",
            help=f"Remove tool {i + 1}",
            type="tertiary",
            on_click=_delete,
            args=(i,),
        )
        rows = [(n, p) for n, p in properties.items() if isinstance(p, dict)] if isinstance(properties, dict) else []
        for j, (name, entry) in enumerate(rows):
            _parameter(f"{key}_parameter_{j}", name, entry, name in required, changed, labels=j == 0)
        st.button(
            "Add a parameter", icon=":material/add:", key=f"{key}_more", type="tertiary", on_click=_more, args=(i,)
        )


def _parameter(
    key: str, name: str, entry: dict[str, Any], required: bool, changed: dict[str, Any], *, labels: bool
) -> None:
    visibility: Literal["visible", "collapsed"] = "visible" if labels else "collapsed"
    columns = st.columns([4, 3, 6, 2], vertical_alignment="bottom")
    columns[0].text_input("Parameter", name, key=f"{key}_name", label_visibility=visibility, **changed)
    kind = entry.get("type")
    options = list(TYPES) if kind in TYPES else [str(kind), *TYPES]
    columns[1].selectbox(
        "Type", options, index=options.index(str(kind)), key=f"{key}_type", label_visibility=visibility, **changed
    )
    columns[2].text_input(
        "Meaning", str(entry.get("description", "")), key=f"{key}_text", label_visibility=visibility, **changed
    )
    columns[3].checkbox("required", required, key=f"{key}_required", **changed)


def _tools() -> list[dict[str, Any]]:
    return read_tools(state.get("tools"))[0] or []


def _write(tools: list[dict[str, Any]], *, renew: bool) -> None:
    commit("tools", json.dumps(tools, indent=2, ensure_ascii=False) if tools else "", renew=renew)


def _collect(i: int, version: int) -> None:
    if version != draft("tools").version:
        return
    tools = _tools()
    _read_form(tools[i], f"tool_{version}_{i}")
    _write(tools, renew=False)


def _read_form(tool: dict[str, Any], key: str) -> None:
    """Write what the form holds into the schema; what the form does not show stays as it is."""
    held = st.session_state
    function = tool.setdefault("function", {})
    function["name"] = held.get(f"{key}_name", function.get("name", ""))
    function["description"] = held.get(f"{key}_description", function.get("description", ""))
    schema = function.get("parameters")
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return
    properties: dict[str, Any] = {}
    required = []
    for j, (name, entry) in enumerate((n, p) for n, p in schema["properties"].items() if isinstance(p, dict)):
        field = f"{key}_parameter_{j}"
        # Two parameters of one name would be one: the second keeps its old name until it has another.
        wanted = held.get(f"{field}_name", name)
        called = wanted if wanted not in properties else name
        entry |= {"type": held.get(f"{field}_type", entry.get("type"))}
        if text := held.get(f"{field}_text", entry.get("description", "")):
            entry["description"] = text
        properties[called] = entry
        if held.get(f"{field}_required", name in schema.get("required", [])):
            required.append(called)
    schema["properties"], schema["required"] = properties, required


def _add() -> None:
    _write([*_tools(), json.loads(json.dumps(WEATHER_TOOL))], renew=True)


def _delete(i: int) -> None:
    tools = _tools()
    del tools[i]
    _write(tools, renew=True)


def _more(i: int) -> None:
    tools = _tools()
    function = tools[i].setdefault("function", {})
    if not isinstance(function.get("parameters"), dict):
        function["parameters"] = {"type": "object"}
    properties = function["parameters"].setdefault("properties", {})
    properties[f"parameter_{len(properties) + 1}"] = {"type": "string"}
    _write(tools, renew=True)
