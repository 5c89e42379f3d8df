"""A beam search with its passes: the prompt read once, then all beams in one pass a step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.continuation import CannotContinueError, Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.strategies.beams import BeamRules, Beams
from lmloupe.model.strategies.results import BeamStep

__all__ = ["beam_steps", "begun", "go_on_with"]


def beam_steps(loaded: LoadedModel, ids: NDArray[np.int32], rules: BeamRules) -> Iterator[BeamStep | None]:
    """The steps of `Engine.beam_search`, to be run by the worker; None after a piece of the prefill."""
    text, beams = begun(loaded), Beams(rules, loaded.device)
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


def begun(loaded: LoadedModel) -> Continuation:
    """A text to be read with a cache whose rows can be copied.

    Raises:
        NotAvailableError: the model has none that can be continued.
    """
    if loaded.reading.way is None:
        raise NotAvailableError(
            f"{type(loaded.model).__name__} has no cache that LM Loupe can continue, so several texts cannot be tried "
            "at each step: greedy and sampling are there. Choose another model."
        )
    return Continuation(loaded.model, loaded.model, loaded.reading)


def go_on_with(loaded: LoadedModel, text: Continuation, rows: torch.Tensor) -> None:
    """Let these rows of a text go on, int64 (r,); see `Continuation.select`.

    Raises:
        NotAvailableError: what the model keeps of a text cannot be copied.
    """
    try:
        text.select(rows)
    except CannotContinueError as error:
        raise NotAvailableError(
            f"{type(loaded.model).__name__} cannot try several texts at each step: {error}. Greedy and sampling are "
            "there; or choose another model."
        ) from error
