"""Front door: page config, navigation and the beginning of a run, nothing else."""

import logging

import streamlit as st

from ui import early
from ui.base.kept.folder import require_folder
from ui.cluster.address import check_address
from ui.metrics.endpoint import count_error, routes
from ui.pages import MOVED, PAGES, SECTIONS
from ui.pages import page as page_at

if not st.runtime.exists():
    # `streamlit run` finds `app` and imports this file once, before it opens the port. Streamlit takes a folder called
    # pages/ for its older kind of multipage app until st.navigation has been called once, and would greet a visitor
    # whose link goes to /next_token with "Page not found". Called here, no visitor is the first to call it.
    require_folder()
    check_address()
    early.begin()
    logging.disable(logging.WARNING)  # it says that there is no session yet
    st.navigation([PAGES[0].path])
    logging.disable(logging.NOTSET)
    app = st.App(__file__, lifespan=early.serving, routes=routes(), on_script_error=count_error)
else:
    from ui.state.session import leads_to_tokens, one_run

    st.set_page_config(page_title="LM Loupe", page_icon="assets/icon.svg", layout="wide")
    st.logo("assets/logo.svg", size="large", icon_image="assets/icon.svg")
    first = PAGES[0]
    navigation = {
        section: [
            st.Page(
                page.path,
                title=page.title,
                icon=page.icon_shortcode,
                # The default page answers at the root alone, whatever its url_path says.
                url_path="root" if page is first else page.url,
                default=page is first,
            )
            for page in PAGES
            if page.section == section
        ]
        for section in SECTIONS
    }
    # People also try the first page's own name, and keep links to addresses that pages had before.
    navigation[first.section] += [
        st.Page(first.path, title=first.title, url_path=first.url, visibility="hidden"),
        *(st.Page(lambda: None, title=new, url_path=old, visibility="hidden") for old, new in MOVED.items()),
    ]
    page = st.navigation(navigation, expanded=True)
    if page.url_path == "" and leads_to_tokens():
        st.switch_page(page_at("tokens").path, query_params=st.query_params.to_dict())
    if page.url_path in MOVED:
        st.switch_page(page_at(MOVED[page.url_path]).path, query_params=st.query_params.to_dict())
    with early.a_page_runs(page.url_path or first.url), one_run(page.url_path or first.url):
        page.run()
