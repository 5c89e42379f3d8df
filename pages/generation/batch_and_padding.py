"""Batch and padding: prompts of different length as one rectangle, and what that does to what comes next."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from ui.bar.bar import page_bar
from ui.base.downloads import take_away
from ui.base.errors import show_errors
from ui.base.glossary.tables import data_table
from ui.base.loaders import encoding
from ui.base.shares import percent_columns, percents
from ui.components.batch_grid import batch_grid
from ui.generation.padding.batches import (
    WAYS,
    Way,
    batch_of,
    finding_of,
    grid_rows,
    said_by_transformers,
    top_table,
    ways_table,
)
from ui.generation.padding.prompts import edit_prompts
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import finding, reproduce, words_here
from ui.state import store as state

CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r}, quantization={quantization!r})
prompts = {prompts!r}
batch = engine.padded_batch(prompts, {side!r}, pad_id={pad_id!r}, mask={mask!r}, positions={positions!r})
print(batch.input_ids.tolist())
print(batch.divergence_bits.tolist())

# The same with transformers alone
{loading}
rectangle = torch.tensor({ids!r}, device=model.device)
given = {{"attention_mask": torch.tensor({seen!r}, device=model.device)}}
{places}with torch.inference_mode():
    together = model(input_ids=rectangle, **given).logits[:, -1].float().log_softmax(-1)
    for prompt, other in zip({own!r}, together):
        alone = model(input_ids=torch.tensor([prompt], device=model.device)).logits[0, -1].float().log_softmax(-1)
        print(float((alone.exp() * (alone - other)).sum() / torch.log(torch.tensor(2.0))))
"""
SIDES = {"right": "Right", "left": "Left"}
COUNTS = {"mask": "Without the padding", "plain": "All columns"}

bar = page_bar("padding")
model, quantization, engine = choose_model(bar)
with bar.picks:
    side = state.segmented(
        "padding_side", "Padding", format_func=SIDES.__getitem__, label_visibility="collapsed",
        help="The side of a shorter prompt that is filled up.",
    )  # fmt: skip

with show_errors():
    tok = engine.tokenizer
    described = engine.describe()
    own_pad = tok.named_tokens.get("pad_token") or tok.eos_token
    result, controls = st.container(), st.container()
    with controls:
        left, right = st.columns(2)
        with left:
            edit_prompts()
        with right:
            mask = state.toggle(
                "padding_mask", "Pass the attention mask",
                help="1 for what the model may look at, 0 for the padding. Off: it looks at everything.",
            )  # fmt: skip
            positions = state.segmented(
                "padding_positions", "Positions count", format_func=COUNTS.__getitem__,
                help="The position that the model is told: as generate counts, or as a bare forward pass does.",
            )  # fmt: skip
            pad = state.number_input(
                "pad_id", "Pad token id",
                help=f"What fills up a shorter prompt. -1: the tokenizer's own, {own_pad or 'which this one lacks'}.",
            )  # fmt: skip
    prompts = tuple(tuple(encoding(tok, text, True, True).input_ids.tolist()) for text in state.get("padding_prompts"))
    pad_id = None if pad < 0 else int(pad)
    way = cast(Way, (side, mask, positions))
    batch = batch_of(model, quantization, prompts, pad_id, way)
    with result:
        finding(finding_of(tok, batch, way))
        batch_grid(grid_rows(tok, batch), label="The batch as the model reads it", key="batch")
        st.caption(
            "One row a prompt: each token with its id and the position that the model is told. Hatched: padding; "
            "struck through: hidden by the mask. The next token is drawn from the last column. Bits away: how far "
            "the batch moves a prompt's next-token probabilities (Kullback-Leibler divergence); 0 is not at all."
        )
    used = int(batch.input_ids[batch.is_pad][0]) if batch.is_pad.any() else pad_id
    st.subheader("What transformers would say", anchor=False)
    said = said_by_transformers(way, batch, -1 if used is None else used, described.stop_ids)
    if not said:
        st.caption("For this batch generate has nothing to warn of.")
    for when, warning in said:
        st.caption(when)
        st.code(warning, language=None, wrap_lines=True)
    if not mask and used not in described.stop_ids and batch.is_pad.any():
        st.caption(
            "Called with this pad token's id and no mask, generate hides every token that is one, because it is no end "
            "token. A bare forward pass, which this page shows, does not."
        )
    st.subheader("Every way to build this batch", anchor=False)
    table = ways_table(tok, [(one, batch_of(model, quantization, prompts, pad_id, one)) for one in WAYS])
    bits = [name for name in table.columns if name.endswith("bits")]
    data_table(
        table, hide_index=True, width="stretch",
        column_config={name: st.column_config.NumberColumn(format="%.4f") for name in bits},
    )  # fmt: skip
    st.caption(
        "Bits: how far each prompt's next-token probabilities move from those that it has alone. 0 is as it should be; "
        "the first row is what generate wants."
    )
    shown = min(state.get("padding_shown"), len(prompts) - 1)
    if len(prompts) > 1:
        names = {str(i): f"Prompt {i + 1}" for i in range(len(prompts))}
        st.segmented_control(
            "Tokens of", list(names), default=str(shown), format_func=names.__getitem__, key="padding_prompt_shown",
            required=True, on_change=lambda: state.put("padding_shown", int(st.session_state["padding_prompt_shown"])),
        )  # fmt: skip
    top = top_table(tok, batch, shown)
    st.subheader(f"The next token of prompt {shown + 1}", anchor=False)
    data_table(
        percents(top, ("Alone", "In this batch")), hide_index=True, width="stretch",
        column_config=percent_columns((), bars=("Alone", "In this batch")),
    )  # fmt: skip
    take_away("batch", top, {"logits": (lambda: batch.logits, f"float32 {batch.logits.shape}: prompt, id")})
    places = batch.position_ids
    given = (
        "" if places is None else f"given['position_ids'] = torch.tensor({places.tolist()!r}, device=model.device)\n"
    )
    words_here("padding", "batch", "attention_mask")
    reproduce(
        CODE.format(
            model=model,
            quantization=quantization,
            prompts=[list(one) for one in prompts],
            side=side,
            pad_id=pad_id,
            mask=mask,
            positions=positions,
            loading=loading_code(described, prompts[0]),
            ids=batch.input_ids.tolist(),
            seen=batch.attention_mask.astype(np.int64).tolist(),
            places=given,
            own=[list(one) for one in prompts],
        )
    )
