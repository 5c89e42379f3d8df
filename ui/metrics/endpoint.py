"""``/metrics`` in the form that Prometheus reads, served where ``LMLOUPE_METRICS`` is set.

It is on the port of the app itself, so whoever reaches that port can read it: a proxy in front must not pass it on.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ui.base import tally

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["count_error", "routes"]

VARIABLE = "LMLOUPE_METRICS"


def routes() -> list[Route]:
    """The route of the endpoint; none where nobody has asked for it.

    Raises:
        SystemExit: it was asked for, and Prometheus' client is not installed; the sentence says what to do.
    """
    if os.environ.get(VARIABLE, "") in ("", "0"):
        return []
    if importlib.util.find_spec("prometheus_client") is None:
        raise SystemExit(
            f"{VARIABLE} is set, but prometheus-client is not installed: "
            "run pip install -r requirements-server.txt, or unset it."
        )
    return [Route("/metrics", _metrics)]


def count_error(error: Exception) -> None:
    """Count an error of a page's script that nothing has caught; Streamlit shows and logs it as without this."""
    tally.add("errors", type(error).__name__)


def _metrics(_request: Request) -> Response:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Now())
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Now:
    """Reads the numbers when Prometheus asks, and keeps none."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        from ui.metrics.readings import readings

        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for one in readings():
            family = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
            made = families.setdefault(one.name, family(one.name, one.says, labels=[name for name, _ in one.labels]))
            made.add_metric([value for _, value in one.labels], one.value)
        yield from families.values()
