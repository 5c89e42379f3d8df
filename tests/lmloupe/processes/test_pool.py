"""The pool of processes: whose process one gets, how many run, and that none is left behind."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def no_process(*_: object, **__: object) -> None:
    raise OSError("no process")


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
    monkeypatch.setattr(pool, "_wait_s", 0.05)
    with pool.lease(), pool.lease():
        with pytest.raises(AllBusyError), pool.lease():
            pass
        monkeypatch.setattr(pool, "_wait_s", LIMIT_S)
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


def test_an_owner_may_go_while_the_pool_is_locked(pool: Pool) -> None:
    # The garbage collector finds an owner gone in any thread, also in the middle of a lease.
    owner = object()
    kept = lease_for(pool, owner)
    with pool._lock:
        ending = threading.Thread(target=pool.end, args=(owner,), daemon=True)
        ending.start()
        ending.join(LIMIT_S)
        assert not ending.is_alive()
    assert not kept.is_alive
    assert lease_for(pool, owner) is not kept


def test_a_folder_for_temporary_files_goes_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pool = Pool(MODULE, 1, writes=True)
    for _ in range(2):
        with pool.lease() as child:
            assert [str(path) for path in tmp_path.iterdir()] == [child.folder]
            child.process.kill()
            child.process.wait()
        assert not list(tmp_path.iterdir())
    monkeypatch.setattr(subprocess, "Popen", no_process)
    with pytest.raises(OSError, match="no process"), pool.lease():
        pass
    assert not list(tmp_path.iterdir())
