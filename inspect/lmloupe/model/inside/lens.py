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

from lmloupe.model.inside.results import LensRow, LogitLens
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.logit_facts import LogitFacts, joined, logit_facts, rows_at_once
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.residual import residual_stream
from lmloupe.model.passes.worker import Results

__all__ = ["KeptStream", "LocalLensRows", "assemble", "lens_steps"]

_MOST_KEPT_BYTES = 256 << 20


class KeptStream:
    """The residual stream of the text that was asked for last: more of the same lens needs no further pass."""

    def __init__(self) -> None:
        self._ids: bytes = b""
        self._positions = np.empty(0, np.int32)
        self._stream: torch.Tensor | None = None
        self._answers = np.empty(0, np.int64)

    def find(self, input_ids: NDArray[np.int32], positions: NDArray[np.int32]) -> torch.Tensor | None:
        """The stream at these positions, (n_layers + 1, p, width), if it is there."""
        if self._stream is None or self._ids != input_ids.tobytes() or not np.isin(positions, self._positions).all():
            return None
        return _among(self._stream, self._positions, positions)

    def worth(self, n: int, positions: NDArray[np.int32], bytes_each: int) -> NDArray[np.int32]:
        """Positions to keep in this pass over n tokens: those asked for, and as many others as fit.

        The whole text, or else as much of it from the first one on as there is room for.
        """
        room = _MOST_KEPT_BYTES // bytes_each
        start = 0 if n <= room else int(positions[0])
        if positions[-1] >= start + room:
            return positions
        return np.arange(start, min(n, start + room), dtype=np.int32)

    def keep(self, input_ids: NDArray[np.int32], positions: NDArray[np.int32], stream: torch.Tensor) -> None:
        """Keep a stream in place of the one before, unless it is large."""
        if stream.nbytes <= _MOST_KEPT_BYTES:
            if self._ids != input_ids.tobytes():
                self._ids, self._answers = input_ids.tobytes(), np.full(len(input_ids), -1, np.int64)
            self._positions, self._stream = positions, stream

    def answers(self, input_ids: NDArray[np.int32], positions: NDArray[np.int32]) -> NDArray[np.int64] | None:
        """The token that the last row puts first at each of these positions, (p,), if it has been read there."""
        if self._ids != input_ids.tobytes():
            return None
        found = self._answers[positions]
        return found if (found >= 0).all() else None

    def keep_answers(
        self, input_ids: NDArray[np.int32], positions: NDArray[np.int32], answers: NDArray[np.int64]
    ) -> None:
        """Keep what the last row puts first at these positions, if the text is still the one that is kept."""
        if self._ids == input_ids.tobytes():
            self._answers[positions] = answers


class LocalLensRows(Results[LensRow]):
    """Rows of a lens that this process's worker computes; see `lmloupe.model.inside.results.LensRows`."""


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
    reading: Reading,
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
        stream = yield from _read(model, parts, reading, kept, input_ids, positions)
    device = stream.device.type
    reader = _Reader(parts, min(top_k, vocab_rows), rows_at_once(vocab_rows, device))
    last_layer = len(stream) - 1
    # Which token each row is compared with: the model's own answer, from its last row.
    known = kept.answers(input_ids, positions)
    last: LogitFacts | None = None
    if known is None or last_layer in layers:
        last = yield from reader.read(stream[-1], None)
        kept.keep_answers(input_ids, positions, last.ids[:, 0].cpu().numpy())
    answers = torch.from_numpy(known).to(stream.device) if last is None else last.ids[:, 0]
    for layer in layers:
        whole = last if layer == last_layer else None
        facts = whole if whole is not None else (yield from reader.read(stream[layer], answers))
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


def _read(
    model: Any,
    parts: ModelParts,
    reading: Reading,
    kept: KeptStream,
    input_ids: NDArray[np.int32],
    positions: NDArray[np.int32],
) -> Generator[None, None, torch.Tensor]:
    """A pass over the text, which leaves as much as is worth keeping; the stream at ``positions``."""
    embedding = model.get_input_embeddings().weight
    width = model.config.get_text_config().hidden_size
    around = kept.worth(len(input_ids), positions, (len(parts.layers) + 1) * width * embedding.element_size())
    stream = yield from residual_stream(model, parts, reading, input_ids, around)
    kept.keep(input_ids, around, stream)
    return _among(stream, around, positions)


def _among(stream: torch.Tensor, there: NDArray[np.int32], wanted: NDArray[np.int32]) -> torch.Tensor:
    """The stream at some of the positions that it is there for; no copy where they are all."""
    if len(there) == len(wanted):
        return stream
    return stream[:, torch.from_numpy(np.searchsorted(there, wanted)).to(stream.device)]


def assemble(input_ids: NDArray[np.int32], rows: Sequence[LensRow]) -> LogitLens:
    """All rows, from layer 0 up, as one lens."""
    names = ("token_ids", "log_probs", "entropy_bits", "final_log_probs", "final_ranks", "norms")
    return LogitLens(input_ids, *(np.stack([getattr(row, name) for row in rows]) for name in names))
