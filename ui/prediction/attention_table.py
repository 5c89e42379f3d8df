"""What one token of a text attends to, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["SINK_WORDS", "attended", "mean_to_first"]

SINK_WORDS = "(sink, no token)"


def attended(
    weights: NDArray[np.float32], labels: Sequence[str], query: int, sink: float | None = None
) -> pd.DataFrame:
    """One row for each token that ``query`` may read, the largest weight first; the weights sum to 1.

    Args:
        weights: (n, n) of one head, query before key.
        labels: of the tokens.
        query: the token that reads.
        sink: what goes to an attention sink, in models that have one: a row of its own, without a position.
    """
    own = weights[query, : query + 1]
    table = pd.DataFrame({"Position": np.arange(query + 1) + 1, "Token": labels[: query + 1], "Weight": own})
    if sink is not None:
        table["Position"] = table["Position"].astype("Int64")
        last = pd.DataFrame(
            {"Position": pd.array([None], "Int64"), "Token": [SINK_WORDS], "Weight": np.array([sink], np.float32)}
        )
        table = pd.concat([table, last], ignore_index=True)
    return table.sort_values("Weight", ascending=False, kind="stable", ignore_index=True)


def mean_to_first(weights: NDArray[np.float32]) -> float:
    """Share of the attention of all heads and all later tokens that goes to the first token."""
    return float(weights[:, 1:, 0].mean()) if weights.shape[1] > 1 else 1.0
