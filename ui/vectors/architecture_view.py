"""Tables of Architecture, and the histogram of one module's weights."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.loaders import engine

__all__ = ["histogram", "histogram_chart", "module_table", "precision_table"]


@st.cache_resource(max_entries=32, show_spinner=False)
def histogram(model: str, quantization: lm.Quantization, module: str) -> lm.Histogram:
    """The weights of one module, counted."""
    return engine(model, quantization).weight_histogram(module)


def module_table(described: lm.ModelDescription, *, all_blocks: bool) -> pd.DataFrame:
    """One row a module, containers too, indented; of the blocks the first alone unless ``all_blocks``."""
    first = described.block.name
    stack = first.rsplit(".", 1)[0] + "."
    nodes = [
        node
        for node in described.tree
        if all_blocks or not node.name.startswith(stack) or node.name == first or node.name.startswith(first + ".")
    ]
    return pd.DataFrame(
        {
            "Module": [
                "\u2003" * node.name.count(".") + node.name.rsplit(".", 1)[-1] if node.name else "the whole model"
                for node in nodes
            ],
            "Kind": [node.kind for node in nodes],
            "Shape": [" × ".join(map(str, node.shape)) for node in nodes],
            "Parameters": [node.n_parameters for node in nodes],
            "Stored as": [node.dtype for node in nodes],
            "MB": [node.bytes / 1e6 for node in nodes],
            "Quantized": [node.is_quantized for node in nodes],
            "Path": [node.name for node in nodes],
        }
    )


def precision_table(described: lm.ModelDescription) -> pd.DataFrame:
    """What is stored how: matrices, parameters and bytes of each dtype."""
    frame = pd.DataFrame(
        {
            "Stored as": [module.dtype for module in described.modules],
            "Modules": 1,
            "Parameters": [module.n_parameters for module in described.modules],
            "MB": [module.bytes / 1e6 for module in described.modules],
        }
    )
    summed = frame.groupby("Stored as", as_index=False, sort=False).sum()
    summed["Bits per weight"] = summed["MB"] * 8e6 / summed["Parameters"].where(summed["Parameters"] > 0)
    return summed


def histogram_chart(counted: lm.Histogram) -> go.Figure:
    """Bars of the counts, on a linear axis."""
    edges = counted.edges
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2, y=counted.counts, width=edges[1:] - edges[:-1],
            hovertemplate="about %{x:.4f}: %{y:,} weights<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(**theme.chart_layout(x_title="weight", y_title="how many", height=300, bargap=0))
    return figure
