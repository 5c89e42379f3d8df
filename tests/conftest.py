"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmloupe.errors import UnreachableError

pytest_plugins = ["tests.browser", "tests.tiny_models"]


@pytest.fixture(scope="session")
def embedded_model_folder() -> Path:
    """The embedded model, fetched into the cache folder (LMLOUPE_CACHE or the user's own) where it is not there yet."""
    from lmloupe.embedded_model import ensure_embedded_model

    try:
        return ensure_embedded_model()
    except UnreachableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
