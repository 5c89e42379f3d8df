"""What a test and the script that it lets Streamlit run both hold."""

from __future__ import annotations

from typing import Any

SHARED: list[Any] = []
