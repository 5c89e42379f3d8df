"""The engine's calls against the model's own: forward, generation, and the memory of quantized weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness import Row, paired, rate, skipped

if TYPE_CHECKING:
    from lmloupe import Quantization

MODEL = "smollm2-135m-instruct"
MEASURED: tuple[Quantization, ...] = ("none", "nf4")
PRECISIONS: tuple[Quantization, ...] = ("none", "int8", "nf4", "fp4")
PROMPT = "The coconut palm is a member of the palm family and the only living species of its genus. " * 2
N_NEW = 16
TARGET_FORWARD = 1.1
TARGET_GENERATE = 0.9
# The same settings to both; all three warpers work.
SAMPLED: dict[str, Any] = {"temperature": 0.8, "top_k": 50, "top_p": 0.95}


def rows() -> list[Row]:
    """`next_token`, `generate` greedy and sampled, unquantized and nf4; bytes of every precision."""
    import lmloupe as lm

    try:
        lm.ensure_embedded_model()
    except lm.LoupeError as error:
        return [skipped("next_token, generate, memory of the model", str(error))]
    result: list[Row] = []
    for precision in MEASURED:
        engine = lm.load_engine(MODEL, quantization=precision)
        with never_ending(engine):
            result += [_next_token(engine), _generate(engine, greedy=True), _generate(engine, greedy=False)]
        del engine
    return result + _memory()


@contextmanager
def never_ending(engine: Any) -> Iterator[None]:
    """No end token for either side, so that both always make the same number of tokens."""
    config, ours = engine.loaded.model.generation_config, engine.loaded
    theirs = config.eos_token_id
    engine.loaded, config.eos_token_id = replace(ours, eos_ids=frozenset()), None
    try:
        yield
    finally:
        engine.loaded, config.eos_token_id = ours, theirs


def on_worker(engine: Any, function: Callable[[], Any]) -> Callable[[], Any]:
    """The floor runs in the thread that owns the model: torch's thread pool belongs to the thread that calls."""
    return lambda: engine.loaded.worker.call(function)


def generate_of_transformers(engine: Any, ids: Any, n_new: int, **settings: Any) -> Callable[[], list[int]]:
    """A floor: the tokens that ``model.generate`` makes after these, in the thread that owns the model."""
    import torch

    prompt = torch.from_numpy(np.asarray(ids, np.int64)).to(engine.loaded.device).unsqueeze(0)

    def made() -> list[int]:
        given = {"attention_mask": torch.ones_like(prompt), "max_new_tokens": n_new, "pad_token_id": 0}
        new: list[int] = engine.loaded.model.generate(prompt, **given, **settings)[0, len(ids) :].tolist()
        return new

    return on_worker(engine, made)


def forget(engine: Any) -> None:
    """Let go of the caches of earlier texts, so that a prompt is read anew, as the floor reads it."""
    engine.loaded.worker.call(engine.scheduler.texts.clear)


def _next_token(engine: Any, rounds: int = 7) -> Row:
    import torch

    ids = engine.input_ids(PROMPT)
    rows_ = torch.from_numpy(ids.astype(np.int64)).to(engine.loaded.device).unsqueeze(0)

    def forward() -> Any:
        return engine.loaded.model(input_ids=rows_, use_cache=False, logits_to_keep=1).logits[0, -1].float().cpu()

    floor = on_worker(engine, forward)
    assert np.array_equal(engine.next_token(ids).logits, floor().numpy())
    got = paired(lambda: engine.next_token(ids), floor, rounds=rounds, warm_up=2)
    return Row(
        f"next_token, {len(ids)} tokens, {engine.describe().quantization}",
        got.ours_s * 1e3,
        got.floor_s * 1e3,
        "model(...), same ids, logits_to_keep=1",
        unit="ms",
        ratio=got.ratio,
        target=TARGET_FORWARD,
    )


def _generate(engine: Any, *, greedy: bool, rounds: int = 3) -> Row:
    import lmloupe as lm

    ids = engine.input_ids(PROMPT)
    sampling = lm.Sampling(temperature=0) if greedy else lm.Sampling(**SAMPLED)
    settings: dict[str, Any] = {"do_sample": False} if greedy else {"do_sample": True} | SAMPLED

    def ours() -> list[int]:
        forget(engine)
        return [step.token_id for step in engine.generate(ids, sampling, max_new_tokens=N_NEW)]

    floor = generate_of_transformers(engine, ids, N_NEW, repetition_penalty=1.0, **settings)
    first, second = ours(), floor()
    assert len(first) == len(second) == N_NEW
    assert not greedy or first == second, "the greedy texts differ, so the times do not compare"
    got = paired(ours, floor, rounds=rounds)
    return rate(
        f"generate, {'greedy' if greedy else 'sampled'}, {engine.describe().quantization}",
        N_NEW, got, f"model.generate, {N_NEW} new tokens", TARGET_GENERATE,
    )  # fmt: skip


def _memory() -> list[Row]:
    import lmloupe as lm

    result: list[Row] = []
    full = 0.0
    for precision in PRECISIONS:
        began = time.perf_counter()
        size = lm.load_engine(MODEL, quantization=precision).describe().bytes / 1e6
        full = full or size
        result.append(
            Row(
                f"weights of {MODEL}, {precision}",
                size,
                full,
                "unquantized",
                unit="MB",
                ratio=size / full,
                note=f"loaded in {time.perf_counter() - began:.1f} s" if precision == "none" else "",
            )
        )
    return result
