"""The pool of processes: whose process one gets, how many run, and that none is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lmloupe.processes import pool as pool_module
from lmloupe.processes.child import Child
from lmloupe.processes.pool import AllBusyError, Pool

MODULE = "lmloupe.chat.jinja._child"
LIMIT_S = 30.0


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(MODULE, 2)
    yield made
    made.end_idle()


def lease_for(pool: Pool, owner: object) -> Child:
    """Make a process ready for an owner, as a caller does, and give it back."""
    with pool.lease(owner) as child:
        child.holds = owner
    return child


def killed_and_asked(child: Child) -> None:
    child.process.kill()
    child.ask({"do": "start"}, b"", LIMIT_S)


def test_an_owner_finds_its_own_process_again_and_nobody_else_gets_it(pool: Pool) -> None:
    mine, yours = object(), object()
    first = lease_for(pool, mine)
    second = lease_for(pool, yours)
    assert second is not first
    assert lease_for(pool, mine) is first
    assert pool.find(mine) is first
    with pool.lease() as free:
        assert free is not first
        assert free.ask({"do": "start"}, b"", LIMIT_S) == ({}, b"")
        # Of two places one is taken by this lease: of the idle two, the one not used for longest had to go.
        assert not second.is_alive
        assert first.is_alive


def test_a_process_that_ended_is_replaced(pool: Pool) -> None:
    owner = object()
    first = lease_for(pool, owner)
    first.end()
    assert pool.find(owner) is None
    with pool.lease(owner) as child:
        assert child is not first
        assert child.is_alive
        assert child.holds is None  # whoever leases it must make it ready again


def test_an_error_in_the_block_gives_the_place_back(pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(EOFError), pool.lease() as child:
            killed_and_asked(child)
    with pool.lease() as child:
        assert child.ask({"do": "start"}, b"", LIMIT_S) == ({}, b"")


def test_when_all_places_are_taken_the_next_one_waits_and_is_told(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "WAIT_FOR_TURN_S", 0.05)
    with pool.lease(), pool.lease():
        with pytest.raises(AllBusyError), pool.lease():
            pass
        monkeypatch.setattr(pool_module, "WAIT_FOR_TURN_S", LIMIT_S)
        got = threading.Event()

        def wait_for_a_place() -> None:
            with pool.lease():
                got.set()

        waiting = threading.Thread(target=wait_for_a_place)
        waiting.start()
        assert not got.wait(0.2)
    assert got.wait(LIMIT_S)
    waiting.join()


def test_idle_processes_end_by_themselves_and_with_their_owner() -> None:
    pool = Pool(MODULE, 2, idle_s=0.1)
    with pool.lease() as child:
        pass
    child.process.wait(LIMIT_S)
    pool = Pool(MODULE, 2)
    owner = object()
    kept = lease_for(pool, owner)
    assert kept.is_alive
    pool.end(owner)
    assert not kept.is_alive
    assert pool.find(owner) is None
