"""The colours keep what ``ui/theme.py`` promises, computed from the published formulas."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.typing import NDArray

from ui.base import theme

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# IEEE TVCG 15(6), 2009: the published matrices for severity 1.0, applied to linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# IEC 61966-2-1, linear sRGB to CIE XYZ (D65).
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
THEMES = {
    "light": (theme.TOKEN_COLOURS_LIGHT, theme.ROLE_COLOURS_LIGHT, theme.TEXT_LIGHT, theme.BACKGROUND_LIGHT),
    "dark": (theme.TOKEN_COLOURS_DARK, theme.ROLE_COLOURS_DARK, theme.TEXT_DARK, theme.BACKGROUND_DARK),
}


def linear(colour: str) -> NDArray[np.float64]:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    dim, bright = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (bright + 0.05) / (dim + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    t = (TO_XYZ @ np.clip(rgb, 0, 1)) / (TO_XYZ @ np.ones(3))
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Difference of two CIELAB colours: CIE 142-2001, in the notation of Sharma, Wu and Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c_bar = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(c_bar**7 / (c_bar**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    l_bar, c_bar = (l1 + l2) / 2, (c1 + c2) / 2
    h_bar = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    t = (
        1
        - 0.17 * np.cos(np.radians(h_bar - 30))
        + 0.24 * np.cos(np.radians(2 * h_bar))
        + 0.32 * np.cos(np.radians(3 * h_bar + 6))
        - 0.20 * np.cos(np.radians(4 * h_bar - 63))
    )
    lightness = (l2 - l1) / (1 + 0.015 * (l_bar - 50) ** 2 / np.sqrt(20 + (l_bar - 50) ** 2))
    chroma = (c2 - c1) / (1 + 0.045 * c_bar)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * c_bar * t)
    rotation = (
        -2 * np.sqrt(c_bar**7 / (c_bar**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h_bar - 275) / 25) ** 2))))
    )
    return float(np.sqrt(lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue))


def difference(one: str, other: str, sight: str) -> float:
    return ciede2000(lab(SIGHT[sight] @ linear(one)), lab(SIGHT[sight] @ linear(other)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # pairs 1, 7, 16 and 25 of Sharma, Wu and Dalal's test data
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_yardstick_measures_as_published(one, other, expected):
    assert ciede2000(np.array(one, float), np.array(other, float)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("name", THEMES)
def test_text_is_readable_on_every_colour(name):
    tokens, roles, text, background = THEMES[name]
    for colour in (*tokens, *roles.values(), background):
        assert contrast(text, colour) >= 4.5, colour


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES)
def test_token_colours_can_be_told_apart(name, sight):
    tokens, _, _, background = THEMES[name]
    assert len(tokens) == 8
    for one, other in zip(tokens, (*tokens[1:], tokens[0]), strict=True):
        assert difference(one, other, sight) >= 15, (one, other)
    for one, other in itertools.combinations(tokens, 2):
        assert difference(one, other, sight) >= 9, (one, other)
    for colour in tokens:
        assert difference(colour, background, sight) >= 6, colour


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES)
def test_role_colours_can_be_told_apart(name, sight):
    _, roles, _, background = THEMES[name]
    assert set(roles) == {"system", "user", "assistant", "tool", "special"}
    for one, other in itertools.combinations(roles.values(), 2):
        assert difference(one, other, sight) >= 13, (one, other)
    for colour in roles.values():
        assert difference(colour, background, sight) >= 6, colour


@pytest.mark.parametrize(
    ("name", "text", "background", "accent"),
    [
        ("light", theme.TEXT_LIGHT, theme.BACKGROUND_LIGHT, theme.ACCENT_LIGHT),
        ("dark", theme.TEXT_DARK, theme.BACKGROUND_DARK, theme.ACCENT_DARK),
    ],
)
def test_the_app_uses_the_same_colours(name, text, background, accent):
    config = tomllib.loads(Path(__file__).parents[2].joinpath(".streamlit/config.toml").read_text())
    shipped = config["theme"][name]
    assert (shipped["textColor"], shipped["backgroundColor"], shipped["primaryColor"]) == (text, background, accent)
    assert shipped["chartCategoricalColors"][0] == accent
    # Non-text contrast: WCAG 2.2, success criterion 1.4.11.
    assert contrast(accent, background) >= 3
    assert contrast(shipped["linkColor"], background) >= 4.5
    assert contrast(text, shipped["secondaryBackgroundColor"]) >= 7


def test_chart_layout_is_one_that_plotly_accepts_and_keeps_what_is_passed():
    figure = go.Figure(go.Bar(x=[0.5], y=["a"])).update_layout(
        **theme.chart_layout(x_title="probability", height=200, showlegend=True)
    )
    assert figure.layout.xaxis.title.text == "probability"
    assert (figure.layout.height, figure.layout.showlegend) == (200, True)
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.font.color is None  # the theme's own


@pytest.mark.parametrize("name", THEMES)
def test_the_colours_with_a_meaning_are_readable_as_text(name):
    dark, (_, _, text, background) = name == "dark", THEMES[name]
    for pair in (*theme.FAMILIES.values(), *theme.OTHERS, theme.ORANGE, theme.MAGENTA):
        assert contrast(pair[dark], background) >= 4.5, pair
    for pair in (*theme.TINTS, theme.ORANGE_FILL, theme.MAGENTA_FILL):
        assert contrast(text, pair[dark]) >= 7, pair


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES)
def test_families_orange_and_magenta_can_be_told_apart_and_so_can_two_tints(name, sight):
    dark = name == "dark"
    fixed = [pair[dark] for pair in (*theme.FAMILIES.values(), theme.ORANGE, theme.MAGENTA)]
    for one, other in itertools.combinations(fixed, 2):
        assert difference(one, other, sight) >= 7.5, (one, other)
    assert difference(theme.TINTS[0][dark], theme.TINTS[1][dark], sight) >= 6


def test_a_name_finds_its_family_and_keeps_its_hue():
    assert {theme.family_colour(name) for name in ("qwen2", "Qwen/Qwen2-7B-Instruct")} == {theme.FAMILIES["qwen2"][0]}
    others = {theme.family_colour(f"team/{i}") for i in range(50)}
    assert others == {light for light, _ in theme.OTHERS}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", THEMES)
def test_the_parts_of_a_memory_plan_can_be_told_apart_and_seen(name, sight):
    dark = name == "dark"
    kept = theme.ACCENT_DARK if dark else theme.ACCENT_LIGHT
    parts = [theme.ORANGE[dark], kept, theme.CACHE[dark], theme.WORK[dark]]
    for one, other in itertools.combinations(parts, 2):
        assert difference(one, other, sight) >= 15, (one, other)
    for colour in parts:
        assert contrast(colour, THEMES[name][3]) >= 3, colour
