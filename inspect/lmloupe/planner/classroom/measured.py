"""How fast a loaded model serves a class, measured here and now: the three speeds that `class_capacity` asks for.

It asks the engine as people do, by `lmloupe.Engine.generate`, so the scheduler and, of a model on a cluster, the way
there are in it. Times are those of the steps themselves (``Step.elapsed_s``), whenever somebody reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError, UnsupportedError
from lmloupe.model.engine import Engine
from lmloupe.model.sampling.pipeline import Sampling

__all__ = ["ClassSpeed", "class_speed", "class_speed_steps"]

PROMPT, SHORT, WRITTEN, LAST = 128, 8, 24, 12
"""Tokens of a prompt that is read alone and of one that is read in the crowd; tokens written alone; and how many steps
of the last one to come are timed, while all others write."""
MOST_TOGETHER = 32
TEXT = (
    "The model reads a text and gives every token that could come next a score. One of them is drawn and put at its "
    "end, and the longer text is read again, which costs one pass for each token. Several people can be written to in "
    "the same pass: the weights come out of memory once, and the arithmetic grows with the number of texts. That is "
    "why thirty people wait less than thirty times as long as one person, as long as the memory for what has been "
    "read lasts. Where it does not, those who come later wait for their turn, and nobody is refused."
)


@dataclass(frozen=True, slots=True)
class ClassSpeed:
    """What was measured so far; 0.0 what was not yet.

    Attributes:
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        tokens_per_s: written for one person alone, the median of the steps.
        prompt_tokens_per_s: read of one prompt of 128 tokens, or of as many as the context has room for; median.
        pass_of_32: how many times as long as one alone a pass takes that writes for 32. Where the model serves fewer at
            once, drawn out in a straight line from as many as it serves.
        together: for how many the largest pass was measured.
        batched: whether they were written to in the same passes; else they took turns.
        done: share of the work that is done, 0 to 1.
    """

    device: str
    tokens_per_s: float = 0.0
    prompt_tokens_per_s: float = 0.0
    pass_of_32: float = 0.0
    together: int = 0
    batched: bool = True
    done: float = 0.0


def class_speed(
    engine: Engine, *, rounds: int = 3, together: int = 32, progress: Callable[[ClassSpeed], None] | None = None
) -> ClassSpeed:
    """Measure a loaded model for `class_capacity`: some seconds to a minute, in which nobody else should use it.

    Args:
        engine: the model, of this machine or of a cluster.
        rounds: how often one person alone is measured, at least 1.
        together: how many are written to at once, 2 to 32; no more than the model serves.
        progress: called with what is measured as it grows.

    Raises:
        InvalidSettingError: a number that is out of its range.
        UnsupportedError: its context is too short for it, fewer than 48 tokens.

    >>> import lmloupe as lm
    >>> found = class_speed(lm.load_engine(), rounds=1, together=2)
    >>> 1 <= found.pass_of_32 <= 32, found.together
    (True, 2)
    """
    found = ClassSpeed(engine.describe().device)
    for found in class_speed_steps(engine, rounds=rounds, together=together):
        if progress is not None:
            progress(found)
    return found


def class_speed_steps(engine: Engine, *, rounds: int = 3, together: int = 32) -> Iterator[ClassSpeed]:
    """`class_speed` step by step; closing it stops what is written at that moment."""
    if rounds < 1 or not 2 <= together <= MOST_TOGETHER:
        raise InvalidSettingError(
            f"rounds is {rounds} and together is {together}; they must be at least 1, and 2 to {MOST_TOGETHER}."
        )
    described, serving = engine.describe(), engine.serving()
    limit = described.context_length or 1 << 20
    if limit < 2 * WRITTEN:
        raise UnsupportedError(
            f"The context of {described.name} is {limit:,} tokens: too few to measure, which takes {2 * WRITTEN}."
        )
    ids = encode(engine.tokenizer, TEXT).input_ids
    texts = _texts(ids, serving.n_written)
    found = ClassSpeed(described.device)
    yield found
    reads, writes = [], []
    for i in range(rounds):
        read, write = _alone(engine, next(texts)[: min(PROMPT, limit - WRITTEN)])
        reads.append(read)
        writes.append(write)
        found = replace(
            found, tokens_per_s=1 / median(writes), prompt_tokens_per_s=median(reads), done=(i + 1) / (rounds + 2)
        )
        yield found
    n = min(together, serving.most)
    pass_s = _together(engine, [next(texts)[:SHORT] for _ in range(n)], limit)
    cost = pass_s / median(writes)
    grown = 1 + (cost - 1) * (MOST_TOGETHER - 1) / (n - 1) if n > 1 else float(MOST_TOGETHER)
    yield replace(
        found,
        pass_of_32=min(float(MOST_TOGETHER), max(1.0, grown)),
        together=n,
        batched=engine.serving().batched,
        done=1.0,
    )


def _texts(ids: NDArray[np.int32], first: int) -> Iterator[NDArray[np.int32]]:
    """Texts of which no two begin alike, so that nothing of an earlier one is used again; other ones each time."""
    longer = np.resize(ids, len(ids) + PROMPT)
    for i in range(1 << 30):
        yield np.roll(longer, -(first + i) % len(ids))


def _write(engine: Engine, ids: NDArray[np.int32], n: int) -> Any:
    return engine.generate(ids, Sampling(temperature=0), max_new_tokens=n, stop_ids=())


def _alone(engine: Engine, ids: NDArray[np.int32]) -> tuple[float, float]:
    """Tokens a second that were read, and seconds of a token that was written."""
    generation = _write(engine, ids, WRITTEN)
    try:
        times = [step.elapsed_s for step in generation]
        read = len(ids) - generation.reused_tokens
    finally:
        generation.close()
    return read / times[0], float(np.median(np.diff(times)))


def _together(engine: Engine, texts: list[NDArray[np.int32]], limit: int) -> float:
    """Seconds between two tokens of the last to begin, while all the others are written to as well."""
    # Those who come first write while the others are read, which takes half of the time: they must not be done before.
    n_new = min(limit - SHORT, 8 * len(texts) + LAST)
    running = [_write(engine, ids, n_new) for ids in texts]
    try:
        # They come in this order, so that when the last one has its first token all others write.
        begun = [next(generation) for generation in running]
        last = [begun[-1].elapsed_s, *(next(running[-1]).elapsed_s for _ in range(min(LAST, n_new - 1)))]
    finally:
        for generation in running:
            generation.close()
        engine.next_token(texts[0])  # the step at hand has ended when this is answered
    return float(np.median(np.diff(last)))
