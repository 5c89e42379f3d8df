"""Write with the lens: decode one token at a time, recording what each layer would have said at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.residual import stream_of

__all__ = ["lens_steps"]

# On a CPU the product of one step's layers takes twice as long for each row as that of four steps' does, so that with a
# lens the steps after the first come four at a time there.
LENS_STEPS = {"cpu": 4}


def lens_steps(
    loaded: LoadedModel, text: Continuation, unread: torch.Tensor, writer: Writer, parts: ModelParts
) -> Iterator[Step | None]:
    """The steps of one generation, each with what every layer would have said, read from the pass that made the token.

    Args:
        loaded: the model.
        text: what has been read of the prompt.
        unread: the rest of it, int64 (1, m).
        writer: what draws and records.
        parts: of the model.
    """
    device = loaded.device
    waiting: list[tuple[Step, torch.Tensor]] = []
    first = True
    while not writer.ended:
        # Hooks of this session around its own pass alone: between two steps the model serves others.
        with stream_of(parts, slice(-1, None)) as stream:
            output = text.read(unread, logits_to_keep=1)
        step = writer.take(output.logits[0, -1:])
        unread = torch.tensor([[step.token_id]], device=device)
        waiting.append((step, torch.cat(stream[:-1])))
        if writer.ended or first or len(waiting) == LENS_STEPS.get(device.type, 1):
            yield from _with_lens(parts, waiting)
            waiting = []
        else:
            yield None
        first = False


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
