"""Texts that go on in several ways at once: whether a model's can be copied, and copying them.

What a model keeps of a text is not always in its cache alone (RecurrentGemma keeps a state in its layers), and rows of
it that do not follow would give wrong numbers without a word. So it is asked of the loaded model itself, once.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from weakref import WeakKeyDictionary

import torch

from lmloupe.errors import NotAvailableError
from lmloupe.model.passes.continuation import CannotContinueError, Continuation
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.passes.reading import errors, probe_ids, rounding_of
from lmloupe.model.passes.worker import is_out_of_memory

__all__ = ["begun", "go_on_with"]

_BEGINNING = 6
_known: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""Why a model's texts cannot be copied, empty where they can; asked for in the workers' threads alone."""


def begun(loaded: LoadedModel) -> Generator[None, None, Continuation]:
    """A text to be read that can go on in several ways; the first time for a model after a few short passes.

    Raises:
        NotAvailableError: what the model keeps of a text cannot be copied.
    """
    if loaded.model not in _known:
        _known[loaded.model] = yield from _reason(loaded)
    if _known[loaded.model]:
        raise _refusal(loaded, _known[loaded.model])
    return Continuation(loaded.model, loaded.model, loaded.reading)


def go_on_with(loaded: LoadedModel, text: Continuation, rows: torch.Tensor) -> None:
    """Let these rows of a text go on, int64 (r,); see `Continuation.select`.

    Raises:
        NotAvailableError: what the model keeps of a text cannot be copied.
    """
    try:
        text.select(rows)
    except CannotContinueError as error:
        raise _refusal(loaded, str(error)) from error


def _refusal(loaded: LoadedModel, reason: str) -> NotAvailableError:
    return NotAvailableError(
        f"{type(loaded.model).__name__} cannot try several texts at each step: {reason}. Take greedy or sampling, or "
        "choose another model."
    )


def _reason(loaded: LoadedModel) -> Generator[None, None, str]:
    """Try it: one beginning goes on with two tokens, then the second of them twice and the first once."""
    if loaded.reading.way is None:
        return "it has no cache that LM Loupe can continue"
    limit = loaded.context_length or _BEGINNING + 2
    n = min(_BEGINNING, limit - 2)
    if n < 1:
        return "its context is too short"
    ids = probe_ids(loaded.model, n + 5)
    text = Continuation(loaded.model, loaded.model, loaded.reading)
    try:
        text.read(ids[:, :n], logits_to_keep=1)
        yield
        for rows, tokens in (([0, 0], ids[0, n : n + 2]), ([1, 0, 1], ids[0, n + 2 :])):
            text.select(torch.tensor(rows, device=ids.device))
            found = text.read(tokens[:, None], logits_to_keep=1).logits[:, -1].float()
            yield
    except CannotContinueError as error:
        return str(error)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Not swallowed: that it cannot go on from copies is the answer, and the reason says what was wrong.
        return f"it does not go on from copies of its cache ({type(error).__name__})"
    alone = []
    for path in ([n + 1, n + 2], [n, n + 3], [n + 1, n + 4]):
        whole = torch.cat((ids[:, :n], ids[:, path]), 1)
        alone.append(loaded.model(input_ids=whole, use_cache=False).logits[0, -1].float())
        yield
    right = torch.stack(alone)
    if bool(torch.isnan(right).any()):  # a broken quantization, say: whoever asks for scores is told
        return ""
    most = rounding_of(loaded.model.dtype, stored_as(loaded.model)).most
    if errors(found, right).mean() > most:
        return "what it keeps of a text does not follow when its cache is copied"
    return ""
