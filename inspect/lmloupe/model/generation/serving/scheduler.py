"""Who is having a model write: several generations of one loaded model, a step of all of them at a time.

The scheduler is one piece of work in the worker's round: while it is at it, a short question comes in after each of
its steps. A step reads a piece of a newcomer's prompt, or gives all that are being written a token: from one pass where
the model allows it (`lmloupe.model.generation.serving.batching`), else one after another. Reading and writing share the
time by halves, so a long prompt does not hold up those who are writing, and they do not hold it up. Who comes when as
many are served as there is room for waits, in order; nobody is refused.

What is promised: a batched generation gives the tokens that it gives alone, greedy or drawn with the same seed, up to
rounding. The scores of a text differ in their last digits with the number of texts in a pass, and with where its cache
came from, so where two tokens are as good as equally probable, the other one may come.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.generation.results import Serving, Step
from lmloupe.model.generation.serving.batching import Batching, found_batching, ruled_out
from lmloupe.model.generation.serving.line import Line
from lmloupe.model.generation.serving.prefixes import MOST_BYTES, Beginning, KeptTexts
from lmloupe.model.generation.serving.request import LocalGeneration, Request
from lmloupe.model.generation.serving.rows import Rows
from lmloupe.model.generation.steps import lens_steps
from lmloupe.model.generation.writer import take_rows
from lmloupe.model.passes.continuation import CannotContinueError, Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.passes.worker import is_out_of_memory

__all__ = ["MOST_SERVED", "Scheduler"]

MOST_SERVED = {"cpu": 32, "mps": 32, "cuda": 64}
"""How many generations of a model are served at once, by the kind of its device: a class at least. A pass over 32 texts
takes a CPU three times as long as one over a single text (SmolLM2, one core)."""

_WORTH_REUSING = 8
_log = logging.getLogger(__name__)


class Scheduler:
    """The generations of one loaded model.

    Args:
        loaded: the model.
        clock: seconds.

    Attributes:
        texts: what is kept of texts that were read or written; for the worker's thread.
    """

    def __init__(self, loaded: LoadedModel, clock: Callable[[], float] = time.perf_counter) -> None:
        kind = loaded.device.type
        self.texts = KeptTexts(MOST_BYTES.get(kind, 256 << 20))
        self._loaded, self._line = loaded, Line(MOST_SERVED.get(kind, 32))
        self._batching, self._said = ruled_out(loaded), False
        # In int8 what is kept of a text depends on what was read along with it: another beginning's numbers.
        self._reuses = loaded.reading.way is not None and stored_as(loaded.model) != "int8"
        self._clock, self._seconds = clock, [0.0, 0.0]  # spent on reading and on writing while there was both
        # Each of those served is in one of these.
        self._reading: deque[Request] = deque()
        self._rows: list[Rows] = []
        self._alone: deque[tuple[Request, Iterator[Step | None]]] = deque()

    def submit(self, request: Request) -> LocalGeneration:
        """Begin a generation, or join an equal one that has not ended. For the owners' threads, as `serving`."""
        generation, begins = self._line.enter(request)
        if begins:
            self._loaded.worker.submit(self._work())
        return generation

    def serving(self) -> Serving:
        """The answer to `Engine.serving`."""
        n_served, n_waiting = self._line.counts()
        reason = self._batching.reason if self._batching is not None else ""
        return Serving(
            n_served, n_waiting, self._line.most, batched=not reason, reason=reason, n_written=self._line.n_put
        )

    def _work(self) -> Iterator[None]:
        try:
            while (admitted := self._line.admit()) is not None:
                self._reading += admitted
                yield from self._round()
        except BaseException as error:  # not swallowed: all whom it stops are told, and the worker too
            self._reading, self._rows, self._alone = deque(), [], deque()
            self._line.end_all(error)
            raise

    def _round(self) -> Iterator[None]:
        """A piece of a newcomer's prompt, or a token for everybody who writes; pauses after each pass."""
        self._let_go()
        writes = bool(self._rows or self._alone)
        if not (self._reading and writes):
            self._seconds = [0.0, 0.0]
        # Each of the two gets half of the time while there is both to do.
        if self._reading and (not writes or self._seconds[0] <= self._seconds[1]):
            began = self._clock()
            self._read_piece(self._reading.popleft())
            self._seconds[0] += self._clock() - began
            yield
        else:
            yield from self._write()
        if len(self._rows) > 1:
            yield from self._join()

    def _write(self) -> Iterator[None]:
        for rows in tuple(self._rows):
            self._let_go()
            if rows.requests:
                began = self._clock()
                self._step(rows)
                self._seconds[1] += self._clock() - began
                yield
        for _ in range(len(self._alone)):
            self._let_go()
            if self._alone:
                began = self._clock()
                self._step_alone(*self._alone.popleft())
                self._seconds[1] += self._clock() - began
                yield

    def _let_go(self) -> None:
        """Take out those that their owners have closed."""
        gone = self._line.take_closed()
        if not gone:
            return
        self._reading = deque(request for request in self._reading if request not in gone)
        self._alone = deque(pair for pair in self._alone if pair[0] not in gone)
        for rows in tuple(self._rows):
            self._leave(rows, [request for request in rows.requests if request in gone])
        for request in gone:
            self._line.end(request)

    def _read_piece(self, request: Request) -> None:
        try:
            if request.text is None:
                request.text, request.unread = self._begin(request)
            if request.lens_parts is not None and len(request.unread) == 1:
                work = lens_steps(self._loaded, request.text, request.unread[0], request.writer, request.lens_parts)
                self._alone.append((request, work))
                return
            logits = request.text.read(request.unread.pop(0), logits_to_keep=1).logits[:, -1]
            if request.unread:
                self._reading.append(request)
                return
            step = request.writer.take(logits)
        except BaseException as error:  # not swallowed: its owners are told
            self._line.end(request, error)
            return
        rows = Rows(self._loaded, [request])
        self._rows.append(rows)
        self._took(rows, [step])

    def _begin(self, request: Request) -> tuple[Continuation, list[torch.Tensor]]:
        """A text that has read a beginning of the prompt, or nothing, and what it is to read yet."""
        request.writer.begin()
        loaded = self._loaded
        text = self._beginning(request.ids) or Continuation(loaded.model, loaded.model, loaded.reading)
        request.reused_tokens = text.ids.shape[1]
        return text, list(pieces_of(request.ids[request.reused_tokens :], loaded.device, loaded.reading))

    def _beginning(self, ids: NDArray[np.int32]) -> Continuation | None:
        """The longest beginning of these ids that has been read, where it is worth while; the last one is read anew."""
        reading = self._loaded.reading
        if not self._reuses or reading.turns(len(ids)):
            return None
        sources: list[Beginning] = self.texts.beginnings(ids)
        for rows in self._rows:
            sources += rows.beginnings(ids)
        for shared, branch in sorted(sources, key=lambda source: -source[0]):
            n = min(shared, len(ids) - 1)
            whole = n == len(ids) - 1
            if not (whole or (reading.in_pieces and n >= _WORTH_REUSING)) or n == 0:
                continue
            try:
                return branch(n)
            except CannotContinueError:
                continue  # not swallowed: a shorter one may do, and else the text is read from its beginning
        return None

    def _step(self, rows: Rows) -> None:
        try:
            logits = rows.step()
        except Exception as error:  # not swallowed: its owners are told, or all go on by themselves
            self._failed(rows, error)
            return
        self._took(rows, take_rows([request.writer for request in rows.requests], logits))

    def _failed(self, rows: Rows, error: Exception) -> None:
        """Nobody's own error ends the others: after a pass over several, each goes on by itself."""
        self._rows.remove(rows)
        if len(rows.requests) == 1:
            self._line.end(rows.requests[0], error)
            return
        self._take_turns(f"A step of {len(rows.requests)} texts together failed ({error}), so they take turns.")
        try:
            self._rows += rows.apart()
        except Exception as last:  # not swallowed: all whom it stops are told
            for request in rows.requests:
                self._line.end(request, last)

    def _take_turns(self, reason: str) -> None:
        self._batching, self._said = Batching(reason), True
        _log.warning("%s: %s", self._loaded.name, reason)

    def _took(self, rows: Rows, results: Sequence[Step | Exception]) -> None:
        """Hand each its step or its error; who has ended leaves."""
        ended: dict[Request, BaseException | None] = {}
        for request, result in zip(rows.requests, results, strict=True):
            if isinstance(result, Exception):
                ended[request] = result
                continue
            self._line.put(request, result)
            if request.writer.ended:
                ended[request] = None
        if ended:
            self._leave(rows, list(ended))
            for request, error in ended.items():
                self._line.end(request, error)

    def _leave(self, rows: Rows, gone: Sequence[Request]) -> None:
        """Take these out, and keep what was read of them."""
        if not gone:
            return
        if self._reuses:
            for request in gone:
                try:
                    self.texts.keep(rows.read(request))
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                    self.texts.clear()  # not swallowed: what is kept saves work, and nothing else needs it
        rows.without(gone)
        if not rows.requests:
            self._rows.remove(rows)

    def _step_alone(self, request: Request, work: Iterator[Step | None]) -> None:
        try:
            step = next(work)
        except StopIteration:
            if self._reuses and request.text is not None:
                self.texts.keep(request.text)
            self._line.end(request)
        except BaseException as error:  # not swallowed: its owners are told
            self._line.end(request, error)
        else:
            if step is not None:
                self._line.put(request, step)
            self._alone.append((request, work))

    def _join(self) -> Iterator[None]:
        """Have those written together that can be; the first time, the model is asked whether it can."""
        if self._batching is None:
            try:
                self._batching = yield from found_batching(self._loaded)
            except Exception as error:  # not swallowed: the reason says it
                self._take_turns(f"Writing two texts together failed ({error}), so they take turns.")
        if self._batching is not None and self._batching.reason and not self._said:
            self._take_turns(self._batching.reason)
        joined: list[Rows] = []
        for rows in self._rows:
            partner = next((other for other in joined if self._go_together(rows, other)), None)
            if partner is None:
                joined.append(rows)
            else:
                joined[joined.index(partner)] = partner.joined(rows)
        self._rows = joined

    def _go_together(self, rows: Rows, other: Rows) -> bool:
        batching = self._batching
        everybody = (*rows.requests, *other.requests)
        return (
            batching is not None and all(batching.allows(request.longest) for request in everybody) and rows.fits(other)
        )
