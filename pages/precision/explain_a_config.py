"""Explain a config: to be built."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.page import finding

bar = page_bar("explain_config")
finding("To be built")
st.html("<p style='height:40px'>To be built</p>")
