"""The pages' side: an engine whose model is on a cluster."""

from __future__ import annotations

from lmloupe.cluster.engine import remote_engine
from lmloupe.cluster.ray_calls import RayCalls, application
from lmloupe.loading.tokenizer import load_tokenizer
from lmloupe.model.architecture.results import Quantization
from lmloupe.model.engine import Engine
from lmloupe.names import EMBEDDED_MODEL

__all__ = ["connect_engine"]


def connect_engine(
    address: str, model: str = EMBEDDED_MODEL, quantization: Quantization = "none", *, revision: str | None = None
) -> Engine:
    """The engine of a model that a cluster serves (`lmloupe.cluster.deploy.serve_model`); runs no model here.

    Args:
        address: ``ray://HOST:PORT``, the port being that of ``ray start --head --port``. This machine has to be a node
            of that cluster, if only one without resources: ``ray start --address=HOST:PORT --num-cpus=0``.
        model: as it was put on the cluster. Its tokenizer is loaded here.
        quantization: as it was put on the cluster.
        revision: of the tokenizer; hub ids only.

    Raises:
        NotAvailableError: Ray is not installed.
        ClusterGoneError: no cluster there, or no such model on it.
        ClusterVersionError: it has another version of this library, of Ray or of Python.
    """
    calls = RayCalls(address, application(model, quantization))
    return remote_engine(calls, load_tokenizer("smollm2" if model == EMBEDDED_MODEL else model, revision=revision))
