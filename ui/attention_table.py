"""What one token of a text attends to, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["attended", "mean_to_first"]


def attended(weights: NDArray[np.float32], labels: Sequence[str], query: int) -> pd.DataFrame:
    """One row for each token that ``query`` may read, the largest weight first.

    Args:
        weights: (n, n) of one head, query before key; each row sums to 1.
        labels: of the tokens.
        query: the token that reads.
    """
    own = weights[query, : query + 1]
    order = np.argsort(-own, kind="stable")
    return pd.DataFrame({"Position": order + 1, "Token": [labels[i] for i in order], "Weight": own[order]})


def mean_to_first(weights: NDArray[np.float32]) -> float:
    """Share of the attention of all heads and all later tokens that goes to the first token."""
    return float(weights[:, 1:, 0].mean()) if weights.shape[1] > 1 else 1.0
