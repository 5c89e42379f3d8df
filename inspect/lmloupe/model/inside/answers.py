"""Answers from inside a pass over a text, in this process; the questions are in `lmloupe.model.engine`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.inside.attention import weights_of_block
from lmloupe.model.inside.attention_summary import KeptAttention, summary_of_heads
from lmloupe.model.inside.attribution import attribute
from lmloupe.model.inside.lens import KeptStream, LocalLensRows, lens_steps
from lmloupe.model.inside.results import AttentionSummary, AttentionWeights, Attribution, LensParts, Scored
from lmloupe.model.inside.scoring import score_steps
from lmloupe.model.passes.loaded import LoadedModel, checked_ids, require_inside, require_top_k
from lmloupe.model.passes.parts import path_of

__all__ = ["attention_summary", "attention_weights", "attribution", "lens_parts", "lens_rows", "score"]

MAX_CELLS = 64


def score(loaded: LoadedModel, ids: NDArray[np.int32], top_k: int) -> Scored:
    """The answer to `Engine.score`."""
    require_top_k(top_k)
    try:
        parts = loaded.parts
    except NotAvailableError:
        parts = None  # scores need no layers: the model's own logits, a piece of the text at a time
    return loaded.worker.last(score_steps(loaded.model, parts, loaded.reading, ids, top_k, loaded.vocab_rows))


def lens_rows(
    loaded: LoadedModel,
    kept: KeptStream,
    ids: NDArray[np.int32],
    layers: Sequence[int] | None,
    positions: Sequence[int] | None,
    top_k: int,
    *,
    background: bool,
) -> LocalLensRows:
    """The answer to `Engine.lens_rows`; ``kept`` has the stream of the text that was asked for last."""
    require_top_k(top_k)
    wanted = list(range(loaded.n_layers + 1)) if layers is None else [int(layer) for layer in layers]
    places = np.arange(len(ids), dtype=np.int32) if positions is None else np.unique(positions).astype(np.int32)
    require_inside("Layer", wanted, loaded.n_layers + 1)
    require_inside("Position", places.tolist(), len(ids))
    if len(places) == 0:
        raise InvalidSettingError("No positions are given: choose at least one token of the text.")
    model, parts, reading = loaded.model, loaded.parts, loaded.reading
    work = lens_steps(model, parts, reading, kept, ids, wanted, places, top_k, loaded.vocab_rows)
    return LocalLensRows(ids, loaded.worker.submit(work, background=background))


def lens_parts(loaded: LoadedModel) -> LensParts:
    """The answer to `Engine.lens_parts`."""
    parts = loaded.parts
    norm, head = (path_of(loaded.model, module) for module in (parts.norm, parts.head))
    return LensParts(norm, head, parts.scale, parts.soft_cap)


def attention_weights(loaded: LoadedModel, kept: KeptAttention, ids: NDArray[np.int32], layer: int) -> AttentionWeights:
    """The answer to `Engine.attention_weights`; ``kept`` has those of the text that was summarized last."""
    require_inside("Layer", [layer], loaded.n_layers)
    found = kept.find(ids, layer)
    return found or loaded.worker.call(lambda: weights_of_block(loaded.model, loaded.blocks, ids, layer))


def attention_summary(loaded: LoadedModel, kept: KeptAttention, ids: NDArray[np.int32], cells: int) -> AttentionSummary:
    """The answer to `Engine.attention_summary`."""
    if not 1 <= cells <= MAX_CELLS:
        raise InvalidSettingError(f"cells is {cells}; it must be from 1 to {MAX_CELLS}.")
    return loaded.worker.call(lambda: summary_of_heads(loaded.model, loaded.blocks, ids, cells, kept))


def attribution(loaded: LoadedModel, ids: NDArray[np.int32], token_id: int, position: int) -> Attribution:
    """The answer to `Engine.attribution`."""
    token = int(checked_ids(loaded, np.asarray([token_id]))[0])
    place = position + len(ids) if position < 0 else position
    require_inside("Position", [place], len(ids))
    parts = loaded.parts
    return loaded.worker.call(lambda: attribute(loaded.model, parts, ids, token, place))
