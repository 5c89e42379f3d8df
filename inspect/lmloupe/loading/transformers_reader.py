"""The process in which transformers reads tokenizer files, kept for the next one and ended when nobody comes."""

from __future__ import annotations

import atexit
import builtins
import json
import shutil
import tempfile
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from huggingface_hub import constants, errors

from lmloupe.errors import LoadError, LoadTimeoutError, UnsupportedError
from lmloupe.loading import _transformers_child as _loader_process
from lmloupe.loading.hub_errors import loading
from lmloupe.loading.isolated.guard import Child
from lmloupe.names import seconds, shown
from lmloupe.processes.frames import Answer, memory

__all__ = ["read_tokenizer"]

LOAD_LIMIT_S = 90.0
IDLE_S = 120.0


class _Loader:
    """One process at most, used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._folder: str | None = None
        self._timer: threading.Timer | None = None

    def ask(self, request: dict[str, Any]) -> Answer | None:
        """The answer; None where there was none in time.

        Raises:
            EOFError: the process ended by itself; its argument is the exit code.
            OSError: the system gives no process or no temporary folder.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._child is None or not self._child.is_alive:
                self._end()
                self._folder = tempfile.mkdtemp(prefix="lmloupe-")
                self._child = Child("lmloupe.loading._transformers_child", self._folder)
            answered = None
            try:
                answered = self._child.ask(request, b"", LOAD_LIMIT_S)
            except EOFError as error:
                raise EOFError(self._child.process.returncode) from error
            finally:
                if answered is None or answered[0].get("last"):
                    self._end()
                else:
                    self._timer = threading.Timer(IDLE_S, self.end)
                    self._timer.daemon = True
                    self._timer.start()
            return answered

    def end(self) -> None:
        """End the process, unless somebody is waiting for it."""
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._child = self._folder = None


_loader = _Loader()
atexit.register(_loader.end)


def read_tokenizer(name: str, path: str, revision: str | None) -> Answer:
    """What transformers makes of a folder, or of a hub id in the cache: settings, and a tokenizer.json.

    Args:
        name: how messages call it.
        path: folder or hub id.
        revision: commit, with a hub id.

    Raises:
        LoadTimeoutError: not in time.
        UnsupportedError: the tokenizers library gave up, or the files asked for too much memory or temporary space.
        LoadError: what transformers raised, told as ours.
    """
    try:
        answer = _loader.ask({"path": path, "revision": revision, "cache": constants.HF_HUB_CACHE})
    except EOFError as error:
        full = error.args[0] == _loader_process.WROTE_TOO_MUCH
        much = f"to write more than {_loader_process.MAX_TEMPORARY_BYTES >> 20} MB of temporary files"
        raise UnsupportedError(
            f"The tokenizer files of {shown(name)} made the process that read them end, as files do that ask "
            f"{much if full else f'for {memory(_loader_process.MAX_MEMORY_BYTES)}'}: LM Loupe cannot show them."
        ) from error
    except OSError as error:
        raise LoadError(
            f"Reading {shown(name)} needs a process and a temporary folder of its own, and this system gives none "
            f"({error.strerror}): make room in the folder for temporary files."
        ) from error
    if answer is None:
        raise LoadTimeoutError(
            f"The tokenizer files of {shown(name)} could not be read within {seconds(LOAD_LIMIT_S)} and were given up: "
            "they are too large, or a pattern in them backtracks for ever."
        )
    header, _ = answer
    if "raised" in header:
        with loading(name, revision, "tokenizer"):
            raise _exception(header["raised"])
    if "refused" in header:
        raise UnsupportedError(
            f"The tokenizers library gave up on the files of {shown(name)} ({header.get('detail', 'memory')}): "
            "correct the tokenizer.json."
        )
    return answer


class _Remote:
    """An exception of the other process: its kind by its base, its words as they were."""

    words: str

    def __str__(self) -> str:
        return self.words


def _exception(chain: Sequence[tuple[Sequence[str], str, int | None]]) -> Exception:
    """The exceptions of a chain, each the cause of the one before."""
    made: list[Exception] = []
    for names, words, number in chain:
        known = next(kind for kind in map(_kind, names) if kind is not None)
        error: Any = Exception(words)
        if names[0] != "Exception":
            kind: Any = type(names[0], (_Remote, known), {})
            error = kind.__new__(kind)
            error.words = words
            if number is not None and isinstance(error, OSError):
                error.errno = number
        made.append(error)
    for error, cause in pairwise(made):
        error.__cause__ = cause
    return made[0]


def _kind(name: str) -> type[Exception] | None:
    places = (builtins, json, errors)
    found = next((getattr(place, name) for place in places if hasattr(place, name)), None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None
