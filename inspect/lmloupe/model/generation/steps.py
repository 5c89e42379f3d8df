"""Prefill, then decode one token at a time, from the model's own cache where it has one, recording every step."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.model.generation.results import Step
from lmloupe.model.generation.sampling import Sampling, draw, sampling_probs
from lmloupe.model.passes.continuation import Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import LogitFacts, logit_facts, require_finite
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.residual import pieces_of, stream_of
from lmloupe.model.passes.worker import Results
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["LocalGeneration", "steps"]

N_TOP = 10
# On a CPU the product of one step's layers takes twice as long for each row as that of four steps' does, so that with a
# lens the steps after the first come four at a time there.
LENS_STEPS = {"cpu": 4}


class LocalGeneration(Results[Step]):
    """A generation running in this process's worker; see `lmloupe.model.generation.results.Generation`."""


class _Text:
    """Bytes of tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, *, last: bool) -> str:
        return self._decoder.decode(self._tokenizer.token_bytes(token_id), last)


def steps(
    loaded: LoadedModel,
    input_ids: NDArray[np.int32],
    sampling: Sampling,
    *,
    max_new_tokens: int,
    seed: int,
    lens_parts: ModelParts | None,
) -> Iterator[Step | None]:
    """The steps of one generation, to be run by the worker; None after a piece of the prefill.

    With ``lens_parts`` each step says what every layer would have said, read from the pass that made the token.
    """
    rng = np.random.default_rng(seed)
    device = loaded.device
    began = time.perf_counter()
    text_so_far = Continuation(loaded.model, loaded.model, loaded.reading)
    pieces = pieces_of(input_ids, device, loaded.reading)
    for piece in pieces[:-1]:
        text_so_far.read(piece, logits_to_keep=1)
        yield None
    waiting: list[tuple[Step, torch.Tensor]] = []
    ids, current, text = input_ids.tolist(), pieces[-1], _Text(loaded.tokenizer)
    for produced in range(1, max_new_tokens + 1):
        # Hooks of this session around its own pass alone: between two steps the model serves others.
        watching = _unwatched() if lens_parts is None else stream_of(lens_parts, slice(-1, None))
        with watching as stream:
            output = text_so_far.read(current, logits_to_keep=1)
        logits = output.logits[0, -1:].float()
        require_finite(logits.max(1).values)
        previous = np.asarray(ids) if sampling.repetition_penalty != 1 else None
        token_id = _choose(logits[0], sampling, previous, rng)
        ids.append(token_id)
        ends = token_id in loaded.eos_ids or produced == max_new_tokens
        current = torch.tensor([[token_id]], device=device)
        facts = logit_facts(logits, current[0], min(N_TOP, logits.shape[1]))
        step = _record(facts, token_id, text.add(token_id, last=ends), time.perf_counter() - began)
        if lens_parts is None:
            yield step
        else:
            waiting.append((step, torch.cat(stream[:-1])))
            if ends or produced == 1 or len(waiting) == LENS_STEPS.get(device.type, 1):
                yield from _with_lens(lens_parts, waiting)
                waiting = []
            else:
                yield None
        if ends:
            return


def _unwatched() -> AbstractContextManager[list[torch.Tensor]]:
    return nullcontext([])


def _choose(
    logits: torch.Tensor, sampling: Sampling, previous: NDArray[np.integer] | None, rng: np.random.Generator
) -> int:
    if sampling.temperature == 0 and previous is None:
        return int(logits.argmax())
    return draw(sampling_probs(logits.cpu().numpy(), sampling, previous), rng)


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


def _record(facts: LogitFacts, token_id: int, text: str, elapsed_s: float) -> Step:
    # One transfer of a few numbers, not of the vocabulary.
    chosen, bits = torch.cat((facts.target_log_probs, facts.entropy_bits)).tolist()
    return Step(
        token_id=token_id,
        text=text,
        log_prob=chosen,
        top_ids=facts.ids[0].cpu().numpy().astype(np.int32),
        top_log_probs=facts.log_probs[0].cpu().numpy(),
        entropy_bits=bits,
        elapsed_s=elapsed_s,
    )
