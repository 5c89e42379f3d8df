"""Query heads that share keys and values: which share which, and the bytes that this saves."""

from __future__ import annotations

import numpy as np
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.words import counted
from ui.page import finding
from ui.precision.kv_cache.sizes import size

__all__ = ["queries_finding", "show_queries"]

_STYLE = """<style>
.kvq { display: flex; flex-wrap: wrap; gap: .75rem; margin: .25rem 0 .5rem; }
.kvq .group { border: 1px solid %(line)s; border-radius: .5rem; padding: .4rem; display: grid; gap: .3rem; }
.kvq .queries { display: flex; flex-wrap: wrap; gap: .25rem; justify-content: center; }
.kvq .queries span { background: %(tint)s; border-radius: .3rem; min-width: 2.2rem; padding: .1rem .3rem;
  text-align: center; font-size: .875rem; }
.kvq .kv { background: %(accent)s; border-radius: .3rem; color: %(on)s; font-size: .875rem; font-weight: 600;
  padding: .2rem .5rem; text-align: center; }
.kvb { display: grid; gap: .4rem; margin: .5rem 0; }
.kvb .bar { border-radius: .3rem; box-sizing: border-box; min-width: .25rem; height: 1.6rem; }
.kvb .now { background: %(accent)s; }
.kvb .full { border: 2px dashed %(muted)s; }
</style>"""


def queries_finding(cache: lm.KVCache) -> str:
    """How many query heads share each head of keys and values."""
    n, kv, now, full = cache.n_heads, cache.n_kv_heads, int(cache.formula_bytes[-1]), cache.full_heads_bytes
    if n == kv:
        return f"Each of the {counted(n, 'query head')} has keys and values of its own: nothing is shared"
    if kv == 1:
        return f"All {n} query heads share one head of keys and values: {size(now)} in place of {size(full)}"
    return f"{n // kv} query heads share each of {kv} heads of keys and values: {size(now)} in place of {size(full)}"


def show_queries(cache: lm.KVCache) -> None:
    """The groups, and two bars: what is kept now, and with a head of keys and values for each query head."""
    finding(queries_finding(cache))
    colours = {
        "line": theme.MUTED_LINE, "muted": theme.MUTED_LINE, "tint": theme.token_tints()[0],
        "accent": theme.accent(), "on": theme.ink(on_accent=True),
    }  # fmt: skip
    groups = []
    for head in range(cache.n_kv_heads):
        members = np.flatnonzero(cache.kv_head_of == head) + 1
        queries = "".join(f"<span>q {i}</span>" for i in members)
        shared = f'<div class="kv">key and value {head + 1}</div>'
        groups.append(f'<div class="group" role="listitem"><div class="queries">{queries}</div>{shared}</div>')
    now, full = int(cache.formula_bytes[-1]), cache.full_heads_bytes
    bars = (
        f'<div class="kvb"><div>{size(now)} with {counted(cache.n_kv_heads, "head")} of keys and values, for '
        f"{counted(int(cache.n_read[-1]), 'token')}</div>"
        f'<div class="bar now" style="width:{100 * now / full:.2f}%"></div>'
        f"<div>{size(full)} with {counted(cache.n_heads, 'head')} of keys and values</div>"
        '<div class="bar full" style="width:100%"></div></div>'
    )
    shown = "".join(groups)
    st.html(_STYLE % colours + f'<div class="kvq" role="list" aria-label="Groups of heads">{shown}</div>{bars}')
    how = (
        "The second bar is the formula with as many heads of keys and values as of queries: such a model would be "
        "another one, with other weights. "
    )
    st.caption(
        f"q 1 is query head 1 of a layer; all layers are grouped so. {how if cache.n_heads != cache.n_kv_heads else ''}"
        "Sharing is called grouped-query attention (GQA), with one head for all multi-query attention (MQA)."
    )
