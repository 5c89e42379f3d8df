"""Layer by layer as a picture: its rows, and the sentences that say what is on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.words import counted
from ui.components.layer_rows import Cell, LayerRow, Mark
from ui.state.settings import EMBEDDED_MODEL
from ui.vectors.architecture_parts import stack_of

__all__ = [
    "bits",
    "empty_errors",
    "errors_words",
    "kl_array",
    "layer_table",
    "layers_finding",
    "method_words",
    "row_order",
    "rows_of",
    "short_names",
    "sum_words",
]


def bits(value: float) -> str:
    """A divergence with three figures: bits of a good quantization are thousandths.

    >>> bits(0.0681), bits(1.234), bits(0.00071), bits(0), bits(2e-6)
    ('0.068', '1.23', '0.0007', '0', '2e-06')
    """
    if value == 0:
        return "0"
    if value >= 0.9995:
        return f"{value:.2f}"
    if value >= 0.00995:
        return f"{value:.3f}"
    return f"{value:.4f}" if value >= 0.00005 else f"{value:.0e}"


def error_percent(share: float) -> str:
    """A relative error in percent with two figures.

    >>> error_percent(0.0921), error_percent(0.00766), error_percent(0.127)
    ('9.2', '0.77', '12.7')
    """
    return f"{100 * share:.1f}" if share >= 0.00995 else f"{100 * share:.2f}"


def short_names(modules: Sequence[str]) -> list[str]:
    """Names that fit over a column, as short as they can be and still differ.

    >>> short_names(["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"])
    ['q', 'o', 'gate', 'down']
    >>> short_names(["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])
    ['c_attn', 'attn.c', 'c_fc', 'mlp.c']
    """
    plain = [module.removesuffix("_proj") for module in modules]
    found = []
    for name in plain:
        parts = name.split(".")
        endings = [".".join(parts[i:]) for i in range(len(parts) - 1, -1, -1)]
        alone = (ending for ending in endings if sum(f".{one}".endswith(f".{ending}") for one in plain) == 1)
        found.append(next(alone, name))
    return found


def _label(spec: str) -> str:
    return lm.Precision.parse(spec).label


def errors_words(errors: lm.QuantizationErrors | None) -> str:
    """How far the matrices are moved, the beginning of a sentence."""
    if errors is None or not errors.matrices:
        return "Rounding the matrices …"
    found = [one.relative_error for one in errors.matrices]
    least, most = error_percent(min(found)), error_percent(max(found))
    between = f"{most}%" if least == most else f"{least}% to {most}%"
    so_far = "the first matrix" if len(found) == 1 else f"the {len(found):,} matrices so far"
    which = "every matrix" if errors.is_complete else so_far
    return f"{_label(errors.precision)} changes {which} by {between}"


def empty_errors(described: lm.ModelDescription, spec: str) -> lm.QuantizationErrors:
    """The report before its first matrix: the layers and the names of the matrices that are to come."""
    stack = stack_of(described)
    names = [
        module.name.removeprefix(stack).split(".", 1)[-1]
        for module in described.modules
        if module.name.startswith(stack) and len(module.shape) == 2
    ]
    return lm.QuantizationErrors(
        precision=spec,
        stack=stack.removesuffix("."),
        n_layers=described.n_layers,
        modules=tuple(dict.fromkeys(names)),
        n_matrices=len(names) or 1,
        matrices=(),
    )


def layers_finding(errors: lm.QuantizationErrors | None, effects: lm.LayerSensitivity | None) -> str:
    """The heading of the picture, true while it is computed, and for ties."""
    first = errors_words(errors)
    n = 0 if effects is None else len(effects.effects)
    if effects is None or n == 0:
        return first
    kl = effects.mean_kl_bits
    so_far = "" if effects.is_complete else f"so far, of {n} of {counted(len(effects.names), 'layer')}, "
    best, worst = int(kl.argmin()), int(kl.argmax())
    layer, least = effects.layers[worst] + 1, effects.layers[best] + 1
    join = "; " if so_far else ", but "
    if effects.mode == "all_but":
        layer = effects.layers[best] + 1
        if effects.whole is not None and kl[best] >= effects.whole.mean_kl_bits:
            return f"{first}; {so_far}sparing one layer brings nothing: {bits(effects.whole.mean_kl_bits)} bits remain"
        return (
            f"{first}; {so_far}sparing layer {layer} brings most: {bits(float(kl[best]))} of "
            f"{bits(effects.whole.mean_kl_bits if effects.whole else 0.0)} bits remain"
        )
    if float(kl[worst]) == 0:
        return f"{first}; {so_far}no layer changes the predictions"
    if n == 1:
        return f"{first}; {so_far}layer {layer} alone costs {bits(float(kl[worst]))} bits"
    if bits(float(kl[worst])) == bits(float(kl[best])):
        return f"{first}; {so_far}each layer alone costs {bits(float(kl[worst]))} bits"
    return (
        f"{first}{join}{so_far}layer {layer} alone costs {bits(float(kl[worst]))} bits and layer {least} only "
        f"{bits(float(kl[best]))}"
    )


def sum_words(effects: lm.LayerSensitivity | None) -> str:
    """The layers one by one against all at once; empty before both are known."""
    if effects is None or effects.whole is None or not effects.is_complete or effects.mode != "only":
        return ""
    total, whole = float(effects.mean_kl_bits.sum()), effects.whole.mean_kl_bits
    return (
        f"The {counted(len(effects.names), 'layer')} one by one add up to {bits(total)} bits; all rounded at once "
        f"they cost {bits(whole)}."
    )


def method_words(
    described: lm.ModelDescription, effects: lm.LayerSensitivity | None, n: int, mode: str, spec: str
) -> str:
    """What the numbers are, as Markdown."""
    chosen, dtype = lm.Precision.parse(spec), described.compute_dtype
    which = "one layer rounded, all others as they are" if mode == "only" else "all layers rounded but one"
    said = [
        "Left: ‖W − Ŵ‖ / ‖W‖, where Ŵ is what comes back of the rounded matrix W, and ‖ ‖ is the root of the sum of "
        "all squares. Right: Kullback-Leibler divergence (KL) of the next-token distributions from the model's own, "
        f"mean over {counted(n, 'token')}, {which}; 0 bits is the same distribution. In the last line one kind of "
        "matrix in all layers, and everything.",
        sum_words(effects),
    ]
    if mode == "all_but":
        said.append("The dashed line is the whole model rounded.")
    if chosen.is_quantized:
        whose = "the format's own kernel is not run" if chosen.is_simulated else "bitsandbytes' kernel is not run"
        also = "; of LLM.int8() only the weights are rounded, not the activations" if spec == "int8" else ""
        said.append(f"Products are those of plain {dtype} numbers: {whose}{also}.")
    if described.name == EMBEDDED_MODEL:
        said.append(
            f"The baseline is {dtype} numbers that were computed from a published {described.published_as} file "
            "(code × scale + minimum): these weights have been rounded once before, and this is a second rounding."
        )
    elif described.published_as:
        said.append(f"The baseline is the model in {dtype}; its weights were published as {described.published_as}.")
    return escape_markdown(" ".join(filter(None, said)))


def row_order(n_layers: int, effects: lm.LayerSensitivity | None, order: str) -> list[int]:
    """Layers from the top: as in the model, or the one with the largest effect first, those not yet computed last."""
    if order == "layer" or effects is None:
        return list(range(n_layers))
    known = dict(zip(effects.layers, effects.mean_kl_bits.tolist(), strict=False))
    sign = 1 if effects.mode == "all_but" else -1
    return sorted(range(n_layers), key=lambda layer: (layer not in known, sign * known.get(layer, 0.0), layer))


def _axis(effects: lm.LayerSensitivity | None) -> float:
    """Where the axis of the bars ends: at the longest of the layers; with all but one rounded, at the whole's too."""
    if effects is None or effects.whole is None:
        return 1.0
    found = effects.mean_kl_bits.tolist()
    if effects.mode == "all_but" or not found:
        found = [*found, effects.whole.mean_kl_bits]
    return max(found) or 1.0


def rows_of(
    errors: lm.QuantizationErrors,
    effects: lm.LayerSensitivity | None,
    kinds: lm.LayerSensitivity | None,
    *,
    order: str,
    shade: str,
) -> tuple[list[LayerRow], tuple[str, list[Mark | None], Mark | None], float | None]:
    """What `layer_rows` draws: rows, foot, and where the line of the whole model stands."""
    there = {(one.layer, one.module): one for one in errors.matrices}
    known = [one.relative_error for one in errors.matrices]
    low = min(known, default=0.0) if shade == "least" else 0.0
    span = (max(known, default=1.0) - low) or 1.0
    wanted = {} if effects is None else dict(zip(effects.layers, effects.effects, strict=False))
    axis = _axis(effects)

    def cell(layer: int, module: str) -> Cell | None:
        one = there.get((layer, module))
        if one is None:
            return None if errors.is_complete else Cell(None, "", f"Layer {layer + 1}, {module}: not computed yet")
        says = (
            f"Layer {layer + 1}, {module}: error {100 * one.relative_error:.3g}% of the matrix ({one.snr_db:.1f} dB), "
            f"largest {one.largest_error:.3g}; {one.shape[0]:,} × {one.shape[1]:,} weights"
        )
        return Cell((one.relative_error - low) / span, error_percent(one.relative_error), says)

    rows = [
        LayerRow(
            label=str(layer + 1),
            layer=layer,
            cells=tuple(cell(layer, module) for module in errors.modules),
            bar=_bar(wanted.get(layer), axis, _who(layer, effects)),
        )
        for layer in row_order(errors.n_layers, effects, order)
    ]
    whole = None if effects is None else effects.whole
    mark = (
        whole.mean_kl_bits / axis if whole is not None and effects is not None and effects.mode == "all_but" else None
    )
    return rows, ("All", _kind_marks(errors, kinds), _bar(whole, axis, "All layers rounded")), mark


def _who(layer: int, effects: lm.LayerSensitivity | None) -> str:
    if effects is not None and effects.mode == "all_but":
        return f"All layers but {layer + 1} rounded"
    return f"Layer {layer + 1} alone rounded"


def _bar(effect: lm.Effect | None, axis: float, who: str) -> Mark | None:
    return None if effect is None else Mark(effect.mean_kl_bits / axis, bits(effect.mean_kl_bits), says(effect, who))


def says(effect: lm.Effect, who: str) -> str:
    """An effect in words."""
    n, changed = len(effect.top_changed), int(effect.top_changed.sum())
    ratio = effect.ln_ppl_ratio
    perplexity = "" if ratio is None else f", ln(perplexity ratio) {ratio:+.4f}"
    places = "position" if n == 1 else "positions"
    return (
        f"{who}: {bits(effect.mean_kl_bits)} bits on average, another top token at {changed:,} of {n:,} {places}"
        f"{perplexity}"
    )


def _kind_marks(errors: lm.QuantizationErrors, kinds: lm.LayerSensitivity | None) -> list[Mark | None]:
    if kinds is None:
        return [None] * len(errors.modules)
    found = dict(zip(kinds.names, kinds.effects, strict=False))
    most = max((effect.mean_kl_bits for effect in found.values()), default=0.0) or 1.0
    return [_bar(found.get(module), most, f"{module} of all layers rounded") for module in errors.modules]


def layer_table(errors: lm.QuantizationErrors, effects: lm.LayerSensitivity | None) -> pd.DataFrame:
    """The picture as a table: a row for each layer, errors in percent, effects in bits and shares."""
    table = pd.DataFrame({"Layer": np.arange(1, errors.n_layers + 1)})
    for module, column in zip(errors.modules, errors.table().T, strict=True):
        table[f"{module} (error, %)"] = 100 * column
    if effects is not None:
        found = dict(zip(effects.layers, effects.effects, strict=False))
        each = [found.get(layer) for layer in range(errors.n_layers)]
        table["KL (bits)"] = [np.nan if one is None else one.mean_kl_bits for one in each]
        table["Top token changed (%)"] = [np.nan if one is None else 100 * one.changed_top_share for one in each]
        table["ln(PPL ratio)"] = [np.nan if one is None else one.ln_ppl_ratio for one in each]
    return table


def kl_array(effects: lm.LayerSensitivity | None) -> NDArray[np.float64]:
    """Divergences of all layers that are computed, float64 (layers, n)."""
    rows = () if effects is None else effects.effects
    return np.stack([one.kl_bits for one in rows]) if rows else np.empty((0, 0))
