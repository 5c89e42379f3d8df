"""A beam search with its passes: the prompt read once, then all beams in one pass a step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.strategies.beams import BeamRules, Beams
from lmloupe.model.strategies.copies import begun, go_on_with
from lmloupe.model.strategies.results import BeamStep

__all__ = ["beam_steps"]


def beam_steps(loaded: LoadedModel, ids: NDArray[np.int32], rules: BeamRules) -> Iterator[BeamStep | None]:
    """The steps of `Engine.beam_search`, to be run by the worker; None after a piece of the prefill."""
    text = yield from begun(loaded)
    beams = Beams(rules, loaded.device)
    beams.begin()
    pieces = pieces_of(ids, loaded.device, loaded.reading)
    for piece in pieces[:-1]:
        text.read(piece, logits_to_keep=1)
        yield None
    current = pieces[-1]
    while True:
        step = beams.take(text.read(current, logits_to_keep=1).logits[:, -1])
        if not beams.ended:
            go_on_with(loaded, text, beams.rows)
            current = beams.tokens
        yield step
        if beams.ended:
            return
