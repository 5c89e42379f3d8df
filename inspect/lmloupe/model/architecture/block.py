"""What a loaded model is built of: every module in a tree, and one decoder block in numbers."""

from __future__ import annotations

from typing import Any

from torch import nn

from lmloupe.model.architecture.results import BlockFacts, ModuleInfo, ModuleNode
from lmloupe.model.passes.config_sizes import layer_count, setting

__all__ = ["block_facts", "module_tree"]


_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")


def module_tree(model: nn.Module, infos: tuple[ModuleInfo, ...]) -> tuple[ModuleNode, ...]:
    """Every module, a parent before its children, with sums over what lies below it.

    Args:
        model: the loaded model.
        infos: of the modules that own parameters, from `lmloupe.model.architecture.describe.module_infos`.
    """
    own = {info.name: info for info in infos}
    numbers: dict[str, list[int]] = {}
    for info in infos:
        name = info.name
        while True:
            total = numbers.setdefault(name, [0, 0, 0])
            for i, value in enumerate((info.n_parameters, info.bytes, int(info.is_quantized))):
                total[i] += value
            if not name:
                break
            name = name.rpartition(".")[0]
    nodes = []
    for name, module in model.named_modules():
        mine = own.get(name)
        n_parameters, n_bytes, n_quantized = numbers.get(name, (0, 0, 0))
        nodes.append(
            ModuleNode(
                name=name,
                parent=name.rpartition(".")[0] if name else None,
                kind=type(module).__name__,
                shape=mine.shape if mine else (),
                n_parameters=n_parameters,
                dtype=mine.dtype if mine else "",
                bytes=n_bytes,
                is_quantized=n_quantized > 0,
                n_children=sum(1 for _ in module.named_children()),
            )
        )
    return tuple(nodes)


def _first_block(model: nn.Module, blocks: nn.ModuleList | None) -> tuple[str, nn.Module]:
    """The first of the blocks; the model itself where they were not found."""
    if blocks is None:
        return "", model
    return next((name, module) for name, module in model.named_modules() if module is blocks[0])


def _norm(block: nn.Module, width: int) -> tuple[str | None, float | None, int | None]:
    norms = [m for m in block.children() if "Norm" in type(m).__name__ and _size(m) in (width, None)]
    if not norms:
        return None, None, None
    kind = type(norms[0]).__name__
    named = "RMSNorm" if "RMS" in kind else "LayerNorm" if "LayerNorm" in kind else kind
    eps = setting(norms[0], "variance_epsilon", "eps", "epsilon")
    return named, None if eps is None else float(eps), len(norms)


def _size(norm: nn.Module) -> int | None:
    weight = getattr(norm, "weight", None)
    return None if weight is None else int(weight.shape[-1])


def _child(block: nn.Module, *words: str) -> nn.Module | None:
    """The block's own child with modules of its own whose name or class has one of these words and is not a norm."""
    for name, module in block.named_children():
        label = f"{name} {type(module).__name__}".lower()
        if "norm" not in label and any(module.children()) and any(word in label for word in words):
            return module
    return None


def _linear_shapes(module: nn.Module) -> list[tuple[int, int]]:
    """(outputs, inputs) of every linear module in it; transformers' Conv1D keeps its weight the other way round."""
    shapes = []
    for part in module.modules():
        if isinstance(part, nn.Linear):
            shapes.append((part.out_features, part.in_features))
        elif type(part).__name__ == "Conv1D":
            shapes.append((int(part.weight.shape[1]), int(part.weight.shape[0])))  # type: ignore[index]
    return shapes


def _mlp(block: nn.Module, width: int, config: Any) -> tuple[bool | None, int | None]:
    """Gated or not, and the inner width, by the shapes: a gate doubles what goes in."""
    # OPT's two matrices lie in the block itself.
    mlp = _child(block, "mlp", "feed_forward", "ffn", "moe") or nn.ModuleList(
        part for part in block.children() if isinstance(part, nn.Linear)
    )
    inner: int | None = setting(config, "decoder_ffn_dim", "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
    shapes = _linear_shapes(mlp)
    back = [inputs for outputs, inputs in shapes if outputs == width and inputs != width] or [
        inputs for outputs, inputs in shapes if outputs == width
    ]
    if setting(config, *_EXPERTS) or not back:
        return None, inner
    forth = sum(outputs for outputs, inputs in shapes if inputs == width) - (width if back[0] == width else 0)
    return forth == 2 * back[0], back[0]


def _position(model: Any, config: Any) -> dict[str, Any]:
    """How the model knows where a token stands."""
    facts: dict[str, Any] = dict.fromkeys(("position_kind", "rope_theta", "rope_scaling", "rope_factor", "rotary_dims"))
    frequencies = [buffer for name, buffer in model.named_buffers() if name.endswith("inv_freq")]
    said = setting(config, "rope_parameters")
    rotary_dim = setting(config, "rotary_dim")
    if frequencies or said or rotary_dim:
        rope = said if isinstance(said, dict) else {}
        kinds = [value for value in rope.values() if isinstance(value, dict)]
        if kinds:  # one set for each kind of layer: take those that see everything
            rope = rope.get("full_attention") or kinds[0]
        kind = rope.get("rope_type")
        facts |= {
            "position_kind": "rope",
            "rope_theta": rope.get("rope_theta") or setting(config, "rope_theta"),
            "rope_scaling": None if kind in (None, "default") else kind,
            "rope_factor": rope.get("factor"),
            "rotary_dims": 2 * len(frequencies[0]) if frequencies else rotary_dim,
        }
    elif getattr(config, "alibi", False) or any("alibi" in name for name in dir(type(model.base_model))):
        facts["position_kind"] = "alibi"
    elif sum(isinstance(m, nn.Embedding) for m in model.modules()) > 1:
        facts["position_kind"] = "learned"
    return facts


def _parallel(config: Any, n_norms: int | None) -> bool | None:
    said = setting(config, "use_parallel_residual", "parallel_attn")
    if said is not None:
        return bool(said) or bool(getattr(config, "new_decoder_architecture", False))
    # One norm feeds both where they run side by side (GPT-J, Phi, Cohere).
    return None if n_norms is None else n_norms == 1


def _window(config: Any, n_layers: int) -> tuple[int | None, int]:
    size = setting(config, "sliding_window")
    if not isinstance(size, int) or getattr(config, "use_sliding_window", True) is False:
        return None, 0
    kinds = setting(config, "layer_types")
    n = n_layers if not kinds else sum(kind == "sliding_attention" for kind in kinds)
    return (size, n) if n else (None, 0)


def block_facts(
    model: Any, blocks: nn.ModuleList | None, *, n_heads: int, n_kv_heads: int, head_dim: int, tied_embeddings: bool
) -> BlockFacts:
    """One decoder block of a loaded model, by its modules first and its config where those do not say.

    Args:
        model: the loaded model.
        blocks: its blocks, from `lmloupe.model.passes.blocks.find_blocks`.
        n_heads: of the queries.
        n_kv_heads: of keys and values.
        head_dim: width of one head.
        tied_embeddings: the output matrix is the input matrix.
    """
    config = model.config.get_text_config()
    width, n_layers = config.hidden_size, layer_count(config)
    name, block = _first_block(model, blocks)
    norm_kind, norm_eps, n_norms = _norm(block, width)
    attention = _child(block, "attn", "attention")
    gated, inner = _mlp(block, width, config)
    biased = tuple(
        path
        for path, part in block.named_modules()
        if (isinstance(part, nn.Linear) or type(part).__name__ == "Conv1D") and part.bias is not None
    )
    own = {id(part) for part in attention.modules()} if attention is not None else set()
    normed = attention is not None and any("norm" in n for n, _ in attention.named_modules())
    window, n_windowed = _window(config, n_layers)
    return BlockFacts(
        name=name,
        kind=type(block).__name__,
        norm_kind=norm_kind,
        norm_eps=norm_eps,
        n_norms=n_norms,
        activation=setting(config, "hidden_act", "hidden_activation", "activation_function"),
        gated_mlp=gated,
        intermediate_size=inner,
        n_experts=None if setting(config, "enable_moe_block") is False else setting(config, *_EXPERTS),
        n_experts_per_token=setting(config, "num_experts_per_tok", "moe_topk", "moe_k"),
        **_position(model, config),
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        attention_bias=None if attention is None else any(id(block.get_submodule(path)) in own for path in biased),
        biased=biased,
        qk_norm=None if attention is None else normed,
        sliding_window=window,
        n_windowed_layers=n_windowed,
        tied_embeddings=tied_embeddings,
        parallel_residual=None if attention is None else _parallel(config, n_norms),
    )
