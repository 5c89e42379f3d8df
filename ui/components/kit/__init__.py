"""What the components in JavaScript share: one way to join their scripts, to register them and to read what they send.

The scripts are ES modules. Node's test runner imports them as they are; Streamlit takes one text, which `joined`
makes of a component's script and all that it imports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from ui.base import theme

__all__ = [
    "DRAWING",
    "colour_properties",
    "component",
    "joined",
    "messenger",
    "nothing",
    "role_colours",
    "sent",
    "whole",
]

DRAWING = Path(__file__).parent / "drawing.css"
"""Style sheet of what `drawing.js` draws."""

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.\.?/[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def component(name: str, script: Path, *styles: Path, colours: str = "") -> Callable[..., Any]:
    """Register a component; call this where a module is imported, once a process.

    Streamlit's renderer keeps the texts and puts them into a runtime that does not know the name yet, so later
    sessions, other pages and AppTest's runtimes, all of which find the module already imported, are served as well.
    """
    css = _language() + colours + "\n".join(path.read_text("utf-8") for path in styles)
    return st.components.v2.component(name, css=css, js=joined(script))


def messenger(name: str, script: Path) -> Callable[..., Any]:
    """Register a component that draws nothing and only hands on what it is sent; without the colours, it is small."""
    return st.components.v2.component(name, js=joined(script))


def joined(script: Path) -> str:
    """One module that does what ``script`` does: each module that it imports becomes a function called once.

    Raises:
        ValueError: modules that import each other in a circle, or a form of import or export that is not
            ``import { a, b } from "./x.js";``, ``export const``, ``export function`` or ``export class``.
    """
    done: dict[Path, str] = {}
    return "\n".join((*_modules(script.resolve(), done, ()), _rewritten(script.resolve(), done, default=True)))


def _modules(path: Path, done: dict[Path, str], above: tuple[Path, ...]) -> list[str]:
    """The modules below ``path``, each after those that it imports."""
    if path in above:
        raise ValueError(f"{path.name} imports itself, by way of {above[-1].name}.")
    found = []
    for _, target in _IMPORT.findall(path.read_text("utf-8")):
        module = (path.parent / target).resolve()
        if module in done:
            continue
        found += _modules(module, done, (*above, path))
        names = _EXPORT.findall(module.read_text("utf-8"))
        body = _rewritten(module, done)
        done[module] = f"module{len(done)}"
        found.append(f"const {done[module]} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();")
    return found


def _rewritten(path: Path, done: Mapping[Path, str], *, default: bool = False) -> str:
    """The script with its imports taken from the functions' results, without the word ``export``.

    Only the component's own script may have an ``export default``, which stays.
    """

    def from_module(found: re.Match[str]) -> str:
        return f"const {found[1].replace(' as ', ': ')} = {done[(path.parent / found[2]).resolve()]};"

    text = _EXPORT.sub("", _IMPORT.sub(from_module, path.read_text("utf-8")))
    others = [line for line in _OTHER.findall(text) if not (default and line.startswith("export default"))]
    if others:
        raise ValueError(f"{path.name}: {others[0]!r} is not a form that can be joined.")
    return text


def colour_properties(pairs: Mapping[str, tuple[str, str]]) -> str:
    """Colours for light and dark as CSS custom properties; ``light-dark()`` follows the theme that Streamlit shows."""
    lines = (f"  --{name}: light-dark({light}, {dark});\n" for name, (light, dark) in pairs.items())
    return ":host {\n" + "".join(lines) + "}\n"


def _language() -> str:
    """The colours that mean the same everywhere: --tint-1, --orange, --magenta-fill, --family-qwen2 and so on."""
    families = {f"family-{name.replace('.', '-')}": pair for name, pair in theme.FAMILIES.items()}
    fixed = {"orange": theme.ORANGE, "orange-fill": theme.ORANGE_FILL}
    fixed |= {"magenta": theme.MAGENTA, "magenta-fill": theme.MAGENTA_FILL}
    return colour_properties({f"tint-{i + 1}": pair for i, pair in enumerate(theme.TINTS)} | fixed | families)


def role_colours() -> str:
    """The colours of roles, ``--role-user`` and so on."""
    light, dark = theme.ROLE_COLOURS_LIGHT, theme.ROLE_COLOURS_DARK
    return colour_properties({f"role-{role}": (light[role], dark[role]) for role in light})


def nothing() -> None:
    """Streamlit reports what a component sends only where a callback is registered for it."""


def whole(sent: object, name: str) -> int | None:
    """A whole number that a component sent under this name; None where there is none.

    It comes from a browser and may belong to what was shown before: trust neither its form nor its range.
    """
    value = sent.get(name) if isinstance(sent, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def sent(key: str, name: str) -> object:
    """What the component with this key sent last, for callbacks and for what comes before it on the page; else None."""
    held = st.session_state.get(key)
    return held.get(name) if isinstance(held, dict) else None
