"""Answers about the weights of a model's modules, in this process; the questions are in `lmloupe.model.engine`."""

from __future__ import annotations

import difflib
from collections.abc import Container
from typing import Any

from lmloupe.errors import InvalidSettingError
from lmloupe.model.architecture.results import Histogram, ModelDescription
from lmloupe.model.architecture.weight_histogram import histogram_in_steps
from lmloupe.model.passes.loaded import LoadedModel

__all__ = ["weight_histogram"]

_MOST_BINS = 1000


def weight_histogram(loaded: LoadedModel, described: ModelDescription, module_name: str, bins: int) -> Histogram:
    """The answer to `Engine.weight_histogram`."""
    if not 1 <= bins <= _MOST_BINS:
        raise InvalidSettingError(f"bins is {bins}; it must be 1 to {_MOST_BINS:,}.")
    infos = {info.name: info for info in described.modules}
    module, leaf = _parameter(loaded.model, module_name, infos)
    if leaf is None:
        near = difflib.get_close_matches(module_name, infos, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InvalidSettingError(
            f"{loaded.name} has no module {module_name!r} with weights of its own{hint}: "
            "take a name from describe().modules."
        )
    dtype = infos[module_name].dtype if module_name in infos else str(getattr(module, leaf).dtype).split(".")[1]
    return loaded.worker.last(histogram_in_steps(module, module_name, dtype, bins, leaf))


def _parameter(model: Any, path: str, names: Container[str]) -> tuple[Any, str | None]:
    """A module and which of its own parameters a path means; None for a path that means none."""
    if path in names:
        module = model.get_submodule(path)
        own = [name for name, _ in module.named_parameters(recurse=False)]
        return module, "weight" if "weight" in own else own[0]
    parent, _, leaf = path.rpartition(".")
    module = model.get_submodule(parent) if parent in names else None
    return module, leaf if module is not None and leaf in dict(module.named_parameters(recurse=False)) else None
