"""One decoder block as a drawing with the model's own numbers, SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

import lmloupe as lm
from ui.base import theme
from ui.base.words import counted

__all__ = ["ACTIVATIONS", "block_svg", "is_attention", "is_out"]

WIDTH, BOX, ROW = 760, 30, 18
_ATTENTION = re.compile(r"(^|\.)(self_attn|attn|attention|self_attention)\.")
_OUT = re.compile(r"(^|\.)(o_proj|c_proj|out_proj|dense|down_proj|dense_4h_to_h|fc2|w2|fc_out)$")
ACTIVATIONS = {"silu": "SiLU", "gelu": "GELU", "gelu_pytorch_tanh": "GELU (tanh)", "relu": "ReLU"}


def block_svg(described: lm.ModelDescription) -> str:
    """The block from top to bottom: the stream on the left, what attention and MLP read from it and add to it.

    Every number is read from the loaded model; what the model does not say is left out.
    """
    block = described.block
    modules = [m for m in described.modules if m.name.startswith(block.name + ".") and len(m.shape) == 2]
    attention = [m for m in modules if is_attention(m.name.removeprefix(block.name))]
    mlp = [m for m in modules if m not in attention]
    norm = _norm_words(described)
    parts: list[str] = []
    y = 46.0
    y = _part(parts, y, "Attention", norm, [m for m in attention if not is_out(m.name)], _attention_words(described),
              [m for m in attention if is_out(m.name)], described)  # fmt: skip
    if block.parallel_residual:
        parts.append(_text(110, y - 6, "parallel: the MLP reads the same input as attention", "quiet"))
        norm = norm if block.n_norms is None or block.n_norms > 1 else []
    y = _part(parts, y + 14, "MLP", norm, [m for m in mlp if not is_out(m.name)], _mlp_words(described),
              [m for m in mlp if is_out(m.name)], described)  # fmt: skip
    top = _text(20, 24, f"residual stream, {described.width} numbers a token", "strong")
    end = _text(20, y + 30, f"to the next of {counted(described.n_layers, 'block')}", "strong")
    stream = (
        f'<line x1="40" y1="36" x2="40" y2="{y + 12}" class="stream"/>'
        f'<path d="M33 {y + 6} L40 {y + 16} L47 {y + 6}" class="tip"/>'
    )
    height = y + 44
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
        f'<style>{_style()}</style><rect width="100%" height="100%" class="ground"/>'
        f"{stream}{top}{''.join(parts)}{end}</svg>"
    )


def is_attention(name: str) -> bool:
    """Whether a module belongs to attention, by its path within the block: ``.self_attn.q_proj``."""
    return _ATTENTION.search(name) is not None


def is_out(name: str) -> bool:
    """Whether a matrix writes into the residual stream, by its path."""
    return _OUT.search(name) is not None


def _style() -> str:
    ink, ground = theme.ink(), theme.ground()
    blue, orange = theme.token_tints()[0], theme.orange_fill()
    return (
        f"text{{font:13px sans-serif;fill:{ink}}}.strong{{font-weight:600}}"
        f".quiet{{font-size:12px;opacity:{theme.QUIET}}}"
        f".stream{{stroke:{theme.accent()};stroke-width:5}}.tip,.wire{{fill:none;stroke:{ink};stroke-width:1.3;opacity:.7}}"
        f".box{{fill:{blue};stroke:none}}.quantized{{fill:{orange};stroke:none}}.frame{{fill:none;stroke:{ink};opacity:.35}}"
        f".ground{{fill:{ground}}}.plus{{fill:{ground};stroke:{theme.accent()};stroke-width:3}}"
        f".step{{fill:none;stroke:{ink};opacity:.6;stroke-dasharray:4 3}}"
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _box(x: float, y: float, width: float, words: str, kind: str) -> str:
    middle = _text(x + width / 2, y + 20, words, "", "middle")
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="6" class="{kind}"/>{middle}'


def _matrices(modules: Sequence[lm.ModuleInfo], y: float) -> str:
    """Matrices side by side: name, and what goes in and comes out."""
    if not modules:
        return ""
    width = min(300.0, (WIDTH - 150 - 12 * (len(modules) - 1)) / len(modules))
    drawn = []
    for i, module in enumerate(modules):
        inputs, outputs = module.shape[1], module.shape[0]
        if module.kind == "Conv1D":  # GPT-2's, which keeps its weight the other way round
            inputs, outputs = outputs, inputs
        words = f"{module.name.rsplit('.', 1)[-1]}  {inputs}→{outputs}"
        kind = "quantized" if module.is_quantized else "box"
        drawn.append(_box(120 + i * (width + 12), y, width, words, kind))
    return "".join(drawn)


def _part(
    parts: list[str],
    y: float,
    title: str,
    norm: Sequence[str],
    into: Sequence[lm.ModuleInfo],
    words: Sequence[str],
    out: Sequence[lm.ModuleInfo],
    described: lm.ModelDescription,
) -> float:
    """One reader of the stream: norm, matrices in, what happens, matrix out, and the sum. Gives the y below it."""
    top = y
    parts.append(_text(120, y + 16, title, "strong"))
    y += 26
    for line in norm:
        parts.append(_box(120, y, 300, line, "step"))
        y += BOX + 8
    entry = top + 26 + BOX / 2
    parts.append(f'<path d="M40 {top + 10} H88 V{entry:g} H118" class="wire"/>')
    if norm:
        parts.append(f'<path d="M270 {y - 8} V{y}" class="wire"/>')
    parts.append(_matrices(into, y))
    y += BOX + 8
    for line in words:
        parts.append(_text(126, y + 13, line))
        y += ROW
    y += 6
    parts.append(_matrices(out, y))
    parts.append(f'<path d="M116 {y + 15} H52" class="wire"/><circle cx="40" cy="{y + 15}" r="11" class="plus"/>')
    parts.append(_text(40, y + 20, "+", "strong", "middle"))
    y += BOX + 12
    parts.append(f'<rect x="108" y="{top}" width="{WIDTH - 116}" height="{y - top}" rx="8" class="frame"/>')
    return y + 10


def _norm_words(described: lm.ModelDescription) -> list[str]:
    block = described.block
    if block.norm_kind is None:
        return []
    return [block.norm_kind + (f"  ε = {block.norm_eps:g}" if block.norm_eps is not None else "")]


def _attention_words(described: lm.ModelDescription) -> list[str]:
    block = described.block
    shared = block.n_heads // max(1, block.n_kv_heads)
    kind = "multi-head attention" if shared == 1 else "multi-query" if block.n_kv_heads == 1 else "grouped-query (GQA)"
    heads, shared_heads = counted(block.n_heads, "query head"), counted(block.n_kv_heads, "key-value head")
    words = [f"{heads} of {block.head_dim}, {shared_heads}: {kind}"]
    if shared > 1:
        words[0] += f", {shared} queries share one"
    if block.qk_norm:
        words.append("queries and keys are normed in each head")
    if block.position_kind == "rope":
        theta = f", θ = {block.rope_theta:,.0f}" if block.rope_theta else ""
        dims = f" in {block.rotary_dims} of {block.head_dim} dimensions" if block.rotary_dims else ""
        scaled = f", stretched: {block.rope_scaling}" if block.rope_scaling else ""
        factor = f" × {block.rope_factor:g}" if block.rope_factor else ""
        words.append(f"RoPE turns queries and keys by their position{dims}{theta}{scaled}{factor}")
    elif block.position_kind is not None:
        words.append({"learned": "positions: a learned matrix, added before the first block"}.get(
            block.position_kind, "positions: ALiBi, a penalty that grows with distance"))  # fmt: skip
    if block.sliding_window:
        words.append(
            f"{block.n_windowed_layers} of {counted(described.n_layers, 'layer')} look back "
            f"{block.sliding_window:,} tokens"
        )
    if block.biased:
        words.append(f"with a bias: {', '.join(name.rsplit('.', 1)[-1] for name in block.biased[:6])}")
    words.append("softmax over the tokens before; a weighted sum of their values")
    return words


def _mlp_words(described: lm.ModelDescription) -> list[str]:
    block = described.block
    name = ACTIVATIONS.get(block.activation or "", block.activation or "activation")
    if block.gated_mlp:
        known = {"SiLU": " (SwiGLU)", "GELU": " (GEGLU)", "GELU (tanh)": " (GEGLU)"}.get(name, "")
        words = [f"{name}(gate) × up{known}"]
    else:
        words = [f"{name} of each number"]
    if block.intermediate_size:
        words[0] += (
            f", {block.intermediate_size:,} wide, {block.intermediate_size / described.width:.3g} times the stream"
        )
    if block.n_experts:
        words.append(f"{counted(block.n_experts, 'expert')}, {block.n_experts_per_token} for each token")
    return words
