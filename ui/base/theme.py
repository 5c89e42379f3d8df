"""Colours of tokens, roles and charts, one set for the light and one for the dark theme.

The sets were searched for under three conditions, which ``tests/ui/test_theme.py`` computes again: text on every colour
has a contrast of at least 4.5:1 (WCAG 2.2, success criterion 1.4.3); colours next to each other in the cycle, which
neighbouring tokens get, differ by at least 15 in CIEDE2000; any two differ by at least 9. Differences are taken for
normal sight and for protanopia, deuteranopia and tritanopia as Machado, Oliveira and Fernandes (2009) simulate them.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

__all__ = [
    "ACCENT_DARK",
    "ACCENT_LIGHT",
    "BACKGROUND_DARK",
    "BACKGROUND_LIGHT",
    "CACHE",
    "DIVERGING_DARK",
    "DIVERGING_LIGHT",
    "FAMILIES",
    "GROUPS",
    "MAGENTA",
    "MAGENTA_FILL",
    "MUTED",
    "MUTED_LINE",
    "ORANGE",
    "ORANGE_FILL",
    "OTHERS",
    "QUIET",
    "ROLE_COLOURS_DARK",
    "ROLE_COLOURS_LIGHT",
    "TEXT_DARK",
    "TEXT_LIGHT",
    "TINTS",
    "TOKEN_COLOURS_DARK",
    "TOKEN_COLOURS_LIGHT",
    "WORK",
    "accent",
    "chart_layout",
    "chart_scale",
    "diverging",
    "family",
    "family_colour",
    "ground",
    "ink",
    "is_dark",
    "magenta",
    "magenta_fill",
    "orange",
    "orange_fill",
    "role_colours",
    "set_chart_scale",
    "token_tints",
]

# The same values stand in .streamlit/config.toml; a test compares them.
TEXT_LIGHT, TEXT_DARK = "#1b1f24", "#e8eaed"
BACKGROUND_LIGHT, BACKGROUND_DARK = "#ffffff", "#12161a"
ACCENT_LIGHT, ACCENT_DARK = "#1f6f8b", "#4a9ebd"

# Pairs are (light, dark).
TINTS = (("#c4e0ec", "#1d5064"), ("#e9f0f3", "#2b343c"))
"""Backgrounds of tokens in turn: enough to see where one ends, and no more."""
FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "llama-3.1": ("#236cda", "#6bb0ef"),
        "phi-3": ("#124028", "#bfeebc"),
        "qwen2": ("#5c0287", "#8f6bfa"),
        "starcoder2": ("#8e720a", "#fae221"),
        "smollm2": ("#136465", "#6dedfd"),
    }
)
"""One hue for each family, in every chart, row head, dot and card. The last is also the loaded model's."""
OTHERS = (("#8a4b4b", "#d9a5a5"), ("#5b6a78", "#a9b8c6"), ("#6f7013", "#c6c86a"), ("#4c4a8c", "#b0aeea"))
"""Hues of tokenizers that belong to none of the families, in turn by their name."""
ORANGE, ORANGE_FILL = ("#9c4210", "#f59a5a"), ("#fbdcc3", "#6b3513")
"""Removed or quantized, and nothing else: lines and text, and the ground behind text."""
CACHE, WORK = ("#3b1a78", "#e0d4fb"), ("#8a9196", "#65707a")
"""Memory beside the weights: the cache of keys and values, and what a pass works in."""
MAGENTA, MAGENTA_FILL = ("#d80e92", "#dd6bb3"), ("#f8d5ec", "#6b1d57")
"""Special tokens, and nothing else: lines and text, and the ground behind text."""

# Order matters: in the rainbow, the token of id i gets colour i modulo 8.
TOKEN_COLOURS_LIGHT = ("#ead5d7", "#84b2fc", "#beacb4", "#d9f2a1", "#b4acd0", "#84deab", "#ddd7f1", "#f19c79")
TOKEN_COLOURS_DARK = ("#43372f", "#133676", "#71564b", "#3b364b", "#90482a", "#585b71", "#662408", "#42589d")

ROLE_COLOURS_LIGHT: Mapping[str, str] = MappingProxyType(
    {"system": "#aeb2a4", "user": "#84b2fc", "assistant": "#d4f1c1", "tool": "#dda668", "special": "#fce0f3"}
)
ROLE_COLOURS_DARK: Mapping[str, str] = MappingProxyType(
    {"system": "#545f54", "user": "#1a5da0", "assistant": "#1b4120", "tool": "#735811", "special": "#631c53"}
)

# For what is not the point of a chart: areas, and lines, which are thin.
MUTED, MUTED_LINE = "rgba(127, 137, 148, 0.55)", "rgba(127, 137, 148, 0.75)"
GROUPS = (
    "#3b82b8", "#8f9a2c", "#4d9a5b", "#8a6bbf", "#b0606a", "#3aa6a0", "#8a7a50", "#5c6bd0", "#7f8994", "#a39ad0",
)  # fmt: skip
"""Colours of points by group, for both themes; none of them looks like orange or magenta, which have a meaning."""
QUIET = 0.7
"""Opacity of text that is not the point."""
_SCALE = "chart_scale"

# From below zero to above, with the page's own background at zero. Ochre and blue: everybody can tell them apart, and
# neither is the orange of what is removed.
DIVERGING_LIGHT = ("#6b5b00", "#bfae4e", "#ffffff", "#6fadc2", "#175970")
DIVERGING_DARK = ("#efdc86", "#8c7b26", "#12161a", "#387893", "#9fd3e6")


def is_dark() -> bool:
    """Whether the person sees the dark theme; light where the browser has not said yet."""
    return st.context.theme.type == "dark"


def accent() -> str:
    """The one colour of bars, lines and marks."""
    return ACCENT_DARK if is_dark() else ACCENT_LIGHT


def ink(*, on_accent: bool = False) -> str:
    """The colour of text on the page and on half-transparent grey, or on the accent."""
    if on_accent:
        return ground()
    return TEXT_DARK if is_dark() else TEXT_LIGHT


def ground() -> str:
    """The page's own background."""
    return BACKGROUND_DARK if is_dark() else BACKGROUND_LIGHT


def _now(pair: tuple[str, str]) -> str:
    return pair[is_dark()]


def token_tints() -> tuple[str, str]:
    """Two backgrounds for tokens in turn."""
    return _now(TINTS[0]), _now(TINTS[1])


def family(name: str) -> str:
    """The family that a tokenizer's or a model's name belongs to, a key of `FAMILIES`; the name itself if none.

    >>> family("meta-llama/Llama-3.1-8B-Instruct"), family("upload:tokenizer.json")
    ('llama-3.1', 'upload:tokenizer.json')
    """
    words = {"smollm": "smollm2", "llama-3": "llama-3.1", "phi-3": "phi-3", "qwen": "qwen2", "starcoder": "starcoder2"}
    return next((key for word, key in words.items() if word in name.lower()), name)


def family_colour(name: str) -> str:
    """The hue of the family of this tokenizer or model, 4.5:1 against the page: for marks and for text."""
    key = family(name)
    # CRC-32, because `hash` of a text differs from one process to the next.
    return _now(FAMILIES.get(key) or OTHERS[zlib.crc32(key.encode()) % len(OTHERS)])


def orange() -> str:
    """Of what is removed or quantized: lines and text."""
    return _now(ORANGE)


def orange_fill() -> str:
    """Of what is removed or quantized: the ground behind text."""
    return _now(ORANGE_FILL)


def magenta() -> str:
    """Of special tokens: lines and text."""
    return _now(MAGENTA)


def magenta_fill() -> str:
    """Of special tokens: the ground behind text."""
    return _now(MAGENTA_FILL)


def chart_scale() -> float:
    """What to multiply the pixels of a chart with: more than 1 in the presenter view."""
    return float(st.session_state.get(_SCALE, 1.0))


def set_chart_scale(scale: float) -> None:
    """Set `chart_scale` for this session."""
    st.session_state[_SCALE] = scale


def role_colours() -> Mapping[str, str]:
    """A background for each role of a conversation, and for special tokens."""
    return ROLE_COLOURS_DARK if is_dark() else ROLE_COLOURS_LIGHT


def diverging() -> list[tuple[float, str]]:
    """A Plotly colour scale for values on both sides of zero; use it with ``zmid=0``."""
    colours = DIVERGING_DARK if is_dark() else DIVERGING_LIGHT
    return [(i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]


def chart_layout(*, x_title: str = "", y_title: str = "", height: int = 320, **layout: Any) -> dict[str, Any]:
    """What every chart has in common, for ``figure.update_layout(**chart_layout(...))``.

    Backgrounds are transparent. Axes are written in the page's ink: the grey of ``st.plotly_chart``'s own theme has too
    little contrast. Axis titles carry the unit. Margins grow to fit the labels. ``layout`` adds to this or replaces it.
    """
    axis = {"automargin": True, "zeroline": False, "tickfont": {"color": ink()}}
    common: dict[str, Any] = {
        "height": round(height * chart_scale()),
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": [accent()],
        "showlegend": False,
        "dragmode": False,
        # Plotly takes half of the paper's colour for the box behind the camera, which of transparent black is grey.
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "bargap": 0.25,
        "xaxis": axis | {"title": {"text": x_title, "font": {"color": ink()}}},
        "yaxis": axis | {"title": {"text": y_title, "font": {"color": ink()}}},
    }
    return common | layout
