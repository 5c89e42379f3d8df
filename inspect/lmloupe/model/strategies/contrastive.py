"""A contrastive search: all candidates of a step read in one pass, and the one taken that repeats least.

Source: Su et al., "A Contrastive Framework for Neural Text Generation" (2022), equation 5. The hidden state of a token
is that of the last layer, as the output matrix is multiplied with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import NotAvailableError
from lmloupe.model.generation.ending import Ending
from lmloupe.model.generation.writer import TextOfTokens
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite, top
from lmloupe.model.passes.residual import pieces_of
from lmloupe.model.strategies.copies import begun, go_on_with
from lmloupe.model.strategies.results import ContrastiveStep

__all__ = ["contrastive_steps"]


def contrastive_steps(
    loaded: LoadedModel, ids: NDArray[np.int32], alpha: float, k: int, until: Ending
) -> Iterator[ContrastiveStep | None]:
    """The steps of `Engine.contrastive_search`, to be run by the worker; None after a piece of the prefill."""
    text = yield from begun(loaded)
    words, began = TextOfTokens(loaded.tokenizer), time.perf_counter()
    states: list[torch.Tensor] = []
    for piece in pieces_of(ids, loaded.device, loaded.reading):
        output = text.read(piece, logits_to_keep=1, output_hidden_states=True)
        states.append(_directions(loaded, output)[0])
        yield None
    before, logits = torch.cat(states), output.logits[:1, -1]
    one = torch.zeros(k, dtype=torch.long, device=loaded.device)
    go_on_with(loaded, text, one)
    for written in range(1, until.most + 1):
        log_probs = torch.log_softmax(logits.float(), -1)
        best, candidates = top(log_probs, k)
        require_finite(best[:, 0])
        output = text.read(candidates.view(k, 1), logits_to_keep=1, output_hidden_states=True)
        directions = _directions(loaded, output)[:, -1]
        penalties, nearest = (directions @ before.T).max(1)
        probs = best[0].exp()
        scores = (1 - alpha) * probs - alpha * penalties
        chosen = int(scores.argmax())
        token_id = int(candidates[0, chosen])
        ended_by = until.ended_by(token_id, written)
        if not ended_by:
            go_on_with(loaded, text, one + chosen)
            before, logits = (
                torch.cat((before, directions[chosen : chosen + 1])),
                output.logits[chosen : chosen + 1, -1],
            )
        yield ContrastiveStep(
            token_id=token_id,
            text=words.add(token_id, last=ended_by != ""),
            log_prob=float(best[0, chosen]),
            candidate_ids=candidates[0].cpu().numpy().astype(np.int32),
            probs=probs.cpu().numpy(),
            penalties=penalties.cpu().numpy(),
            scores=scores.cpu().numpy(),
            nearest=nearest.cpu().numpy().astype(np.int32),
            elapsed_s=time.perf_counter() - began,
            ended_by=ended_by,
        )
        if ended_by:
            return


def _directions(loaded: LoadedModel, output: Any) -> torch.Tensor:
    """The last hidden states of a pass at length 1, float32 (rows, tokens, width): products of them are cosines."""
    hidden = getattr(output, "hidden_states", None)
    if not hidden or hidden[-1].ndim != 3:
        raise NotAvailableError(
            f"{type(loaded.model).__name__} does not hand out its last hidden states, which contrastive search "
            "compares. Choose another strategy or another model."
        )
    return torch.nn.functional.normalize(hidden[-1].float(), dim=-1)
