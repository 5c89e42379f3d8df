"""Direct logit attribution on the page: whose logit, what each part added, and what that leaves out."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base.downloads import PICTURE_MENU
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.model.answers import attribution
from ui.page import finding, metrics_row
from ui.prediction.lens.charts import attribution_chart, parts_of
from ui.prediction.lens.run import Cell
from ui.state import store as state

__all__ = ["show_attribution"]

WORDS = {
    "answer": "the model's answer",
    "text": "the token that follows in the text",
    "cell": "the chosen cell's token",
}
SOFT_CAP_WORDS = "This model soft-caps its logits; this is how much the cap removes from the sum of the parts."


def show_attribution(
    engine: lm.Engine,
    request: tuple[str, lm.Quantization, tuple[int, ...]],
    index: int,
    cell: Cell,
    final: Cell,
) -> None:
    """What the embedding and each layer's attention and MLP add to one token's logit after the token at ``index``."""
    heading = st.empty()
    ids = request[2]
    tokens = {"answer": int(final.token_ids[0]), "cell": int(cell.token_ids[0])}
    if index + 1 < len(ids):
        tokens["text"] = ids[index + 1]
    offered = [name for name in WORDS if name in tokens]
    which = state.segmented(
        "explain", "Score of", offered, format_func=WORDS.__getitem__, help="Whose logit is taken apart."
    )
    with st.spinner("Taking the score apart …"):
        parts = attribution(*request, tokens[which], index)
    label = token_label(engine.tokenizer, tokens[which])
    named = parts_of(parts)
    most = max(named, key=named.__getitem__)
    with heading.container():
        finding(f"What contributed to the score of “{label}”: most of all {_part(most)}, {named[most]:+.1f}")
    st.plotly_chart(attribution_chart(parts), width="stretch", config=PICTURE_MENU)
    metrics_row(
        [
            ("Token", escape_markdown(label)),
            ("Logit", f"{parts.logit:.3f}"),
            ("Embedding", f"{parts.embedding:+.3f}"),
            ("All attention", f"{parts.attention.sum():+.3f}"),
            ("All MLPs", f"{parts.mlp.sum():+.3f}"),
            ("Bias", f"{parts.bias:+.3f}"),
            *([("Soft cap", f"{parts.soft_cap:+.3f}", SOFT_CAP_WORDS)] if parts.soft_cap else []),
            ("Unexplained", f"{parts.unexplained:+.3f}", "The logit less all the parts: rounding."),
        ]
    )
    with st.expander("The parts as a table"):
        table = pd.DataFrame({"Part": list(named), "Added to the logit": list(named.values())})
        data_table(table, hide_index=True, width="stretch")
    st.caption(
        "Each bar is what one part wrote into the residual stream, read by this token's row of the output matrix, "
        "with the final norm's scale held as it was in this pass. This counts direct effects only: "
        "effects that pass through later layers are credited to those layers."
    )


def _part(name: str) -> str:
    kind, _, layer = name.partition(" ")
    return f"the {kind} of layer {layer}" if layer.isdigit() else f"the {name}"
