"""Thirty sessions in one class over websockets on loopback: each joins, guesses and sees what all thought."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.front_ends import lesson
from benchmarks.server import Server, serve, wait_until_up
from benchmarks.tabs import Tab, open_tab
from ui.learn.classes.store.store import Store
from ui.state.link import encode

N = 30
CHOICES = ("One", "Two", "Three")
QUESTION = {"kind": "choice", "ask": "Which is larger?", "choices": list(CHOICES), "answer": "Two"}


async def _class(server: Server) -> tuple[str, list[Tab]]:
    teacher = await open_tab(server, "class", urlencode(encode({"class_question": QUESTION}).params))
    await teacher.press("Start with your question")
    found = re.search(r"class_code=([A-Z]{6})", teacher.query)
    assert found is not None, teacher.query
    code = found[1]
    students = await asyncio.gather(*(open_tab(server, "class", f"class_code={code}") for _ in range(N)))
    await asyncio.gather(*(student.press("Join") for student in students))
    assert all("You are in" in student.said for student in students)
    await teacher.press("Begin")
    # Nobody presses anything: the page of each student asks, and goes on by itself.
    await asyncio.gather(*(student.follow() for student in students))
    assert all("Which is larger?" in student.said for student in students)
    await asyncio.gather(*(student.press(CHOICES[i % 3]) for i, student in enumerate(students)))
    await teacher.run()
    assert f"{N} guessed** · 0 still thinking" in teacher.said
    await teacher.press("Reveal")
    assert "10 of 30 are right: it is Two" in teacher.said
    await asyncio.gather(*(student.follow() for student in students))
    for tab in (teacher, *students):
        await tab.connection.close()
    return code, list(students)


def test_thirty_sessions_join_guess_and_see_the_reveal(tmp_path: Path) -> None:
    with serve(LMLOUPE_CACHE=str(tmp_path)) as server:
        wait_until_up(server)
        with ThreadPoolExecutor(1) as thread:  # in this one the browser of other tests may have a loop of its own
            code, students = thread.submit(asyncio.run, _class(server)).result()
            # As the benchmark of front ends does.
            crowds = thread.submit(asyncio.run, lesson(server, [""] * 4)).result()
    assert [(len(crowd.waits), crowd.lost) for crowd in crowds.values()] == [(4, ())] * 3
    for i, student in enumerate(students):
        assert "The class: 10 of 30 are right: it is Two." in student.said
        assert ("Right:" in student.said, "Not quite" in student.said) == (i % 3 == 1, i % 3 != 1)
    # The server is gone; what was guessed is not.
    store = Store(tmp_path / "classes.sqlite3")
    assert sorted(store.guesses(code, 0)) == ["One"] * 10 + ["Three"] * 10 + ["Two"] * 10
    store.close()
