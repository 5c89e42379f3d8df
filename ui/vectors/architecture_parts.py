"""A loaded model as boxes and terms: what `ui.components.architecture_view` draws, in the model's own numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import lmloupe as lm
from ui.base.words import counted
from ui.components.architecture_view import Half, Part
from ui.vectors.block_diagram import ACTIVATIONS, is_attention, is_out

__all__ = ["block_of", "halves", "in_block", "layers_sentence", "stack_of", "terms", "whole"]

MOST_PARTS = 8
_EXPERT = re.compile(r"\.experts\.\d+\.")
_LABELS = {
    "q_proj": "Q", "k_proj": "K", "v_proj": "V", "o_proj": "O", "out_proj": "O", "dense": "O", "qkv_proj": "QKV",
    "c_attn": "QKV", "query_key_value": "QKV", "Wqkv": "QKV", "gate_proj": "gate", "up_proj": "up", "down_proj": "down",
    "gate_up_proj": "gate + up", "c_fc": "up", "fc1": "up", "fc_in": "up", "fc2": "down", "fc_out": "down",
    "dense_h_to_4h": "up", "dense_4h_to_h": "down",
}  # fmt: skip


def stack_of(described: lm.ModelDescription) -> str:
    """Path of the list of blocks, with a dot at its end: ``model.layers.``."""
    return described.block.name.rsplit(".", 1)[0] + "."


def block_of(described: lm.ModelDescription, module: str) -> int | None:
    """The block, from 1, that a module belongs to; None for one outside of all blocks."""
    number = module.removeprefix(stack_of(described)).split(".")[0]
    return int(number) + 1 if module.startswith(stack_of(described)) and number.isdigit() else None


def in_block(described: lm.ModelDescription, block: int) -> list[lm.ModuleInfo]:
    """The modules with weights of a block, from 1."""
    start = f"{stack_of(described)}{block - 1}."
    return [module for module in described.modules if module.name.startswith(start)]


def whole(described: lm.ModelDescription) -> list[Part]:
    """The whole model: what comes before the blocks, all blocks together, what comes after them."""
    stack = stack_of(described)
    blocks = [module for module in described.modules if module.name.startswith(stack)]
    others = [module for module in described.modules if not module.name.startswith(stack)]
    parts = [_outside(module, described) for module in others[:MOST_PARTS]]
    n = sum(module.n_parameters for module in blocks)
    each = n / max(1, described.n_layers)
    among = Part(
        counted(described.n_layers, "block"),
        counted(described.n_layers, "block"),
        f"{_millions(n)} weights",
        n,
        f"Every text goes through them one after the other. They are built alike, {_millions(each)} weights each, and "
        "contain different numbers.",
        quantized=any(module.is_quantized for module in blocks),
        many=described.n_layers,
    )
    before = sum(module.name in _names_before(described) for module in others[:MOST_PARTS])
    return [*parts[:before], among, *parts[before:]]


def _names_before(described: lm.ModelDescription) -> set[str]:
    """What stands before the first block in the model's order."""
    found: set[str] = set()
    for module in described.modules:
        if module.name.startswith(stack_of(described)):
            break
        found.add(module.name)
    return found


def _outside(module: lm.ModuleInfo, described: lm.ModelDescription) -> Part:
    rows, leaf = module.shape[0] if module.shape else 0, module.name.rsplit(".", 1)[-1]
    size = " × ".join(f"{side:,}" for side in module.shape)
    label, about = leaf, "A matrix outside of the blocks."
    if module.n_parameters == 0:
        label, leaf, size = "output", f"{leaf} (tied)", f"{size}, shared"
        about = "The output matrix gives each token its score. In this model it is the embedding matrix itself "
        about += "(tied), so it takes no room."
    elif "Embedding" in module.kind and rows == described.vocab_rows:
        label = "embedding"
        about = f"The embedding matrix: one row of {module.shape[-1]:,} numbers for each of {rows:,} ids. "
        about += "A token's id picks its row."
    elif "Embedding" in module.kind:
        label = "positions"
        about = f"A second matrix with one row for each of {rows:,} positions, added to the token's row."
    elif rows == described.vocab_rows:
        label = "output"
        about = f"The output matrix compares the last state with {rows:,} rows: one score for each token."
    elif len(module.shape) < 2:
        label = "norm"
        about = "The final norm scales the last state before it is compared with the output matrix."
    return Part(label, leaf, size, module.n_parameters, about, module.is_quantized, module.name)


def layers_sentence(described: lm.ModelDescription) -> str:
    """What is counted where people speak of a model's layers: the blocks, not its embedding layers."""
    before = [module for module in described.modules if module.name in _names_before(described)]
    tokens = sum("Embedding" in module.kind and module.shape[0] == described.vocab_rows for module in before)
    others = sum("Embedding" in module.kind for module in before) - tokens
    also = f" and {counted(others, 'embedding layer')} for positions" if others else ""
    n = described.n_layers
    return (
        f"{counted(tokens, 'embedding layer')} for tokens{also}, then {counted(n, 'block')}: where a model is said to "
        f"have {counted(n, 'layer')}, its blocks are counted. No block has an embedding layer of its own."
    )


def halves(described: lm.ModelDescription, block: int) -> list[Half]:
    """Attention and MLP of a block, from 1; a half without matrices is left out."""
    modules = [module for module in in_block(described, block) if len(module.shape) >= 2]
    inside = [(module.name.removeprefix(f"{stack_of(described)}{block - 1}"), module) for module in modules]
    attention = [module for name, module in inside if is_attention(name)]
    mlp = [module for name, module in inside if not is_attention(name)]
    found = []
    if attention:
        boxes = tuple(_box(module, described, attention=True) for module in attention)
        found.append(Half("Attention", boxes, tuple(_attention_steps(described))))
    if mlp:
        found.append(Half("MLP", tuple(_with_experts(mlp, described)), tuple(_mlp_steps(described))))
    return found


def _with_experts(modules: Sequence[lm.ModuleInfo], described: lm.ModelDescription) -> list[Part]:
    """A box a matrix; experts that are modules of their own share one box."""
    experts = [module for module in modules if _EXPERT.search(module.name)]
    boxes = [_box(module, described, attention=False) for module in modules if module not in experts]
    if experts:
        n = sum(module.n_parameters for module in experts)
        boxes.append(
            Part(
                "experts", "all experts", f"{counted(len(experts), 'matrix', 'matrices')}, {_millions(n)} weights", n,
                "A mixture of experts: several MLPs side by side, of which a router chooses some for each token.",
                experts[0].is_quantized, experts[0].name, many=len(experts),
            )
        )  # fmt: skip
    return boxes


def _box(module: lm.ModuleInfo, described: lm.ModelDescription, *, attention: bool) -> Part:
    leaf = module.name.rsplit(".", 1)[-1]
    inputs, outputs = module.shape[-1], module.shape[-2]
    if module.kind == "Conv1D":  # GPT-2's, which keeps its weight the other way round
        inputs, outputs = outputs, inputs
    label = _LABELS.get(leaf, leaf)
    if leaf == "c_proj":
        label = "O" if attention else "down"
    if label == "O" and not attention:
        label = "down" if is_out(module.name) else leaf
    about = _about(label, inputs, outputs, described)
    if module.is_quantized:
        about += f" Stored in {module.dtype}, {module.bytes * 8 / max(1, module.n_parameters):.1f} bits a weight."
    size = f"{inputs:,} → {outputs:,}"
    return Part(label, leaf, size, module.n_parameters, about, module.is_quantized, module.name)


def _about(label: str, inputs: int, outputs: int, described: lm.ModelDescription) -> str:
    block = described.block
    heads = f"{counted(block.n_heads, 'head')} of {block.head_dim}"
    shared = f"{counted(block.n_kv_heads, 'head')} of {block.head_dim}"
    known = {
        "Q": f"Queries: what a token looks for in the tokens before it, {heads} numbers.",
        "K": f"Keys: by what a token is found, {shared} numbers.",
        "V": f"Values: what a token hands on to those that look at it, {shared} numbers.",
        "QKV": "Queries, keys and values in one matrix: what a token looks for, by what it is found, what it hands on.",
        "O": "Puts together what the heads have gathered, and adds it to the residual stream.",
        "gate": f"Gate: says for each of the {outputs:,} inner numbers how far it is let through.",
        "up": f"Up: widens each token from {inputs:,} to {outputs:,} numbers.",
        "gate + up": f"Gate and up in one matrix: {outputs // 2:,} numbers, and how far each is let through.",
        "down": f"Down: narrows the inner numbers back to {outputs:,} and adds them to the residual stream.",
    }
    return known.get(label, f"A matrix that makes {outputs:,} numbers of {inputs:,}.")


def _norm_step(described: lm.ModelDescription) -> list[tuple[str, str]]:
    kind = described.block.norm_kind
    if kind is None:
        return []
    how = "divides a token's numbers by their root mean square" if kind == "RMSNorm" else (
        "subtracts the mean of a token's numbers and divides by their standard deviation"
    )  # fmt: skip
    eps = described.block.norm_eps
    small = f" {eps:g} is added so that nothing is divided by zero." if eps is not None else ""
    return [(kind, f"{kind} {how}, then multiplies each with a learned weight.{small}")]


def _attention_steps(described: lm.ModelDescription) -> list[tuple[str, str]]:
    block = described.block
    steps = [*_norm_step(described), ("queries, keys, values", "Each token's numbers, multiplied with the matrices.")]
    if block.qk_norm:
        steps.append(("norm in each head", "Queries and keys are normed once more, head by head."))
    if block.position_kind == "rope":
        dims = f" in {block.rotary_dims} of {block.head_dim} dimensions" if block.rotary_dims else ""
        base = f" The base of its wavelengths is θ = {block.rope_theta:,.0f}." if block.rope_theta else ""
        steps.append(("RoPE", f"Rotary positions: queries and keys are turned{dims} by an angle that grows with the "
                      f"position, so that their product depends on how far apart they are.{base}"))  # fmt: skip
    elif block.position_kind == "alibi":
        steps.append(("ALiBi", "A penalty on the scores that grows with the distance between two tokens."))
    shared = block.n_heads // max(1, block.n_kv_heads)
    kind = "" if shared == 1 else f" {shared} query heads share one key-value head (grouped-query attention, GQA)."
    window = f" {counted(block.n_windowed_layers, 'layer')} of {described.n_layers} look back " \
        f"{block.sliding_window:,} tokens at most." if block.sliding_window else ""  # fmt: skip
    steps.append(
        (f"softmax in {counted(block.n_heads, 'head')}", "Query times key gives a score for each token before; softmax "
         f"makes shares of them that sum to 1, and the values are added up by these shares.{kind}{window}")
    )  # fmt: skip
    return [*steps, ("output", "The matrix O."), _residual(described)]


def _mlp_steps(described: lm.ModelDescription) -> list[tuple[str, str]]:
    block = described.block
    name = ACTIVATIONS.get(block.activation or "", block.activation or "activation")
    steps = [] if block.parallel_residual and block.n_norms == 1 else _norm_step(described)
    if block.n_experts:
        chosen = block.n_experts_per_token
        steps.append(("router", f"Chooses {chosen} of {block.n_experts} experts for each token."))
    if block.gated_mlp:
        known = {"SiLU": "SwiGLU", "GELU": "GEGLU", "GELU (tanh)": "GEGLU"}.get(name)
        called = f"{name}(gate) × up" + (f" ({known})" if known else "")
        about = f"{name} bends each gate number smoothly towards 0 when it is negative; the result multiplies up."
    else:
        called, about = name, f"{name} bends each inner number: without it, two matrices would be no more than one."
    inner = f"{block.intermediate_size:,} inner numbers" if block.intermediate_size else "inner numbers"
    steps += [(inner, "The MLP works on each token by itself, in a wider space."), (called, about)]
    return [*steps, ("down", "Back to the width of the stream."), _residual(described)]


def _residual(described: lm.ModelDescription) -> tuple[str, str]:
    said = f"The residual stream: {described.width:,} numbers for each token. Each half reads it and adds to it."
    if described.block.parallel_residual:
        said += " In this model both halves read the same input, side by side."
    return "+ residual stream", said


def terms(described: lm.ModelDescription, block: int) -> list[tuple[str, str]]:
    """Every term of the picture and what it means, once each, in the picture's order."""
    listed = [(part.name, part.about) for part in whole(described)]
    for half in halves(described, block):
        listed += [(part.name, part.about) for part in half.boxes] + list(half.steps)
    return list(dict(reversed(listed)).items())[::-1]


def _millions(n: float) -> str:
    return f"{n / 1e9:,.1f} billion" if n >= 1e9 else f"{n / 1e6:,.1f} million" if n >= 1e5 else f"{n:,.0f}"
