"""A small model hub on the loopback, speaking what the hub's client asks while it loads a model.

It answers ``/api/models/<id>[/revision/<revision>]`` and ``/<id>/resolve/<revision>/<file>`` with the headers of the
real one, and remembers every request.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import huggingface_hub.constants
import pytest

Kind = Literal["open", "gated", "private", "hang", "broken", "not-a-hub", "limited"]

_API = re.compile(r"/api/models/(?P<repo>[^/]+(?:/[^/]+)?)(?:/revision/(?P<revision>[^/]+))?")
_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass
class Repo:
    """A folder that the hub shows as a repository.

    ``gated`` shows its file list to all and its files to nobody; ``private`` is there for the bearer of ``token``;
    ``hang`` accepts every request and answers none, ``broken`` answers 503, ``limited`` answers 429,
    ``not-a-hub`` answers a web page, as a network's login page does.
    """

    folder: Path
    kind: Kind = "open"
    token: str = ""
    branches: tuple[str, ...] = ("main",)

    @property
    def commit(self) -> str:
        digest = hashlib.sha1(usedforsecurity=False)
        for path in sorted(self.folder.rglob("*")):
            digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
        return digest.hexdigest()

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())


@dataclass
class Request:
    method: str
    path: str
    authorization: str | None


@dataclass
class Hub:
    url: str
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub on a free port of the loopback until the end of the block."""

    class Handler(_Handler):
        hub: Hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub = Handler.hub = Hub(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.stopping.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.0"  # a connection for each request: none is left open when the test ends

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(Request(self.command, path, self.headers.get("Authorization")))
        # The revision may hold an encoded slash: match before decoding.
        raw = urlsplit(self.path).path
        match = _API.fullmatch(raw) or _RESOLVE.fullmatch(raw)
        if match is None or self.command == "POST":
            return self._error(404, None, "Not Found")
        found = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
        repo = self.hub.repos.get(found["repo"])
        allowed = repo is not None and (
            repo.kind != "private" or self.headers.get("Authorization") == f"Bearer {repo.token}"
        )
        if repo is None or not allowed:
            if self.headers.get("Authorization"):
                return self._error(404, "RepoNotFound", "Repository not found")
            # The real hub does not tell strangers whether a private repository exists.
            return self._error(401, "RepoNotFound", "Invalid username or password.")
        if repo.kind == "hang":
            self.hub.stopping.wait(60)
            return None
        if repo.kind in ("broken", "limited"):
            return self._error(503 if repo.kind == "broken" else 429, None, "try later")
        if repo.kind == "not-a-hub":
            return self._send(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
        revision = found.get("revision", "main")
        if revision not in (*repo.branches, repo.commit):
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if "file" not in found:
            return self._info(found["repo"], repo, sizes="blobs=true" in urlsplit(self.path).query.lower())
        if repo.kind == "gated":
            status = 403 if self.headers.get("Authorization") else 401
            return self._error(status, "GatedRepo", f"Access to model {found['repo']} is restricted.")
        return self._file(repo, found["file"])

    def _info(self, name: str, repo: Repo, *, sizes: bool) -> None:
        body = {
            "_id": "0", "id": name, "modelId": name, "sha": repo.commit, "private": repo.kind == "private",
            "gated": "auto" if repo.kind == "gated" else False, "tags": [], "downloads": 0, "likes": 0,
            "siblings": [
                {"rfilename": file} | ({"size": (repo.folder / file).stat().st_size} if sizes else {})
                for file in repo.files()
            ],
        }  # fmt: skip
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, repo: Repo, file: str) -> None:
        if file not in repo.files():
            return self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": repo.commit})
        body = (repo.folder / file).read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
            "X-Repo-Commit": repo.commit,
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked is None:
            return self._send(200, body, headers)
        first, last = int(asked[1]), int(asked[2] or len(body) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        return self._send(206, body[first : last + 1], headers)

    def _error(self, status: int, code: str | None, message: str, headers: dict[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        body = json.dumps({"error": message}).encode()
        self._send(status, body, named | {"X-Error-Message": quote(message), **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(HTTPStatus(status))
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def use_endpoint(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    # The client reads its environment once, when it is imported.
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with running_hub() as hub:
        use_endpoint(monkeypatch, hub.url)
        yield hub
    huggingface_hub.close_session()
