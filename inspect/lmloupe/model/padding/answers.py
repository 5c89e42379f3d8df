"""Several prompts as one rectangle, in this process; the question is in `lmloupe.model.padding.questions`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidIdError, InvalidSettingError, NotAvailableError
from lmloupe.model.padding.results import PaddedBatch, PaddingSide, Positions
from lmloupe.model.passes.loaded import LoadedModel, checked_ids
from lmloupe.model.passes.logit_facts import require_finite

__all__ = ["padded_batch", "reads_mask"]

MOST = 32
MOST_PLACES = 8_192
"""Tokens and padding of a batch together: it is read in one pass, and no other question comes in between."""


def reads_mask(model: Any) -> bool:
    """Whether the model can be told which tokens are padding."""
    return _takes(model, "attention_mask")


def _takes(model: Any, argument: str) -> bool:
    return argument in inspect.signature(model.forward).parameters


def padded_batch(
    loaded: LoadedModel,
    prompts: Sequence[NDArray[np.int32]],
    side: PaddingSide,
    pad_id: int | None,
    *,
    mask: bool,
    positions: Positions,
) -> PaddedBatch:
    """The answer to `PaddingQuestions.padded_batch`."""
    if not 1 <= len(prompts) <= MOST:
        raise InvalidSettingError(f"There are {len(prompts)} prompts; a batch has 1 to {MOST}.")
    if side not in ("left", "right") or positions not in ("mask", "plain"):
        raise InvalidSettingError(
            f"side is {side!r} and positions {positions!r}; they must be 'left' or 'right', and 'mask' or 'plain'."
        )
    if not reads_mask(loaded.model):
        raise NotAvailableError(
            f"{type(loaded.model).__name__} reads no attention mask, so it cannot be told which tokens are padding: "
            "its prompts are read one by one."
        )
    longest = max(len(prompt) for prompt in prompts)
    if len(prompts) > 1 and len(prompts) * longest > MOST_PLACES:
        raise InvalidSettingError(
            f"{len(prompts)} prompts, the longest of {longest:,} tokens, fill {len(prompts) * longest:,} places; a "
            f"batch has at most {MOST_PLACES:,}: shorten the longest prompt or remove some."
        )
    ids, is_pad = _rectangle(prompts, side, _pad_id(loaded, pad_id))
    seen = ~is_pad if mask else np.ones_like(is_pad)
    counted = _positions(seen, positions) if _takes(loaded.model, "position_ids") else None
    last = np.argmax(np.where(is_pad, -1, np.arange(ids.shape[1])), axis=1)
    read = np.union1d(last, [ids.shape[1] - 1])  # the columns whose scores are wanted; all would be gigabytes

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        given = {} if counted is None else {"position_ids": _tensor(counted, loaded)}
        logits = loaded.model(
            input_ids=_tensor(ids, loaded), attention_mask=_tensor(seen, loaded), use_cache=False,
            logits_to_keep=_tensor(read, loaded), **given,
        ).logits  # fmt: skip
        # A model that scores all columns whatever it is asked for gives all of them.
        columns = np.searchsorted(read, last) if logits.shape[1] == len(read) else last
        own, together = logits[torch.arange(len(ids)), torch.from_numpy(columns)].float(), logits[:, -1].float()
        require_finite(torch.stack((own.amax(-1), together.amax(-1))).flatten())
        return together, own

    def alone(prompt: NDArray[np.int32]) -> torch.Tensor:
        rows = _tensor(prompt[None], loaded)
        found: torch.Tensor = loaded.model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[0, -1].float()
        require_finite(found.max()[None])
        return found

    # A step each, so that others' questions come in between.
    singles = [loaded.worker.call(lambda prompt=prompt: _array(alone(prompt))) for prompt in prompts]  # type: ignore[misc]
    logits, own = loaded.worker.call(lambda: tuple(_array(found) for found in batch()))
    return PaddedBatch(ids, is_pad, seen, counted, logits, own, np.stack(singles))


def _pad_id(loaded: LoadedModel, asked: int | None) -> int:
    if asked is not None:
        return int(checked_ids(loaded, np.array([asked]))[0])
    tok = loaded.tokenizer
    for name in (tok.named_tokens.get("pad_token"), tok.eos_token):
        if name is not None and name in tok.special_tokens:
            return tok.special_tokens[name]
    raise InvalidIdError("The tokenizer has neither a pad token nor an end token: say with which id to fill up.")


def _rectangle(
    prompts: Sequence[NDArray[np.int32]], side: PaddingSide, pad_id: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    n = max(len(prompt) for prompt in prompts)
    ids, is_pad = np.full((len(prompts), n), pad_id, np.int32), np.ones((len(prompts), n), np.bool_)
    for row, prompt in enumerate(prompts):
        place = slice(n - len(prompt), n) if side == "left" else slice(len(prompt))
        ids[row, place], is_pad[row, place] = prompt, False
    return ids, is_pad


def _positions(seen: NDArray[np.bool_], positions: Positions) -> NDArray[np.int32]:
    if positions == "plain":
        return np.broadcast_to(np.arange(seen.shape[1], dtype=np.int32), seen.shape).copy()
    counted = np.cumsum(seen, axis=1, dtype=np.int32) - 1
    return np.where(seen, counted, 0).astype(np.int32)


def _tensor(values: NDArray[np.generic], loaded: LoadedModel) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.int64)).to(loaded.device)


def _array(found: torch.Tensor) -> NDArray[np.float32]:
    result: NDArray[np.float32] = found.cpu().numpy()
    return result
