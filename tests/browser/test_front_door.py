"""``streamlit run streamlit_app.py``: every page at its address from the first request on, and nothing heavy loaded."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lmloupe.errors import InvalidTextError
from tests.support.browser import FRONT_DOOR, REPOSITORY, press, serve, settled
from ui import pages

PAGES = {page.url: (page.path, page.title) for page in pages.PAGES}


def python(code: str) -> str:
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "inspect")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


def test_the_first_page_loads_neither_torch_nor_transformers():
    loaded = python(
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(FRONT_DOOR)!r}, default_timeout=60).run()\n"
        "assert not app.exception and app.title[0].value == 'From a word to an answer', app\n"
        # To ask which cards there are takes psutil, and torch where there is a GPU.
        "print(sorted({'torch', 'transformers', 'bitsandbytes', 'psutil'} & set(sys.modules)))"
    )
    assert loaded.splitlines()[-1] == "[]"


def test_the_front_door_imports_only_what_reads_the_first_tokenizers():
    """What stands before the port opens stays small: no NumPy, no pandas; the pages import what they need."""
    loaded = python(
        "import sys\nbefore = set(sys.modules)\nimport streamlit\nimport streamlit_app\n"
        "found = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(name for name in set(sys.modules) - before if name.split('.')[0] == 'ui'))\n"
        "print(sorted(found & {'lmloupe', 'tokenizers', 'numpy', 'pandas', 'torch', 'transformers'}))"
    )
    ours, heavy = map(ast.literal_eval, loaded.splitlines()[-2:])
    # Beside the list of pages: what reads the server's settings, so that a wrong one is said before the port opens.
    settings = {"ui.base.kept.folder", "ui.base.tally", "ui.cluster.address", "ui.metrics.endpoint"}
    packages = {"ui", "ui.base", "ui.base.kept", "ui.cluster", "ui.metrics"}
    assert set(ours) - packages == settings | {"ui.early", "ui.pages"}
    assert heavy == ["lmloupe", "tokenizers"]


def test_tokenizers_are_read_from_the_start_of_the_server_on():
    """Two before anybody asks, the others once the port opens, so that the first page finds them."""
    found = python(
        "import asyncio, time\nimport streamlit_app\nfrom ui import early\n"
        "from lmloupe.tokens.embedded import _loaded\n"
        "def wait(n):\n"
        "    end = time.monotonic() + 60\n"
        "    while len(_loaded) < n and time.monotonic() < end: time.sleep(0.01)\n"
        "    return list(_loaded)\n"
        "print(wait(2))\n"
        "async def serve():\n"
        "    async with early.serving(None):\n"
        "        await asyncio.sleep(0.2)\n"
        "asyncio.run(serve())\n"
        "print(wait(5))"
    )
    assert found.splitlines()[-2:] == [
        "['phi-3', 'starcoder2']",
        "['phi-3', 'starcoder2', 'qwen2', 'llama-3.1', 'smollm2']",
    ]


def test_shipped_settings_are_names_that_this_streamlit_knows_and_are_safe():
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    shown = python("import streamlit.config as c; print(*c.get_config_options(), sep='\\n')").split("\n")

    def keys(table: dict[str, object], prefix: str = "") -> list[str]:
        found = []
        for name, value in table.items():
            found += keys(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
        return found

    assert set(keys(config)) <= set(shown)
    server = config["server"]
    assert (server["enableXsrfProtection"], server["enableCORS"]) == (True, True)
    assert (server["fileWatcherType"], server["maxUploadSize"], server["showEmailPrompt"]) == ("none", 10, False)
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False


def errors_page() -> None:
    import streamlit as st

    from lmloupe.errors import InvalidTextError
    from ui.base.errors import show_errors

    with show_errors():
        raise InvalidTextError("Bad `text` <iframe srcdoc='x'> **bold** $x^2$ :red[hi]\n# head")
    st.write("the page goes on")
    if st.checkbox("break"):
        with show_errors():
            raise KeyError("not for visitors")
    with show_errors():
        st.stop()
    st.write("never reached")


def test_an_error_is_one_sentence_of_plain_text_and_the_page_goes_on():
    app = AppTest.from_function(errors_page).run()
    (error,) = app.error
    # Backslash before every mark is CommonMark's own way to say: this character, nothing else.
    assert r"\*\*bold\*\*" in error.value
    assert r"\<iframe srcdoc\=" in error.value
    assert r"\$x" in error.value
    assert "\n" not in error.value
    assert [text.value for text in app.markdown] == ["the page goes on"]
    assert issubclass(InvalidTextError, ValueError)


def test_other_errors_and_streamlits_own_signals_pass_through():
    app = AppTest.from_function(errors_page).run()
    assert not app.exception
    assert "never reached" not in [text.value for text in app.markdown]
    app.checkbox[0].check().run()
    (exception,) = app.exception
    assert "not for visitors" not in exception.message + "".join(exception.stack_trace)


@pytest.mark.browser
def test_an_error_shows_its_characters_as_they_were(page, tmp_path: Path):
    message = "Bad `text` <b>x</b> **bold** $x^2$ :red[hi] :smile: http://a.example [l](mailto:b) &amp; a_b_c 1. ~~s~~"
    script = tmp_path / "app.py"
    script.write_text(
        "from lmloupe.errors import LoupeError\nfrom ui.base.errors import show_errors\n"
        f"with show_errors():\n    raise LoupeError({message!r})\n"
    )
    with serve(script) as url:
        page.goto(url)
        alert = page.get_by_test_id("stAlert")
        alert.wait_for()
        assert alert.inner_text().strip() == message
        assert alert.locator("b, strong, code, del, .katex").count() == 0
        assert alert.locator("a").all_inner_texts() == ["http://a.example"]  # a bare address may stay one


@pytest.mark.browser
@pytest.mark.parametrize("path", ["next_token", "tokens"])
def test_the_very_first_request_of_a_server_may_be_a_deep_link(page, path):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with serve() as url:
        page.goto(f"{url}/{path}?text=Hello")
        page.get_by_role("heading", name=PAGES[path][1], exact=True).wait_for()
        page.get_by_test_id("stSidebarNav").wait_for()
        assert page.get_by_role("dialog").count() == 0
        assert not [line for line in said if "does not seem to exist" in line]
        assert page.url == f"{url}/{path}?text=Hello"


@pytest.mark.browser
def test_every_page_is_in_the_sidebar_at_its_address_and_keeps_the_text(page, app_url):
    page.goto(f"{app_url}/?text=Hello+there")
    page.get_by_role("heading", name="Tokens", exact=True).wait_for()  # an old link, from when the root was Tokens
    settled(page)
    sidebar = page.get_by_test_id("stSidebarNav")
    sections = list(dict.fromkeys(page.section for page in pages.PAGES))
    assert sidebar.get_by_test_id("stNavSectionHeader").all_inner_texts() == sections
    assert sidebar.get_by_role("link").count() == len(PAGES)
    for path, (_, title) in PAGES.items():
        press(sidebar.get_by_role("link", name=re.compile(rf"\b{title}$")), timeout_s=60)
        page.get_by_role("heading", name=title, exact=True).wait_for()
        # Not until the script ends: on three of the pages it loads a model first.
        page.wait_for_url("**text=Hello+there")
        assert page.url == f"{app_url}/{'?start=1&' if path == 'start' else f'{path}?'}text=Hello+there"
        assert page.get_by_role("dialog").count() == 0
