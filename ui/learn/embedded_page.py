"""Draw another page of the app within a page: the real one, its own script, at a state of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from ui.pages import MOVED, PAGES, Page, page
from ui.state.link import decode
from ui.state.session import embedded, is_embedded

__all__ = ["Address", "draw_page", "read_address", "read_view"]

_ROOT = Path(__file__).parents[2]
_FRAMES = ("start", "lessons", "class")
"""Pages that are all settings of the frame (`Setting.of_frame`): within another page they would not be their own."""


@dataclass(frozen=True, slots=True)
class Address:
    """A page, and the settings that it begins with; all others have their default.

    Attributes:
        page: which.
        values: by name of the setting, checked.
        params: the same as the query parameters of a link.
    """

    page: Page
    values: dict[str, Any]
    params: dict[str, str]


def read_address(address: str) -> Address:
    """The address of a page as the browser's address bar shows it, or from the slash after the host on.

    Raises:
        ValueError: no page has it, or a setting in it is unknown or not allowed; the message says which.

    >>> read_address("/tokens?text=coconut&tokenizers=phi-3").values
    {'text': 'coconut', 'tokenizers': ('phi-3',)}
    """
    parts = urlsplit(address)
    url = parts.path.strip("/")
    url = MOVED.get(url, url)
    if url not in {known.url for known in PAGES}:
        raise ValueError(f"no page has the address /{url}")
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    values, ignored = decode(params)
    for name, reason in ignored.items():
        raise ValueError(f"the setting {name} is not allowed: {reason}")
    for name in params.keys() - values.keys() - {"z"}:
        raise ValueError(f"no setting has the name {name}")
    return Address(page(url), values, params)


def read_view(address: str) -> Address:
    """The same for a page that is to be drawn within another one.

    Raises:
        ValueError: as `read_address`, or the page cannot be.
    """
    read = read_address(address)
    if read.page.url in _FRAMES:
        raise ValueError(f"the page /{read.page.url} cannot be shown within another one")
    return read


def draw_page(shown: Address, key: str) -> None:
    """Draw the page here, with a small bar. Draw it last: a page may end the run.

    Within a page that is drawn so itself it is a link, as widgets have one key in a run.

    Args:
        shown: the page and what it begins with.
        key: what it is shown for; with another key it begins anew.
    """
    if is_embedded():
        st.page_link(
            shown.page.path, label=f"Open {shown.page.title}", icon=shown.page.icon_shortcode,
            query_params=shown.params, width="content",
        )  # fmt: skip
        return
    with embedded(key, shown.values):
        exec(_code(shown.page.path), {"__name__": "__main__", "__file__": str(_ROOT / shown.page.path)})  # noqa: S102


@cache
def _code(path: str) -> CodeType:
    return compile((_ROOT / path).read_text("utf-8"), str(_ROOT / path), "exec")
