"""Which matrices a model has, by layer and by their name within the layer, whatever the architecture calls them."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.parts import path_of
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.names import shown
from lmloupe.precision.rounded import matrix_paths

__all__ = ["Place", "Places", "find_places"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one matrix is.

    Attributes:
        path: of its module, ``model.layers.0.mlp.up_proj``.
        layer: the block that it is in, from 0; -1 for one outside of all blocks.
        module: its path within the block, ``mlp.up_proj``; its whole path where it is in none.
    """

    path: str
    layer: int
    module: str


@dataclass(frozen=True, slots=True)
class Places:
    """All matrices that are rounded.

    Attributes:
        stack: path of the list of blocks, ``model.layers``.
        n_layers: how many blocks there are, those without a matrix included.
        matrices: in the model's order.
    """

    stack: str
    n_layers: int
    matrices: tuple[Place, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """Names within a block, of all blocks together, each where it first stands."""
        return tuple(dict.fromkeys(one.module for one in self.matrices if one.layer >= 0))


def find_places(loaded: LoadedModel) -> Places:
    """The matrices that transformers would hand to bitsandbytes, of a model that is not quantized.

    Raises:
        NotAvailableError: the model is quantized already, its blocks cannot be found, or it has no matrix that
            bitsandbytes takes.
    """
    model, name = loaded.model, shown(loaded.name)
    if stored_as(model) != "none" or getattr(model.config, "quantization_config", None) is not None:
        raise NotAvailableError(
            f"The weights of {name} are quantized already, so nothing can be said about rounding them: load the model "
            "with quantization none, from the repository of its original weights."
        )
    if loaded.blocks is None:
        raise NotAvailableError(
            f"{type(model).__name__} has no list of blocks that LM Loupe can find, so which layer a matrix belongs to "
            "is not known: choose another model."
        )
    stack = path_of(model, loaded.blocks)
    matrices = tuple(_place(path, stack) for path in matrix_paths(loaded))
    if not matrices:
        raise NotAvailableError(
            f"bitsandbytes takes no matrix of {type(model).__name__}: quantized, it is the same model. Choose another."
        )
    return Places(stack, len(loaded.blocks), matrices)


def _place(path: str, stack: str) -> Place:
    number, _, module = path.removeprefix(f"{stack}.").partition(".")
    inside = path.startswith(f"{stack}.") and module
    return Place(path, int(number), module) if inside else Place(path, -1, path)
