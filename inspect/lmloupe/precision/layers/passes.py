"""Passes over one text in which some matrices are rounded, from the first block that is not as it was before.

What the blocks before it write is the same as in an earlier pass. So their outputs are kept there, and each of these
blocks gives its kept output instead of running. The model's own code still goes through all of them, with its masks
and positions. A model in which blocks pass something on beside their outputs would notice: that is found out first,
and such a model is run as a whole each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lmloupe.model.passes.blocks import written_by
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import available_bytes
from lmloupe.precision.layers.places import Places
from lmloupe.precision.rounded import rounded, rounded_weight

__all__ = ["RoundedPasses"]


class RoundedPasses:
    """Passes over one text with rounded matrices; every method belongs into a step of the worker.

    The rounded weights are computed once, where there is room for them; else those of a block each time it runs.

    Args:
        loaded: the model, not quantized.
        parts: its parts; None where they cannot be found, so that the model itself gives the logits.
        ids: int32 (n,), the text.
        places: its matrices.
        precision: what they are rounded to.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        parts: ModelParts | None,
        ids: NDArray[np.int32],
        places: Places,
        precision: Precision,
    ) -> None:
        self._loaded, self._precision = loaded, precision
        self._module = loaded.model if parts is None else parts.base
        self._blocks: tuple[Any, ...] = tuple(loaded.blocks or ())
        self._ids = torch.from_numpy(ids.astype(np.int64)).to(loaded.device)[None]
        self._layer_of = {one.path: one.layer for one in places.matrices}
        self._made: dict[str, nn.Parameter] = {}

    def prepare(self, paths: Sequence[str]) -> Iterator[int]:
        """Round these matrices, where half of the memory that is free now has room for them; how many are, at each."""
        modules: dict[str, Any] = {path: self._loaded.model.get_submodule(path) for path in paths}
        needed = sum(module.weight.nbytes for module in modules.values())
        if 2 * needed > available_bytes(self._loaded.device.type):
            return
        for path, module in modules.items():
            self._made[path] = nn.Parameter(rounded_weight(module, self._precision), requires_grad=False)
            yield len(self._made)

    def read(self, paths: Sequence[str], kept: Sequence[Any] = (), first: int = 0) -> torch.Tensor:
        """One pass: what the final norm writes, (n, width), or without parts the logits, (n, vocab).

        Args:
            paths: of the modules whose weights are rounded in it.
            kept: outputs of the blocks of an earlier pass, from `read_and_keep`.
            first: with ``kept``, the first block that runs; those before it give what they gave in that pass.
        """
        by_layer: dict[int, list[str]] = {}
        for path in paths:
            by_layer.setdefault(self._layer_of[path], []).append(path)
        with ExitStack() as stack:
            stack.enter_context(self._rounded(by_layer.pop(-1, [])))
            for i, block in enumerate(self._blocks):
                if i < first and kept:
                    stack.enter_context(_giving(block, kept[i]))
                elif i in by_layer:
                    stack.enter_context(self._rounded_while_it_runs(block, by_layer[i]))
            return written_by(self._module(input_ids=self._ids, use_cache=False))[0].clone()

    def read_and_keep(self, paths: Sequence[str]) -> tuple[torch.Tensor, tuple[Any, ...]]:
        """`read`, and what each block gave."""
        kept: dict[int, Any] = {}

        def keep(i: int, output: Any) -> None:
            kept[i] = _copied(output)

        handles = [
            block.register_forward_hook(lambda _, __, output, i=i: keep(i, output))
            for i, block in enumerate(self._blocks)
        ]
        try:
            answer = self.read(paths)
        finally:
            for handle in handles:
                handle.remove()
        return answer, tuple(kept[i] for i in sorted(kept))

    def gives_the_same(self, paths: Sequence[str], answer: torch.Tensor, kept: Sequence[Any]) -> bool:
        """Whether a pass from half of the blocks' outputs, and one from all but the last's, repeats the whole pass."""
        n = len(self._blocks)
        if len(kept) != n:  # a block that did not run
            return False
        try:
            return all(torch.equal(self.read(paths, kept, first), answer) for first in {n // 2, n - 1})
        except (KeyError, IndexError, AttributeError, TypeError, ValueError, RuntimeError):
            return False  # not swallowed: something that a block hands on otherwise was missing, which is the answer

    def _rounded(self, paths: Sequence[str]) -> Any:
        return rounded(self._loaded, paths, self._precision, made=self._made)

    @contextmanager
    def _rounded_while_it_runs(self, block: nn.Module, paths: Sequence[str]) -> Iterator[None]:
        with ExitStack() as stack:

            def begin(*_: Any) -> None:
                stack.enter_context(self._rounded(paths))

            handles = (
                block.register_forward_pre_hook(begin),
                block.register_forward_hook(lambda *_: stack.close()),
            )
            try:
                yield
            finally:
                for handle in handles:
                    handle.remove()


@contextmanager
def _giving(block: Any, output: Any) -> Iterator[None]:
    """While it is open, the block gives a copy of an output instead of running."""
    own: Callable[..., Any] | None = vars(block).get("forward")
    block.forward = lambda *_, **__: _copied(output)
    try:
        yield
    finally:
        if own is None:
            del block.forward
        else:
            block.forward = own


def _copied(output: Any) -> Any:
    """A block's output with tensors of its own: models add to the stream in place."""
    if isinstance(output, torch.Tensor):
        return output.clone()
    if type(output) in (tuple, list):
        return type(output)(_copied(one) for one in output)
    return output
