"""Jobs that sessions share: one for each question, one at a time, stopped, failed and started again."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.shared import SHARED
from ui.base.jobs import Job, Jobs
from ui.base.jobs import one as module_of_one
from ui.base.jobs import turns as module

LONG_S = 20


class Steps:
    """Work whose steps the test lets through one by one."""

    def __init__(self, n: int = 3, fails: Exception | None = None) -> None:
        self.n, self.fails = n, fails
        self.go, self.made, self.closed = threading.Semaphore(0), threading.Semaphore(0), threading.Event()
        self.runs = 0

    def __call__(self) -> Iterator[int]:
        self.runs += 1
        try:
            for i in range(self.n):
                assert self.go.acquire(timeout=LONG_S)
                if self.fails is not None and i == self.n - 1:
                    raise self.fails
                yield i
                self.made.release()  # the one before has been taken, and the next is asked for
        finally:
            self.closed.set()

    def through(self, steps: int) -> None:
        self.go.release(steps)


def started(jobs: Jobs, key: str, work: Callable[[], Iterator[int]]) -> Job[int]:
    found = jobs.job(key, work)
    assert found is not None
    return found


def test_sessions_that_ask_the_same_share_one_job_and_its_results() -> None:
    jobs, work = Jobs(), Steps()
    assert jobs.job("a", None) is None
    first = started(jobs, "a", work)
    assert started(jobs, "a", Steps()) is first is jobs.job("a", None)
    work.through(3)
    assert first.wait(LONG_S)
    assert first.result() == 2
    assert (work.runs, first.ended, first.stopped, first.running) == (1, True, False, False)
    assert started(jobs, "a", work) is first
    assert first.seconds > 0
    first.stop()  # too late: it has ended well and stays so
    assert not first.stopped


def test_they_run_one_at_a_time_in_the_order_of_asking() -> None:
    jobs, works = Jobs(), [Steps() for _ in range(3)]
    one, two, three = (started(jobs, str(i), work) for i, work in enumerate(works))
    works[0].through(1)
    assert works[0].made.acquire(timeout=LONG_S)
    assert (one.running, two.running, three.running) == (True, False, False)
    assert [jobs.ahead(each) for each in (one, two, three)] == [0, 1, 2]
    assert one.latest == 0
    for work in works:
        work.through(3)
    assert three.wait(LONG_S)
    assert [work.runs for work in works] == [1, 1, 1]
    assert one.ended
    assert two.ended


def test_stop_ends_it_after_the_step_at_hand_and_it_stays_stopped_until_somebody_starts_it() -> None:
    jobs, work = Jobs(), Steps()
    one = started(jobs, "a", work)
    work.through(1)
    assert work.made.acquire(timeout=LONG_S)
    one.stop()
    work.through(1)
    assert one.wait(LONG_S)
    assert work.closed.is_set()
    assert one.result() == 1  # what it has yielded stays
    assert started(jobs, "a", work) is one  # a page that runs again does not start it
    jobs.again(one)
    two = started(jobs, "a", work)
    assert two is not one
    jobs.again(one)  # pressed in a second session too
    assert started(jobs, "a", work) is two
    work.through(3)
    assert two.wait(LONG_S)
    assert (two.result(), work.runs) == (2, 2)


def test_one_that_is_stopped_before_its_turn_never_begins() -> None:
    jobs, work, other, third = Jobs(), Steps(), Steps(), Steps()
    one, two, three = started(jobs, "a", work), started(jobs, "b", other), started(jobs, "c", third)
    two.stop()
    assert two.ended
    assert jobs.ahead(three) == 1
    work.through(3)
    third.through(3)
    assert three.wait(LONG_S)
    assert one.result() == 2
    assert (other.runs, two.latest) == (0, None)


def test_an_error_is_raised_to_every_watcher_and_holds_no_frames() -> None:
    class Large:
        pass

    held: list[weakref.ref[Large]] = []

    def work() -> Iterator[int]:
        model = Large()
        held.append(weakref.ref(model))
        yield 1
        raise lm.UnsupportedError("It does not fit.") from ValueError(repr(model))

    jobs = Jobs()
    one = started(jobs, "a", work)
    assert one.wait(LONG_S)
    for _ in range(2):
        with pytest.raises(lm.UnsupportedError, match="does not fit"):
            one.result()
    assert held[0]() is None
    assert one.latest == 1
    good = Steps(1)
    good.through(1)
    assert started(jobs, "b", good).wait(LONG_S)  # the thread goes on after a failure
    one.work = good
    good.through(1)
    jobs.again(one)
    assert started(jobs, "a", good).wait(LONG_S)


def test_a_bug_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    work = Steps(1, ZeroDivisionError("a bug"))
    work.through(1)
    one = started(Jobs(), "a", work)
    assert one.wait(LONG_S)
    with pytest.raises(ZeroDivisionError):
        one.result()
    assert "test_jobs.py" in caplog.text


def test_what_nobody_looks_at_gives_way_to_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, work, other, third = Jobs(), Steps(), Steps(), Steps()
    one = started(jobs, "a", work)
    work.through(1)
    assert work.made.acquire(timeout=LONG_S)
    two = started(jobs, "b", other)
    monkeypatch.setattr(module_of_one, "FORGOTTEN_S", -1.0)
    work.through(1)
    assert one.wait(LONG_S)
    assert two.wait(LONG_S)
    assert (work.runs, other.runs) == (1, 0)
    assert work.closed.is_set()
    monkeypatch.undo()
    assert jobs.job("a", None) is jobs.job("b", None) is None  # dropped: who asks again starts them anew
    third.through(3)
    assert started(jobs, "a", third).wait(LONG_S)


def test_ended_jobs_are_kept_up_to_a_number() -> None:
    jobs, last = Jobs(), None
    for i in range(module.KEPT + 3):
        last = started(jobs, str(i), lambda: iter([1]))
        assert last.wait(LONG_S)
    assert jobs.job("0", None) is None
    assert jobs.job(str(module.KEPT), None) is not None


def page() -> None:
    import streamlit as st

    from tests.support.shared import SHARED
    from ui.base.jobs import job, watch

    found = job("shared", SHARED[0])
    assert found is not None
    st.write(f"latest {found.latest} ended {found.ended}")
    watch(found, lambda newest: (0.5, f"at {newest}"))


def test_two_sessions_see_one_job_its_stop_and_its_restart() -> None:
    SHARED[:] = [Steps()]
    module.server_jobs.clear()
    first, second = AppTest.from_function(page).run(), AppTest.from_function(page).run()
    assert [button.label for button in (*first.button, *second.button)] == ["Stop", "Stop"]
    second.button[0].click().run()
    SHARED[0].through(1)
    found = module.job("shared")
    assert found is not None
    assert found.wait(LONG_S)
    for session in (first.run(), second.run()):
        assert "latest 0 ended True" in session.markdown[0].value
        assert [button.label for button in session.button] == ["Go on"]
    first.button[0].click().run()
    SHARED[0].through(3)
    again = module.job("shared")
    assert again is not None
    assert again is not found
    assert again.wait(LONG_S)
    for session in (first.run(), second.run()):
        assert "latest 2 ended True" in session.markdown[0].value
        assert not session.button
    assert SHARED[0].runs == 2
