"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lmloupe.errors import UnreachableError

pytest_plugins = ["tests.support.browser", "tests.support.tiny_models"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long list of architectures to who asks for it, and run a failed browser test again, at most twice.

    A click that meets a page which is just being drawn anew is lost, in Streamlit as in any page; on a machine that
    others keep busy that happens to a test about once in a hundred. What is broken fails three times.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2))
    if "architectures" not in config.option.markexpr:
        rest = [item for item in items if item.get_closest_marker("architectures")]
        items[:] = [item for item in items if not item.get_closest_marker("architectures")]
        config.hook.pytest_deselected(items=rest)


@pytest.fixture(scope="session")
def embedded_model_folder() -> Path:
    """The embedded model, fetched into the cache folder (LMLOUPE_CACHE or the user's own) where it is not there yet."""
    from lmloupe.loading.embedded_model.folder import ensure_embedded_model

    try:
        return ensure_embedded_model()
    except UnreachableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
