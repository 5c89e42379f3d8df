"""Several front ends behind nginx: one class across all of them, sticky sessions, a front end that dies, the end."""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
import signal
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest

from benchmarks.server import REPOSITORY, environment
from deploy.alone import cookie_secret
from deploy.proxy import Target, configuration
from tests.support.deployment import (
    Deployed,
    OneCookie,
    cookie_of,
    deployment,
    in_front,
    require_nginx,
    status_of_page,
    status_of_websocket,
    until,
)
from tests.support.loops import run
from tests.support.sockets import Tab, open_tab
from ui.state.link import encode

N_STUDENTS = 5
QUESTION = {"kind": "choice", "ask": "Which is larger?", "choices": ["One", "Two"], "answer": "Two"}


@pytest.fixture(scope="module")
def nginx() -> str:
    return require_nginx()


@pytest.fixture(scope="module")
def deployed(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployment(tmp_path_factory.mktemp("deployed")) as made:
        yield made


def test_the_cookie_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = cookie_secret(tmp_path / "cache")
    assert re.fullmatch(r"[0-9a-f]{64}", made)
    assert cookie_secret(tmp_path / "cache") == made
    assert stat.S_IMODE((tmp_path / "cache" / "cookie_secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("listen", ["8080; }", "", "http://here:80", "0.0.0.0:port"])
def test_an_address_that_nginx_would_misread_is_refused(listen: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a port"):
        configuration(tmp_path, listen, [Target(1)], 2)


def test_what_cannot_start_says_why_before_anything_is_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy", "--listen", "nowhere", "--folder", str(tmp_path)]
    told = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment(LMLOUPE_CACHE=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr.startswith("deploy: --listen is 'nowhere'; it must be a port")
    assert len(told.stderr.splitlines()) == 1


def test_nginx_takes_the_configuration_and_the_limit_is_above_the_app_s(nginx: str, tmp_path: Path) -> None:
    text = configuration(
        tmp_path, "127.0.0.1:8080", [Target(8501), Target(8502, open=False), Target(8503, down=True)], 8504
    )
    assert not re.findall(r"@[A-Z]+@", text)
    limit = int(re.search(r"client_max_body_size (\d+)m", text)[1])  # type: ignore[index]
    settings = (REPOSITORY / ".streamlit" / "config.toml").read_text("utf-8")
    assert limit > int(re.search(r"maxUploadSize = (\d+)", settings)[1])  # type: ignore[index]
    (tmp_path / "nginx.conf").write_text(text, "utf-8")
    checked = subprocess.run(
        [nginx, "-t", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_a_browser_stays_with_one_front_end_and_browsers_are_spread(deployed: Deployed) -> None:
    cookies = [cookie_of(deployed) for _ in range(12)]
    first = deployed.served_by("/")[-12:]
    assert len(set(first)) == len(set(cookies)) == 2
    assert max(first.count(front_end) for front_end in first) <= 8
    for cookie, front_end in zip(cookies, first, strict=True):
        assert deployed.ask("/", cookie) == (200, "")
        assert deployed.served_by("/")[-1] == front_end


def test_the_front_ends_share_a_folder_of_results_that_nobody_else_can_read(deployed: Deployed) -> None:
    results = deployed.folder.parent / "cache" / "results"
    assert stat.S_IMODE(results.stat().st_mode) == 0o700


def test_what_is_for_the_operator_is_not_passed_on_and_uploads_have_a_limit(deployed: Deployed) -> None:
    for path in ("/metrics", "/_stcore/metrics", "/_stcore/agent/mcp", "/tokens/_stcore/agent/openapi.json"):
        assert deployed.ask(path)[0] == 404
    assert deployed.ask("/_stcore/upload_file/a/b", body=bytes(12 << 20))[0] == 413


async def held(deployed: Deployed) -> None:
    """A class whose people are on both front ends: it is one class."""
    both = sorted(set(deployed.served_by("/")))
    cookies = [cookie_of(deployed, both[i % 2]) for i in range(N_STUDENTS + 1)]
    settings = urlencode(encode({"class_question": QUESTION}).params)
    teacher = await open_tab(deployed.server, "class", settings, cookies[0])
    await teacher.press("Start with your question")
    code = re.search(r"class_code=([A-Z]{6})", teacher.query)[1]  # type: ignore[index]
    students = await asyncio.gather(
        *(open_tab(deployed.server, "class", f"class_code={code}", cookie) for cookie in cookies[1:])
    )
    await asyncio.gather(*(student.press("Join") for student in students))
    await teacher.press("Begin")
    await asyncio.gather(*(student.follow() for student in students))
    await asyncio.gather(*(student.press("Two") for student in students))
    await teacher.run()
    assert f"{N_STUDENTS} guessed** · 0 still thinking" in teacher.said
    await close(teacher, *students)


async def close(*tabs: Tab) -> None:
    for tab in tabs:
        await tab.connection.close()


def test_a_class_is_one_across_the_front_ends(deployed: Deployed) -> None:
    run(held(deployed))
    assert len(set(deployed.served_by("/_stcore/stream"))) == 2


def test_scripts_and_styles_are_asked_of_a_front_end_once_and_kept_compressed(deployed: Deployed) -> None:
    asset = re.findall(r"\./(static/js/index[^\"]+\.js)", deployed.read("/")[1].decode())[0]
    cookies = [cookie_of(deployed) for _ in range(2)]
    # No cookie comes with what others get from the cache.
    assert [deployed.ask(f"/{asset}", cookie) for cookie in (*cookies, "")] == [(200, "")] * 3
    first, *others = deployed.served_by(f"/{asset}")
    assert first.startswith("127.0.0.1:")
    assert others == ["-", "-"]
    headers, packed = deployed.read(f"/{asset}", {"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert "immutable" in headers["Cache-Control"]
    assert gzip.decompress(packed) == deployed.read(f"/{asset}")[1]
    # What is not there is a page of Streamlit's, and is not kept: a front end with another version may have it.
    for _ in range(2):
        assert deployed.ask("/static/js/of-another-version.js")[0] == 200
    assert "-" not in deployed.served_by("/static/js/of-another-version.js")


async def page_of(deployed: Deployed, cookie: str) -> str:
    tab = await open_tab(deployed.server, "tokens", "text=Hello", cookie)
    await close(tab)
    return tab.said


def test_the_blocks_of_the_docs_for_tls_and_logins_let_in_who_may(
    nginx: str, deployed: Deployed, tmp_path: Path
) -> None:
    page = (REPOSITORY / "docs" / "deploy.md").read_text("utf-8")
    blocks = re.findall(r"^    server \{\n.*?^    \}\n", page, re.MULTILINE | re.DOTALL)
    password = {"Authorization": f"Basic {base64.b64encode(b'class:secret').decode()}"}
    with HTTPServer(("127.0.0.1", 0), OneCookie) as auth:
        threading.Thread(target=auth.serve_forever, daemon=True).start()
        for i, (block, right) in enumerate(zip(blocks, (password, {"Cookie": "who=me"}), strict=True)):
            with in_front(nginx, tmp_path / str(i), deployed, block, auth.server_port) as port:
                for headers, page_status, socket_status in (({}, 401, 401), (right, 200, 101)):
                    assert status_of_page(port, headers) == page_status
                    assert run(status_of_websocket(port, headers)) == socket_status
        auth.shutdown()


def process_at(deployed: Deployed, address: str) -> psutil.Process:
    port = address.rpartition(":")[2]
    return next(one for one in deployed.front_ends if f"--server.port={port}" in one.cmdline())


def is_back(deployed: Deployed, address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=20):
            return deployed.up() == 2
    except OSError:
        return False


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_a_front_end_that_dies_or_hangs_is_replaced_and_its_page_comes_back(
    deployed: Deployed, sent: signal.Signals
) -> None:
    cookie = cookie_of(deployed)
    victim = deployed.served_by("/")[-1]
    before = run(page_of(deployed, cookie))
    gone = process_at(deployed, victim)
    gone.send_signal(sent)
    # In the middle of it nobody sees an error: who asks one that hangs waits until it is replaced.
    status, given = deployed.ask("/", cookie)
    assert status == 200
    assert deployed.served_by("/")[-1] != victim
    # Who was sent to another one stays there, with pictures and uploads.
    assert given.split(";")[0] not in ("", cookie)
    moved = given.split(";")[0]
    assert run(page_of(deployed, moved)) == before
    assert deployed.served_by("/_stcore/stream")[-1] != victim
    gone.wait(20)
    until(lambda: is_back(deployed, victim), "it was not started again")
    assert deployed.ask("/", moved) == (200, "")
    assert deployed.served_by("/")[-1] != victim
    assert cookie_of(deployed, victim).split(";")[0] == cookie


async def restarted(deployed: Deployed) -> None:
    both = sorted({deployed.served_by("/")[-1] for _ in range(2) if cookie_of(deployed)})
    assert len(both) == 2
    cookies = [cookie_of(deployed, front_end) for front_end in both]
    tabs = [await open_tab(deployed.server, "tokens", "text=Hello", cookie) for cookie in cookies]
    before, old = [tab.said for tab in tabs], {one.pid for one in deployed.front_ends}
    deployed.process.send_signal(signal.SIGHUP)
    gone: set[int] = set()

    def done() -> bool:
        # Whoever comes meanwhile is let in, with an old cookie or without one, and is sent to one that runs.
        assert {deployed.ask("/", cookie)[0] for cookie in (*cookies, "")} == {200}
        assert deployed.up() >= 1
        gone.update(i for i, tab in enumerate(tabs) if tab.connection.close_code is not None)
        return "All front ends were restarted" in deployed.server.log.read_text()

    await asyncio.to_thread(until, done, "they were not restarted")
    assert not old & {one.pid for one in deployed.front_ends}
    assert gone == {0, 1}
    for cookie, said in zip(cookies, before, strict=True):
        assert await page_of(deployed, cookie) == said
    await close(*tabs)


def test_a_restart_takes_one_after_another_and_every_page_comes_back(deployed: Deployed) -> None:
    run(restarted(deployed))
    assert deployed.up() == 2


def test_at_the_end_nothing_is_left(deployed: Deployed) -> None:
    """The last of this file, because it ends what the others use."""
    started = psutil.Process(deployed.process.pid).children(recursive=True)
    assert len(started) >= 4
    cookie = cookie_of(deployed)

    async def with_a_tab() -> int:
        tab = await open_tab(deployed.server, "tokens", "", cookie)
        deployed.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(deployed.process.wait, 40)
        await close(tab)
        return code

    assert run(with_a_tab()) == 0, deployed.server.log.read_text()
    assert not psutil.wait_procs(started, timeout=1)[1]
    assert "did not stop" not in deployed.server.log.read_text()
