"""A folder of answers: computed once by all processes, bounded, and nothing in it can hurt whoever reads it."""

from __future__ import annotations

import json
import logging
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.kept import folder as module
from lmloupe.kept.folder import AnswerFolder
from lmloupe.kept.models import model_identity
from lmloupe.kept.names import library, question_name
from tests.support.front_end import IDS

NAME = question_name("a question")
LONG_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> AnswerFolder:
    return AnswerFolder(tmp_path / "answers", slow_s=0.0)


class Process:
    """One of `tests.support.front_end`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.front_end", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def says(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=LONG_S)


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def start(*arguments: str) -> Process:
        made.append(Process(*arguments))
        return made[-1]

    yield start
    for one in made:
        one.kill()


def test_two_processes_share_one_answer_and_the_model_runs_once(
    folder: AnswerFolder, process: Callable[..., Process], tiny_model_folder: Callable[[str], Path]
) -> None:
    other = process("score", str(folder.path), str(tiny_model_folder("llama")))
    engine = lm.load_engine(str(tiny_model_folder("llama")), device="cpu")
    passes: list[int] = []
    engine.loaded.model.register_forward_hook(lambda *_: passes.append(1))
    name = question_name(library(), model_identity(engine), "score", IDS)
    assert other.says() == "ready"
    other.go_on()
    answer = folder.answer(name, lambda: engine.score(IDS), lm.Scored)
    other_passes, other_answer = other.says()
    assert len(passes) + other_passes == 1
    assert question_name(answer) == other_answer == question_name(engine.score(IDS))
    assert [path.name for path in folder.path.iterdir()] == [f"{name}.answer"]  # no lock is left


def test_who_waits_for_one_that_is_killed_computes_it(folder: AnswerFolder, process: Callable[..., Process]) -> None:
    owner = process("hold", str(folder.path), NAME)
    assert owner.says() is True
    assert not folder.turn(NAME).take()
    assert folder.turn(question_name("another")).take()
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(folder.answer(NAME, lambda: 7)))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert not found
    owner.kill()
    waiting.join(LONG_S)
    assert found == [7]
    assert folder.read(NAME) == 7


def test_who_waits_reads_what_the_other_one_has_computed(folder: AnswerFolder) -> None:
    begun, go = threading.Event(), threading.Event()
    computed, found = [], []

    def slow() -> int:
        computed.append(1)
        begun.set()
        assert go.wait(LONG_S)
        return 7

    both = [threading.Thread(target=lambda: found.append(folder.answer(NAME, slow, int))) for _ in range(4)]
    for one in both:
        one.start()
    assert begun.wait(LONG_S)
    go.set()
    for one in both:
        one.join(LONG_S)
    assert (found, computed) == ([7] * 4, [1])


def test_an_error_is_raised_keeps_nothing_and_lets_the_next_one_compute(folder: AnswerFolder) -> None:
    def fails() -> int:
        raise lm.NotAvailableError("It has none.")

    with pytest.raises(lm.NotAvailableError, match="has none"):
        folder.answer(NAME, fails)
    assert folder.answer(NAME, lambda: 7) == 7


def test_what_was_quick_is_not_kept(tmp_path: Path) -> None:
    folder = AnswerFolder(tmp_path, slow_s=LONG_S)
    assert [folder.answer(NAME, lambda n=n: n) for n in (1, 2)] == [1, 2]
    assert not list(tmp_path.iterdir())


def test_one_that_holds_the_lock_for_ever_is_not_waited_for(
    folder: AnswerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = folder.turn(NAME)
    assert owner.take()
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    assert folder.answer(NAME, lambda: 7) == 7
    owner.give()


def damaged() -> dict[str, Callable[[bytes], bytes]]:
    def forged(body: Any) -> bytes:
        from hashlib import sha256

        from lmloupe.wire.written import to_bytes

        written = to_bytes(body)
        return module._MAGIC + sha256(written).digest() + written

    error = ("dataclass", "lmloupe.names:Nothing", 1)
    return {
        "empty": lambda _: b"",
        "cut": lambda content: content[:-1],
        "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        "pickle": lambda _: pickle.dumps([1, 2]),
        "another question": lambda _: forged((question_name("other"), time.time(), 3)),
        "another form": lambda content: content.replace(b"form 1", b"form 0", 1),
        "a class of somebody else": lambda _: forged((NAME, time.time(), ("dataclass", "os:system", "true"))),
        "a class that is gone": lambda _: forged((NAME, time.time(), error)),
        "another kind": lambda _: forged((NAME, time.time(), "a text")),
        "fields that its class refuses": lambda _: forged(
            (NAME, time.time(), ("dataclass", "lmloupe.model.sampling.settings:Sampling", "hot"))
        ),
        "no tuple": lambda _: forged(1),
    }


@pytest.mark.parametrize("how", damaged())
def test_what_is_damaged_or_foreign_is_no_answer_and_written_anew(folder: AnswerFolder, how: str) -> None:
    assert folder.write(NAME, 7)
    path = folder.path / f"{NAME}.answer"
    path.write_bytes(damaged()[how](path.read_bytes()))
    assert folder.read(NAME, int) is None
    assert folder.answer(NAME, lambda: 8, int) == 8
    assert folder.read(NAME, int) == 8


@settings(max_examples=40)
@given(st.data())
def test_no_changed_byte_is_read_as_another_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = AnswerFolder(tmp_path_factory.mktemp("answers"))
    assert folder.write(NAME, {"scores": np.arange(4.0), "words": ("a", "b")})
    path = folder.path / f"{NAME}.answer"
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert folder.read(NAME) is None


def test_files_are_for_their_owner_alone_and_a_folder_that_others_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.mkdir(mode=0o755)
    folder = AnswerFolder(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.write(NAME, 7)
    assert [stat.S_IMODE(one.stat().st_mode) for one in path.iterdir()] == [0o600]


def test_a_folder_of_somebody_else_or_none_at_all_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(lm.InvalidSettingError, match=r"Answers cannot be kept in .*file: .* Choose a folder"):
        AnswerFolder(tmp_path / "file")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(lm.InvalidSettingError, match="belongs to somebody else"):
        AnswerFolder(tmp_path)


def test_it_may_be_cleared_while_it_is_used(folder: AnswerFolder) -> None:
    import shutil

    assert folder.answer(NAME, lambda: 7) == 7
    shutil.rmtree(folder.path)
    assert folder.answer(NAME, lambda: 8) == 8
    assert folder.read(NAME) == 8


def test_a_full_disk_costs_the_file_and_nothing_else(
    folder: AnswerFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with caplog.at_level(logging.WARNING):
        assert folder.answer(NAME, lambda: 7) == 7
    assert "No space left" in caplog.text
    assert not list(folder.path.iterdir())


def test_the_longest_unused_go_first_when_the_bound_is_reached(tmp_path: Path) -> None:
    folder = AnswerFolder(tmp_path, most_bytes=1 << 20)
    names = [question_name(i) for i in range(24)]
    for i, name in enumerate(names):
        assert folder.write(name, bytes(64 << 10))
        path = tmp_path / f"{name}.answer"
        if path.exists():
            os.utime(path, (i, i))  # used in this order, long ago
        assert folder.read(names[0]) is not None  # all the time
    there = [i for i, name in enumerate(names) if folder.read(name) is not None]
    assert there[0] == 0
    assert there[1:] == list(range(24 - len(there) + 1, 24))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1 << 20


def test_what_killed_processes_left_is_taken_away(tmp_path: Path) -> None:
    folder = AnswerFolder(tmp_path)
    for name in ("x.aside", "x.lock", "new.aside"):
        (tmp_path / name).write_bytes(b"")
    for name in ("x.aside", "x.lock"):
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "of somebody").write_bytes(b"")
    folder.make_room()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.aside", "of somebody"]


def test_an_answer_that_would_push_out_all_others_is_not_kept(folder: AnswerFolder) -> None:
    assert not folder.write(NAME, np.zeros(module.MOST_ANSWER + 1, np.uint8))
    assert not list(folder.path.iterdir())


def test_one_that_is_too_old_for_a_measurement_is_none(folder: AnswerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write(NAME, 7)
    assert folder.read(NAME, fresh_s=60) == 7
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 61)
    assert folder.read(NAME, fresh_s=60) is None
    assert folder.read(NAME) == 7
