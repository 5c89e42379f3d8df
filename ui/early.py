"""What the first page needs, read while the server starts and while the first browser still fetches its scripts.

The front door imports this before the port opens, so it imports nothing else of the app: no NumPy, no pandas.

The library that reads a tokenizer lets nothing else in the process work meanwhile, so more threads would gain nothing.
What counts is the order: two small tokenizers before the port opens, so that the first run of Tokens can draw rows at
once; then what the front door is made of, whose first figures need no tokenizer until somebody guesses; the rest when
the browser is busy with its scripts; and nothing while a page runs, which reads what it shows itself.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from lmloupe.tokens.embedded import load_embedded
from ui.base import tally

__all__ = ["a_page_runs", "begin", "serving"]

_FIRST = ("phi-3", "starcoder2")
_MODULES = ("ui.state.session", "ui.bar.bar", "ui.learn.door.figures")
_NEXT = ("qwen2", "llama-3.1")
_CHARTS = ("pandas", "plotly.graph_objects")
_LAST = ("smollm2",)
"""The one that Tokens does not show by itself."""

_PATIENCE_S = 5.0
"""Pages that run one after another all the time do not keep the rest waiting for longer than that."""

_port_opens = threading.Event()
_no_page_runs = threading.Event()
_no_page_runs.set()
_lock = threading.Lock()
_running = 0


def begin() -> threading.Thread:
    """Begin to read, in a thread that does not keep the process from ending."""
    thread = threading.Thread(target=_read, name="early", daemon=True)
    thread.start()
    return thread


def _read() -> None:
    for key in _FIRST:
        load_embedded(key)
    _port_opens.wait()
    steps: list[tuple[Callable[[str], object], str]] = [
        *((importlib.import_module, name) for name in _MODULES),
        *((load_embedded, key) for key in _NEXT),
        *((importlib.import_module, name) for name in _CHARTS),
        *((load_embedded, key) for key in _LAST),
    ]
    for step, name in steps:
        _no_page_runs.wait(_PATIENCE_S)
        step(name)


@asynccontextmanager
async def serving(_app: object) -> AsyncIterator[None]:
    """What Streamlit's server enters just before it opens its port (``st.App(lifespan=...)``)."""
    asyncio.get_running_loop().call_later(0.05, _port_opens.set)
    yield


@contextmanager
def a_page_runs(page: str) -> Iterator[None]:
    """Begin no further step meanwhile; the page's runs and their seconds are counted under its address."""
    global _running
    with _lock:
        _running += 1
        _no_page_runs.clear()
    began = time.monotonic()
    try:
        yield
    finally:
        tally.add("page runs", page)
        tally.add("page seconds", page, time.monotonic() - began)
        with _lock:
            _running -= 1
            if not _running:
                _no_page_runs.set()
