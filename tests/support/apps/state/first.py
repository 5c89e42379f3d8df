import streamlit as st

from ui.state import store as state

st.title("First")
state.show_notices()
values = {
    "text": state.text_area("text", "Text"),
    "tokenizers": state.multiselect("tokenizers", "Tokenizers", accept_new_options=True),
    "add_special_tokens": state.toggle("add_special_tokens", "Add special tokens"),
    "messages": state.get("messages"),
}
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.text(f"runs: {st.session_state['runs']}")
st.session_state["report"] = values
