"""Measure bytes and speed of one model in several precisions, in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence

from lmloupe.errors import InvalidSettingError
from lmloupe.model.architecture.results import Device
from lmloupe.model.load import load_engine
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.names import EMBEDDED_MODEL
from lmloupe.precision.last import last_of
from lmloupe.precision.speed.results import SpeedReport
from lmloupe.precision.speed.run import Run
from lmloupe.precision.speed.sizes import require_stored

__all__ = ["DEFAULT_PRECISIONS", "measure_speed", "speed_steps"]

DEFAULT_PRECISIONS = ("float32", "bfloat16", "int8", "fp4", "nf4", "nf4+double")
"""What is measured where nothing is chosen."""


def measure_speed(
    name_or_engine: str | os.PathLike[str] | LocalEngine = EMBEDDED_MODEL,
    precisions: Sequence[str | Precision] = DEFAULT_PRECISIONS,
    *,
    prompt_tokens: int = 128,
    new_tokens: int = 16,
    rounds: int = 3,
    device: Device = "auto",
    progress: Callable[[SpeedReport], None] | None = None,
) -> SpeedReport:
    """Bytes of one model's weights in several precisions, and how fast each reads a prompt and writes on, here and now.

    Each round reads the same ``prompt_tokens`` tokens in one go (prefill, bound by arithmetic) and then ``new_tokens``
    further ones each by itself from the cache (decode, bound by how fast the weights come out of memory). Where memory
    holds all models at once, the precisions take turns round by round, each round beginning with another one, so that
    what slows the machine for a while slows all alike; else one is measured after another. The tokens are given, so
    all do the same work. A short round before the first is not counted. Time is that of CUDA events on a GPU, of the
    machine's clock elsewhere, and of the passes alone: other work on the model's thread is not in it.

    Args:
        name_or_engine: what `lmloupe.load_engine` takes, or an engine that it gave, which is used for its precision.
        precisions: plain numbers, int8, fp4 or nf4, as `Precision` or in its short form; repetitions are left out.
        prompt_tokens: at least 1.
        new_tokens: at least 1.
        rounds: at least 1; the median and the spread over them are the answer.
        device: see `lmloupe.load_engine`; an engine's own where one is passed.
        progress: called with the report as it grows.

    Returns:
        The report. A precision that cannot be had has the reason in ``refused``, and the others go on.

    Raises:
        InvalidSettingError: a precision that is simulated, a number below 1, or more tokens than the context has.
        LoadError: as for `lmloupe.load_engine`.

    >>> row = measure_speed(precisions=["float32"], device="cpu", prompt_tokens=8, new_tokens=2, rounds=1)["float32"]
    >>> row.measured.total, row.predicted.total, row.decode_s.shape, row.decode_per_s > 0
    (538060032, 538060032, (1, 2), True)
    """
    steps = speed_steps(
        name_or_engine, precisions, prompt_tokens=prompt_tokens, new_tokens=new_tokens, rounds=rounds, device=device
    )
    return last_of(steps, progress)


def speed_steps(
    name_or_engine: str | os.PathLike[str] | LocalEngine,
    precisions: Sequence[str | Precision] = DEFAULT_PRECISIONS,
    *,
    prompt_tokens: int = 128,
    new_tokens: int = 16,
    rounds: int = 3,
    device: Device = "auto",
) -> Generator[SpeedReport, None, None]:
    """`measure_speed` step by step: the report as it grows, before each load and after each round of a precision.

    Closing it stops after the pass at hand and lets the models go.
    """
    chosen = tuple(dict.fromkeys(Precision.parse(one) if isinstance(one, str) else one for one in precisions))
    if not chosen:
        raise InvalidSettingError("There is no precision to measure: choose at least one, such as nf4.")
    for one in chosen:
        require_stored(one)
    for what, value in (("prompt_tokens", prompt_tokens), ("new_tokens", new_tokens), ("rounds", rounds)):
        if value < 1:
            raise InvalidSettingError(f"{what} is {value}; it must be at least 1.")
    given = name_or_engine if isinstance(name_or_engine, LocalEngine) else None
    engine = given or load_engine(name_or_engine, device=device)  # type: ignore[arg-type]
    return Run(engine, chosen, prompt_tokens, new_tokens, rounds).steps()
