"""Speculative decoding in this process; the question is in `lmloupe.model.strategies.questions`."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.generation.ending import ending
from lmloupe.model.generation.writer import Writer
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.worker import Results
from lmloupe.model.sampling.pipeline import Sampling
from lmloupe.model.sampling.sampler import Sampler, require_seed
from lmloupe.model.strategies.speculative.early import EarlyLayer
from lmloupe.model.strategies.speculative.judge import Judge
from lmloupe.model.strategies.speculative.plain import Plain
from lmloupe.model.strategies.speculative.results import Draft, SpeculationStep
from lmloupe.model.strategies.speculative.steps import Drafting, Speculating

__all__ = ["LocalSpeculation", "speculate"]

MOST_DRAFTED = 64


class LocalSpeculation(Results[SpeculationStep]):
    """A speculation running in this process's worker; see `results.Speculation`."""


def speculate(
    loaded: LoadedModel,
    ids: NDArray[np.int32],
    draft: Draft,
    sampling: Sampling,
    max_new_tokens: int,
    seed: int,
    *,
    n_draft: int,
    max_ngram: int,
    layer: int | None,
    compare: bool,
    stop_ids: Collection[int] | None,
) -> LocalSpeculation:
    """The answer to `Engine.speculate`."""
    if draft not in ("prompt_lookup", "early_layer"):
        raise InvalidSettingError(f"draft is {draft!r}; it must be 'prompt_lookup' or 'early_layer'.")
    for name, value in (("n_draft", n_draft), ("max_ngram", max_ngram)):
        if not 1 <= value <= MOST_DRAFTED:
            raise InvalidSettingError(f"{name} is {value}; it must be from 1 to {MOST_DRAFTED}.")
    require_seed(seed)
    until = ending(loaded, len(ids), max_new_tokens, stop_ids)
    _require_verifying(loaded, len(ids) + until.most)
    early = _early_layer(loaded, layer, seed) if draft == "early_layer" else None
    judge = Judge(sampling, seed)
    plain = (
        Plain(loaded, ids, Writer(loaded.tokenizer, ids.tolist(), Sampler(sampling, seed), until)) if compare else None
    )
    drafting = Drafting(n_draft, max_ngram, early, until.most, until.stop_ids)
    writer = Writer(loaded.tokenizer, ids.tolist(), judge, until)
    plain = None
    if compare:
        plain = Plain(loaded, ids, Writer(loaded.tokenizer, ids.tolist(), Sampler(sampling, seed), until))
    work = Speculating(loaded, ids, writer, judge, drafting, plain)
    return LocalSpeculation(ids, loaded.worker.submit(work.passes()))


def _require_verifying(loaded: LoadedModel, n: int) -> None:
    kind, reading = type(loaded.model).__name__, loaded.reading
    if reading.way is None:
        why = "has no cache that LM Loupe can continue"
    elif not reading.in_pieces:
        why = "continues from its cache with single tokens only"
    elif reading.turns(n - 1):
        why = f"reads texts of more than {reading.turns_at:,} tokens otherwise from their beginning"
    else:
        return
    raise NotAvailableError(f"{kind} {why}, so it cannot verify several drafted tokens in one pass: decode it plainly.")


def _early_layer(loaded: LoadedModel, layer: int | None, seed: int) -> EarlyLayer:
    try:
        parts = loaded.parts
    except NotAvailableError as error:
        raise NotAvailableError(f"No early layer can draft: {error} Draft by prompt lookup.") from error
    if loaded.reading.way == "generate":
        raise NotAvailableError(
            f"{type(loaded.model).__name__} takes its cache from transformers' generate, which runs all layers, so no "
            "early layer can draft. Draft by prompt lookup."
        )
    most = len(parts.layers) - 1
    if layer is None:
        layer = max(1, len(parts.layers) // 2)
    if not 1 <= layer <= most:
        what = f"layer is {layer}; it must be from 1 to {most}" if most else "The model has one layer"
        raise InvalidSettingError(f"{what}: an early layer comes before the last one.")
    return EarlyLayer(loaded, parts, layer, seed)
