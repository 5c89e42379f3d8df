"""Several front ends behind nginx for tests, what they note, and another nginx in front of them with logins."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from benchmarks.server import REPOSITORY, Server, environment
from deploy.ports import free_port

__all__ = [
    "Deployed",
    "OneCookie",
    "cookie_of",
    "deployment",
    "in_front",
    "reached",
    "require_nginx",
    "status_of_page",
    "status_of_websocket",
    "until",
]

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def require_nginx() -> str:
    """Its path; without it a test is skipped, and fails where nothing may be skipped."""
    if NGINX is None:
        assert not os.environ.get("CI"), "nginx is not installed"
        pytest.skip("nginx is not installed: apt-get install nginx")
    return NGINX


@dataclass
class Deployed:
    server: Server
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def front_ends(self) -> list[psutil.Process]:
        found = [child for child in psutil.Process(self.process.pid).children() if "streamlit" in child.cmdline()]
        return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]

    def ask(self, path: str, cookie: str = "", body: bytes | None = None) -> tuple[int, str]:
        """Status, and the cookie that was set; nginx has noted it then, which it does after it has answered."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port}{path}", data=body, headers={"Cookie": cookie} if cookie else {}
        )
        n_noted = len(self._noted())
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - the address is ours
                found = answer.status, answer.headers.get("Set-Cookie") or ""
        except urllib.error.HTTPError as error:
            found = error.code, ""
        end = time.monotonic() + 5
        while "health" not in path and len(self._noted()) <= n_noted and time.monotonic() < end:
            time.sleep(0.005)
        return found

    def _noted(self) -> list[str]:
        path = self.folder / "access.log"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def read(self, path: str, headers: dict[str, str] | None = None) -> tuple[Mapping[str, str], bytes]:
        """Headers and body."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.server.port}{path}", headers=headers or {})
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - the address is ours
            return answer.headers, answer.read()

    def served_by(self, path: str) -> list[str]:
        """Who served a path, as nginx noted it, the oldest first: of those that it tried, the one that answered."""
        noted = "\n".join(self._noted())
        return re.findall(rf" \d+ \w+ {re.escape(path)} .* front end .*?(\S+)$", noted, re.MULTILINE)

    def up(self) -> int:
        """How many front ends are up, as the deployment tells."""
        told = json.loads(self.read("/_front_ends/health")[1])
        assert told["front_ends"] == 2
        return int(told["up"])


@contextmanager
def deployment(folder: Path) -> Iterator[Deployed]:
    """``python -m deploy`` with two front ends and a cache of its own; ended with all that it has started."""
    port = free_port()
    log = folder / "log.txt"
    command = [sys.executable, "-m", "deploy", "--number", "2", "--listen", f"127.0.0.1:{port}"]
    command += ["--wait", "1", "--patience", "3"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--folder", str(folder / "run")], cwd=REPOSITORY, stdout=sink, stderr=subprocess.STDOUT,
            env=environment(LMLOUPE_CACHE=str(folder / "cache")),
        )  # fmt: skip
        made = Deployed(Server(port, process.pid, time.perf_counter(), log), folder / "run", process)
        try:
            until(lambda: "nginx listens" in log.read_text() or process.poll() is not None, "it did not start")
            assert process.poll() is None, log.read_text()
            until(lambda: reached(made), "nginx did not answer")
            yield made
        finally:
            process.terminate()
            process.wait(60)


def until(true: object, otherwise: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


def reached(deployed: Deployed) -> bool:
    try:
        return deployed.ask("/_stcore/health")[0] == 200
    except OSError:
        return False


def cookie_of(deployed: Deployed, front_end: str | None = None) -> str:
    """A cookie as a browser gets it; of a certain front end where one is named."""
    for _ in range(200):
        status, given = deployed.ask("/")
        assert status == 200
        cookie = given.split(";")[0]
        if front_end is None or deployed.served_by("/")[-1] == front_end:
            return cookie
    raise AssertionError(f"Nobody was sent to {front_end}.")


class OneCookie(BaseHTTPRequestHandler):
    """Who may come in has this cookie; stands for oauth2-proxy."""

    def do_GET(self) -> None:
        known = "who=me" in (self.headers.get("Cookie") or "")
        self.send_response(202 if known and self.path == "/oauth2/auth" else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def in_front(nginx: str, folder: Path, deployed: Deployed, block: str, auth_port: int) -> Iterator[int]:
    """nginx with a block of the docs, a certificate of its own, and the deployment behind it; its port."""
    folder.mkdir()
    key, certificate, users, port = folder / "key", folder / "pem", folder / "users", free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=loupe.example.org"], check=True, capture_output=True,
    )  # fmt: skip
    hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True).stdout
    users.write_text(f"class:{hashed}")
    for named, path in {
        "443 ssl": f"127.0.0.1:{port} ssl", "/etc/ssl/loupe.pem": certificate, "/etc/ssl/loupe.key": key,
        "/etc/nginx/loupe.users": users, "127.0.0.1:8080": f"127.0.0.1:{deployed.server.port}",
        "127.0.0.1:4180": f"127.0.0.1:{auth_port}",
    }.items():  # fmt: skip
        block = block.replace(named, str(path))
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"{user} pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{temporary}"
        f"client_body_temp_path {folder}/body;\n{block}}}"
    )
    command = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    running = subprocess.Popen(command)
    try:
        until(lambda: (folder / "pid").exists() or running.poll() is not None, "nginx did not start")
        assert running.poll() is None
        yield port
    finally:
        running.terminate()
        running.wait(20)


async def status_of_websocket(port: int, headers: dict[str, str]) -> int:
    """101 where it is let in; the page's own address is its origin."""
    context = ssl._create_unverified_context()  # noqa: S323 - the certificate is the test's own
    try:
        connection = await connect(
            f"wss://127.0.0.1:{port}/_stcore/stream", ssl=context, additional_headers=headers,
            origin=Origin(f"https://127.0.0.1:{port}"), proxy=None, compression=None,
        )  # fmt: skip
    except InvalidStatus as refused:
        return refused.response.status_code
    await connection.close()
    return 101


def status_of_page(port: int, headers: dict[str, str]) -> int:
    asked = urllib.request.Request(f"https://127.0.0.1:{port}/tokens", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=20, context=ssl._create_unverified_context()) as answer:  # noqa: S310, S323
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
