"""`neighbours` over the whole vocabulary against what the memory can hand over: a bare read of the same matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness import Row, paired, rate, skipped
from benchmarks.model import MODEL, on_worker

TARGET_BANDWIDTH = 0.5
K = 10


def rows() -> list[Row]:
    """Cosine and dot product of the embedded model's 49,152 rows."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("neighbours over the vocabulary", str(error))]
    engine = lm.load_engine(MODEL)
    return [scan(engine, metric) for metric in ("cosine", "dot")]


def scan(engine: Any, metric: str, rounds: int = 15) -> Row:
    """Gigabytes of the matrix a second, of ours and of the bare read; the answer is held against brute force first."""
    matrix = engine.loaded.model.get_input_embeddings().weight.detach()
    asked = engine.embed([5])[0]
    _check(engine, matrix, asked, metric)
    got = paired(
        lambda: engine.neighbours(asked, K, metric), on_worker(engine, lambda: matrix.sum()), rounds=rounds, warm_up=3
    )
    gigabytes = matrix.nbytes / 1e9
    return rate(
        f"neighbours, {metric}, {matrix.shape[0]:,} x {matrix.shape[1]}",
        gigabytes, got, "torch.sum of the same matrix", TARGET_BANDWIDTH, unit="GB/s",
    )  # fmt: skip


def _check(engine: Any, matrix: Any, asked: np.ndarray, metric: str) -> None:
    rows_ = matrix.float().cpu().numpy()[: engine.tokenizer.vocab_size]
    scores = rows_ @ asked
    if metric == "cosine":
        lengths = np.linalg.norm(rows_, axis=1) * np.linalg.norm(asked)
        scores = np.divide(scores, lengths, out=np.zeros_like(scores), where=lengths > 0)
    assert np.allclose(engine.neighbours(asked, K, metric).similarities, np.sort(scores)[::-1][:K], atol=1e-4)
