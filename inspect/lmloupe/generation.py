"""Prefill, then decode one token at a time with a key-value cache, recording every step."""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from lmloupe.engine import Step
from lmloupe.sampling import Sampling, draw, sampling_probs
from lmloupe.tokenizer import Tokenizer
from lmloupe.worker import Ticket

__all__ = ["LocalGeneration", "steps"]

N_TOP = 10
# A long prompt is read in pieces, so that Stop and other sessions need not wait for all of it.
PREFILL_CHUNK = {"cpu": 256, "mps": 1024, "cuda": 4096}


class LocalGeneration:
    """A generation running in this process's worker; see `lmloupe.engine.Generation`."""

    def __init__(self, input_ids: NDArray[np.int32], ticket: Ticket[Step]) -> None:
        self.input_ids = input_ids
        self._ticket = ticket

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        step = self._ticket.take()
        assert step is not None  # noqa: S101 - without a time limit `take` waits
        return step

    def poll(self, timeout_s: float) -> Step | None:
        """The next step, or None after ``timeout_s`` seconds; StopIteration at the end."""
        return self._ticket.take(timeout_s)

    def close(self) -> None:
        """Stop before the next token."""
        self._ticket.close()

    def __del__(self) -> None:
        self._ticket.close()  # nobody reads any more: the model need not go on


class _Text:
    """Bytes of tokens in, whole characters out."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int, *, last: bool) -> str:
        # A model's matrix may have rows that no token uses; they stand for no text.
        known = self._tokenizer.backend.id_to_token(token_id) is not None
        return self._decoder.decode(self._tokenizer.token_bytes(token_id) if known else b"", last)


def steps(
    model: Any,
    tokenizer: Tokenizer,
    input_ids: NDArray[np.int32],
    sampling: Sampling,
    *,
    max_new_tokens: int,
    seed: int,
    eos_ids: frozenset[int],
) -> Iterator[Step | None]:
    """The steps of one generation, to be run by the worker; None after a piece of the prefill."""
    rng = np.random.default_rng(seed)
    device = model.get_input_embeddings().weight.device
    began = time.perf_counter()
    cache = DynamicCache(config=model.config)
    rows = torch.from_numpy(input_ids.astype(np.int64)).to(device).unsqueeze(0)
    chunks = torch.split(rows, PREFILL_CHUNK.get(device.type, 256), dim=1)
    for chunk in chunks[:-1]:
        model(input_ids=chunk, past_key_values=cache, use_cache=True, logits_to_keep=1)
        yield None
    ids, current, text = input_ids.tolist(), chunks[-1], _Text(tokenizer)
    for produced in range(1, max_new_tokens + 1):
        logits = model(input_ids=current, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1].float()
        previous = np.asarray(ids) if sampling.repetition_penalty != 1 else None
        token_id = _choose(logits, sampling, previous, rng)
        ids.append(token_id)
        ends = token_id in eos_ids or produced == max_new_tokens
        yield _record(logits, token_id, text.add(token_id, last=ends), time.perf_counter() - began)
        if ends:
            return
        current = torch.tensor([[token_id]], device=device)


def _choose(
    logits: torch.Tensor, sampling: Sampling, previous: NDArray[np.integer] | None, rng: np.random.Generator
) -> int:
    if sampling.temperature == 0 and previous is None:
        return int(logits.argmax())
    return draw(sampling_probs(logits.cpu().numpy(), sampling, previous), rng)


def _record(logits: torch.Tensor, token_id: int, text: str, elapsed_s: float) -> Step:
    log_probs = torch.log_softmax(logits, -1)
    top = log_probs.topk(min(N_TOP, len(log_probs)))
    # One transfer of a few numbers, not of the vocabulary. xlogy-style: a probability of 0 adds nothing.
    entropy = -(log_probs.exp() * log_probs.clamp_min(torch.finfo(log_probs.dtype).min)).sum() / math.log(2)
    chosen, bits = torch.stack((log_probs[token_id], entropy)).tolist()
    return Step(
        token_id=token_id,
        text=text,
        log_prob=chosen,
        top_ids=top.indices.cpu().numpy().astype(np.int32),
        top_log_probs=top.values.cpu().numpy(),
        entropy_bits=bits,
        elapsed_s=elapsed_s,
    )
