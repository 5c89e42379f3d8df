"""The sums behind a memory plan, written out: in words, and filled with one model's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.planner.counted import Counted
from lmloupe.planner.makeup import CacheGroup, Makeup, Weighed
from lmloupe.planner.storage import NESTED_BLOCK, Format, itemsize

__all__ = ["Equation", "equations"]


@dataclass(frozen=True, slots=True)
class Equation:
    """One sum.

    Attributes:
        key: ``"parameters"``, ``"quantized"``, ``"unquantized"``, ``"constants"``, ``"footprint"``, ``"cache_token"``,
            ``"cache"``, ``"activations"`` or ``"total"``.
        what: what it counts, for people.
        symbolic: in words: ``"2 · layers · kv_heads · head_dim · tokens · sequences · bytes"``.
        filled: the same with numbers: ``"2 · 32 · 8 · 128 · 4,096 · 1 · 2"``. Products by ``·``, quotients by ``/``.
        value: what comes out, exact but for activations.
        unit: ``"bytes"`` or ``"parameters"``.
        estimate: it is an estimate, as activations are.
        rule: the rule of thumb that people use instead, in words; empty without one.
        rule_filled: the same with numbers.
        rule_value: what the rule gives; None without one.
        note: what to know about it, in a sentence; may be empty.
    """

    key: str
    what: str
    symbolic: str
    filled: str
    value: int
    unit: str = "bytes"
    estimate: bool = False
    rule: str = ""
    rule_filled: str = ""
    rule_value: int | None = None
    note: str = ""


def equations(makeup: Makeup, counted: Counted) -> tuple[Equation, ...]:
    """All sums of a plan, in the order in which they build on each other."""
    item = itemsize(counted.dtype)
    found = [
        _parameters(makeup),
        *_weights(counted.weighed, counted.stored, item),
        _footprint(makeup, counted.weighed),
        _cache_token(makeup, item),
        _cache(makeup, counted, item),
        _activations(makeup, counted, item),
    ]
    total = counted.total
    weights = counted.weighed
    parts = (weights.quantized_bytes, weights.other_bytes, weights.constants_bytes, counted.cache, counted.work)
    per = counted.stored.bits if counted.stored else 8 * item
    found.append(
        Equation(
            "total",
            "Everything together",
            "quantized + unquantized + constants + cache + activations",
            " + ".join(f"{part:,}" for part in parts),
            total,
            estimate=True,
            rule="parameters · bits / 8 · 1.2",
            rule_filled=f"{makeup.n_parameters:,} · {per} / 8 · 1.2",
            rule_value=round(makeup.n_parameters * per / 8 * 1.2),
            note="The rule adds a fifth for everything else, whatever the context and however many people.",
        )
    )
    return tuple(found)


def _parameters(makeup: Makeup) -> Equation:
    sizes: dict[str, int] = {}
    for group in makeup.groups:
        sizes[group.role] = sizes.get(group.role, 0) + group.n_parameters
    return Equation(
        "parameters",
        "Parameters",
        " + ".join(sizes),
        " + ".join(f"{size:,}" for size in sizes.values()),
        makeup.n_parameters,
        "parameters",
        note="The output matrix is the embedding matrix and is counted once." if makeup.tied else "",
    )


def _weights(weighed: Weighed, stored: Format | None, item: int) -> list[Equation]:
    wide = f" + {weighed.float32_numbers:,} · 4" if weighed.float32_numbers else ""
    quantized = stored is not None and weighed.n_matrices > 0
    others = Equation(
        "unquantized",
        "Embeddings, output matrix, norms and biases" if quantized else "Weights",
        "other parameters · bytes" if quantized else "parameters · bytes",
        f"{weighed.other_numbers - weighed.float32_numbers:,} · {item}{wide}",
        weighed.other_bytes,
    )
    if stored is None or not weighed.n_matrices:
        return [others]
    codes = Equation(
        "quantized",
        "Quantized matrices",
        "parameters in linear layers · bits / 8",
        f"{weighed.quantized_numbers:,} · {stored.bits} / 8",
        weighed.quantized_bytes,
    )
    return [codes, others, _constants(weighed, stored)]


def _constants(weighed: Weighed, stored: Format) -> Equation:
    scales, matrices = weighed.n_scales, weighed.n_matrices
    blocks = f"blocks of {stored.block}" if stored.block and stored.rows == 1 else "tiles" if stored.block else "rows"
    terms = [(f"{blocks} · {_bytes(stored.scale_bits)}", f"{scales:,} · {_bytes(stored.scale_bits)}")]
    if stored.nested:
        terms.append((f"blocks of {NESTED_BLOCK} scales · 4", f"{weighed.n_nested:,} · 4"))
    if stored.column_bits:
        size = _bytes(stored.column_bits)
        terms.append((f"columns · {size}", f"{weighed.n_columns:,} · {size}"))
    beside = stored.book_bytes + stored.whole_bits // 8
    if beside:
        terms.append((f"matrices · {beside:,}", f"{matrices:,} · {beside:,}"))
    note = f"What the codes are multiplied with: {'one scale' if stored.block else 'a float32 scale'} for each "
    note += f"{'block' if stored.block else 'row'}."
    if stored.book_bytes:
        note += " Beside every matrix bitsandbytes keeps a table of what its codes stand for."
    return Equation(
        "constants",
        "Quantization constants",
        " + ".join(words for words, _ in terms),
        " + ".join(numbers for _, numbers in terms),
        weighed.constants_bytes,
        rule="left out",
        rule_value=0,
        note=note,
    )


def _bytes(bits: int) -> str:
    return str(bits // 8) if bits % 8 == 0 else f"{bits} / 8"


def _footprint(makeup: Makeup, weighed: Weighed) -> Equation:
    parts = [weighed.quantized_bytes, weighed.other_bytes, makeup.buffer_bytes]
    return Equation(
        "footprint",
        "Footprint without constants",
        "quantized + unquantized + buffers" if weighed.n_matrices else "weights + buffers",
        " + ".join(f"{part:,}" for part in (parts if weighed.n_matrices else parts[1:])),
        sum(parts),
        note="What transformers' get_memory_footprint() says: it leaves the constants out.",
    )


def _terms(makeup: Makeup, tokens: int | None, sequences: int, item: int) -> tuple[str, str]:
    """The cache as a sum over groups of layers, in words and numbers; of one token where none are given."""
    words: dict[str, None] = {}
    numbers = []
    for group in makeup.caches:
        kept = "tokens" if group.window is None else "min(tokens, window - 1)"
        tail = "" if tokens is None else f" · {kept} · sequences"
        filled = "" if tokens is None else f" · {group.kept(tokens):,} · {sequences}"
        if group.per_token:
            what, count = _one_token(group)
            words[f"{what}{tail} · bytes"] = None
            numbers.append(f"{count}{filled} · {item}")
        if tokens is None:
            continue
        for state, size in ((group.state, item), (group.state_float32, 4)):
            if state:
                words["layers · state · sequences · bytes"] = None
                numbers.append(f"{group.layers} · {state:,} · {sequences} · {size}")
    return " + ".join(words) or "nothing", " + ".join(numbers) or "0"


def _one_token(group: CacheGroup) -> tuple[str, str]:
    if group.n_kv_heads and group.per_token == group.n_kv_heads * (group.key_width + group.value_width):
        if group.key_width == group.value_width:
            return "2 · layers · kv_heads · head_dim", f"2 · {group.layers} · {group.n_kv_heads} · {group.key_width}"
        widths = f"({group.key_width} + {group.value_width})"
        return "layers · kv_heads · (key_dim + value_dim)", f"{group.layers} · {group.n_kv_heads} · {widths}"
    return f"layers · {'latent' if group.kind == 'latent' else 'numbers'}", f"{group.layers} · {group.per_token:,}"


def _cache_token(makeup: Makeup, item: int) -> Equation:
    words, numbers = _terms(makeup, None, 1, item)
    every_head = 2 * makeup.n_layers * makeup.width * item
    return Equation(
        "cache_token",
        "KV cache of one token",
        words,
        numbers,
        makeup.token_bytes(item),
        rule="2 · layers · width · bytes",
        rule_filled=f"2 · {makeup.n_layers} · {makeup.width:,} · {item}",
        rule_value=every_head,
        note=_cache_note(makeup),
    )


def _cache_note(makeup: Makeup) -> str:
    kinds = {group.kind: group for group in makeup.caches}
    if not kinds:
        return "This model caches nothing."
    if set(kinds) == {"state"}:
        return "Its layers keep a state of a fixed size, however long the text is."
    if "latent" in kinds:
        return "Kept is a short vector that keys and values are multiplied out of."
    notes = []
    if 0 < makeup.n_kv_heads < makeup.n_heads:
        notes.append(
            f"{makeup.n_heads} query heads share {makeup.n_kv_heads} heads of keys and values; "
            "the rule of thumb forgets that."
        )
    if "sliding" in kinds:
        windowed = sum(group.layers for group in makeup.caches if group.kind == "sliding")
        notes.append(f"{windowed} of {makeup.n_layers} layers keep the last {kinds['sliding'].window:,} tokens only.")
    if "other" in kinds:
        notes.append("A layer of this model grows otherwise than by the token: an estimate for long texts.")
    return " ".join(notes)


def _cache(makeup: Makeup, counted: Counted, item: int) -> Equation:
    words, numbers = _terms(makeup, counted.context, counted.sequences, item)
    every_head = 2 * makeup.n_layers * makeup.width * counted.context * counted.sequences * item
    return Equation(
        "cache",
        "KV cache",
        words,
        numbers,
        counted.cache,
        rule="2 · layers · width · tokens · sequences · bytes",
        rule_filled=(f"2 · {makeup.n_layers} · {makeup.width:,} · {counted.context:,} · {counted.sequences} · {item}"),
        rule_value=every_head,
    )


def _activations(makeup: Makeup, counted: Counted, item: int) -> Equation:
    largest = counted.weighed.largest
    back = f" + {largest:,} · {item}" if largest else ""
    return Equation(
        "activations",
        "Activations while the prompt is read (prefill)",
        "piece · (8 · width + 3 · inner) · bytes + 6 · sequences · vocabulary · 4"
        + (" + largest matrix · bytes" if largest else ""),
        f"{min(counted.context, counted.longest):,} · (8 · {makeup.width:,} + 3 · {makeup.inner:,}) · {item}"
        f" + 6 · {counted.sequences} · {makeup.vocab_rows:,} · 4{back}",
        counted.work,
        estimate=True,
        note=(
            "An estimate: the prompt is read in pieces, one sequence after another; states of one piece, the scores of "
            "the last position, and the largest quantized matrix while it is multiplied."
        ),
    )
