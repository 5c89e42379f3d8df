"""What is imported is set aside from the search for garbage, and a model is not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from ui.base import loaders


def test_imports_are_set_aside_and_models_are_not(tiny_model_folder: Callable[[str], Path]) -> None:
    model = loaders.engine(str(tiny_model_folder("llama")), "none").loaded.model  # type: ignore[attr-defined]
    assert gc.get_freeze_count() > 100_000  # torch alone
    assert any(one is model for one in gc.get_objects())  # which leaves out what is set aside
