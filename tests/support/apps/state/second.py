import streamlit as st

from ui.state import store as state

st.title("Second")
state.show_notices()
text = state.text_input("text", "Text")
values = {
    "text": text,
    "temperature": state.slider("temperature", "Temperature", step=0.05),
    "top_k": state.number_input("top_k", "Top-k"),
    "token_index": state.slider("token_index", "Token", max_value=max(len(text), 1)),
    "quantization": state.segmented("quantization", "Quantization"),
    "metric": state.selectbox("metric", "Metric"),
}
st.button("Cool", on_click=state.put, args=("temperature", 0.25))
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.text(f"runs: {st.session_state['runs']}")
st.session_state["report"] = values
