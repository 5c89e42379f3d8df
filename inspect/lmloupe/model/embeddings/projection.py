"""Chosen rows in two or three dimensions by t-SNE, which scikit-learn computes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError

__all__ = ["require_tsne_size", "tsne_points"]

_FEWEST, _MOST = 5, 2000
_FIRST_DIMENSIONS = 50
_PERPLEXITY = 30.0
# Small beside what the method makes of them, or it cannot pull points past each other (scikit-learn's own spread).
_SPREAD, _NOISE = 1e-4, 1e-5


def require_tsne_size(n: int) -> None:
    """Raise InvalidSettingError for fewer than 5 rows or more than 2,000."""
    if not _FEWEST <= n <= _MOST:
        raise InvalidSettingError(
            f"t-SNE got {n:,} tokens; it shows {_FEWEST} to {_MOST:,}: choose a subset, or PCA for all."
        )


def tsne_points(rows: NDArray[np.float32], n_dimensions: int, seed: int) -> NDArray[np.float32]:
    """Points whose neighbours are the rows' neighbours as far as that is possible, float32 (n, n_dimensions).

    The rows are scaled to length 1, so that neighbours are those by cosine, and reduced to 50 dimensions by PCA, as the
    method's authors do; perplexity 30, less for fewer than 91 rows. It begins with the first axes of that PCA and a
    little noise, which the seed decides. Distances between far groups and the size of a group mean nothing, and another
    seed gives another picture.

    Source: van der Maaten and Hinton, "Visualizing Data using t-SNE" (2008); scikit-learn's Barnes-Hut variant.

    Raises:
        InvalidSettingError: fewer than 5 rows or more than 2,000.

    >>> rows = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    >>> tsne_points(rows, 2, seed=0).shape
    (20, 2)
    """
    # A second to import: only who asks for t-SNE waits for it.
    from sklearn.decomposition import PCA  # type: ignore[import-untyped]
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]

    require_tsne_size(len(rows))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    first = min(_FIRST_DIMENSIONS, *unit.shape)
    reduced = PCA(first, random_state=seed).fit_transform(unit)
    start = np.random.default_rng(seed).normal(scale=_NOISE, size=(len(rows), n_dimensions))
    spread = reduced[:, 0].std()
    if spread > 0:
        known = min(first, n_dimensions)
        start[:, :known] += reduced[:, :known] / spread * _SPREAD
    made = TSNE(
        n_dimensions,
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3),
        init=start.astype(np.float32),
        random_state=seed,
    ).fit_transform(reduced)
    return np.asarray(made, np.float32)
