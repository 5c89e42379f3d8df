"""Explain a config: what the quantization settings of a script really do, with the defaults that nobody wrote."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base import theme
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown, show_errors
from ui.components.config_table import config_table
from ui.page import as_code, finding, reproduce, words_here
from ui.planner.explain.view import EXAMPLES, config_finding, constructor, show_links, table_of
from ui.state import store as state

CODE = """
import lmloupe as lm

found = lm.explain_quantization({text})
print(found.weights, found.bits_per_weight)
for one in found.settings:
    print(one.name, one.value, "said" if one.is_said else "default")
"""
WITH_TRANSFORMERS = """
# The same with transformers alone
import torch
from transformers import BitsAndBytesConfig

config = {constructor}
print(config.quantization_method())
print(config.to_dict())
"""

page_bar("explain_config")
heading = st.container()
box, beside = st.columns([2, 3], gap="medium")
with box:
    text = state.live_text("config_text", "Quantization config", height=round(290 * theme.chart_scale()))
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Examples:", width="content")
        for name, example in EXAMPLES.items():
            st.button(name, key=f"example_{name}", on_click=state.put, args=("config_text", example), type="tertiary")
with beside, show_errors():
    found = lm.explain_quantization(text)
    warnings = [one.sentence for one in found.warnings]
    with heading:
        finding(config_finding(found))
        if found.method != "bitsandbytes":
            st.markdown(escape_markdown(found.outcome))
        elif warnings:
            config_table([], warnings, label="What surprises", key="config_warnings")
        else:
            st.markdown("Nothing in it surprises: what it says is what it does.")
    if found.settings:
        config_table(found.settings, [], label="Settings of the config", key="config_settings")
    with box:
        if found.method == "bitsandbytes" and not found.refused:
            st.caption(escape_markdown(found.outcome))
        if found.n_configs > 1:
            st.caption(f"The text has {found.n_configs} configs; the first is explained.")
        st.markdown("**The same in LM Loupe**")
        st.code(found.in_lmloupe, language=None, wrap_lines=True)  # Streamlit's colours of code are too pale
        show_links(found)
    take_away("settings", table_of(found), {})
    call = "" if found.refused else constructor(found)
    words_here("quantization", "nf4", "dtype", "double_quantization")
    reproduce(CODE.format(text=as_code(text)) + (WITH_TRANSFORMERS.format(constructor=call) if call else ""))
