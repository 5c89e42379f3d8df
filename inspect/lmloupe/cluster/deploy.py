"""The cluster's side: a model as a deployment of Ray Serve, whose replicas come and go with the questions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from lmloupe.cluster.ray_calls import application, require_ray
from lmloupe.cluster.replica import MOST_AT_ONCE, Replica
from lmloupe.cluster.sharing.router import ROUTER
from lmloupe.model.architecture.results import Device, Quantization
from lmloupe.names import EMBEDDED_MODEL
from lmloupe.wire.packed import Packed

__all__ = ["Scaling", "remove_model", "serve_model"]


MOST_WAITING = 64
"""Questions of one front end that wait for a replica with a free place; one more is told so at once."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """When a replica comes and when one goes. Made for a class, which begins at once and pauses for minutes.

    Attributes:
        target: ongoing questions of a replica at which another one is added: a batch of so many is still quick.
        over_s: seconds whose mean counts, so that one press of thirty buttons alone brings no replica.
        up_s: seconds that it must be too many for.
        down_s: seconds that it must be too few for: a load of the model is dear, and people come back.
    """

    target: float = 16.0
    over_s: float = 11.0
    up_s: float = 2.0
    down_s: float = 300.0


_ENVIRONMENT = {
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_worker_niceness": "0",
    "RAY_max_direct_call_object_size": str(1 << 20),
}
"""Of a replica's process. Nothing in it holds up an event loop, so it needs no second one: that cost a third of each
message. People wait for it: at Ray's own niceness of 15 it came behind whatever else the machine does, pages too. And
what is smaller than a megabyte, as the scores of a vocabulary, goes without the object store: 2 ms of the 9 sooner.
"""


class _Deployed(Replica):
    """A replica that loads its model itself, in the process that Ray made for it."""

    def __init__(self, model: str, quantization: Quantization, device: Device, revision: str | None) -> None:
        from lmloupe.model.load import load_engine

        super().__init__(partial(load_engine, model, quantization, device, revision=revision))

    # Serve finds methods in the class that it is given.
    async def hello(self) -> Packed:
        return await super().hello()

    async def ask(self, name: str, arguments: Packed, known: str) -> Packed:
        return await super().ask(name, arguments, known)

    async def renew(self, owner: str) -> None:
        await super().renew(owner)

    async def stream(
        self, name: str, arguments: Packed, known: str, skip: int, limit_s: float, owner: str
    ) -> AsyncGenerator[Packed, None]:
        async with aclosing(super().stream(name, arguments, known, skip, limit_s, owner)) as messages:
            async for message in messages:
                yield message


def serve_model(
    model: str = EMBEDDED_MODEL,
    quantization: Quantization = "none",
    device: Device = "auto",
    *,
    revision: str | None = None,
    least: int = 1,
    most: int = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    drain_s: float = 20.0,
    scaling: Scaling = Scaling(),
) -> str:
    """Put one model in one precision on the cluster that this process belongs to; waits until it answers.

    Args:
        model: embedded key, folder or hub id, as in `lmloupe.load_engine`; read on the machine of each replica.
        quantization: as there.
        device: as there.
        revision: as there.
        least: replicas that are always there, at least 1.
        most: replicas that there may be; Ray adds one where each has about 16 questions at work.
        cpus: of each replica, as Ray counts them; it computes with so many threads, at least one. For a GPU, ``gpus``.
        gpus: of each replica.
        drain_s: seconds that questions which run get when a replica is to end.
        scaling: when Ray adds and removes one.

    Returns:
        The name of the application, which `lmloupe.cluster.connect.connect_engine` finds.

    Raises:
        NotAvailableError: Ray is not installed.
    """
    require_ray()
    from ray import serve
    from ray.serve.config import RequestRouterConfig

    number: dict[str, Any] = {"num_replicas": least}
    if most > least:
        number = {
            "autoscaling_config": {
                "min_replicas": least,
                "max_replicas": most,
                "target_ongoing_requests": scaling.target,
                "look_back_period_s": scaling.over_s,
                "upscale_delay_s": scaling.up_s,
                "downscale_delay_s": scaling.down_s,
            }
        }
    serve.start(proxy_location="Disabled")  # handles only: nothing here listens for HTTP
    deployed: Any = serve.deployment(
        max_ongoing_requests=MOST_AT_ONCE,
        max_queued_requests=MOST_WAITING,
        request_router_config=RequestRouterConfig(request_router_class=ROUTER),
        health_check_period_s=2,
        health_check_timeout_s=30,
        graceful_shutdown_timeout_s=drain_s,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus, "runtime_env": {"env_vars": _ENVIRONMENT}},
        **number,
    )(_Deployed)
    name = application(model, quantization)
    serve.run(deployed.bind(model, quantization, device, revision), name=name, route_prefix=None)
    return name


def remove_model(name: str) -> None:
    """Take a model off the cluster: no new questions, and those that run get the time that was said.

    Args:
        name: of the application; nothing where there is none.
    """
    from ray import serve

    serve.delete(name)
