"""KV cache: what the loaded model keeps of a text, token by token, what that saves, and what can be used again."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away
from ui.base.errors import escape_markdown, show_errors
from ui.base.glossary.tables import data_table
from ui.base.jobs import watch
from ui.base.labels import token_label
from ui.base.loaders import display_name, encoding
from ui.base.words import counted
from ui.chat.request import chat_request, show_refusals
from ui.model.answers import readable
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.precision.kv_cache.answers import cache_now, growth_job, keys_values, race_job, reused
from ui.precision.kv_cache.code import CODE, REUSE
from ui.precision.kv_cache.growth import growth_chart, growth_finding, growth_table, how_counted, layers_table
from ui.precision.kv_cache.heat import show_keys_values
from ui.precision.kv_cache.prefix import show_prefixes, show_reuse, turns_of
from ui.precision.kv_cache.queries import show_queries
from ui.precision.kv_cache.race import AT_ONCE, show_race
from ui.state import store as state
from ui.state.thread import selected, show_thread

bar = page_bar("kv_cache")
text = bar.text()
model, quantization, engine = choose_model(bar)
described = engine.describe()


def show_growth(cache: lm.KVCache, ids: tuple[int, ...], labels: list[str], index: int) -> None:
    """Bytes as the text grows; what is measured so far, while the text is read."""
    job = growth_job(model, quantization, ids)
    so_far = (job.latest if job is not None else None) or cache
    finding(growth_finding(cache, described))
    st.plotly_chart(
        growth_chart(so_far, labels, len(ids), index), width="stretch", config=PICTURE_MENU, key="kv_growth"
    )
    if job is not None:
        watch(job, lambda found: _read(found, len(ids)))
        job.result()  # raises what ended it
    st.caption(escape_markdown(how_counted(cache, described)))
    table = growth_table(so_far, labels)
    left, right = st.columns(2)
    with left, st.expander("Every measurement as a table"):
        data_table(table, hide_index=True, width="stretch", height=320)
    with right, st.expander(f"What each of the {counted(len(cache.layers), 'layer')} keeps"):
        data_table(layers_table(cache), hide_index=True, width="stretch", height=320)
    arrays = {"cache_bytes": (lambda: so_far.bytes, f"int64 {so_far.bytes.shape}: measurement, layer")}
    take_away("cache_growth", table, arrays)


def _read(found: lm.KVCache | None, n: int) -> tuple[float, str]:
    done = 0 if found is None else int(found.n_read[-1])
    return done / n, f"{done:,} of {counted(n, 'token')} read and measured"


with show_errors():
    tok = engine.tokenizer
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    labels = [token_label(tok, i) for i in ids]
    index = selected(enc, otherwise=0)
    with st.spinner("Reading the text and measuring its cache …", show_time=True):
        now = cache_now(model, quantization, ids)
    show_growth(now, ids, labels, index)
    words_here("kv_cache", "query_key_value", "head", "gqa", "rope", "prefill", "decode")

    layer, head, keeps = min(state.get("kv_layer"), described.n_layers - 1), 0, True
    try:
        read = keys_values(model, quantization, ids, layer)
    except lm.NotAvailableError as error:
        keeps = False
        st.info(escape_markdown(str(error)))
        if now.formula_per_token:
            state.slider("kv_layer", "Layer", max_value=described.n_layers - 1)
    else:
        head = show_keys_values(read, enc, index, described.n_layers)
        show_thread(enc, index, "kv_cache")

    n_tokens = state.get("kv_tokens")
    if described.context_length:
        n_tokens = min(n_tokens, described.context_length - len(ids))
    if n_tokens < 1:
        st.info("The text fills the context: there is no room to decode a token.")
    else:
        race = race_job(model, quantization, ids, n_tokens, start=False)
        if race is None and len(ids) <= AT_ONCE:
            race = race_job(model, quantization, ids, n_tokens, start=True)
        if show_race(race, tok, len(ids)):
            race_job(model, quantization, ids, n_tokens, start=True)
            st.rerun()
    if now.formula_per_token:
        show_queries(now)

    request = chat_request()
    show_refusals(request)
    own_name = display_name(described.name)
    turns, failed = turns_of(request, tok, own_name)
    show_prefixes(turns, failed)
    pairs: tuple[lm.ServedPrompt, ...] = ()
    try:
        pairs = request.served(tok)
        with st.spinner("Going on from the cache …"):
            found = [reused(model, quantization, tuple(p.cached.tolist()), tuple(p.following.tolist())) for p in pairs]
    except lm.ClusterError:
        raise
    except lm.LoupeError as error:
        found = []
        st.info(escape_markdown(str(error)), icon=":material/info:")
    show_reuse(pairs, found, now.formula_per_token, own_name)

    if keeps and n_tokens >= 1:
        last = pairs[-1] if found else None
        reuse = "" if last is None else REUSE.format(cached=last.cached.tolist(), following=last.following.tolist())
        reproduce(
            CODE.format(
                model=model, quantization=quantization, text=as_code(text), layer=layer, head=head,
                n_tokens=min(n_tokens, 8), reuse=reuse, loading=loading_code(described, ids),
            )
        )  # fmt: skip
