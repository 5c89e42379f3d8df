"""Pages read the repository's files, as they do when Streamlit runs them there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.jobs import stop_jobs
from tests.support.pages import REPOSITORY


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture(autouse=True)
def no_work_is_left() -> Iterator[None]:
    """What a page had computed in the background ends with its test."""
    yield
    stop_jobs()
