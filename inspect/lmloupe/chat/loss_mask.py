"""Mask the tokens that a fine-tuning run trains on, as the trace knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.chat.jinja.trace import Trace
from lmloupe.chat.spans import Span
from lmloupe.encodings.encoding import Encoding

__all__ = ["assistant_mask", "generation_mask"]


def assistant_mask(
    encoding: Encoding, spans: Iterable[Span], messages: Sequence[Mapping[str, Any]]
) -> NDArray[np.bool_]:
    """Mask of the assistant's own tokens, bool (n,).

    What an assistant's turn holds behind its header, and what ends the turn without the white space behind it: the
    model has to write these itself, up to the token at which generation stops. Templates that have
    ``{% generation %}`` marks put them so. A token that only partly belongs to it counts, as in transformers.
    """
    ranges = []
    for span in spans:
        if span.message is None or messages[span.message]["role"] != "assistant":
            continue
        if span.part in ("content", "tool_call", "template_text"):
            ranges.append((span.start, span.end))
        elif span.part == "terminator":
            said = encoding.text[span.start : span.end]
            ranges.append((span.start, span.start + len(said.rstrip())))
    return _token_mask(encoding, ranges)


def generation_mask(encoding: Encoding, trace: Trace) -> NDArray[np.bool_] | None:
    """Mask of what stands within ``{% generation %}``, bool (n,); None for a template without it.

    The same as transformers' ``return_assistant_tokens_mask``, also inside macros, where that counts characters from
    the wrong place.
    """
    if not trace.has_generation_marks:
        return None
    ranges, at = [], 0
    for length, _, site, _ in trace.pieces:
        if site.is_generation:
            ranges.append((at, at + length))
        at += length
    return _token_mask(encoding, ranges)


def _token_mask(encoding: Encoding, ranges: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
    steps = np.zeros(len(encoding.text) + 2, np.int64)
    for start, end in ranges:
        steps[start + 1] += 1
        steps[end + 1] -= 1
    # Number of characters before each place that are in a range.
    before = np.cumsum(np.cumsum(steps) > 0)
    mask: NDArray[np.bool_] = before[encoding.offsets[:, 1]] > before[encoding.offsets[:, 0]]
    return mask
