"""The store of classes: who may do what and when, two processes at one file, many at once, and what is refused."""

from __future__ import annotations

import hmac
import itertools
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ui.learn.classes.store import codes
from ui.learn.classes.store.answers import ClassError, NoClassError, Started
from ui.learn.classes.store.common import KEPT_S
from ui.learn.classes.store.plan import Item, OwnQuestion
from ui.learn.classes.store.store import HERE_S, Store

PLAN = (Item("cut", 0), Item("cut", 1, asks=False), Item(own=OwnQuestion("choice", "Which?", ("A", "B"), answer="B")))
HOURS = 4.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(tmp_path / "deep" / "classes.sqlite3", clock)
    yield opened
    opened.close()


def on(store: Store, started: Started, times: int = 1) -> None:
    for _ in range(times):
        room = store.look(started.code)
        store.move(started.code, started.secret, 1, (room.position, room.phase))


class Classes(RuleBasedStateMachine):
    """One class as a dictionary would keep it, beside the one in the file, which is opened anew now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "classes.sqlite3"
        self.clock = Clock()
        self.store = Store(self.path, self.clock)
        self.started = self.store.start(PLAN, hours=HOURS)
        self.code, self.secret = self.started.code, self.started.secret
        self.ends = self.clock.now + HOURS * 3600
        self.at: tuple[int, str] = (-1, "lobby")
        self.revealed = -1
        self.pace = "together"
        self.numbers: dict[str, int] = {}
        self.guesses: dict[tuple[int, str], str] = {}
        self.names = [codes.new_secret() for _ in range(4)]

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @property
    def running(self) -> bool:
        return self.clock.now < self.ends

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store(self.path, self.clock)

    @rule(seconds=st.sampled_from([1, 60, 3600, 20_000]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(who=st.integers(0, 3))
    def join(self, who: int) -> None:
        name = self.names[who]
        if not self.running:
            with pytest.raises(ClassError, match="has ended"):
                self.store.join(self.code, name)
            return
        number = self.numbers.setdefault(name, len(self.numbers) + 1)
        assert self.store.join(self.code, name) == number

    @rule(who=st.integers(0, 3), position=st.integers(-1, 3), guess=st.sampled_from(["A", "B", "<b>"]))
    def guess(self, who: int, position: int, guess: str) -> None:
        self.clock.now += 2  # never too fast here
        name, key = self.names[who], (position, self.names[who])
        asked = 0 <= position < 3 and PLAN[position].asks
        allowed = self.running and asked and name in self.numbers
        if self.pace == "together":
            allowed &= self.at == (position, "open")
        else:
            allowed &= self.guesses.get(key, guess) == guess
        if allowed:
            self.store.guess(self.code, name, position, guess)
            self.guesses[key] = guess
        else:
            with pytest.raises(ClassError):
                self.store.guess(self.code, name, position, guess)

    @rule(by=st.sampled_from([1, -1]))
    def move(self, by: int) -> None:
        if not self.running:
            with pytest.raises(ClassError, match="has ended"):
                self.store.move(self.code, self.secret, by, self.at)
            return
        self.store.move(self.code, self.secret, by, self.at)
        stages = [(-1, "lobby"), (0, "open"), (0, "reveal"), (1, "reveal"), (2, "open"), (2, "reveal"), (3, "finish")]
        as_open = (self.at[0], "open") if self.at[1] == "closed" else self.at
        position, phase = stages[min(max(stages.index(as_open) + by, 0), len(stages) - 1)]
        if phase == "open" and (by < 0 or position <= self.revealed):
            phase = "closed"
        self.at = (position, phase)
        if phase == "reveal":
            self.revealed = max(self.revealed, position)

    @rule(is_open=st.booleans())
    def close_or_open(self, is_open: bool) -> None:
        if self.running:
            self.store.set_open(self.code, self.secret, is_open)
            if self.at[1] == ("closed" if is_open else "open") and self.at[0] > self.revealed:
                self.at = (self.at[0], "open" if is_open else "closed")

    @rule(pace=st.sampled_from(["together", "own"]))
    def set_pace(self, pace: str) -> None:
        if self.running:
            self.store.change(self.code, self.secret, pace=pace)
            self.pace = pace

    @rule(seen=st.sampled_from([(-1, "lobby"), (0, "open"), (2, "reveal")]))
    def a_stale_screen_moves_nothing(self, seen: tuple[int, str]) -> None:
        if self.running and seen != self.at:
            self.store.move(self.code, self.secret, 1, seen)

    @precondition(lambda self: self.running)
    @rule()
    def a_wrong_secret_does_nothing(self) -> None:
        with pytest.raises(ClassError, match="Only who started"):
            self.store.move(self.code, codes.new_secret(), 1, self.at)
        with pytest.raises(ClassError, match="Only who started"):
            self.store.end(self.code, self.names[0])

    @invariant()
    def is_what_it_should_be(self) -> None:
        if self.clock.now > self.ends + KEPT_S:
            return
        room = self.store.look(self.code)
        assert (room.position, room.phase, room.revealed, room.pace) == (*self.at, self.revealed, self.pace)
        assert room.pulse.running == self.running
        for position in range(3):
            held = {name: guess for (at, name), guess in self.guesses.items() if at == position}
            counts = self.store.counts(self.code, position)
            assert (counts.joined, counts.guessed) == (len(self.numbers), len(held))
            assert counts.thinking <= counts.here <= counts.joined
            assert sorted(self.store.guesses(self.code, position)) == sorted(held.values())
        rows = {(row.position, row.student): row.guess for row in self.store.rows(self.code, self.secret)}
        assert rows == {(at, self.numbers[name]): guess for (at, name), guess in self.guesses.items()}


TestClasses = Classes.TestCase
TestClasses.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)


def test_a_guess_for_a_step_that_is_not_open_is_one_sentence(store: Store) -> None:
    started = store.start(PLAN)
    student = codes.new_secret()
    on(store, started)
    with pytest.raises(ClassError, match="Join the class first"):
        store.guess(started.code, student, 0, "A")
    store.join(started.code, student)
    store.guess(started.code, student, 0, "A")
    store.guess(started.code, student, 0, " B\n ")
    assert store.guesses_of(started.code, student) == {0: "B"}
    store.set_open(started.code, started.secret, False)
    with pytest.raises(ClassError, match=r"This question is closed: your guess came too late\."):
        store.guess(started.code, student, 0, "C")
    for guess, reason in (("x" * 201, "at most 200"), ("x" * 10**6, "at most 200")):
        with pytest.raises(ClassError, match=reason):
            store.guess(started.code, student, 0, guess)
    assert store.guesses(started.code, 0) == ["B"]


def test_two_processes_share_the_file_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "classes.sqlite3"
    store = Store(path)
    started = store.start(PLAN)
    on(store, started)
    code = f"""
import sys
from pathlib import Path
from ui.learn.classes.store.codes import new_secret
from ui.learn.classes.store.store import Store
store = Store(Path({str(path)!r}))
for _ in range(60):
    student = new_secret()
    number = store.join({started.code!r}, student)
    store.guess({started.code!r}, student, 0, str(number))
"""
    others = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for other in others:
        _, said = other.communicate(timeout=60)
        assert other.returncode == 0, said
    # Everybody has a number of their own, though they joined at the same time in two processes.
    assert sorted(map(int, store.guesses(started.code, 0))) == list(range(1, 121))
    store.close()


def test_five_hundred_guesses_in_a_second_are_all_counted(store: Store, clock: Clock) -> None:
    started = store.start(PLAN)
    students = []
    for _ in range(500):
        clock.now += 0.1
        students.append(codes.new_secret())
        store.join(started.code, students[-1])
    on(store, started)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda student: store.guess(started.code, student, 0, "A"), students))
    assert store.counts(started.code, 0).guessed == 500
    assert store.look(started.code).pulse.activity == 1000


def test_who_guesses_faster_than_anybody_can_think_is_stopped(store: Store, clock: Clock) -> None:
    started, student = store.start(PLAN), codes.new_secret()
    store.join(started.code, student)
    on(store, started)
    for i in range(12):
        store.guess(started.code, student, 0, f"guess {i}")
    with pytest.raises(ClassError, match="faster than anybody"):
        store.guess(started.code, student, 0, "one more")
    clock.now += 60
    store.guess(started.code, student, 0, "after a minute")


def test_codes_guessed_at_random_are_stopped_for_a_while_and_the_class_goes_on(store: Store, clock: Clock) -> None:
    started, student = store.start(PLAN), codes.new_secret()
    store.join(started.code, student)
    guessed = map("".join, itertools.product(codes.LETTERS, repeat=codes.CODE_LENGTH))
    for code in itertools.islice((code for code in guessed if code != started.code), 60):
        with pytest.raises(NoClassError):
            store.find(code)
    with pytest.raises(ClassError, match="Too many wrong codes"):
        store.find(started.code)
    assert store.look(started.code).code == started.code  # who is in a class already notices nothing
    clock.now += 60
    assert store.find(started.code).code == started.code


def test_secrets_are_compared_in_constant_time_and_only_their_digests_are_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, student = store.start(PLAN), codes.new_secret()
    store.join(started.code, student)
    on(store, started)
    store.guess(started.code, student, 0, "A")
    compared = []

    def watched(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    compare = hmac.compare_digest
    monkeypatch.setattr(codes.hmac, "compare_digest", watched)
    assert store.leads(started.code, started.secret)
    assert not store.leads(started.code, student)
    assert not store.leads("BBBBBB", started.secret)
    assert compared == [(32, 32)] * 3
    store.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "deep").iterdir())
    assert started.code.encode() in kept
    for secret in (started.secret, student):
        assert secret.encode() not in kept
    assert (tmp_path / "deep" / "classes.sqlite3").stat().st_mode & 0o077 == 0


def test_two_classes_know_nothing_of_each_other_and_old_ones_are_swept(store: Store, clock: Clock) -> None:
    one, other = store.start(PLAN, hours=1), store.start(PLAN, pace="own", pins={"temperature": "0.5"})
    assert one.code != other.code
    assert not store.leads(one.code, other.secret)
    student = codes.new_secret()
    store.join(one.code, student)
    with pytest.raises(ClassError, match="Join the class first"):
        store.guess(other.code, student, 0, "A")
    store.join(other.code, student)
    store.guess(other.code, student, 0, "A")
    assert (store.guesses(one.code, 0), store.guesses(other.code, 0)) == ([], ["A"])
    assert store.counts(other.code, 0).here == 1
    clock.now += HERE_S + 1
    assert store.counts(other.code, 0).here == 0
    clock.now += 3600
    assert (store.pulse(one.code).running, store.pulse(other.code).running) == (False, True)  # type: ignore[union-attr]
    clock.now += KEPT_S + HOURS * 3600
    third = store.start(PLAN)
    assert store.pulse(one.code) is store.pulse(other.code) is None
    assert store.pulse(third.code) is not None
    assert store.counts(other.code, 0).joined == 0


def test_a_question_asked_now_comes_after_what_was_shown(store: Store) -> None:
    started = store.start(PLAN, pace="own")
    student = codes.new_secret()
    store.join(started.code, student)
    store.guess(started.code, student, 0, "first")
    store.guess(started.code, student, 2, "last")
    own = Item(own=OwnQuestion("word", "And now?"))
    store.insert(started.code, started.secret, own)
    assert store.look(started.code).plan == (own, *PLAN)
    assert store.guesses_of(started.code, student) == {1: "first", 3: "last"}
    on(store, started)
    store.move(started.code, started.secret, -1, (0, "reveal"))
    store.insert(started.code, started.secret, own)
    room = store.look(started.code)
    assert (room.plan, room.position, room.phase) == ((own, own, *PLAN), 1, "open")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClassError, match=r"could not be kept.*set LMLOUPE_CACHE"):
        Store(tmp_path / "file" / "classes.sqlite3")
    (tmp_path / "broken.sqlite3").write_bytes(b"no database " * 1000)
    with pytest.raises(ClassError, match="file is not a database"):
        Store(tmp_path / "broken.sqlite3")
    with sqlite3.connect(tmp_path / "newer.sqlite3") as sql:
        sql.execute("PRAGMA user_version = 9")
    sql.close()
    with pytest.raises(ClassError, match="another version"):
        Store(tmp_path / "newer.sqlite3")
