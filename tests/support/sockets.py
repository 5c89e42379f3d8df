"""Sessions of the app over websockets, as the benchmarks have them."""

from benchmarks.tabs import Tab, open_tab

__all__ = ["Tab", "open_tab"]
