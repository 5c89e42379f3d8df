"""Why the settings of one page are in our own store: what Streamlit's ``bind="query-params"`` does not hold.

Where one of these tests fails after an update of Streamlit, the reason it names is gone. Together with them stands what
only a browser shows (1.67): each bound widget that differs from its default makes an entry in the browser's history
when its page comes back, so after three changes and a look at another page it takes four steps back to reach that
page, and each of the first three sets one of the settings to its default.
"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ui.state import link
from ui.state.settings import SETTINGS


def bound() -> None:
    import streamlit as st

    names = {"pca": "PCA, the whole vocabulary", "tsne": "t-SNE, a part of it"}
    held = {"bind": "query-params", "persist_state": "session"}
    st.session_state["values"] = {
        "map_method": st.segmented_control(
            "Method", list(names), default="pca", format_func=names.__getitem__, key="map_method", required=True, **held
        ),
        "neighbours": st.number_input("How many", 1, 50, 10, key="neighbours", **held),
        "attention_layer": st.slider("Layer", 1, 30, 13, key="attention_layer", **held),
        "skip_first": st.toggle("Hide the first token", True, key="skip_first", **held),
    }


def opened(**params: str) -> AppTest:
    app = AppTest.from_function(bound)
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


@pytest.mark.parametrize(
    ("name", "value"),
    [("map_method", "nothing"), ("neighbours", "999"), ("attention_layer", "many"), ("skip_first", "maybe")],
)
def test_streamlit_drops_a_bad_value_without_a_word_where_we_name_it(name: str, value: str) -> None:
    app = opened(**{name: value})
    assert not app.exception
    assert not app.warning
    assert dict(app.query_params) == {}
    assert list(link.decode({name: value})[1]) == [name]


def test_a_number_that_is_infinite_in_a_link_ends_the_page_under_streamlit_and_not_under_us() -> None:
    assert len(opened(neighbours="1e999").exception) == 1
    assert link.decode({"neighbours": "1e999"})[0] == {}


def test_a_choice_without_a_value_is_nothing_although_it_is_required() -> None:
    assert opened(map_method="").session_state["values"]["map_method"] is None
    assert link.decode({"map_method": ""})[0] == {}


def test_streamlit_writes_the_words_on_the_screen_into_the_link_and_takes_no_other() -> None:
    # New words on the screen would break the links that people keep, and so would all links that there are.
    assert opened(map_method="t-SNE, a part of it").session_state["values"]["map_method"] == "tsne"
    dropped = opened(map_method="tsne", skip_first="0").session_state["values"]
    assert (dropped["map_method"], dropped["skip_first"]) == ("pca", True)
    assert link.decode({"map_method": "tsne", "skip_first": "0"})[0] == {"map_method": "tsne", "skip_first": False}


def test_streamlit_counts_in_a_link_as_the_screen_does_where_we_count_as_the_arrays_do() -> None:
    assert opened(attention_layer="12").session_state["values"]["attention_layer"] == 12
    held = link.decode({"attention_layer": "12"})[0]["attention_layer"] + SETTINGS["attention_layer"].shown_from
    assert held == 13
