"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lmloupe as lm
from lmloupe.errors import UnreachableError

pytest_plugins = [f"tests.support.{name}" for name in ("browser", "hub_server", "tiny_models", "tiny_masked")]
# Scripts that Streamlit runs, no modules with doctests.
collect_ignore_glob = ["support/apps/*"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long list of architectures to who asks for it."""
    if "architectures" not in config.option.markexpr:
        rest = [item for item in items if item.get_closest_marker("architectures")]
        items[:] = [item for item in items if not item.get_closest_marker("architectures")]
        config.hook.pytest_deselected(items=rest)


@pytest.fixture(scope="session", autouse=True)
def packages_searched_once() -> Iterator[None]:
    """Each AppTest looks through all installed packages for components: a tenth of a second, and the same each time."""
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit.testing.v1" in sys.modules:  # it is, as soon as a test that is to run has an AppTest
            from streamlit.components.v2 import manifest_scanner as scanner

            patch.setattr(scanner, "scan_component_manifests", cache(scanner.scan_component_manifests))
        yield


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


@pytest.fixture(scope="session")
def embedded_engine(embedded_model_folder: Path) -> lm.Engine:
    """The embedded model in its published numbers, loaded once: the copy that the pages of this process have."""
    from ui.base import loaders

    return loaders.engine("smollm2-135m-instruct", "none")
