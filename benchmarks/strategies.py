"""Beam search against transformers' own: the same model, prompt, beams and number of tokens."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Row, paired, skipped
from benchmarks.model import MODEL, PROMPT, generate_of_transformers, never_ending

N_NEW = 24
N_BEAMS = 4
TARGET = 1.15


def rows() -> list[Row]:
    """A beam search of four."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("beam search", str(error))]
    engine = lm.load_engine(MODEL, quantization="none")
    with never_ending(engine):
        return [beam_search(engine, engine.input_ids(PROMPT))]


def beam_search(engine: Any, ids: Any, n_new: int = N_NEW, rounds: int = 3) -> Row:
    """All steps of a search that no end token ends, what each kept and dropped included."""

    def ours() -> list[int]:
        *_, last = engine.beam_search(ids, N_BEAMS, n_new)
        found: list[int] = last.finished[0].token_ids.tolist()
        return found

    floor = generate_of_transformers(engine, ids, n_new, num_beams=N_BEAMS, do_sample=False)
    assert ours() == floor(), "the texts differ, so the times do not compare"
    got = paired(ours, floor, rounds=rounds)
    return Row(
        f"beam search of {N_BEAMS}, {n_new} tokens after {len(ids)}",
        got.ours_s,
        got.floor_s,
        f"model.generate(num_beams={N_BEAMS})",
        ratio=got.ratio,
        target=TARGET,
    )
