"""The logit lens as a table and as arrays, for files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.labels import token_label
from ui.prediction.lens.run import LensRun

__all__ = ["lens_arrays", "lens_table"]

Array = NDArray[np.generic]


def lens_table(run: LensRun, n_layers: int, positions: range, tok: lm.Tokenizer, labels: Sequence[str]) -> pd.DataFrame:
    """One row a cell: its place, the token read, the best token with its probability, entropy, rank, norm."""
    rows = []
    for layer in range(n_layers + 1):
        for position in positions:
            cell = run.cells[layer, position]
            rows.append(
                {
                    "layer_0_is_embedding": layer,
                    "position_from_1": position + 1,
                    "reads": labels[position],
                    "best_token": token_label(tok, int(cell.token_ids[0])),
                    "best_id": int(cell.token_ids[0]),
                    "probability": float(np.exp(cell.log_probs[0])),
                    "entropy_bits": cell.entropy_bits,
                    "rank_of_last_layers_answer": cell.final_rank,
                    "norm": cell.norm,
                }
            )
    return pd.DataFrame(rows)


def lens_arrays(run: LensRun, n_layers: int, positions: range) -> dict[str, tuple[Callable[[], Array], str]]:
    """The tensors that are on the screen, for `ui.base.downloads.take_away`."""
    layers = range(n_layers + 1)
    axes = f"({n_layers + 1}, {len(positions)}, 10): layer, position, place"

    def of(name: str) -> Array:
        return np.array([[getattr(run.cells[layer, position], name) for position in positions] for layer in layers])

    return {
        "lens_token_ids": (lambda: of("token_ids"), f"int32 {axes}"),
        "lens_log_probs": (lambda: of("log_probs"), f"float32 {axes}, natural logs"),
    }
