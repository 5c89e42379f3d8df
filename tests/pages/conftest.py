"""Pages read the repository's files, as they do when Streamlit runs them there."""

from __future__ import annotations

import pytest

from tests.support.pages import REPOSITORY


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
