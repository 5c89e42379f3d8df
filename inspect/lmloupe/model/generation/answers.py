"""Answers about next tokens, in this process; the questions are in `lmloupe.model.engine`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError
from lmloupe.model.constrained.constraint import Constraint
from lmloupe.model.constrained.guide import Guide
from lmloupe.model.generation.ending import ending
from lmloupe.model.generation.results import NextToken
from lmloupe.model.generation.serving.request import LocalGeneration, Request
from lmloupe.model.generation.serving.scheduler import Scheduler
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.loaded import LoadedModel, checked_ids
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.sampling.pipeline import Sampling
from lmloupe.model.sampling.sampler import Sampler

__all__ = ["generate", "next_token"]


def next_token(loaded: LoadedModel, ids: NDArray[np.int32]) -> NextToken:
    """The answer to `Engine.next_token`."""

    def forward() -> NDArray[np.float32]:
        rows = torch.from_numpy(ids.astype(np.int64)).to(loaded.device).unsqueeze(0)
        # Scores of the last position alone: the rest of (n, vocab) would be computed for nothing.
        logits = loaded.model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[0, -1]
        require_finite(logits.max()[None])
        result: NDArray[np.float32] = logits.float().cpu().numpy()
        return result

    return NextToken(ids, loaded.worker.call(forward))


def generate(
    loaded: LoadedModel,
    scheduler: Scheduler,
    ids: NDArray[np.int32],
    sampling: Sampling,
    max_new_tokens: int,
    seed: int,
    *,
    lens: bool,
    stop_ids: Collection[int] | None,
    constraint: Constraint | None = None,
    written: Sequence[int] = (),
) -> LocalGeneration:
    """The answer to `Engine.generate`."""
    if max_new_tokens < 1 or seed < 0:
        raise InvalidSettingError(f"max_new_tokens is {max_new_tokens} and seed {seed}; they must be at least 1 and 0.")
    until = ending(loaded, len(ids), max_new_tokens, stop_ids)
    before = checked_ids(loaded, np.asarray(written))
    if len(before) >= until.most or not until.stop_ids.isdisjoint(before.tolist()):
        raise InvalidSettingError(
            f"The {len(before)} tokens of this generation have ended it already: give fewer, or raise max_new_tokens."
        )
    guide = None if constraint is None else Guide(loaded.tokenizer, constraint, until.stop_ids)
    sampler = Sampler(sampling, seed)
    writer = Writer(loaded.tokenizer, ids.tolist(), sampler, until, guide=guide, written=before.tolist())
    same = (ids.tobytes(), sampling, max_new_tokens, seed, lens, until.stop_ids, constraint, before.tobytes())
    parts, most = loaded.parts if lens else None, until.most - len(before)
    return scheduler.submit(Request(np.concatenate([ids, before]), writer, most, parts, same))
