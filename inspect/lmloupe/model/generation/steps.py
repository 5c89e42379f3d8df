"""Prefill, then decode one token at a time, from the model's own cache where it has one, recording every step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.residual import pieces_of, stream_of
from lmloupe.model.passes.worker import Results

__all__ = ["LocalGeneration", "steps"]

# On a CPU the product of one step's layers takes twice as long for each row as that of four steps' does, so that with a
# lens the steps after the first come four at a time there.
LENS_STEPS = {"cpu": 4}


class LocalGeneration(Results[Step]):
    """A generation running in this process's worker; see `lmloupe.model.generation.results.Generation`."""

    @property
    def ahead(self) -> int:
        """How many others wait before this one; 0 when it is served."""
        return 0

    @property
    def reused_tokens(self) -> int:
        """Tokens of the prompt that were not read again."""
        return 0


def steps(
    loaded: LoadedModel, input_ids: NDArray[np.int32], writer: Writer, lens_parts: ModelParts | None
) -> Iterator[Step | None]:
    """The steps of one generation, to be run by the worker; None after a piece of the prefill.

    With ``lens_parts`` each step says what every layer would have said, read from the pass that made the token.
    """
    device = loaded.device
    writer.begin()
    text_so_far = Continuation(loaded.model, loaded.model, loaded.reading)
    pieces = pieces_of(input_ids, device, loaded.reading)
    for piece in pieces[:-1]:
        text_so_far.read(piece, logits_to_keep=1)
        yield None
    waiting: list[tuple[Step, torch.Tensor]] = []
    current, first = pieces[-1], True
    while not writer.ended:
        # Hooks of this session around its own pass alone: between two steps the model serves others.
        watching = _unwatched() if lens_parts is None else stream_of(lens_parts, slice(-1, None))
        with watching as stream:
            output = text_so_far.read(current, logits_to_keep=1)
        step = writer.take(output.logits[0, -1:])
        current = torch.tensor([[step.token_id]], device=device)
        if lens_parts is None:
            yield step
        else:
            waiting.append((step, torch.cat(stream[:-1])))
            if writer.ended or first or len(waiting) == LENS_STEPS.get(device.type, 1):
                yield from _with_lens(lens_parts, waiting)
                waiting = []
            else:
                yield None
        first = False


def _unwatched() -> AbstractContextManager[list[torch.Tensor]]:
    return nullcontext([])


def _with_lens(parts: ModelParts, waiting: list[tuple[Step, torch.Tensor]]) -> Iterator[Step]:
    """Steps with what every layer would have said, from one product for all layers of all of them.

    Each comes with its stream, (n_layers, width). The last row of a lens is the model's answer, which the step has.
    """
    logits = parts.logits(parts.norm(torch.cat([stream for _, stream in waiting])))  # (steps * n_layers, vocab)
    best, ids = logits.max(-1)
    require_finite(best)
    log_probs = (best - logits.logsumexp(-1)).cpu().numpy().reshape(len(waiting), -1)
    tokens = ids.cpu().numpy().astype(np.int32).reshape(len(waiting), -1)
    for (step, _), step_ids, step_log_probs in zip(waiting, tokens, log_probs, strict=True):
        yield replace(
            step,
            lens_ids=np.append(step_ids, step.top_ids[0]),
            lens_log_probs=np.append(step_log_probs, step.top_log_probs[0]),
        )
