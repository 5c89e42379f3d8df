"""Bytes of the cache as the text grows: the measured steps, the formula over them, and what each layer keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

import lmloupe as lm
from ui.base import theme
from ui.base.errors import escape_plotly
from ui.base.words import counted, percent
from ui.precision.kv_cache.sizes import size, unit_of

__all__ = ["KINDS", "bytes_at", "growth_chart", "growth_finding", "growth_table", "how_counted", "layers_table"]

KINDS = {
    "full": "keys and values of every token",
    "window": "keys and values of the last tokens",
    "latent": "one compressed vector a token",
    "state": "one state, whatever the length",
    "hybrid": "a state, keys and values",
    "shared": "those of another layer",
    "nothing": "nothing in the cache",
}
EXAMPLE = 8192


def bytes_at(cache: lm.KVCache, n: int) -> int:
    """What the layers would keep of ``n`` tokens, from what each of them keeps now of one."""
    total = 0
    for layer in cache.layers:
        for tensor in layer.tensors:
            grows = layer.n_tokens > 0 and "states" not in tensor.name
            kept = n if layer.most_tokens is None else min(n, layer.most_tokens)
            total += tensor.bytes * kept // layer.n_tokens if grows else tensor.bytes
    return total


def example_length(described: lm.ModelDescription) -> int:
    """The model's context, or 8,192 tokens where it names none."""
    return described.context_length or EXAMPLE


def growth_finding(cache: lm.KVCache, described: lm.ModelDescription) -> str:
    """The heading: bytes for each token, for this text and for a full context."""
    now, n = int(cache.total_bytes[-1]), int(cache.n_read[-1])
    far = example_length(described)
    if not now:
        return "This model keeps nothing in transformers' cache"
    if not cache.formula_per_token:
        return f"This model keeps a state of {size(now)}, whatever the length of the text: no keys and values"
    reached = f"{size(bytes_at(cache, far))} at {far:,} tokens"
    windows = [layer for layer in cache.layers if layer.most_tokens is not None]
    if windows:
        most = max(layer.most_tokens or 0 for layer in windows)
        of = f"{len(windows)} of {len(cache.layers)} layers keep" if len(windows) < len(cache.layers) else "Layers keep"
        return f"{of} the last {most:,} tokens only: {size(now)} for this text, {reached}"
    each = now - int(cache.total_bytes[-2]) if len(cache.n_read) > 1 else 0
    step = int(cache.n_read[-1] - cache.n_read[-2]) if len(cache.n_read) > 1 else n
    per_token = each // step if each else now // n
    return f"Each token takes {size(per_token)}: {size(now)} for this text, {reached}"


def how_counted(cache: lm.KVCache, described: lm.ModelDescription) -> str:
    """The formula with this model's numbers, what was measured, and how it compares with the weights."""
    n, now = int(cache.n_read[-1]), int(cache.total_bytes[-1])
    keeps = sum(layer.kind in ("full", "window", "latent", "hybrid") for layer in cache.layers)
    product = keeps * cache.n_kv_heads * cache.head_dim * 2 * cache.bytes_per_number
    words = ""
    if cache.formula_per_token:
        words = (
            f"Formula: 2 (key and value) × {counted(keeps, 'layer')} × {counted(cache.n_kv_heads, 'head')} × "
            f"{cache.head_dim} numbers × {counted(cache.bytes_per_number, 'byte')} = "
            f"{cache.formula_per_token:,} bytes for each token. "
        )
        if product != cache.formula_per_token:
            words = (
                "Formula: 2 (key and value) × heads × numbers of a head × bytes, summed over layers that differ: "
                f"{cache.formula_per_token:,} bytes for each token. "
            )
    words += "Measured: nbytes of every tensor in transformers' cache, after each step. "
    expected = cache.formula_per_token * n
    if cache.formula_per_token and now != expected:
        words += f"The formula says {size(expected)} for this text: {_why(cache)}. "
    allocated = int(cache.allocated_bytes[-1].sum())
    if allocated != now:
        words += (
            f"The memory in which these tensors lie has {size(allocated)}: a window is the end of a longer tensor, "
            "which goes with the next token. "
        )
    far = bytes_at(cache, example_length(described))
    times = far / described.bytes
    share = percent(times) if times < 1 else f"{times:.1f} times"
    words += (
        f"With {example_length(described):,} tokens it would be {size(far)}, {share} "
        f"{'of ' if times < 1 else ''}the {size(described.bytes)} of the weights."
    )
    return words


def _why(cache: lm.KVCache) -> str:
    reasons = {
        "window": "windows keep the last tokens only",
        "latent": "the layers keep one compressed vector, out of which keys and values are multiplied",
        "hybrid": "some layers keep a state too",
        "state": "some layers keep a state of constant size",
    }
    found = [reasons[kind] for kind in cache.kinds if kind in reasons]
    return " and ".join(found) or "the tensors have other sizes than the config names"


def growth_chart(cache: lm.KVCache, labels: Sequence[str], n: int, marked: int) -> go.Figure:
    """Measured bytes as steps, one colour for each kind of layer where they differ, and the formula as a dashed line.

    Args:
        cache: what was measured so far.
        labels: of the n tokens.
        n: tokens of the whole text: where the axis ends.
        marked: position of the chosen token.
    """
    per_kind = _by_kind(cache)
    formula_end = cache.formula_per_token * n
    most = max(int(cache.total_bytes.max()), formula_end, 1)
    unit, name = unit_of(most)
    x = cache.n_read.tolist()
    said = [escape_plotly(labels[i - 1]) for i in x]
    traces = []
    for colour, (kind, values) in zip(_colours(), per_kind.items(), strict=False):
        what = KINDS[kind] if len(per_kind) > 1 else "measured"
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": [0, *x], "y": [0.0, *(values / unit).tolist()],
                "line": {"shape": "hv" if x == list(range(1, len(x) + 1)) else "linear", "color": colour, "width": 2},
                "stackgroup": "measured", "fillcolor": _pale(colour), "name": what,
                "customdata": [["", 0], *zip(said, values.tolist(), strict=True)],
                "hovertemplate": f"after token %{{x}} “%{{customdata[0]}}”: %{{customdata[1]:,}} bytes, {what}"
                "<extra></extra>",
            }
        )  # fmt: skip
    if cache.formula_per_token:
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": [0, n], "y": [0, formula_end / unit], "name": "formula",
                "line": {"dash": "dash", "color": theme.ink(), "width": 2},
                "hovertemplate": f"formula: %{{y:.3f}} {name}<extra></extra>",
            }
        )  # fmt: skip
    layout = theme.chart_layout(
        x_title="tokens read", y_title=name, height=330, hovermode="closest", showlegend=len(traces) > 1,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": theme.ink()}},
        margin={"l": 8, "r": 16, "t": 40, "b": 8},
    )  # fmt: skip
    layout["xaxis"] |= {"range": [0, n * 1.02], "nticks": 8} | ({"dtick": 1} if n <= 8 else {})
    layout["yaxis"] |= {"range": [0, most / unit * 1.08]}
    figure = go.Figure({"data": traces, "layout": layout})
    if 0 <= marked < n:
        figure.add_vline(
            x=marked + 1, line={"dash": "dot", "color": theme.ink(), "width": 1},
            annotation={"text": f"token {marked + 1}", "font": {"color": theme.ink(), "size": 13}, "yanchor": "top",
                        "xanchor": "left" if marked < n / 2 else "right"},
            annotation_position="top",
        )  # fmt: skip
    return figure


def _by_kind(cache: lm.KVCache) -> dict[str, np.ndarray]:
    kinds = np.array([layer.kind for layer in cache.layers])
    found = {kind: cache.bytes[:, kinds == kind].sum(1) for kind in cache.kinds}
    return {kind: values for kind, values in found.items() if values.any()} or {"nothing": cache.total_bytes}


def _colours() -> tuple[str, ...]:
    return theme.accent(), theme.family_colour("starcoder2"), theme.magenta(), theme.MUTED_LINE


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def growth_table(cache: lm.KVCache, labels: Sequence[str]) -> pd.DataFrame:
    """A row for each measurement."""
    table = pd.DataFrame(
        {
            "Tokens read": cache.n_read,
            "Last token": [labels[i - 1] for i in cache.n_read],
            "Bytes": cache.total_bytes,
            "By the formula": cache.formula_bytes,
            "Allocated": cache.allocated_bytes.sum(1),
        }
    )
    per_kind = _by_kind(cache)
    for kind, values in per_kind.items() if len(per_kind) > 1 else ():
        table[f"Bytes: {KINDS[kind]}"] = values
    return table


def layers_table(cache: lm.KVCache) -> pd.DataFrame:
    """What each layer keeps: a row for each tensor, and for each layer without one."""
    rows: list[dict[str, object]] = []
    for layer in cache.layers:
        head: dict[str, object] = {"Layer": layer.layer + 1, "Keeps": KINDS[layer.kind]}
        for tensor in layer.tensors:
            shape = " × ".join(f"{side:,}" for side in tensor.shape)
            rows.append(
                head
                | {
                    "Tensor": tensor.name,
                    "Shape": shape,
                    "Dtype": tensor.dtype,
                    "Bytes": tensor.bytes,
                    "Allocated": tensor.allocated_bytes,
                }
            )
        if not layer.tensors:
            rows.append(head | {"Tensor": "", "Shape": "", "Dtype": "", "Bytes": 0, "Allocated": 0})
    return pd.DataFrame(rows)
