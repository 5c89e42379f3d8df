"""What is computed inside a model: the logit lens against its bare product, generation with records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.harness import Row, paired, rate, skipped
from benchmarks.model import MODEL, N_NEW, PROMPT, forget, generate_of_transformers, never_ending, on_worker

N_POSITIONS = 200
TARGET_LENS = 1.3
TARGET_GENERATE = 0.7


def rows() -> list[Row]:
    """Lens over all layers and positions; generate with top ten, entropy and lens."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("lens, generate with records", str(error))]
    engine = lm.load_engine(MODEL)
    ids = engine.input_ids(PROMPT * 6)[:N_POSITIONS]
    with never_ending(engine):
        return [lens(engine, ids), generate(engine, engine.input_ids(PROMPT))]


def passes_of(engine: Any, function: Callable[[], Any]) -> int:
    """How often the model's layers run while a function does."""
    passes: list[int] = []
    handle = engine.loaded.model.base_model.register_forward_hook(lambda *_: passes.append(1))
    try:
        function()
    finally:
        handle.remove()
    return len(passes)


def lens(engine: Any, ids: Any, rounds: int = 5) -> Row:
    """The pass is kept from the warm-up on, on both sides: what is compared is norm, product and reduction."""
    import torch

    described = engine.describe()
    head = engine.loaded.model.get_output_embeddings()
    one = torch.randn(len(ids), described.width, dtype=head.weight.dtype, device=head.weight.device)

    def products() -> None:
        for _ in range(described.n_layers + 1):
            head(one)

    engine.logit_lens(ids)
    assert passes_of(engine, lambda: engine.logit_lens(ids)) == 0, "the layers ran again"
    got = paired(lambda: engine.logit_lens(ids), on_worker(engine, products), rounds=rounds)
    return Row(
        f"logit_lens, {described.n_layers + 1} rows of {len(ids)} positions",
        got.ours_s,
        got.floor_s,
        "the output matrix times as many states",
        ratio=got.ratio,
        target=TARGET_LENS,
    )


def generate(engine: Any, ids: Any, n_new: int = N_NEW, rounds: int = 3) -> Row:
    """Greedy, so that both sides make the same tokens."""
    import lmloupe as lm

    def ours() -> list[int]:
        forget(engine)
        steps = list(engine.generate(ids, lm.Sampling(temperature=0), max_new_tokens=n_new, lens=True))
        assert all(step.lens_ids is not None for step in steps)
        return [step.token_id for step in steps]

    floor = generate_of_transformers(engine, ids, n_new, repetition_penalty=1.0, do_sample=False)
    assert ours() == floor(), "the texts differ, so the times do not compare"
    assert passes_of(engine, ours) == n_new, "the layers ran more than once a token"
    got = paired(ours, floor, rounds=rounds)
    return rate(
        "generate with top ten, entropy and lens", n_new, got, f"model.generate, {n_new} new tokens", TARGET_GENERATE
    )
