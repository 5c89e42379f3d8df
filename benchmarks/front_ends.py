"""A hundred sessions over several front ends behind nginx, and the same sessions on one: joins, answers, none lost."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from benchmarks.harness import Row, skipped
from benchmarks.server import PATIENCE_S, REPOSITORY, Server, environment
from benchmarks.tabs import Tab, open_tab

N_SESSIONS, N_FRONT_ENDS = 100, 3
CHOICES = ("One", "Two", "Three")
QUESTION = {"kind": "choice", "ask": "Which is larger?", "choices": list(CHOICES), "answer": "Two"}
LOSES = (OSError, RuntimeError, TimeoutError, KeyError, IndexError)
"""What a session that is lost ends with: no connection, an error on its page, no answer in two minutes, no button."""


def rows() -> list[Row]:
    """Next token and a class, with the model in the front ends and with the model on a cluster."""
    import lmloupe as lm

    what = f"{N_SESSIONS} sessions over {N_FRONT_ENDS} front ends"
    if shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") is None:
        return [skipped(what, "nginx is not installed: apt-get install nginx-light")]
    try:
        folder = lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped(what, str(error))]
    result = compared("model in each", measure(N_FRONT_ENDS, folder), measure(1, folder))
    if importlib.util.find_spec("ray") is None:
        why = "Ray is not installed: pip install -r requirements-cluster.txt"
        return [*result, skipped(f"{what}, model on a cluster", why)]
    from benchmarks.cluster import cluster
    from lmloupe.cluster.deploy import serve_model

    with cluster() as address:
        serve_model(device="cpu", cpus=len(os.sched_getaffinity(0)))
        several, one = (measure(number, folder, LMLOUPE_ENGINE=address) for number in (N_FRONT_ENDS, 1))
    return result + compared("model on a cluster", several, one)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What people who did the same at once had to wait.

    Attributes:
        waits: seconds of each who was served.
        took_s: from the first who began to the last who had it.
        lost: what happened to each of the others.
    """

    waits: tuple[float, ...]
    took_s: float
    lost: tuple[str, ...]

    @property
    def per_second(self) -> float:
        """How many were served a second."""
        return len(self.waits) / self.took_s

    @property
    def slowest_s(self) -> float:
        """Of those who were served; none of them is no time at all."""
        return max(self.waits, default=float("nan"))


@dataclass
class Measured:
    """What sessions met at so many front ends."""

    number: int
    spread: tuple[int, ...] = ()
    crowds: dict[str, Crowd] = field(default_factory=dict)


def measure(number: int, folder: Path, n_sessions: int = N_SESSIONS, **variables: str) -> Measured:
    """All sessions on so many front ends: each opens Next token with a text of its own; then all join one class.

    Args:
        number: of front ends.
        folder: of the embedded model.
        n_sessions: browsers, each of which nginx has sent to one of the front ends.
        **variables: of the environment of the front ends.
    """
    with deployed(number, folder, **variables) as (server, log):
        cookies = [cookie(server) for _ in range(n_sessions)]
        served = re.findall(r" GET / .* front end .*?(\S+)$", log.read_text("utf-8"), re.MULTILINE)[-n_sessions:]
        counts = Counter(served)
        measured = Measured(number, tuple(sorted(counts.values(), reverse=True)))
        # One of each front end first: a model that is loaded is no part of what the others wait for.
        firsts = [cookies[served.index(front_end)] for front_end in counts]
        asyncio.run(_warm(server, firsts))
        measured.crowds["Next token"] = asyncio.run(next_token(server, cookies))
        measured.crowds |= asyncio.run(lesson(server, cookies))
    return measured


@contextmanager
def deployed(number: int, folder: Path, **variables: str) -> Iterator[tuple[Server, Path]]:
    """``python -m deploy`` with a cache of its own, which has the embedded model already; gives nginx's log too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as name:
        cache, log = Path(name) / "cache", Path(name) / "log.txt"
        cache.mkdir()
        (cache / folder.name).symlink_to(folder, target_is_directory=True)
        command = [sys.executable, "-m", "deploy", f"--number={number}", f"--listen=127.0.0.1:{port}"]
        with log.open("wb") as sink:
            started = time.perf_counter()
            process = subprocess.Popen(
                [*command, f"--folder={name}"], cwd=REPOSITORY, stdout=sink, stderr=subprocess.STDOUT,
                env=environment(LMLOUPE_CACHE=str(cache), **variables),
            )  # fmt: skip
            try:
                server = Server(port, process.pid, started, log)
                _wait_until_up(server, process)
                yield server, Path(name) / "access.log"
            finally:
                process.terminate()
                process.wait(60)


def _wait_until_up(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The front ends did not answer:\n{server.log.read_text(errors='replace')[-2000:]}")


def cookie(server: Server) -> str:
    """The cookie of a new browser, by which nginx sends it to the same front end each time."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=60) as answer:
        given: str = answer.headers["Set-Cookie"]
    return given.partition(";")[0]


async def _warm(server: Server, cookies: Sequence[str]) -> None:
    for each in cookies:
        for page in ("next_token", "class"):
            tab = await open_tab(server, page, "text=The+tide+comes+in", each)
            await tab.connection.close()


async def crowd(people: Sequence[Callable[[], Awaitable[Any]]]) -> Crowd:
    """Let all begin at once."""
    began = time.perf_counter()
    waits: list[float] = []
    lost: list[str] = []

    async def person(does: Callable[[], Awaitable[Any]]) -> None:
        try:
            await does()
        except LOSES as error:  # not swallowed: counted and shown
            lost.append(f"{type(error).__name__}: {error}")
        else:
            waits.append(time.perf_counter() - began)

    await asyncio.gather(*(person(does) for does in people))
    return Crowd(tuple(waits), time.perf_counter() - began, tuple(lost))


async def next_token(server: Server, cookies: Sequence[str]) -> Crowd:
    """Each opens Next token with a text that nobody else has, and has the whole page; all stay until the end."""
    tabs: list[Tab] = []

    async def person(number: int) -> None:
        text = urlencode({"text": f"Palm number {number} leans over the harbour wall"})
        tab = await open_tab(server, "next_token", text, cookies[number])
        tabs.append(tab)
        if "tokens scored" not in tab.said:  # a page that says why it has no answer ends as well as one that has it
            raise RuntimeError(f"No answer: {tab.said[-300:]}")

    found = await crowd([lambda number=number: person(number) for number in range(len(cookies))])  # type: ignore[misc]
    await _close(tabs)
    return found


async def lesson(server: Server, cookies: Sequence[str]) -> dict[str, Crowd]:
    """One class across all front ends: all join at once, then all guess at once, and the teacher has all guesses."""
    from ui.state.link import encode

    teacher = await open_tab(server, "class", urlencode(encode({"class_question": QUESTION}).params), cookies[0])
    await teacher.press("Start with your question")
    code = re.search(r"class_code=([A-Z]{6})", teacher.query)
    assert code is not None, teacher.said
    students: list[Tab] = []

    async def joins(each: str) -> None:
        student = await open_tab(server, "class", f"class_code={code[1]}", each)
        await student.press("Join")
        if "You are in" not in student.said:
            raise RuntimeError(f"A student is not in: {student.said[:200]}")
        students.append(student)

    async def guesses(student: Tab, choice: str) -> None:
        await student.press(choice)
        if "Which is larger?" not in student.said:
            raise RuntimeError(f"A student sees no question: {student.said[:200]}")

    joined = await crowd([lambda each=each: joins(each) for each in cookies])  # type: ignore[misc]
    await teacher.press("Begin")
    begun = await crowd([student.follow for student in students])
    answered = await crowd(
        [lambda tab=tab, i=i: guesses(tab, CHOICES[i % 3]) for i, tab in enumerate(students)]  # type: ignore[misc]
    )
    await teacher.run()
    counted = re.search(r"(\d+) guessed", teacher.said)
    missing = len(cookies) - int(counted[1] if counted else 0)
    await _close([teacher, *students])
    unheard = ("a guess that the teacher does not have",) * (missing - len(answered.lost) - len(joined.lost))
    answered = replace(answered, lost=answered.lost + unheard)
    return {"join a class": joined, "the question comes": begun, "a guess": answered}


async def _close(tabs: Sequence[Tab]) -> None:
    for tab in tabs:
        await tab.connection.close()


def compared(where: str, several: Measured, one: Measured) -> list[Row]:
    """For each thing that all did at once: how many a second, the slowest and the median; and how many were lost."""
    result: list[Row] = []
    name = "the same on one front end"
    for what, ours in several.crowds.items():
        floor, prefix = one.crowds[what], f"{what}, {where}"
        result += [
            Row(f"{prefix}: a second", ours.per_second, floor.per_second, name, unit="people/s",
                ratio=ours.per_second / floor.per_second, note=f"front ends had {_listed(several.spread)} sessions"),
            Row(f"{prefix}: slowest", ours.slowest_s, floor.slowest_s, name, ratio=ours.slowest_s / floor.slowest_s,
                note=f"median {median(ours.waits):.1f} s, on one front end {median(floor.waits):.1f} s"),
            Row(f"{prefix}: lost", len(ours.lost), len(floor.lost), name, unit="people", target=0, judged="ours",
                note=(ours.lost or ("",))[0]),
        ]  # fmt: skip
    return result


def _listed(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts))
