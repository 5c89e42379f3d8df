"""What has been imported is set aside once, so that Python does not look through it again after each run of a page.

Streamlit collects garbage after every run, also after those of a fragment that looks at a job twice a second. With
torch and transformers imported that is half a million objects, 0.3 s in which nothing else runs; all of them stay for
as long as the process does. What is made later, a model above all, is collected as before.
"""

from __future__ import annotations

import gc
import importlib
from functools import cache

__all__ = ["set_imports_aside"]


@cache
def set_imports_aside() -> None:
    """Import what a model needs, and set aside all that is there by now: call it before the first model is loaded."""
    importlib.import_module("lmloupe.model.load")
    gc.collect()
    gc.freeze()
