"""Layer by layer: how far quantization moves every matrix, and what each layer's rounding does to the predictions."""

from __future__ import annotations

import streamlit as st

import lmloupe as lm
from ui.bar.bar import page_bar
from ui.base.downloads import PICTURE_MENU, take_away, with_menu
from ui.base.errors import Offer, show_errors
from ui.base.glossary.tables import data_table
from ui.base.jobs import watch
from ui.base.loaders import encoding
from ui.components.layer_rows import layer_rows, picked_place
from ui.model.answers import TooLongError, keep_last, readable
from ui.model.choice import choose_model
from ui.model.transformers_code import loading_code
from ui.page import as_code, finding, reproduce, words_here
from ui.pages import page
from ui.precision.layers import details
from ui.precision.layers.view import (
    empty_errors,
    kl_array,
    layer_table,
    layers_finding,
    method_words,
    rows_of,
    short_names,
)
from ui.precision.layers.work import activations, ask, ask_matrices, effects_done, features, watch_them
from ui.state import store as state
from ui.state.settings import SETTINGS

MAX_TOKENS = 512
PICTURE = "layers_picture"
TITLES = ("Relative error (%)", "Mean KL (bits)")
MODES = {"only": "One layer", "all_but": "All but one"}
ORDERS = {"layer": "As in the model", "effect": "Largest effect first"}
SHADES = {"zero": "From 0", "least": "From the least"}
CODE = """
import lmloupe as lm

engine = lm.load_engine({model!r})
text = {text}
errors = lm.quantization_errors(engine, {spec!r})
print(errors.modules)
print(errors.table().tolist())  # ||W - W^|| / ||W||, layers x modules
*_, found = lm.layer_sensitivity(engine, text, {spec!r}, {mode!r})
print(found.mean_kl_bits.tolist(), found.whole.mean_kl_bits)

# Layer {layer} alone rounded, with transformers: each matrix is rounded and read back, the products are plain
{loading}
paths = [one.path for one in errors.matrices if one.layer == {index}]


def log_probs():
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[0].float()
    return torch.log_softmax(logits, -1).double()


own = log_probs()
for path in paths:
    module = model.get_submodule(path)
    rows = module.weight.detach().float().cpu().numpy()
    turned = type(module).__name__ == "Conv1D"  # GPT-2's, with inputs first
    back = lm.quantize_dequantize(rows.T if turned else rows, {spec!r})
    module.weight.data = torch.from_numpy(back.T if turned else back).to(module.weight)
changed = log_probs()
kl_bits = (own.exp() * (own - changed)).sum(1) / torch.log(torch.tensor(2.0))
print("layer {layer}", float(kl_bits.mean()))
"""


def require_few(enc: lm.Encoding) -> None:
    """End the block where the text is too long for a pass a layer, with a button that helps."""
    if len(enc) > MAX_TOKENS:
        raise TooLongError(
            f"The text has {len(enc):,} tokens; this page reads at most {MAX_TOKENS}, because it reads the text once "
            "for each layer: shorten the text.",
            Offer(f"Take the last {MAX_TOKENS} tokens", keep_last, ("text", enc.tokenizer, MAX_TOKENS)),
        )


def block_settings(spec: str) -> dict[str, object]:
    """The same format on One block by hand; nothing where that page has not got it."""
    chosen = lm.Precision.parse(spec)
    if chosen.weights not in SETTINGS["block_format"].options:
        return {}
    return {"block_format": chosen.weights, "block_double": chosen.double_quant}


def chosen_matrix(
    errors: lm.QuantizationErrors, effects: lm.LayerSensitivity | None, model: str, ids: tuple[int, ...]
) -> lm.MatrixError:
    """The matrix that is looked at: the one that was picked, else the one that costs most in the layer that does.

    While that is not known, the one with the largest error there.
    """
    by_path = {one.path: one for one in errors.matrices}
    if state.get("module") in by_path:
        return by_path[state.get("module")]
    inside = list(errors.matrices)
    if effects is not None and effects.is_complete:
        kl = effects.mean_kl_bits
        worst = effects.layers[int(kl.argmin() if effects.mode == "all_but" else kl.argmax())]
        inside = [one for one in errors.matrices if one.layer == worst]
        found = ask_matrices(model, errors.precision, ids, worst).latest
        if found is not None and found.is_complete:
            module = found.names[int(found.mean_kl_bits.argmax())]
            inside = [one for one in inside if one.module == module]
    return max(inside, key=lambda one: one.relative_error)


def draw_frame(described: lm.ModelDescription, spec: str) -> None:
    """The picture before the first number, so that the page is no empty hole while its work waits for its turn."""
    frame = empty_errors(described, spec)
    if frame.modules:
        rows, foot, mark = rows_of(frame, None, None, order="layer", shade="zero")
        columns = list(zip(short_names(frame.modules), frame.modules, strict=True))
        place, _ = st.columns([8, 5], gap="medium")
        with place:
            layer_rows(
                columns, rows, foot=foot, mark=mark, titles=TITLES, picked=(0, 0), key=f"{PICTURE}_frame",
                name="The layers of the model and their matrices; nothing is computed yet",
            )  # fmt: skip


bar = page_bar("layer_by_layer")
text = bar.text()
with bar.picks:
    spec = state.selectbox(
        "layers_format", "Format", format_func=lambda one: lm.Precision.parse(one).label, label_visibility="collapsed"
    )
model, _, engine = choose_model(bar, "none")
with bar.gear:
    state.segmented("layers_shade", "Shades of the cells", format_func=SHADES.__getitem__)

with show_errors():
    tok, described = engine.tokenizer, engine.describe()
    enc = encoding(tok, text, True, True)
    ids = readable(engine, enc)
    require_few(enc)
    mode = state.get("layers_mode")  # its control stands under the picture
    jobs = ask(model, spec, ids, mode)
    errors = jobs.errors.latest
    effects = None if jobs.layers is None else jobs.layers.latest
    kinds = None if jobs.kinds is None else jobs.kinds.latest
    finding(layers_finding(errors, effects))
    if errors is None:
        draw_frame(described, spec)
        watch_them(jobs)
        st.caption(method_words(described, None, len(ids), mode, spec))
        st.stop()
    chosen = chosen_matrix(errors, effects, model, ids)
    rows, foot, mark = rows_of(errors, effects, kinds, order=state.get("layers_order"), shade=state.get("layers_shade"))
    modules = errors.modules
    picture, beside = st.columns([8, 5], gap="medium")

    def take() -> None:
        """A cell or a bar was pressed: its matrix is chosen; of a bar, the one of the same name in its layer."""
        place = picked_place(PICTURE)
        if place is None or errors is None:
            return
        layer, column = place
        names = [modules[column]] if 0 <= column < len(modules) else [chosen.module]
        inside = [one for one in errors.matrices if one.layer == layer]
        found = next((one for one in inside if one.module in names), None) or next(iter(inside), None)
        if found is not None:
            state.put("module", found.path)

    with picture:
        column = modules.index(chosen.module) if chosen.module in modules else 0
        layer_rows(
            list(zip(short_names(modules), modules, strict=True)), rows, foot=foot, mark=mark,
            titles=TITLES,
            picked=(max(0, chosen.layer), column), key=PICTURE, on_pick=take,
            name=f"Relative error of every matrix in {lm.Precision.parse(spec).label}, and the effect of each layer",
        )  # fmt: skip
        watch_them(jobs)
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            state.segmented(
                "layers_mode", "Round", format_func=MODES.__getitem__,
                help="One layer and leave all others as they are, or all layers but one.",
            )  # fmt: skip
            state.segmented("layers_order", "Order", format_func=ORDERS.__getitem__)
        st.caption(method_words(described, effects, len(ids), mode, spec))
    with beside:
        st.subheader(f"Layer {chosen.layer + 1}, {chosen.module}" if chosen.layer >= 0 else chosen.path, anchor=False)
        # A pass that would go ahead of the first errors waits for them.
        given = {one.name: one for one in activations(model, ids).modules} if errors.is_complete else {}
        st.markdown(details.matrix_words(chosen, given.get(chosen.path), tok, ids))
        target = page("block")
        st.page_link(
            target.path, label="One block of this matrix by hand", icon=target.icon_shortcode,
            query_params=state.link_params(module=chosen.path, **block_settings(spec)),
        )  # fmt: skip
        if effects is not None and effects.is_complete and chosen.layer >= 0:
            layer = ask_matrices(model, spec, ids, chosen.layer)
            st.subheader(details.matrices_words(layer.latest, chosen.layer), anchor=False)
            if layer.latest is not None and layer.latest.effects:
                drawn = with_menu(details.matrices_bars(layer.latest, chosen.module))
                st.plotly_chart(drawn, width="stretch", config=PICTURE_MENU)
            watch(layer, lambda found: effects_done(found, "matrix", "matrices"))
            layer.result()  # raises what ended it

    if errors.is_complete:
        why, stream = st.columns(2, gap="medium")
        with why:
            finding(details.crest_words(errors))
            if any(one.crest == one.crest for one in errors.matrices):
                st.plotly_chart(
                    with_menu(details.crest_chart(errors, chosen.path)), width="stretch", config=PICTURE_MENU
                )
            st.caption(
                "One scale serves a whole block, and the largest weight sets it: the higher that peak stands above the "
                "rest, the coarser the steps for all others. Formats whose scales are powers of two or 8-bit numbers "
                "(MXFP4, NVFP4) round the scale too."
            )
        with stream, show_errors():
            largest = features(model, ids)
            finding(details.feature_words(largest))
            data_table(
                details.feature_table(largest, tok), hide_index=True, width="stretch", column_config=details.FORMATS
            )
            st.caption(
                "The stream that the layers read and add to, on this text. Massive: above 100 and at least 1,000 times "
                "the median magnitude of what the layer reads (Sun et al., 2024). What is lost in a matrix that writes "
                "such a dimension is large too, though its relative error is not."
            )

        st.header("Every layer", anchor=False)
        table = layer_table(errors, effects)
        data_table(table, hide_index=True, width="stretch", height=420, column_config=details.number_formats(table))
        take_away(
            "layer_by_layer", table,
            {
                "relative_error": (errors.table, f"float32 {errors.table().shape}, layers × modules"),
                "kl_bits": (lambda: kl_array(effects), "float64 (layers, tokens), in bits"),
            },
        )  # fmt: skip
    words_here("layer", "quantization", "precision")
    reproduce(
        CODE.format(
            model=model, text=as_code(text), spec=spec, mode=mode, loading=loading_code(described, ids),
            layer=max(0, chosen.layer) + 1, index=max(0, chosen.layer),
        )
    )  # fmt: skip
