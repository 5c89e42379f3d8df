"""The sums behind a memory plan, written out: in words, and filled with one model's numbers."""

from __future__ import annotations

from dataclasses import dataclass

from lmloupe.model.precision import Precision
from lmloupe.planner.makeup import CacheGroup, Makeup, Weighed
from lmloupe.planner.storage import CODE_BITS, NESTED_BLOCK, SCALE_BITS, itemsize

__all__ = ["Counted", "Equation", "equations"]


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


@dataclass(frozen=True, slots=True)
class Counted:
    """The whole numbers of a plan, which its equations are filled with."""

    weighed: Weighed
    precision: Precision
    dtype: str
    context: int
    sequences: int
    piece: int
    cache: int
    work: int

    @property
    def total(self) -> int:
        """Weights, constants, cache and activations."""
        weights = self.weighed
        return weights.quantized_bytes + weights.other_bytes + weights.constants_bytes + self.cache + self.work


def equations(makeup: Makeup, counted: Counted) -> tuple[Equation, ...]:
    """All sums of a plan, in the order in which they build on each other."""
    item = itemsize(counted.dtype)
    found = [
        _parameters(makeup),
        *_weights(counted.weighed, counted.precision, item),
        _footprint(makeup, counted.weighed),
        _cache_token(makeup, item),
        _cache(makeup, counted, item),
        _activations(makeup, counted, item),
    ]
    total = counted.total
    weights = counted.weighed
    parts = (weights.quantized_bytes, weights.other_bytes, weights.constants_bytes, counted.cache, counted.work)
    per = CODE_BITS[counted.precision.weights] if counted.precision.is_quantized else 8 * item
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


def _weights(weighed: Weighed, precision: Precision, item: int) -> list[Equation]:
    bits = CODE_BITS[precision.weights]
    wide = f" + {weighed.float32_numbers:,} · 4" if weighed.float32_numbers else ""
    others = Equation(
        "unquantized",
        "Embeddings, output matrix, norms and biases" if weighed.n_matrices else "Weights",
        "other parameters · bytes" if weighed.n_matrices else "parameters · bytes",
        f"{weighed.other_numbers - weighed.float32_numbers:,} · {item}{wide}",
        weighed.other_bytes,
    )
    if not weighed.n_matrices:
        return [others]
    codes = Equation(
        "quantized",
        "Quantized matrices",
        "parameters in linear layers · bits / 8",
        f"{weighed.quantized_numbers:,} · {bits} / 8",
        weighed.quantized_bytes,
    )
    return [codes, others, _constants(weighed, precision)]


def _constants(weighed: Weighed, precision: Precision) -> Equation:
    weights, scales, matrices = precision.weights, weighed.n_scales, weighed.n_matrices
    bits = CODE_BITS[weights]
    if weights == "int8":
        symbolic, filled = "rows · 4", f"{scales:,} · 4"
        note = "One float32 scale for each row."
    elif weights in ("nf4", "fp4") and precision.double_quant:
        symbolic = f"blocks of 64 · 1 + blocks of {NESTED_BLOCK} scales · 4 + matrices · (64 + 1,028)"
        filled = f"{scales:,} · 1 + {weighed.n_nested:,} · 4 + {matrices:,} · (64 + 1,028)"
        note = "Scales of one byte, scales of scales, and two tables of what codes stand for beside every matrix."
    elif weights in ("nf4", "fp4"):
        symbolic, filled = "blocks of 64 · 4 + matrices · 64", f"{scales:,} · 4 + {matrices:,} · 64"
        note = "A float32 scale for each block, and a table of what the 16 codes stand for beside every matrix."
    else:
        whole = f" + {matrices:,} · 4" if weights == "nvfp4" else ""
        symbolic = f"blocks · {SCALE_BITS[weights]} / 8" + (" + matrices · 4" if whole else "")
        filled = f"{scales:,} · {SCALE_BITS[weights]} / 8{whole}"
        note = "What each block's codes are multiplied with."
    return Equation(
        "constants",
        "Quantization constants",
        symbolic,
        filled,
        weighed.constants_bytes,
        rule="left out" if bits < 16 else "",
        rule_value=0,
        note=note,
    )


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
        "Activations of a prefill",
        "piece · (8 · width + 3 · inner) · bytes + 6 · sequences · vocabulary · 4"
        + (" + largest matrix · bytes" if largest else ""),
        f"{counted.piece:,} · (8 · {makeup.width:,} + 3 · {makeup.inner:,}) · {item}"
        f" + 6 · {counted.sequences} · {makeup.vocab_rows:,} · 4{back}",
        counted.work,
        estimate=True,
        note=(
            "An estimate: the prompt is read in pieces, one sequence after another; states of one piece, the scores of "
            "the last position, and the largest quantized matrix while it is multiplied."
        ),
    )
