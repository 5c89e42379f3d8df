"""What has been imported is set aside once, so that Python does not look through it again after each run of a page.

Streamlit collects garbage after every run, also after those of a fragment that looks at a job twice a second. With
torch and transformers imported that is half a million objects, 0.3 s in which nothing else runs; all of them stay for
as long as the process does. What is made later, a model above all, is collected as before.
"""

from __future__ import annotations

import gc
import importlib
import threading

__all__ = ["set_imports_aside"]


_once = threading.Lock()
_done = False


def set_imports_aside() -> None:
    """Import what a model needs, and set aside all that is there by now: call it before the first model is loaded.

    Two who come at once wait for each other: the second would set aside what the first one loads by then, for ever.
    """
    global _done
    with _once:
        if _done:
            return
        importlib.import_module("lmloupe.model.load")
        gc.collect()
        gc.freeze()
        _done = True
