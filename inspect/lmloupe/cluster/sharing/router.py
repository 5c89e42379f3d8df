"""The request router of Ray Serve that goes by `lmloupe.cluster.sharing.routing`. Named to Serve as `ROUTER`.

The class is made when it is asked for: nothing imports Ray before. Serve hands it to every process that asks.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lmloupe.cluster.sharing.routing import Places

__all__ = ["ROUTER"]

ROUTER = f"{__name__}.TrailRouter"


@cache
def _made() -> type:
    # Its loop tries on for the very question that it took, which Serve's plain router does only in order of arrival.
    from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

    class TrailRouter(ConsistentHashRouter):  # type: ignore[misc]  # Ray has no types here
        """Asks for the replica that has the text of a question; a question without a text goes anywhere."""

        def initialize_state(self, **kwargs: Any) -> None:
            super().initialize_state(**kwargs)
            self._places = Places()

        async def choose_replicas(self, candidate_replicas: list[Any], pending_request: Any = None) -> list[list[Any]]:
            trail = "" if pending_request is None else pending_request.metadata.session_id
            if not candidate_replicas or not trail:
                return [candidate_replicas] if candidate_replicas else []
            pending_request.routing_context.should_backoff = True
            found = {str(one.replica_id.unique_id): one for one in candidate_replicas}

            def load(unique_id: str) -> int:
                return self._replica_queue_len_cache.get(found[unique_id].replica_id) or 0

            return [[found[one]] for one in self._places.order(trail, list(found), load)]

    TrailRouter.__module__, TrailRouter.__qualname__ = __name__, "TrailRouter"
    return TrailRouter


def __getattr__(name: str) -> Any:
    if name == "TrailRouter":
        return _made()
    raise AttributeError(name)
