"""Two pages that show what ``ui.state.store`` gives them; driven by ``tests/ui/test_state.py``."""

import streamlit as st

st.navigation([st.Page("first.py", default=True), st.Page("second.py")]).run()
