"""Background work of the pages in tests: waited for, or stopped."""

from __future__ import annotations

from ui.base.jobs import server_jobs

LONG_S = 240


def finish_jobs(limit_s: float = LONG_S) -> bool:
    """Wait for all that runs or waits for its turn; whether there was any."""
    found = server_jobs().unfinished()
    for one in found:
        assert one.wait(limit_s)
    return bool(found)


def stop_jobs() -> None:
    """Stop it, and wait for the step at hand."""
    for one in server_jobs().unfinished():
        one.stop()
        assert one.wait(LONG_S)
