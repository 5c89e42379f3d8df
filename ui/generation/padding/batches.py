"""One batch as the page shows it: the ways to build it, what each does, and what transformers would say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.kept.answers import answered
from ui.base.labels import token_label
from ui.base.loaders import engine
from ui.base.words import probability
from ui.components.batch_grid import BatchCell, BatchRow

__all__ = ["WAYS", "Way", "batch_of", "finding_of", "grid_rows", "said_by_transformers", "top_table", "ways_table"]

Way = tuple[str, bool, str]
"""The side of the padding, whether the mask hides it, and how positions are counted."""
WAYS: tuple[Way, ...] = tuple(product(("left", "right"), (True, False), ("mask", "plain")))
NOTHING_BITS = 1e-4
"""Below this a distribution is as it was: what is left is the rounding of another order of sums."""

NOT_SET = (
    "The attention mask and the pad token id were not set, with a batched input. As a consequence, you may observe "
    "unexpected behavior. Please pass your input's `attention_mask` to obtain reliable results."
)
SAME_AS_EOS = (
    "The attention mask is not set with a batched input, and cannot be inferred from input because pad token is same "
    "as eos token. As a consequence, you may observe unexpected behavior. Please pass your input's `attention_mask` to "
    "obtain reliable results."
)
RIGHT_PADDING = (
    "A decoder-only architecture is being used, but right-padding was detected! For correct generation results, please "
    "set `padding_side='left'` when initializing the tokenizer."
)


@st.cache_resource(max_entries=64, show_spinner=False)
def batch_of(
    model: str, quantization: lm.Quantization, prompts: tuple[tuple[int, ...], ...], pad_id: int | None, way: Way
) -> lm.PaddedBatch:
    """The prompts read together in one way, and each alone."""
    side, mask, positions = way
    loaded = engine(model, quantization)
    return answered(loaded, lm.Engine.padded_batch, prompts, side, pad_id, mask=mask, positions=positions)  # type: ignore[arg-type]


def _best(tok: lm.Tokenizer, probs: np.ndarray) -> tuple[int, str, float]:
    best = int(probs.argmax())
    return best, token_label(tok, best), float(probs[best])


def moved(bits: float) -> str:
    """How far a distribution has moved, in words."""
    return "the same as alone" if bits < NOTHING_BITS else f"{bits:.2f} bits away"


def finding_of(tok: lm.Tokenizer, batch: lm.PaddedBatch, way: Way) -> str:
    """What this batch does to the prompt that it changes most, in one sentence of plain text."""
    bits = batch.divergence_bits
    side, mask, _ = way
    how = f"Padded on the {side}" + ("" if mask else ", nothing hidden")
    if not batch.is_pad.any():
        how = "All prompts are equally long, so nothing is padded"
    if (bits < NOTHING_BITS).all():
        return f"{how}: every prompt is continued as if it were alone"
    changed = batch.alone_logits.argmax(1) != batch.logits.argmax(1)
    # Another word says more than a distance does.
    row = int(np.where(changed == changed.any(), bits, -1.0).argmax())
    right, said, _ = _best(tok, batch.alone_probs[row])
    other, instead, _ = _best(tok, batch.probs[row])
    if right == other:
        return f"{how}: prompt {row + 1} still goes on with “{said}”, {bits[row]:.2f} bits from what it says alone"
    return f"{how}: prompt {row + 1} goes on with “{instead}” instead of “{said}”, {bits[row]:.2f} bits away"


def grid_rows(tok: lm.Tokenizer, batch: lm.PaddedBatch) -> list[BatchRow]:
    """The rectangle for `batch_grid`."""
    rows, by_themselves, probs = [], batch.alone_probs, batch.probs
    for i, ids in enumerate(batch.input_ids):
        right, said, alone = _best(tok, by_themselves[i])
        other, instead, together = _best(tok, probs[i])
        places = [-1] * len(ids) if batch.position_ids is None else batch.position_ids[i].tolist()
        marks = zip(ids.tolist(), places, batch.is_pad[i].tolist(), batch.attention_mask[i].tolist(), strict=True)
        cells = [BatchCell(token_label(tok, one), one, place, pad, seen) for one, place, pad, seen in marks]
        rows.append(
            BatchRow(
                f"Prompt {i + 1}", f"{said} {probability(alone)}", f"{instead} {probability(together)}",
                moved(float(batch.divergence_bits[i])), right != other, cells,
            )
        )  # fmt: skip
    return rows


def ways_table(tok: lm.Tokenizer, batches: Sequence[tuple[Way, lm.PaddedBatch]]) -> pd.DataFrame:
    """One row for every way to build the batch: how far each prompt moves, and what it is continued with."""
    found = []
    for (side, mask, positions), batch in batches:
        row: dict[str, object] = {
            "Padding": side,
            "Mask": "hides the padding" if mask else "off",
            "Positions": "without the padding" if positions == "mask" else "all columns",
        }
        for i, bits in enumerate(batch.divergence_bits):
            row[f"Prompt {i + 1}: bits"] = float(bits)
            row[f"Prompt {i + 1}: next"] = token_label(tok, int(batch.logits[i].argmax()))
        found.append(row)
    return pd.DataFrame(found)


def top_table(tok: lm.Tokenizer, batch: lm.PaddedBatch, row: int, n: int = 8) -> pd.DataFrame:
    """The tokens that lead alone or in the batch, by their probability alone."""
    alone, together = batch.alone_probs[row], batch.probs[row]
    leading = np.union1d(np.argsort(-alone, kind="stable")[:n], np.argsort(-together, kind="stable")[:n])
    order = leading[np.argsort(-alone[leading], kind="stable")]
    return pd.DataFrame(
        {
            "Token": [token_label(tok, int(i)) for i in order],
            "Id": order,
            "Alone": alone[order],
            "In this batch": together[order],
        }
    )


def said_by_transformers(
    way: Way, batch: lm.PaddedBatch, pad_id: int, stop_ids: Sequence[int]
) -> list[tuple[str, str]]:
    """The warnings that transformers' ``generate`` gives for this batch: when, and its own words.

    Args:
        way: how the batch is built; without a mask none is passed.
        batch: the batch.
        pad_id: what fills up, passed as ``pad_token_id``.
        stop_ids: of the model's generation config.
    """
    _, mask, _ = way
    if not batch.is_pad.any():
        return []
    said = []
    if not mask:
        if pad_id in stop_ids:
            said.append(("The pad token is an end token too, so that the ids do not tell what to hide:", SAME_AS_EOS))
        said.append(("Where neither the call nor the model's config names a pad token:", NOT_SET))
    if batch.is_pad[:, -1].any():
        said.append(("Because the last column contains padding:", RIGHT_PADDING))
    return said
