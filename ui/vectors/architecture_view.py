"""Tables of Architecture, and the histogram of one module's weights."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.charts import bars
from ui.base.kept.answers import answered
from ui.base.loaders import engine

__all__ = [
    "histogram",
    "histogram_chart",
    "histogram_title",
    "histogram_words",
    "module_table",
    "precision_table",
]


@st.cache_resource(max_entries=32, show_spinner=False)
def histogram(model: str, quantization: lm.Quantization, module: str) -> lm.Histogram:
    """The weights of one module, counted."""
    return answered(engine(model, quantization), lm.Engine.weight_histogram, module)


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


def histogram_title(counted: lm.Histogram, leaf: str) -> str:
    """What the chart shows, in one sentence with this weight's numbers."""
    if len(counted.levels):
        shares = counted.level_counts / max(1, counted.n)
        return f"{leaf}: {len(shares)} levels, each used by {shares.min():.1%} to {shares.max():.1%} of the weights"
    largest = counted.max if counted.max >= -counted.min else counted.min
    times = f", {abs(largest) / counted.std:.0f} times that" if counted.std > 0 else ""
    return f"{leaf}: standard deviation {counted.std:.3f}; the largest weight is {largest:.2f}{times}"


def histogram_chart(counted: lm.Histogram) -> go.Figure:
    """Bars of the counts; of 4-bit weights the levels that are stored, as those are all that there are."""
    if len(counted.levels):
        # The values are levels times the scales of their blocks: bins of equal width would cut a comb out of them.
        labels = pd.Series([f"{level:+.3f}".replace("-", "−") if level else "0" for level in counted.levels])
        shares = pd.Series(counted.level_counts / max(1, counted.n))
        chart = bars(
            labels, shares, "level %{y}: %{x:.2%} of the weights<extra></extra>", x_title="share of the weights",
            text_format=".1%", colour=theme.orange(),
        )  # fmt: skip
        return chart.update_xaxes(tickformat=".0%")
    edges = counted.edges
    bar = {
        "type": "bar", "x": (edges[:-1] + edges[1:]) / 2, "y": counted.counts, "width": edges[1:] - edges[:-1],
        "marker": {"color": theme.orange() if counted.dtype == "int8" else theme.accent()},
        "hovertemplate": "about %{x:.4f}: %{y:,} weights<extra></extra>",
    }  # fmt: skip
    layout = theme.chart_layout(x_title="weight", y_title="how many", height=320, bargap=0)
    return go.Figure({"data": [bar], "layout": layout})


def histogram_words(counted: lm.Histogram) -> str:
    """The numbers under the chart, and what of it is the storage's doing."""
    said = (
        f"{counted.n:,} weights, stored as {counted.dtype}: mean {counted.mean:.5f}, standard deviation "
        f"{counted.std:.5f}, least {counted.min:.4f}, greatest {counted.max:.4f}."
    )
    if len(counted.levels):
        said += (
            f" In {counted.dtype} a weight is one of {len(counted.levels)} levels times the scale of its block of "
            f"{counted.block_size} weights. The chart shows the levels; the other numbers are of the products."
        )
    elif counted.dtype == "int8":
        said += " In int8 a weight is a whole number from -127 to 127 times the scale of its row."
    return said
