"""The local engine's answers about the weights of its modules; see `lmloupe.model.architecture.results`."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any

from lmloupe.errors import InvalidSettingError
from lmloupe.model.architecture.results import Histogram
from lmloupe.model.architecture.weight_histogram import histogram_in_steps
from lmloupe.model.passes.worker import Worker

if TYPE_CHECKING:
    from lmloupe.model.engine import ModelDescription

__all__ = ["ArchitectureAnswers"]

_MOST_BINS = 1000


class ArchitectureAnswers:
    """The part of `lmloupe.model.local.LocalEngine` that reads weights."""

    _model: Any
    _worker: Worker
    _description: ModelDescription

    def weight_histogram(self, module_name: str, bins: int = 80) -> Histogram:
        """The weights of one module, counted, as the model multiplies with them.

        Weights stored in 8 or 4 bits are dequantized by bitsandbytes' own functions. Piece by piece, so that a large
        matrix needs little memory and others come in between.

        Args:
            module_name: a name of `ModelDescription.modules`; its ``weight`` is counted, not its bias. Where it
                has none (a mixture's experts), its first parameter is counted, whose shape stands there; any other can
                be asked for by its own path, ``model.layers.0.mlp.experts.down_proj``.
            bins: 1 to 1,000, of equal width between the least and the greatest number.

        Raises:
            InvalidSettingError: no module of that name with a weight, or another number of bins.
            NotFiniteError: NaN or infinite weights.
        """
        if not 1 <= bins <= _MOST_BINS:
            raise InvalidSettingError(f"bins is {bins}; it must be 1 to {_MOST_BINS:,}.")
        infos = {info.name: info for info in self._description.modules}
        module, leaf = self._parameter(module_name, infos)
        if leaf is None:
            near = difflib.get_close_matches(module_name, infos, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InvalidSettingError(
                f"{self._description.name} has no module {module_name!r} with weights of its own{hint}: "
                "take a name from describe().modules."
            )

        def work() -> Iterator[Histogram | None]:
            dtype = infos[module_name].dtype if module_name in infos else str(getattr(module, leaf).dtype).split(".")[1]
            return histogram_in_steps(module, module_name, dtype, bins, leaf)

        made = self._worker.submit(work()).take()
        assert made is not None  # noqa: S101 - without a time limit `take` waits
        return made

    def _parameter(self, path: str, names: Container[str]) -> tuple[Any, str | None]:
        """A module and which of its own parameters a path means; None for a path that means none."""
        if path in names:
            module = self._model.get_submodule(path)
            own = [name for name, _ in module.named_parameters(recurse=False)]
            return module, "weight" if "weight" in own else own[0]
        parent, _, leaf = path.rpartition(".")
        module = self._model.get_submodule(parent) if parent in names else None
        return module, leaf if module is not None and leaf in dict(module.named_parameters(recurse=False)) else None
