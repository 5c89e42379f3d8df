"""The one event loop on which a process waits for its clusters: a thread in all, however much work is followed.

Ray refuses to wait in a thread where an event loop runs already, as in a notebook; this thread is nobody else's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

__all__ = ["begin", "wait"]

T = TypeVar("T")
_making = threading.Lock()


@cache
def _made() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="lmloupe-cluster", daemon=True).start()
    return loop


def begin(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin work on the loop; who cancels the future cancels the work."""
    with _making:  # `cache` alone may make two
        loop = _made()
    return asyncio.run_coroutine_threadsafe(work, loop)


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Do work on the loop, and wait for it in a thread that is not the loop's; an interrupt of who waits cancels it.

    >>> wait(asyncio.sleep(0, "done"))
    'done'
    """
    future = begin(work)
    try:
        return future.result()
    finally:
        future.cancel()
