"""Products with weights that bitsandbytes stores in 8 or 4 bits, made sure of before anything rests on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from bitsandbytes.nn.modules import Int8Params, Linear4bit, Linear8bitLt, Params4bit
from torch import nn
from torch.overrides import TorchFunctionMode

from lmloupe.errors import UnsupportedError
from lmloupe.model.passes.worker import is_out_of_memory
from lmloupe.names import shown

__all__ = ["require_products", "stored_as"]

_FEW_TOKENS = 8
_CPU_ROWS = 32
# What may be done with a packed weight outside of its module: looked at, replaced, viewed; no number of it is read.
_HARMLESS = frozenset(
    {"__get__", "__set__", "__len__", "size", "dim", "numel", "stride", "is_floating_point", "is_contiguous"}
    | {"detach", "view", "reshape", "t", "transpose", "permute", "requires_grad_"}
)
_WHEN_IT_FAILS = (RuntimeError, ValueError, TypeError, AttributeError, AssertionError)


def _quantized(model: nn.Module) -> list[tuple[str, Any]]:
    return [(path, m) for path, m in model.named_modules() if isinstance(m, Linear4bit | Linear8bitLt)]


def stored_as(model: nn.Module) -> str:
    """``"int8"``, ``"nf4"`` or ``"fp4"`` where bitsandbytes stores some matrix so, else ``"none"``.

    Read from the modules, because a checkpoint can come quantized, and a model can have nothing that is quantized.
    """
    for _, module in _quantized(model):
        state = getattr(module.weight, "quant_state", None)
        return "int8" if isinstance(module, Linear8bitLt) else str(getattr(state, "quant_type", "nf4"))
    return "none"


def require_products(name: str, model: Any) -> None:
    """Refuse a quantized model whose matrices cannot be multiplied, found by a pass over a few tokens.

    LLM.int8() cannot multiply matrices of some shapes. Some models (Mamba) take a weight out of its module and multiply
    by themselves: with packed numbers, that fails or gives nonsense. bitsandbytes and transformers say neither. To be
    run in the worker's thread, before any other pass.

    Args:
        name: of the model, for the message.
        model: a ``transformers`` causal LM in eval mode.

    Raises:
        UnsupportedError: a product fails, or is none of bitsandbytes'.
    """
    modules, kind = _quantized(model), stored_as(model)
    if not modules:
        return
    _prepare_for_cpu([module for _, module in modules if isinstance(module, Linear4bit)])
    failed: Exception | None = None
    with _watched(modules) as (taken, scattered):
        try:
            _short_pass(model)
        except _WHEN_IT_FAILS as error:
            if is_out_of_memory(error):
                raise
            failed = error
    if taken:
        raise UnsupportedError(
            f"{shown(name)} cannot be run in {kind}: {type(model).__name__} multiplies with {taken[0]} itself, "
            "which bitsandbytes keeps packed. Choose quantization none."
        ) from failed
    if failed is not None:
        other = "nf4 or none" if kind == "int8" and _runs_without_products(model, modules) else "none"
        raise UnsupportedError(
            f"{shown(name)} cannot be run in {kind}: {type(model).__name__} has matrices that bitsandbytes cannot "
            f"multiply when they are stored so ({str(failed).splitlines()[0][:160]}). Choose quantization {other}."
        ) from failed
    if scattered:
        # Kernels of bitsandbytes (int8 on CUDA, 4 bits on a CPU with AVX512-BF16) read a row as if its numbers lay side
        # by side: with a transposed input (Mamba's, Jamba's) they multiplied numbers of other tokens.
        for _, module in modules:
            module.register_forward_pre_hook(_side_by_side)


def _short_pass(model: Any) -> None:
    embedding = model.get_input_embeddings().weight
    model(input_ids=torch.arange(_FEW_TOKENS, device=embedding.device)[None] % len(embedding), use_cache=False)


class _Reads(TorchFunctionMode):
    """Notes each packed weight whose numbers are read while no quantized module is running."""

    def __init__(self, owners: dict[int, str], running: list[nn.Module], taken: list[str]) -> None:
        super().__init__()
        self._owners, self._running, self._taken = owners, running, taken

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (*args, *(kwargs or {}).values())
        if not self._running and getattr(func, "__name__", "") not in _HARMLESS:
            for value in given:
                if isinstance(value, Params4bit | Int8Params):
                    # A slice or a transpose of a weight lies in the same storage.
                    self._taken.append(self._owners.get(value.untyped_storage().data_ptr(), "a weight"))
        return func(*args, **(kwargs or {}))


@contextmanager
def _watched(modules: list[tuple[str, Any]]) -> Iterator[tuple[list[str], list[nn.Module]]]:
    """Packed weights whose numbers are read outside of their modules, by path, and modules that are given an input
    whose rows do not lie side by side; both as they are found.
    """
    running: list[nn.Module] = []
    taken: list[str] = []
    scattered: list[nn.Module] = []
    owners = {module.weight.untyped_storage().data_ptr(): f"{path}.weight" for path, module in modules}

    def begin(module: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
        running.append(module)
        if not args or args[0].is_contiguous():
            return None
        scattered.append(module)
        return _side_by_side(module, args)

    def end(module: nn.Module, _: Any, __: Any) -> None:
        running.pop()

    handles = [h for _, m in modules for h in (m.register_forward_pre_hook(begin), m.register_forward_hook(end))]
    try:
        with _Reads(owners, running, taken):
            yield taken, scattered
    finally:
        for handle in handles:
            handle.remove()


def _runs_without_products(model: Any, modules: list[tuple[str, Any]]) -> bool:
    """Whether the rest of the model runs when its quantized modules give zeros: then only their products fail."""
    for _, module in modules:
        module.forward = lambda x, n=module.out_features: x.new_zeros((*x.shape[:-1], n))
    try:
        with _watched(modules) as (taken, _):
            _short_pass(model)
    except _WHEN_IT_FAILS as error:
        if is_out_of_memory(error):
            raise
        return False  # not swallowed: the answer, and the model is refused with the first error
    finally:
        for _, module in modules:
            del module.forward
    return not taken


def _prepare_for_cpu(modules: list[Any]) -> None:
    """Keep bitsandbytes' products right on a CPU with AVX512-BF16, where it has a kernel of its own.

    It lays weights out in blocks there: shapes that are not made of such would fail.
    """
    for module in modules:
        if module.weight.device.type != "cpu" or module.weight.quant_state is None:
            continue
        rows, columns = module.weight.quant_state.shape
        if rows % _CPU_ROWS or columns % module.weight.quant_state.blocksize:
            module.support_avx512bf16_for_cpu = False


def _side_by_side(_: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (args[0].contiguous(), *args[1:])
