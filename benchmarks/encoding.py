"""`lmloupe.encode` of a megabyte against ``tokenizers`` alone."""

from __future__ import annotations

from functools import partial

from benchmarks.harness import Row, paired, together
from benchmarks.text import mixed_text

FAMILIES = ("llama-3.1", "phi-3", "qwen2", "starcoder2")
N_BYTES = 1_000_000
TARGET = 1.5


def rows(n_bytes: int = N_BYTES, rounds: int = 3) -> list[Row]:
    """All four families, and each alone."""
    import lmloupe as lm

    text = mixed_text(n_bytes)
    tokenizers = {name: lm.load_tokenizer(name) for name in FAMILIES}

    def ours(name: str) -> None:
        lm.encode(tokenizers[name], text)

    def floor(name: str) -> None:
        raw = tokenizers[name].backend.encode(text, add_special_tokens=False)
        assert raw.ids
        assert raw.offsets

    parts = {name: paired(partial(ours, name), partial(floor, name), rounds=rounds) for name in FAMILIES}
    total = together(list(parts.values()))
    held = "tokenizers: encode, .ids, .offsets"
    return [
        Row(
            f"encode {n_bytes / 1e6:g} MB, all four",
            sum(got.ours_s for got in parts.values()),
            sum(got.floor_s for got in parts.values()),
            held,
            ratio=total.ratio,
            target=TARGET,
        ),
        *(Row(f"  {name}", got.ours_s, got.floor_s, held, ratio=got.ratio) for name, got in parts.items()),
    ]
