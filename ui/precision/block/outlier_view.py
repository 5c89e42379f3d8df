"""Which input columns LLM.int8() takes out of a product on a text, and what that does to the error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import lmloupe as lm
from ui.base import theme
from ui.base.words import counted, percent
from ui.precision.block.words import number

__all__ = ["column_table", "columns_chart", "errors_sentence", "matrices_table", "outliers_found"]


def outliers_found(product: lm.Int8Product) -> str:
    """The heading: how many columns go through the float path, and what that saves."""
    n, total = len(product.outliers), len(product.largest)
    limit = number(product.threshold)
    if not n:
        most = number(float(product.largest.max()))
        return f"No input column reaches {limit} on this text: the largest input is {most}"
    verbs = ("reaches", "goes") if n == 1 else ("reach", "go")
    said = f"{n:,} of {counted(total, 'input column')} {verbs[0]} {limit} and {verbs[1]} through the float path"
    if product.error_all_int8 <= product.error:
        return f"{said}: on this text that makes the product no better"
    share = product.error_all_int8 / product.error - 1 if product.error else float("inf")
    if not np.isfinite(share):
        return f"{said}: without that the product is wrong"
    more = f"{1 + share:.1f} times as large" if share >= 1 else f"{percent(share)} larger"
    return f"{said}: without that the error would be {more}"


def errors_sentence(product: lm.Int8Product) -> str:
    """The three errors, and why a large input spoils the others."""
    row = int(product.row_scales_all.argmax())
    step, finer = float(product.row_scales_all[row]) / 127, float(product.row_scales[row]) / 127
    said = (
        "Large blue dots are columns in floating point, orange ones columns in int8. "
        f"Relative error of the whole product, against floating point: {product.error:.2%} as LLM.int8() multiplies, "
        f"{product.error_all_int8:.2%} with every column in int8, {product.error_of_weights:.2%} if the weights alone "
        "were rounded."
    )
    if len(product.outliers):
        said += (
            f" The inputs of a token share one scale, too: those of token {row + 1} would be rounded in steps of "
            f"{number(step)}, and are rounded in steps of {number(finer)} without the outliers."
        )
    return said


def columns_chart(product: lm.Int8Product) -> go.Figure:
    """The largest magnitude in each input column, on a logarithmic axis, and the threshold as a line."""
    out = np.zeros(len(product.largest), np.bool_)
    out[product.outliers] = True
    places = np.arange(1, len(product.largest) + 1)
    least = max(float(product.largest[product.largest > 0].min(initial=1.0)), 1e-4)
    layout = theme.chart_layout(x_title="input column", y_title="largest input on this text", height=280)
    layout["yaxis"] |= {"type": "log", "exponentformat": "power"}
    layout["xaxis"] |= {"range": [0, len(places) + 1]}
    layout["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": product.threshold, "y1": product.threshold,
         "line": {"color": theme.ink(), "width": 1.5, "dash": "dash"}}
    ]  # fmt: skip
    layout["annotations"] = [
        {"xref": "paper", "x": 1, "y": float(np.log10(product.threshold)), "showarrow": False,
         "text": f"threshold {number(product.threshold)}",
         "xanchor": "right", "yanchor": "bottom", "font": {"color": theme.ink()}}
    ]  # fmt: skip
    traces = [
        {
            "type": "scatter", "mode": "markers", "x": places[chosen], "y": np.maximum(product.largest[chosen], least),
            "marker": {"color": colour, "size": size}, "name": name,
            "hovertemplate": "column %{x}: %{y:.3g}, " + name + "<extra></extra>",
        }
        for chosen, colour, size, name in (
            (~out, theme.orange(), 4, "multiplied in int8"),
            (out, theme.accent(), 10, "multiplied in floating point"),
        )
    ]  # fmt: skip
    return go.Figure({"data": traces, "layout": layout})


def column_table(product: lm.Int8Product) -> pd.DataFrame:
    """One row an input column."""
    out = np.zeros(len(product.largest), np.bool_)
    out[product.outliers] = True
    return pd.DataFrame(
        {"Column": np.arange(1, len(out) + 1), "Largest input": product.largest, "In floating point": out}
    )


def matrices_table(found: lm.ActivationOutliers) -> pd.DataFrame:
    """One row a matrix: its outlier columns on this text, most first."""
    table = pd.DataFrame(
        {
            "Module": [one.name for one in found.modules],
            "Outlier columns": [len(one.outliers) for one in found.modules],
            "Of columns": [len(one.largest) for one in found.modules],
            "Largest input": [float(one.largest.max()) for one in found.modules],
            "In column": [int(one.largest.argmax()) + 1 for one in found.modules],
            "At token": [int(one.tokens[one.largest.argmax()]) + 1 for one in found.modules],
        }
    )
    return table.sort_values("Largest input", ascending=False, kind="stable")
