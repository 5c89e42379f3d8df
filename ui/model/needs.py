"""What each page asks of a model's engine, and what a page says where the engine cannot: one place for all pages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from lmloupe.model.capabilities import WORDS, Capabilities, CapabilityName
from ui.base.errors import escape_markdown
from ui.pages import PAGES, Page, page
from ui.state import store as state
from ui.state.settings import EMBEDDED_MODEL

__all__ = ["NEEDS", "able", "lacking", "require"]

_OFFERED = 4

NEEDS: Mapping[str, tuple[CapabilityName, ...]] = MappingProxyType(
    {
        "overview": ("weights", "lens"),
        "wrong_format": ("scores",),
        "embeddings": ("weights",),
        "map": ("weights",),
        "three_meanings": ("hidden_states",),
        "architecture": ("weights",),
        "next_token": ("scores",),
        "surprise": ("scores",),
        "layers": ("lens",),
        "masked": ("scores",),
        "attention": ("attention",),
        "generate": ("records",),
        "two_levels": ("transformers",),
        "conversation": ("records",),
        "strategies": ("records",),
        "constrained": ("records",),
        "padding": ("batching",),
        "precision": ("precision",),
        "block": ("precision",),
        "layer_by_layer": ("precision",),
        "speed": ("precision",),
        "kv_cache": ("cache",),
    }
)
"""By a page's address: every page that chooses a model, with what it cannot do without."""


def lacking(url: str, capabilities: Capabilities) -> tuple[CapabilityName, ...]:
    """What the page at this address needs and the engine has not, in the order of `NEEDS`."""
    return tuple(name for name in NEEDS[url] if not capabilities.of(name))


def able(url: str, capabilities: Capabilities) -> tuple[Page, ...]:
    """Other pages with a model for which this engine has all; those of the same section first."""
    section = page(url).section
    whole = [one for one in PAGES if one.url in NEEDS and one.url != url and not lacking(one.url, capabilities)]
    return tuple(sorted(whole, key=lambda one: one.section != section))


def require(url: str, model: str, capabilities: Capabilities) -> None:
    """Go on where the engine has what the page needs; else say what is missing and why, offer what goes, and stop.

    Args:
        url: the page's address.
        model: the model that is chosen.
        capabilities: of its engine.
    """
    missing = lacking(url, capabilities)
    if not missing:
        return
    name = missing[0]
    capability = capabilities.of(name)
    st.info(
        f"{page(url).title} needs {WORDS[name]}, but {escape_markdown(capability.why_not)}.", icon=":material/info:"
    )
    if capability.of_model and model != EMBEDDED_MODEL:
        st.button("Use SmolLM2", on_click=state.put, args=("model", EMBEDDED_MODEL), icon=":material/undo:")
    others = able(url, capabilities)[:_OFFERED]
    if others:
        st.caption("These pages work with this model:")
        for one in others:
            st.page_link(one.path, label=one.title, icon=one.icon_shortcode, query_params=state.link_params())
    st.stop()
