"""The original numbers of a matrix, a few rows at a time: of the loaded model, or of the file of a quantized one."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import try_to_load_from_cache
from numpy.typing import NDArray
from safetensors import safe_open
from transformers.pytorch_utils import Conv1D

from lmloupe.errors import InvalidSettingError
from lmloupe.loading.embedded_model.folder import embedded_model_folder
from lmloupe.loading.hub_files import shard_names
from lmloupe.model.local import LocalEngine
from lmloupe.names import EMBEDDED_MODEL, local_folder
from lmloupe.precision.block.results import Origin

__all__ = ["Numbers", "matrix_of", "numbers_of", "way_to_numbers"]

_INDEX = "model.safetensors.index.json"
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Numbers:
    """A matrix that can be read row by row.

    Attributes:
        shape: rows and columns, outputs first.
        origin: where the numbers come from.
        rows: from the first row to before the last: float32 (rows, columns).
    """

    shape: tuple[int, int]
    origin: Origin
    rows: Callable[[int, int], NDArray[np.float32]]


def matrix_of(engine: LocalEngine, module: str) -> tuple[Any, tuple[int, int], bool]:
    """A module with a weight, the weight's shape as rows and columns (outputs first), and whether it is quantized.

    Raises:
        InvalidSettingError: no such module, or one without a weight of its own.
    """
    described = engine.describe()
    infos = {info.name: info for info in described.modules}
    if module not in infos:
        raise InvalidSettingError(_why_not(engine, module, list(infos)))
    found, info = engine.loaded.model.get_submodule(module), infos[module]
    weight = getattr(found, "weight", None)
    if weight is None:
        raise InvalidSettingError(
            f"{module} has parameters but no weight matrix of its own: choose another name from describe().modules."
        )
    shape = info.shape[::-1] if isinstance(found, Conv1D) else info.shape
    n = int(np.prod(shape, dtype=np.int64))
    rows = shape[0] if len(shape) > 1 else 1
    return found, (rows, n // rows), info.is_quantized


def _why_not(engine: LocalEngine, module: str, names: list[str]) -> str:
    described = engine.describe()
    inside = [name for name in names if name.startswith(f"{module}.")]
    if any(node.name == module for node in described.tree):
        hint = f": choose one inside it, such as {inside[0]}" if inside else ""
        return f"{module or described.name} has no weight of its own{hint}."
    near = difflib.get_close_matches(module, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{described.name} has no module {module!r}{hint}: take a name from describe().modules."


def numbers_of(engine: LocalEngine, module: str) -> Numbers | None:
    """The numbers of a module's weight before any quantization; None where they are not to be had.

    Of a quantized model they are read from the safetensors file that it was loaded from, where that is on this machine
    and has a matrix of the same name and shape, in the dtype in which the model was loaded.
    """
    found, shape, quantized = matrix_of(engine, module)
    if not quantized:
        weight, turned = found.weight, isinstance(found, Conv1D)

        def read(first: int, last: int) -> NDArray[np.float32]:
            def step() -> NDArray[np.float32]:
                matrix = weight.detach().T if turned else weight.detach().reshape(shape)
                numbers: NDArray[np.float32] = matrix[first:last].float().cpu().contiguous().numpy()
                return numbers.copy()

            return engine.loaded.worker.call(step)

        return Numbers(shape, "model", read)
    turned = getattr(found, "source_cls", None) is Conv1D
    place = _file_with(engine, module, shape[::-1] if turned else shape)
    if place is None:
        return None
    path, key = place
    dtype = _DTYPES[engine.describe().compute_dtype]

    def read_file(first: int, last: int) -> NDArray[np.float32]:
        opened: Any = safe_open(path, framework="pt")
        with opened as file:
            part = file.get_slice(key)
            tensor: torch.Tensor = part[:, first:last].T if turned else part[first:last]
        numbers: NDArray[np.float32] = tensor.to(dtype).float().contiguous().numpy()
        return numbers

    return Numbers(shape, "file", read_file)


def _file_with(engine: LocalEngine, module: str, shape: tuple[int, int]) -> tuple[Path, str] | None:
    """The safetensors file that has a weight of this name and shape, and its key there."""
    prefix = f"{engine.loaded.model.base_model_prefix}."
    bare = module.removeprefix(prefix)
    keys = list(dict.fromkeys(f"{name}.weight" for name in (module, bare, f"{prefix}{bare}")))
    for path in _weight_files(engine):
        opened: Any = safe_open(path, framework="pt")
        with opened as file:
            names = set(file.keys())
            for key in keys:
                if key in names and tuple(file.get_slice(key).get_shape()) == shape:
                    return path, key
    return None


def _weight_files(engine: LocalEngine) -> list[Path]:
    described = engine.describe()
    if described.name == EMBEDDED_MODEL:
        folder = embedded_model_folder()
    else:
        folder = local_folder(described.name)
        if folder is None:
            folder = _hub_folder(described.name, described.revision)
    if folder is None:
        return []
    return [path for path in (folder / name for name in sorted(shard_names(folder))) if path.is_file()]


def _hub_folder(name: str, revision: str | None) -> Path | None:
    for file in (_INDEX, "model.safetensors"):
        found = try_to_load_from_cache(name, file, revision=revision)
        if isinstance(found, str):
            return Path(found).parent
    return None


def way_to_numbers(engine: LocalEngine) -> str:
    """What to do where `numbers_of` has none, as the end of a sentence."""
    if engine.describe().quantization == "none":
        return "the model is published quantized, so choose the repository of its original weights"
    return "load the model in float32"
