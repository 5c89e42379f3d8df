"""A real cluster on this machine for the tests that need one; skipped with the reason where Ray is not installed."""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path

import pytest

import lmloupe as lm


def require_ray() -> None:
    """Skip where Ray is not installed; where ``CI`` is set that fails."""
    if importlib.util.find_spec("ray") is None:
        words = "Ray is not installed: pip install -r requirements-cluster.txt"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


def start(request: pytest.FixtureRequest) -> None:
    """A cluster in this process's care, in a folder of its own; ends with the session."""
    require_ray()
    with warnings.catch_warnings():  # Ray's modules use what pydantic calls deprecated
        warnings.simplefilter("ignore")
        import ray.serve
    if ray.is_initialized():
        return
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled")
    source = Path(lm.__file__).parents[1]
    paths = os.pathsep.join([str(source), str(source.parent)])
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=200 << 20,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    request.config.add_cleanup(ray.shutdown)


def served_engine(request: pytest.FixtureRequest, folder: Path, replicas: int = 1) -> lm.Engine:
    """The engine of a model that the cluster serves."""
    start(request)
    import ray

    from lmloupe.cluster.deploy import serve_model

    serve_model(str(folder), device="cpu", least=replicas, cpus=0.5)
    return lm.connect_engine(ray.get_runtime_context().gcs_address, str(folder))
