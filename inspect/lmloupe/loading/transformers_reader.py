"""The process in which transformers reads tokenizer files, kept for the next one and ended when nobody comes."""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from huggingface_hub import constants, errors

from lmloupe.errors import LoadError, LoadTimeoutError, UnsupportedError
from lmloupe.loading import _transformers_child
from lmloupe.loading.hub_errors import loading
from lmloupe.names import seconds, shown
from lmloupe.processes.child import PATIENCE
from lmloupe.processes.frames import Answer
from lmloupe.processes.limits import WROTE_TOO_MUCH, memory
from lmloupe.processes.pool import AllBusyError, Pool

__all__ = ["read_tokenizer"]

LOAD_LIMIT_S = 90.0
IDLE_S = 120.0


_pool = Pool(_transformers_child.__name__, 1, idle_s=IDLE_S, wait_s=PATIENCE * LOAD_LIMIT_S, writes=True)


def _ask(request: dict[str, Any]) -> Answer | None:
    """The answer; None where there was none in time.

    Raises:
        EOFError: the process ended by itself; its argument is the exit code.
        AllBusyError: others read for as long as one waits.
        OSError: the system gives no process or no temporary folder.
    """
    with _pool.lease() as child:
        try:
            answer = child.ask(request, b"", LOAD_LIMIT_S)
        except EOFError as error:
            raise EOFError(child.process.returncode) from error
        if answer is not None and answer[0].get("last"):
            child.end()
        return answer


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
        answer = _ask({"path": path, "revision": revision, "cache": constants.HF_HUB_CACHE})
    except EOFError as error:
        limits = _transformers_child.LIMITS
        full = error.args[0] == WROTE_TOO_MUCH
        much = f"to write more than {limits.temporary_bytes >> 20} MB of temporary files"
        raise UnsupportedError(
            f"The tokenizer files of {shown(name)} made the process that read them end, as files do that ask "
            f"{much if full else f'for {memory(limits.memory_bytes)}'}: LM Loupe cannot show them."
        ) from error
    except AllBusyError as error:
        raise LoadTimeoutError(
            f"The tokenizer files of {shown(name)} were not read, since others are being read: try again in a moment."
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
