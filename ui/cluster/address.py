"""Where the models of this app run: in this process, or on the cluster that ``LMLOUPE_ENGINE`` names."""

from __future__ import annotations

import importlib.util
import os
from functools import cache

__all__ = ["VARIABLE", "check_address", "cluster_address", "cluster_place"]

VARIABLE = "LMLOUPE_ENGINE"


@cache
def cluster_address() -> str:
    """The cluster's address, ``ray://HOST:PORT``, read once; empty where models are loaded in this process.

    Raises:
        InvalidSettingError: it has another form.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return ""
    from lmloupe.cluster.served import cluster_address as checked  # not above: most have no cluster

    return checked(given)


def cluster_place() -> str:
    """The cluster's host and port, as pages say it."""
    return cluster_address().removeprefix("ray://")


def check_address() -> None:
    """Read the address while the server starts.

    Raises:
        SystemExit: it has another form, or Ray is not installed; the sentence says what to do.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return
    from lmloupe.errors import InvalidSettingError

    try:
        cluster_address()
    except InvalidSettingError as error:
        raise SystemExit(f"{VARIABLE}: {error} Unset it to load models in this process.") from None
    if importlib.util.find_spec("ray") is None:
        raise SystemExit(
            f"{VARIABLE} is {given}, but Ray is not installed: run pip install -r requirements-cluster.txt, "
            "or unset it."
        )
