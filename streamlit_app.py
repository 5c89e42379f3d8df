"""Front door: page config and navigation, nothing else."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

if not st.runtime.exists():
    # `streamlit run` finds `app` and imports this file once, before it opens the port. Streamlit takes a folder called
    # pages/ for its older kind of multipage app until the first session has called st.navigation, and would greet
    # a visitor whose link goes to /next_token with "Page not found". Settled here, no visitor is that first session.
    PagesManager.uses_pages_directory = False
    app = st.App(__file__)
else:
    st.set_page_config(page_title="LM Loupe", page_icon="assets/icon.svg", layout="wide")
    st.logo("assets/logo.svg", size="large", icon_image="assets/icon.svg")
    tokens = st.Page("pages/text/tokens.py", title="Tokens", icon=":material/segment:", url_path="start", default=True)
    # The default page answers at the root alone, whatever its url_path says; people also try its name.
    tokens_by_name = st.Page("pages/text/tokens.py", title="Tokens", url_path="tokens", visibility="hidden")
    pipeline = st.Page(
        "pages/text/pipeline.py", title="Pipeline", icon=":material/conversion_path:", url_path="pipeline"
    )
    special = st.Page(
        "pages/text/special_tokens.py", title="Special tokens", icon=":material/flag:", url_path="special"
    )
    vocabulary = st.Page(
        "pages/text/vocabulary.py", title="Vocabulary", icon=":material/menu_book:", url_path="vocabulary"
    )
    languages = st.Page("pages/text/languages.py", title="Languages", icon=":material/translate:", url_path="languages")
    chat = st.Page("pages/chat/chat_template.py", title="Chat template", icon=":material/forum:", url_path="chat")
    template = st.Page(
        "pages/chat/provenance.py", title="Provenance", icon=":material/line_start:", url_path="template"
    )
    fim = st.Page(
        "pages/chat/fill_in_the_middle.py",
        title="Fill in the middle",
        icon=":material/format_ink_highlighter:",
        url_path="fim",
    )
    template_cost = st.Page(
        "pages/chat/wrong_template.py", title="Wrong template", icon=":material/price_check:", url_path="template_cost"
    )
    embeddings = st.Page(
        "pages/vectors/embeddings.py", title="Embeddings", icon=":material/grid_on:", url_path="embeddings"
    )
    next_token = st.Page(
        "pages/prediction/next_token.py", title="Next token", icon=":material/bar_chart:", url_path="next_token"
    )
    score = st.Page(
        "pages/prediction/text_scored.py", title="Text scored", icon=":material/straighten:", url_path="score"
    )
    layers = st.Page("pages/prediction/layers.py", title="Layers", icon=":material/layers:", url_path="layers")
    attention = st.Page("pages/prediction/attention.py", title="Attention", icon=":material/hub:", url_path="attention")
    vocabulary_map = st.Page(
        "pages/vectors/vocabulary_map.py", title="Vocabulary map", icon=":material/scatter_plot:", url_path="map"
    )
    contextual = st.Page(
        "pages/vectors/static_and_contextual.py",
        title="Static and contextual",
        icon=":material/call_split:",
        url_path="contextual",
    )
    architecture = st.Page(
        "pages/vectors/architecture.py", title="Architecture", icon=":material/account_tree:", url_path="architecture"
    )
    generate = st.Page(
        "pages/prediction/generate.py", title="Generate", icon=":material/play_arrow:", url_path="generate"
    )
    sections = {
        "Text": [tokens, tokens_by_name, pipeline, special, vocabulary, languages],
        "Chat": [chat, template, fim, template_cost],
        "Vectors": [embeddings, vocabulary_map, contextual, architecture],
        "Prediction": [next_token, score, layers, attention, generate],
    }
    st.navigation(sections, expanded=True).run()
