"""Pages as AppTest runs them: opened by their address, and what they say and print."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from ui.pages import PAGES

REPOSITORY = Path(__file__).parents[2]


def open_page(address: str, *, session: dict[str, Any] | None = None, **params: str) -> AppTest:
    """The page at an address, or of a script, with the parameters of a link and what a session holds; run once."""
    page = next(page for page in PAGES if address in (page.url, page.path))
    app = AppTest.from_file(str(REPOSITORY / "streamlit_app.py"), default_timeout=180)
    for name, value in params.items():
        app.query_params[name] = value
    for name, value in (session or {}).items():
        app.session_state[name] = value
    if page is not PAGES[0]:
        # `switch_page` knows the app's pages from its last run alone. This is what it would find there: a run of the
        # first page before each other one would double the time of these tests.
        app._page_hash = calc_hash(page.url)
    app.run()
    assert app.exception or app.title[0].value == page.title
    return app


def no_exception(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def sentences(app: AppTest) -> str:
    """Everything said in boxes and captions, Markdown's escapes taken out."""
    boxes = [*app.error, *app.warning, *app.info, *app.caption]
    return "\n".join(box.value for box in boxes).replace("\\", "")


def output_of(app: AppTest) -> list[str]:
    """What the page's own code prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(app.code[-1].value, {})  # noqa: S102 - the code that the page tells people to run
    return printed.getvalue().splitlines()


def payload_of(app: AppTest, key: str) -> dict[str, Any]:
    """What a component in JavaScript was given, by the key of its widget."""
    found = next(one.proto for one in app.get("bidi_component") if one.proto.id.endswith(f"-{key}"))
    data: dict[str, Any] = json.loads(found.json)
    return data
