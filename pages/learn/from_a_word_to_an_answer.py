"""From a word to an answer: nine live figures on one scroll, and the answer at its end."""

from __future__ import annotations

import streamlit as st

from ui.bar.bar import page_bar
from ui.learn.door.figure import draw, draw_style, start_over
from ui.learn.door.figures import MODEL_FIGURES, TEXT_FIGURES
from ui.learn.door.loading import model_loader, wait_for_model
from ui.learn.door.ways import three_ways

bar = page_bar("start")
with bar.gear:
    st.button(
        "Start over", icon=":material/restart_alt:", on_click=start_over,
        help="Takes every guess on this page back, and shows its figures as they are at first.",
    )  # fmt: skip

draw_style()
for number, figure in enumerate(TEXT_FIGURES, 1):
    draw(number, figure)
    if number == 1:
        three_ways()
if not model_loader().ready:
    wait_for_model()
for number, figure in enumerate(MODEL_FIGURES, 1 + len(TEXT_FIGURES)):
    draw(number, figure)
st.caption("Built with Llama: the Llama 3.1 vocabulary is licensed under the Llama 3.1 Community License.")
