"""Questions carried by Ray Serve's handles. Ray is imported where it is used, and nowhere else.

The process that asks is a driver of the cluster: its machine runs a Ray node, which may have no resources to give.
Ray's client protocol, which is what Ray itself calls ``ray://``, would need no node, but carries no streams, which its
makers will not change (issue 43357 of ray-project/ray).
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from lmloupe.cluster.calls import ASK_LIMIT_S, LEASE_S, SILENCE_S, LostError
from lmloupe.cluster.driver import membership
from lmloupe.cluster.driver.loop import wait
from lmloupe.cluster.driver.membership import Member, gone, is_there, member, require_ray
from lmloupe.cluster.sharing.routing import trail
from lmloupe.errors import ClusterBusyError, ClusterError, ClusterGoneError, ClusterTimeoutError
from lmloupe.wire.packed import Packed

__all__ = ["RayCalls", "application", "gone", "is_there", "join", "leave", "require_ray"]


def application(model: str, quantization: str) -> str:
    """The name of the Serve application of one model in one precision.

    >>> application("smollm2-135m-instruct", "nf4")
    'lmloupe:smollm2-135m-instruct:nf4'
    """
    return f"lmloupe:{model}:{quantization}"


def join(address: str) -> None:
    """Make this process a driver of a cluster; nothing where it is one. It leaves where the cluster is gone.

    Args:
        address: ``ray://HOST:PORT`` or ``HOST:PORT``, the port being that of ``ray start --head --port``.

    Raises:
        ClusterError: it belongs to another cluster; a process can belong to one.
        ClusterGoneError: no cluster there, or this machine has no node of it.
        ClusterVersionError: it has another version of Ray or of Python.
    """
    wait(member(address))


def leave(why: ClusterGoneError | None = None) -> None:
    """Be no driver any more: the next question joins anew. Whoever waits for an answer is told why."""
    wait(membership.leave(why))


T = TypeVar("T")

_RAY_LIMIT_S = 20.0  # of what takes Ray Serve's controller milliseconds


class _Handles(NamedTuple):
    asks: Any
    streams: Any


class RayCalls:
    """The way to the replicas of one Serve application; see `lmloupe.cluster.calls.Calls`.

    Args:
        address: of the cluster.
        name: of the application.

    Raises:
        ClusterGoneError: no cluster, or no such model on it.
    """

    def __init__(self, address: str, name: str) -> None:
        self._address, self._name = address, name
        self._owner = uuid.uuid4().hex
        self._n_followed = 0
        self._renewing: asyncio.Task[None] | None = None
        wait(self._handles())

    async def _handles(self) -> tuple[Member, _Handles]:
        joined = await member(self._address)
        if self._name not in joined.handles:
            try:
                joined.handles[self._name] = await self._asked_ray(joined, _handles)
            except TimeoutError as error:
                raise ClusterTimeoutError(
                    f"The cluster at {self._address} does not say where {self._name} is: look whether Ray Serve runs "
                    "there."
                ) from error
        return joined, joined.handles[self._name]

    async def ask(self, name: str, arguments: Packed, known: str, limit_s: float) -> Packed:
        """Ask a question and wait for the answer."""
        until = time.monotonic() + limit_s
        joined, handles = await self._handles()
        asks = handles.asks
        if name == "hello":
            response = asks.hello.remote()
        else:
            response = asks.options(method_name="ask", session_id=trail(arguments)).remote(name, arguments, known)
        try:
            return await self._heard(response, response, joined, until - time.monotonic())
        except TimeoutError as error:
            raise await self._slow(joined, limit_s) from error

    async def ask_all(self, name: str, arguments: Packed, known: str, limit_s: float) -> tuple[Packed, ...]:
        """Ask every replica that is there now."""
        joined, handles = await self._handles()
        told = handles.asks.broadcast("ask", name, arguments, known)
        try:
            answers = await told.results_async(timeout_s=limit_s, return_exceptions=True)
        except TimeoutError as error:
            raise await self._slow(joined, limit_s) from error
        except Exception as error:
            raise self._said(error, joined) from error
        return tuple(answer for answer in answers if not isinstance(answer, BaseException))

    async def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float
    ) -> AsyncGenerator[Packed, None]:
        """Begin work that is followed, and hear of it."""
        joined, handles = await self._handles()
        streams = handles.streams.options(session_id=trail(arguments))
        response = streams.remote(name, arguments, known, skip, limit_s, self._owner)
        self._follow(1)
        silence_s = min(ASK_LIMIT_S, max(limit_s, 0.0))  # until some replica takes it
        try:
            while True:
                try:
                    message = await self._heard(response, anext(response), joined, silence_s)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    if silence_s != SILENCE_S:
                        raise await self._slow(joined, silence_s) from error
                    raise LostError(f"The replica has said nothing for {SILENCE_S:.0f} s.") from error
                silence_s = SILENCE_S
                try:
                    yield message
                except BaseException:  # its owner has closed it between two messages
                    _cancel(response, joined)
                    raise
        finally:
            self._follow(-1)

    async def _heard(self, response: Any, awaited: Awaitable[Any], joined: Member, limit_s: float) -> Any:
        """What a replica says; it is told to stop where nobody waits for that any more.

        Raises:
            TimeoutError: nothing within ``limit_s`` seconds.
        """
        task = asyncio.ensure_future(awaited)  # of its own: Ray ends by CancelledError what it cancels itself
        task.add_done_callback(_seen)
        try:
            await asyncio.wait({task, joined.left}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                _cancel(response, joined)
        if joined.left.done():
            raise joined.left.result()
        if not task.done():
            raise TimeoutError
        if task.cancelled():
            raise LostError("The replica has let it go.")
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, StopAsyncIteration):
            raise error
        raise self._said(error, joined) from error

    async def _asked_ray(self, joined: Member, work: Callable[[str], T]) -> T:
        """What Ray itself says of the application; it waits for ever where its controller does not answer.

        Raises:
            TimeoutError: it said nothing.
        """
        task = asyncio.ensure_future(asyncio.to_thread(work, self._name))
        task.add_done_callback(_seen)
        both: set[asyncio.Future[Any]] = {task, joined.left}
        await asyncio.wait(both, timeout=_RAY_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        if joined.left.done():
            raise joined.left.result()
        if not task.done():
            raise TimeoutError
        error = task.exception()
        if error is not None:
            raise self._said(error, joined) from error
        return task.result()

    async def _slow(self, joined: Member, limit_s: float) -> ClusterTimeoutError | ClusterGoneError:
        """Why no answer came in time."""
        try:
            runs = await self._asked_ray(joined, _runs)
        except TimeoutError:
            runs = True  # nobody knows
        if not runs:
            return ClusterGoneError(
                f"No computer of the cluster at {self._address} runs {self._name} at the moment: look whether it still "
                "starts, or ask whoever runs it."
            )
        return ClusterTimeoutError(
            f"The cluster did not answer within {limit_s:,g} s: ask again, or ask for less at once."
        )

    def _said(self, error: BaseException, joined: Member) -> BaseException:
        """What Ray says went wrong, as this room says it; what it does not know is a fault of a program, and shows."""
        errors = require_ray().exceptions
        from ray.serve.exceptions import BackPressureError, RayServeException

        if isinstance(error, BackPressureError):
            return ClusterBusyError(
                "All computers of the cluster have as many questions as they take at once: ask again in a moment."
            )
        lost = (
            errors.RayActorError,
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
        )
        if isinstance(error, lost):
            return LostError(str(error))
        if isinstance(error, RayServeException | errors.RaySystemError | errors.RpcError | ConnectionError):
            joined.handles.pop(self._name, None)  # where it is served anew, the next question finds it
            return ClusterGoneError(
                f"The cluster at {self._address} does not answer for {self._name}: look whether it runs and has this "
                "model."
            )
        return error

    def _follow(self, n: int) -> None:
        self._n_followed += n
        if self._n_followed and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Have the replicas hear of this front end while it follows something."""
        from ray.exceptions import RayError
        from ray.serve.exceptions import RayServeException

        while self._n_followed:
            await asyncio.sleep(LEASE_S / 4)
            handles = membership.handles_of(self._address, self._name)
            if handles is None:
                continue  # this process has left that cluster; only a question joins one
            try:
                told = handles.asks.broadcast("renew", self._owner)
                await told.results_async(timeout_s=LEASE_S / 4, return_exceptions=True)
            except (ClusterError, LostError, RayError, RayServeException, TimeoutError):
                continue  # what is lost or gone is so to whoever follows it, who says it


def _seen(task: asyncio.Future[Any]) -> None:
    """Nobody waits for what was cancelled: that it failed is no news, so asyncio need not say it."""
    if not task.cancelled():
        task.exception()


def _cancel(response: Any, joined: Member) -> None:
    """Have the replica stop; once it was left, a cluster is told nothing: Ray would start one to tell it."""
    if not joined.left.done():
        response.cancel()


def _handles(name: str) -> _Handles:
    from ray import serve

    found = serve.get_app_handle(name)
    return _Handles(found, found.options(stream=True, method_name="stream"))


def _runs(name: str) -> bool:
    """Whether a replica of an application is up, as the cluster says."""
    from ray import serve

    applications = serve.status().applications
    if name not in applications:
        return False
    return all(one.replica_states.get("RUNNING", 0) for one in applications[name].deployments.values())
