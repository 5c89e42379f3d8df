"""What an operator watches, read at the moment of the question: sessions, queues, tokens, memory, errors.

No number here tells what anybody typed: labels are names of pages, of models and of kinds of errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import psutil  # type: ignore[import-untyped]
from streamlit.runtime import Runtime

import lmloupe as lm
from ui.base import tally
from ui.base.jobs import server_jobs
from ui.base.loaders import loaded_engines
from ui.cluster.address import cluster_address
from ui.cluster.presence import presence

__all__ = ["Reading", "readings"]

_SESSIONS = "active_sessions"


@dataclass(frozen=True, slots=True)
class Reading:
    """One number with its labels.

    Attributes:
        name: with its unit; a counter without the ending that Prometheus gives it.
        kind: a counter only grows while the process lives.
        says: what it is, in one sentence.
        value: the number.
        labels: name and value of each.
    """

    name: str
    kind: Literal["counter", "gauge"]
    says: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def readings() -> tuple[Reading, ...]:
    """All of them, those of one name side by side."""
    return (*_sessions(), *_pages(), *_jobs(), *_engines(), *_cluster(), *_memory(), *_errors())


def _sessions() -> list[Reading]:
    if not Runtime.exists():
        return []
    held = Runtime.instance().stats_mgr.get_stats([_SESSIONS]).get(_SESSIONS, ())
    number = sum(int(getattr(stat, "value", 0)) for stat in held)
    return [Reading("lmloupe_sessions", "gauge", "Browser tabs that are connected.", number)]


def _pages() -> list[Reading]:
    said, spent = "Runs of a page's script.", "Seconds spent in runs of a page's script."
    return [
        Reading(name, "counter", says, value, (("page", page),))
        for name, what, says in (
            ("lmloupe_page_runs", "page runs", said),
            ("lmloupe_page_run_seconds", "page seconds", spent),
        )
        for page, value in sorted(tally.counts(what).items())
    ]


def _jobs() -> list[Reading]:
    unfinished = server_jobs().unfinished()
    running = sum(one.running for one in unfinished)
    says = "Long work that sessions share; one runs at a time."
    return [
        Reading("lmloupe_jobs", "gauge", says, running, (("state", "running"),)),
        Reading("lmloupe_jobs", "gauge", says, len(unfinished) - running, (("state", "waiting"),)),
    ]


def _engines() -> list[Reading]:
    served: list[Reading] = []
    written: list[Reading] = []
    says = "Texts that a model is writing, or that wait for their turn."
    for (model, precision), engine in sorted(loaded_engines().items()):
        try:
            now = engine.serving()  # of a cluster: summed over all replicas, and in seconds at most
        except lm.ClusterError:
            continue  # `_cluster` says that nobody answers
        labels = (("model", model), ("precision", precision))
        for state, value in (("writing", now.n_writing), ("waiting", now.n_waiting)):
            served.append(Reading("lmloupe_generations", "gauge", says, value, (*labels, ("state", state))))
        written.append(
            Reading("lmloupe_tokens_written", "counter", "Tokens that a model has written.", now.n_written, labels)
        )
    return served + written


def _cluster() -> list[Reading]:
    """Nothing where models are in this process."""
    if not cluster_address():
        return []
    up = presence().is_there()
    says = "Copies of a model that answer on the cluster."
    return [
        Reading("lmloupe_cluster_up", "gauge", "Whether the cluster with the models answers.", float(up)),
        *(
            Reading(
                "lmloupe_replicas", "gauge", says, one.n_replicas if up else 0,
                (("model", one.model), ("precision", one.quantization)),
            )
            for one in presence().known
        ),
    ]  # fmt: skip


def _memory() -> list[Reading]:
    """Besides the process's own, which Prometheus' client reads: its children run the tokenizers of the hub."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # not swallowed: it has ended meanwhile, and holds nothing
            continue
    return [
        Reading("lmloupe_children_memory_bytes", "gauge", "Resident memory of the processes for tokenizers.", total)
    ]


def _errors() -> list[Reading]:
    says = "Errors by kind: of the library, each shown as one sentence; and any other, which is a fault of the program."
    kinds = tally.counts("errors")
    known = {"LoupeError": 0.0, "Exception": 0.0} | dict(kinds)
    return [
        Reading("lmloupe_errors", "counter", says, value, (("kind", kind),)) for kind, value in sorted(known.items())
    ]
