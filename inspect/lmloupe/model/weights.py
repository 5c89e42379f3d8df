"""Read the weights of a model of transformers onto a device, and refuse those that are not whole or do not fit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from lmloupe.errors import UnsupportedError
from lmloupe.loading.hub_errors import loading
from lmloupe.model.passes.worker import is_out_of_memory
from lmloupe.model.quiet import one_at_a_time, quiet_transformers
from lmloupe.names import shown

__all__ = ["in_a_thread_that_ends", "read_weights", "too_large"]

P = ParamSpec("P")
T = TypeVar("T")


def in_a_thread_that_ends(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work of a load in a thread of its own."""
    # torch leaves a pool of its own in a thread that quantizes, and on two cores a second pool in a live thread slows
    # the worker's products by a tenth to a quarter.
    with ThreadPoolExecutor(1, "lmloupe-load") as loader:
        return loader.submit(work, *args, **kwargs).result()


def read_weights(
    auto: Any, key: str, revision: str | None, path: str, device: str, instead: str, /, **options: Any
) -> tuple[Any, dict[str, Any]]:
    """The model, and transformers' ``output_loading_info``.

    Args:
        auto: the auto class of transformers that makes it.
        key: the model's name in errors.
        revision: as a person gave it.
        path: where transformers reads it.
        device: where it goes.
        instead: what to choose where it does not fit.
        options: of ``from_pretrained``.

    Raises:
        UnsupportedError: weights are missing or damaged, or too large for the device.
        LoadError: as `loading` tells what transformers and the hub raise.
    """
    with loading(key, revision, "model"):
        try:
            with one_at_a_time, quiet_transformers():
                model, report = auto.from_pretrained(
                    path, device_map={"": device}, use_safetensors=True, output_loading_info=True, **options
                )
        except Exception as error:
            if is_out_of_memory(error):
                raise too_large(key, device, instead) from error.with_traceback(None)
            raise
    _require_complete(key, report)
    return model, report


def too_large(key: str, device: str, instead: str) -> UnsupportedError:
    """The error that says so."""
    return UnsupportedError(
        f"{shown(key)} does not fit into the memory of this {device} device: choose {instead}a smaller model."
    )


def _require_complete(name: str, report: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers and only warns.
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UnsupportedError(
            f"The weights of {shown(name)} lack {missing[0]}{others}, which its config asks for: they would be random "
            "numbers, so LM Loupe does not show them."
        )
