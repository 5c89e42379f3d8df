"""The result of a job in the folder of all front ends: read where it has finished, computed by one of them else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ui.base.kept.folder import folder

if TYPE_CHECKING:
    from lmloupe.kept.turns import Turn

__all__ = ["PART_S", "TIMED_S", "Finished"]

T = TypeVar("T")
PART_S = 2.0
"""How often the others hear how far a job is; a part is written and read in some milliseconds."""
TIMED_S = 3600.0
"""How old a measured speed may be: one of another day was of another load, and nobody could measure it again."""
_PART = "-part"
_LOST_S = 600.0  # a part that is older is of an owner that was killed


class Finished(Generic[T]):
    """One question of a job, as the folder knows it; it does nothing where no folder is shared.

    Args:
        name: of the question, asked for when it is needed; None where it is not shared.
        kind: what is kept.
        out: what of a result is kept, of the library's own kinds.
        back: the result from what is kept.
        lasts: whether a result is to be kept.
        fresh_s: how old it may be; None for any age.
    """

    def __init__(
        self,
        name: Callable[[], str | None],
        kind: type | tuple[type, ...],
        *,
        out: Callable[[T], object] = lambda found: found,
        back: Callable[[Any], T] = lambda found: cast(T, found),
        lasts: Callable[[T], bool] = lambda _: True,
        fresh_s: float | None = None,
    ) -> None:
        self._name, self._kind, self._out, self._back, self._lasts, self._fresh_s = (
            name,
            kind,
            out,
            back,
            lasts,
            fresh_s,
        )
        self._turn: Turn | None = None

    def found(self) -> T | None:
        """The result, where some front end has finished; None elsewhere."""
        return self._read("", self._fresh_s)

    def part(self) -> T | None:
        """What the front end that computes it has so far; None where it has said nothing yet."""
        return self._read(_PART, _LOST_S)

    def take(self) -> bool:
        """Whether this front end may compute it: no other one does."""
        shared, name = folder(), self._name()
        if shared is None or name is None:
            return True
        if self._turn is None:
            self._turn = shared.turn(name)
        return self._turn.take()

    def give(self) -> None:
        """Let others compute it."""
        if self._turn is not None:
            self._turn.give()

    def around(self, work: Callable[[], Iterator[T]]) -> Callable[[], Iterator[T]]:
        """The work, whose last result is kept once it has come to its end; only read where it is kept already."""

        def steps() -> Iterator[T]:
            found = self.found()
            if found is not None:
                yield found
                return
            name, latest, told = self._name(), None, time.monotonic()
            inner = work()
            try:
                for latest in inner:
                    if time.monotonic() - told > PART_S:
                        self._write(name, _PART, latest)
                        told = time.monotonic()
                    yield latest
            finally:
                close = getattr(inner, "close", None)
                if close is not None:
                    close()
            if latest is not None and name == self._name():  # the model's files are those that it was read from
                if self._lasts(latest):
                    self._write(name, "", latest)
                shared = folder()
                if shared is not None and name is not None:
                    shared.forget(name + _PART)

        return steps

    def _read(self, part: str, fresh_s: float | None) -> T | None:
        shared, name = folder(), self._name()
        if shared is None or name is None:
            return None
        kept = shared.read(name + part, self._kind, fresh_s)
        return None if kept is None else self._back(kept)

    def _write(self, name: str | None, part: str, latest: T) -> None:
        shared = folder()
        if shared is not None and name is not None:
            shared.write(f"{name}{part}", self._out(latest))
