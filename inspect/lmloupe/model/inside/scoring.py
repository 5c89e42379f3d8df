"""Every token of a text under the model's own prediction for its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.inside.results import Scored
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.logit_facts import LogitFacts, joined, logit_facts, rows_at_once
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.residual import read_in_pieces

__all__ = ["score_steps"]


def score_steps(
    model: Any,
    parts: ModelParts | None,
    reading: Reading,
    input_ids: NDArray[np.int32],
    top_k: int,
    vocab_rows: int,
) -> Iterator[Scored | None]:
    """The work of `Engine.score`: None after each piece of the pass, then the result; run in the worker.

    With ``parts`` the output matrix is applied to a few rows at a time, so that logits of the whole text never exist.
    """
    n = len(input_ids)
    if n == 1:
        empty = np.empty(0, np.float32)
        none = np.empty((0, min(top_k, vocab_rows)), np.float32)
        yield Scored(input_ids, empty, empty.astype(np.int32), empty, none.astype(np.int32), none)
        return
    device = model.get_input_embeddings().weight.device
    targets = torch.from_numpy(input_ids[1:].astype(np.int64)).to(device)
    facts: list[LogitFacts] = []
    rows = rows_at_once(vocab_rows, device.type)
    # The last token is read too, though nothing is asked of it: int8 rounds a token by what is read along with it.
    for at, output in read_in_pieces(model, model if parts is None else parts.base, reading, input_ids):
        answers = output[0][0, : n - 1 - at]  # logits, or what the final norm wrote
        for block in torch.split(answers, rows):
            logits = block.float().clone() if parts is None else parts.logits(block)
            facts.append(logit_facts(logits, targets[at : at + len(block)], min(top_k, vocab_rows)))
            at += len(block)
            yield None

    found = joined(facts)

    def array(tensor: torch.Tensor, dtype: type) -> NDArray[Any]:
        return tensor.cpu().numpy().astype(dtype)

    yield Scored(
        input_ids=input_ids,
        log_probs=array(found.target_log_probs, np.float32),
        ranks=array(found.target_ranks, np.int32),
        entropy_bits=array(found.entropy_bits, np.float32),
        top_ids=array(found.ids, np.int32),
        top_log_probs=array(found.log_probs, np.float32),
    )
