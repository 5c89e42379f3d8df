"""Short links: a few letters in place of all parameters, for as long as the server runs.

For a room that types a link off the wall or takes it from a QR code. The server keeps the newest; the letters are made
of the content, so one screen has one short link.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping

import streamlit as st

__all__ = ["MOST", "SHORT", "long_form", "shortened"]

SHORT = "s"
MOST = 2000
_LETTERS = 7
_LOCK = threading.Lock()


@st.cache_resource(show_spinner=False)
def _kept() -> OrderedDict[str, dict[str, str]]:
    return OrderedDict()


def shortened(params: Mapping[str, str]) -> str:
    """The query of a short link to these parameters, such as ``s=k3vq7za``."""
    held = dict(params)
    digest = hashlib.sha256(json.dumps(held, sort_keys=True).encode()).digest()
    code = base64.b32encode(digest).decode().lower()[:_LETTERS]
    with _LOCK:
        kept = _kept()
        kept[code] = held
        kept.move_to_end(code)
        while len(kept) > MOST:
            kept.popitem(last=False)
    return f"{SHORT}={code}"


def long_form(params: dict[str, str]) -> dict[str, str]:
    """The parameters that a short link stands for; those of any other link as they are.

    Raises:
        KeyError: this server does not know the short link.
    """
    if SHORT not in params:
        return params
    with _LOCK:
        return dict(_kept()[params[SHORT]])
