"""Two pages that show what ``ui.state.store`` gives them; driven by ``tests/ui/test_state.py``."""

import streamlit as st

from ui.state.session import one_run

page = st.navigation([st.Page("first.py", default=True), st.Page("second.py")])
with one_run(page.url_path):
    page.run()
