"""Pages as AppTest runs them: opened by their address, and what they say and print."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import lmloupe as lm
from lmloupe.model.generation.results import Step
from ui.base import loaders
from ui.generation.tree.session import Held
from ui.pages import PAGES
from ui.state.settings import EMBEDDED_MODEL

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
    with contextlib.redirect_stdout(printed), embedded_model_loaded_once():
        exec(app.code[-1].value, {})  # noqa: S102 - the code that the page tells people to run
    return printed.getvalue().splitlines()


@contextlib.contextmanager
def embedded_model_loaded_once() -> Iterator[None]:
    """Code that loads the embedded model is given the one that the pages have loaded, or that code loaded before.

    A load takes seconds, and is the same each time. Weights that the code has changed are not kept.
    """
    import transformers  # not above: a test plans models in a process without torch

    load, read = lm.load_engine, transformers.AutoModelForCausalLM.from_pretrained

    def load_engine(name: str = EMBEDDED_MODEL, quantization: lm.Quantization = "none", **options: Any) -> lm.Engine:
        return (
            loaders.engine(name, quantization)
            if name == EMBEDDED_MODEL and not options
            else load(name, quantization, **options)
        )

    def from_pretrained(folder: Any, **options: Any) -> Any:
        # The library asks for more than the model, and changes what it gets: never the one that is kept.
        if "output_loading_info" in options or Path(folder) != lm.ensure_embedded_model():
            return read(folder, **options)
        asked = repr(options)
        if asked not in _READ:
            _READ.clear()  # one at a time: half a gigabyte each
            model = read(folder, **options)
            _READ[asked] = model, _weights_of(model)
        return _READ[asked][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lm, "load_engine", load_engine)
        patch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", from_pretrained)
        yield
    for asked, (model, fresh) in [*_READ.items()]:
        if _weights_of(model) != fresh:
            del _READ[asked]


_READ: dict[str, tuple[Any, list[tuple[int, int]]]] = {}


def _weights_of(model: Any) -> list[tuple[int, int]]:
    """Where the weights lie and how often they were written to."""
    return [(parameter.data_ptr(), parameter._version) for parameter in model.parameters()]


def payload_of(app: AppTest, key: str) -> dict[str, Any]:
    """What a component in JavaScript was given, by the key of its widget."""
    found = next(one.proto for one in app.get("bidi_component") if one.proto.id.endswith(f"-{key}"))
    data: dict[str, Any] = json.loads(found.json)
    return data


def grown(app: AppTest) -> Held:
    """The tree that Generate holds."""
    held: Held = app.session_state["tree_generate"]
    return held


def written_steps(app: AppTest) -> tuple[Step, ...]:
    """The steps of the branch that Generate shows."""
    branch = grown(app).branch
    assert branch is not None
    return branch.steps
