"""Run pages of the app at some addresses, without a browser and away from the sessions, and print the code of each.

    echo '["/tokens?text=coconut"]' | python -m ui.learn.takeaway._child

A process of its own: Streamlit's `AppTest`, which runs a page so, replaces the runtime of the process that it is in.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from ui.learn.embedded_page import Address, read_address
from ui.page import REPRODUCE

_APP = Path(__file__).parents[3] / "streamlit_app.py"
_SECONDS = 120


def code_of(address: Address) -> str:
    """The lines of Python beside a page; empty where the page shows none, as one that cannot answer."""
    from streamlit.testing.v1 import AppTest
    from streamlit.util import calc_hash

    app: Any = AppTest.from_file(str(_APP), default_timeout=_SECONDS)
    for name, value in address.params.items():
        app.query_params[name] = value
    # `switch_page` knows the pages of the last run alone; this is what it would find.
    app._page_hash = calc_hash(address.page.url)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        app.run()
        found = [box.code[0].value for box in app.expander if box.label == REPRODUCE and len(box.code)]
        if found or app.exception or app.error:
            break
        time.sleep(0.5)  # a page whose work goes on beside it shows its code at the end of it
    return str(found[0]) if found else ""


def main() -> None:
    """Read a JSON list of addresses, print a JSON list of their codes."""
    logging.disable(logging.WARNING)
    asked = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        codes = [code_of(read_address(one)) for one in asked]
    json.dump(codes, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # threads of the pages may still be at work


if __name__ == "__main__":
    main()
