"""The logit lens: what each depth of a model would answer, if the layers after it were not there.

The method is nostalgebraist's "interpreting GPT: the logit lens" (2020): the residual stream after a layer goes
through the model's own final norm, with that row's own statistics, and through its output matrix. The last row is what
the model answers. Early rows are unreliable: the stream there is not yet written in the output matrix's terms
(Belrose et al., "Eliciting Latent Predictions from Transformers with the Tuned Lens", 2023).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.inside_questions import LensRow, LogitLens
from lmloupe.logit_facts import LogitFacts, joined, logit_facts, rows_at_once
from lmloupe.model_parts import ModelParts
from lmloupe.residual import residual_stream
from lmloupe.worker import Results

__all__ = ["KeptStream", "LocalLensRows", "assemble", "lens_steps"]

_MOST_KEPT_BYTES = 256 << 20


class KeptStream:
    """The residual stream of the text that was asked for last: more rows of the same lens need no further pass."""

    def __init__(self) -> None:
        self._ids: bytes = b""
        self._positions: list[int] = []
        self._stream: torch.Tensor | None = None

    def find(self, input_ids: NDArray[np.int32], positions: NDArray[np.int32]) -> torch.Tensor | None:
        """The stream at these positions, (n_layers + 1, p, width), if it is there."""
        if self._stream is None or self._ids != input_ids.tobytes():
            return None
        place = {position: i for i, position in enumerate(self._positions)}
        if any(position not in place for position in positions.tolist()):
            return None
        return self._stream[:, [place[position] for position in positions.tolist()]]

    def keep(self, input_ids: NDArray[np.int32], positions: NDArray[np.int32], stream: torch.Tensor) -> None:
        """Keep a stream in place of the one before, unless it is large."""
        if stream.nbytes <= _MOST_KEPT_BYTES:
            self._ids, self._positions, self._stream = input_ids.tobytes(), positions.tolist(), stream


class LocalLensRows(Results[LensRow]):
    """Rows of a lens that this process's worker computes; see `lmloupe.inside_questions.LensRows`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """Reads rows of the stream through the final norm and the output matrix, a block of logits at a time."""

    parts: ModelParts
    top_k: int
    rows: int

    def read(self, stream: torch.Tensor, targets: torch.Tensor | None) -> Generator[None, None, LogitFacts]:
        """Pause after each block; the facts of all."""
        found: list[LogitFacts] = []
        for at in range(0, len(stream), self.rows):
            block = slice(at, at + self.rows)
            logits = self.parts.logits(self.parts.norm(stream[block]))
            found.append(logit_facts(logits, None if targets is None else targets[block], self.top_k))
            yield
        return joined(found)


def lens_steps(
    model: Any,
    parts: ModelParts,
    kept: KeptStream,
    input_ids: NDArray[np.int32],
    layers: Sequence[int],
    positions: NDArray[np.int32],
    top_k: int,
    vocab_rows: int,
) -> Generator[LensRow | None, None, None]:
    """The work of `Engine.lens_rows`: rows as they are complete, None after each piece of one; run in the worker.

    At most one block of logits is held. Positions rise; layers come in the order asked for.
    """
    stream = kept.find(input_ids, positions)
    if stream is None:
        stream = yield from residual_stream(model, parts, input_ids, positions)
        kept.keep(input_ids, positions, stream)
    device = stream.device.type
    reader = _Reader(parts, min(top_k, vocab_rows), rows_at_once(vocab_rows, device))
    # Which token each row is compared with: the model's own answer, from its last row.
    last = yield from reader.read(stream[-1], None)
    answers = last.ids[:, 0]
    for layer in layers:
        facts = last if layer == len(stream) - 1 else (yield from reader.read(stream[layer], answers))
        norms = torch.linalg.vector_norm(stream[layer], dim=1, dtype=torch.float32)
        yield LensRow(
            layer=layer,
            positions=positions,
            token_ids=facts.ids.cpu().numpy().astype(np.int32),
            log_probs=facts.log_probs.cpu().numpy(),
            entropy_bits=facts.entropy_bits.cpu().numpy(),
            final_log_probs=facts.target_log_probs.cpu().numpy(),
            final_ranks=facts.target_ranks.cpu().numpy().astype(np.int32),
            norms=norms.cpu().numpy(),
        )


def assemble(input_ids: NDArray[np.int32], rows: Sequence[LensRow]) -> LogitLens:
    """All rows, from layer 0 up, as one lens."""
    names = ("token_ids", "log_probs", "entropy_bits", "final_log_probs", "final_ranks", "norms")
    return LogitLens(input_ids, *(np.stack([getattr(row, name) for row in rows]) for name in names))
