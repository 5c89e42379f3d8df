"""The app in a server process of its own, and sessions that join it as a browser does, without a browser.

A Streamlit page asks over a websocket for a run of its script (``BackMsg.rerun_script``) and is done when the server
says so (``ForwardMsg.script_finished``); `streamlit.proto` has both messages. What a browser adds, fetching and running
the JavaScript, is not part of these numbers.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

__all__ = [
    "FRONT_DOOR",
    "REPOSITORY",
    "Server",
    "cpu_s",
    "environment",
    "first_page_s",
    "join",
    "memory_mb",
    "open_session",
    "rerun",
    "run_script",
    "serve",
    "wait_until_up",
]

REPOSITORY = Path(__file__).parents[1]
FRONT_DOOR = REPOSITORY / "streamlit_app.py"
# Ends nothing by itself: what is measured may be slow, but a server that never answers must not hang the run.
PATIENCE_S = 120


def environment(**more: str) -> dict[str, str]:
    """Variables of the present process, with the library's source root importable whether it is installed or not."""
    paths = [str(REPOSITORY / "inspect"), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | more


@dataclass(frozen=True, slots=True)
class Server:
    """A running ``streamlit run``.

    Attributes:
        port: on the loopback address.
        pid: of the server process.
        started: clock reading (`time.perf_counter`) at the command.
        log: file that takes its output.
    """

    port: int
    pid: int
    started: float
    log: Path


@contextmanager
def serve(script: Path = FRONT_DOOR, **variables: str) -> Iterator[Server]:
    """Give the command ``streamlit run script``, without waiting for an answer; end its process by id afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    command += ["--server.address=127.0.0.1", "--server.headless=true"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with log.open("wb") as sink:
            started = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment(**variables), stdout=sink, stderr=subprocess.STDOUT
            )
            try:
                yield Server(port, process.pid, started, log)
            finally:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def wait_until_up(server: Server) -> None:
    """Wait until the server answers its health check.

    Raises:
        RuntimeError: it did not within two minutes; the end of its output is in the message.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"The server did not answer:\n{server.log.read_text(errors='replace')[-2000:]}")


async def join(server: Server, page: str = "", query: str = "") -> ClientConnection:
    """Join as a new session and wait until the page's script has run to its end. The caller closes the connection.

    Raises:
        RuntimeError: the page does not exist, or its script ended in an error.
    """
    connection = await open_session(server)
    async for _ in run_script(connection, rerun(server, page, query)):
        pass
    return connection


async def open_session(server: Server, cookie: str = "") -> ClientConnection:
    """Open the websocket of a new session; nothing runs yet. The caller closes the connection."""
    return await connect(
        f"ws://127.0.0.1:{server.port}/_stcore/stream",
        additional_headers={"Cookie": cookie} if cookie else None,
        max_size=None,
        proxy=None,
        compression=None,
        open_timeout=PATIENCE_S,
        ping_timeout=PATIENCE_S,
    )


def rerun(server: Server, page: str = "", query: str = "") -> BackMsg:
    """The message that asks for a run of a page's script, with the address that a browser tells in it."""
    ask = BackMsg()
    ask.rerun_script.page_name = page
    ask.rerun_script.query_string = query
    ask.rerun_script.context_info.url = f"http://127.0.0.1:{server.port}/{page}"
    return ask


async def run_script(connection: ClientConnection, ask: BackMsg) -> AsyncIterator[ForwardMsg]:
    """Send the message and give what the server answers, until the script has run to its end.

    Raises:
        RuntimeError: the page does not exist, its script ended in an error, or the server went away.
    """
    page = ask.rerun_script.page_name
    await connection.send(ask.SerializeToString())
    async with asyncio.timeout(PATIENCE_S):
        async for data in connection:
            answer = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            kind = answer.WhichOneof("type")
            if kind == "page_not_found":
                raise RuntimeError(f"The app has no page {page!r}.")
            if kind == "delta" and answer.delta.new_element.HasField("exception"):
                raise RuntimeError(f"Page {page!r} failed: {answer.delta.new_element.exception.message}")
            if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise RuntimeError(f"Page {page!r} does not compile.")
            yield answer
            if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return
    raise RuntimeError(f"The server closed the connection before page {page!r} was done.")


def first_page_s(server: Server, page: str = "") -> float:
    """Seconds from the command until the first session has its whole page."""
    wait_until_up(server)

    async def once() -> float:
        connection = await join(server, page)
        taken = time.perf_counter() - server.started
        await connection.close()
        return taken

    return asyncio.run(once())


def memory_mb(pid: int) -> float | None:
    """Memory of a process in MB (10^6 bytes) without files that it maps; None where /proc does not count it."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    found = re.search(r"^Pss_Anon:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else None


def cpu_s(pid: int) -> float | None:
    """Seconds that a process has computed so far, in all its threads; None where /proc does not count them."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Fields 14 and 15 of proc(5); the second one, the name, may have blanks in its parentheses.
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
