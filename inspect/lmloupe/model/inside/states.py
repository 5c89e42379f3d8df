"""States between the blocks: all of a text's, or those of two tokens compared layer by layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.passes.blocks import block_states
from lmloupe.model.passes.loaded import LoadedModel, require_inside

__all__ = ["contextual_similarity", "hidden_states", "layer_cosines"]


def hidden_states(loaded: LoadedModel, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """The answer to `Engine.hidden_states`."""
    return loaded.worker.call(lambda: block_states(loaded.model, loaded.blocks, ids))


def contextual_similarity(
    loaded: LoadedModel, ids_a: NDArray[np.int32], position_a: int, ids_b: NDArray[np.int32], position_b: int
) -> NDArray[np.float32]:
    """The answer to `Engine.contextual_similarity`: one pass where both texts are the same."""
    require_inside("Position", [position_a], len(ids_a))
    require_inside("Position", [position_b], len(ids_b))
    if np.array_equal(ids_a, ids_b):
        both = _states_at(loaded, ids_a, [position_a, position_b])
        return layer_cosines(both[:, 0], both[:, 1])
    a, b = _states_at(loaded, ids_a, [position_a]), _states_at(loaded, ids_b, [position_b])
    return layer_cosines(a[:, 0], b[:, 0])


def _states_at(loaded: LoadedModel, ids: NDArray[np.int32], positions: list[int]) -> NDArray[np.float32]:
    # What comes after the last of them is not read, where a state does not depend on it.
    read = ids[: loaded.reading.needed(len(ids), max(positions))]
    return loaded.worker.call(lambda: block_states(loaded.model, loaded.blocks, read, positions))


def layer_cosines(states_a: NDArray[np.floating], states_b: NDArray[np.floating]) -> NDArray[np.float32]:
    """Cosine of two tokens' states row by row, float32 (n,), from two arrays (n, width); 0 where one is zero.

    >>> layer_cosines(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]])).round(2).tolist()
    [1.0, 0.7099999785423279]
    """
    a, b = np.asarray(states_a, np.float64), np.asarray(states_b, np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products = np.einsum("nw,nw->n", a, b)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    result: NDArray[np.float32] = cosines.astype(np.float32)
    return result
