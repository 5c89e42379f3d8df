"""The same model in several precisions on one text: loaded one after another, each measured against the first."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import cast

import numpy as np

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import InvalidSettingError
from lmloupe.model.architecture.results import Device, Dtype
from lmloupe.model.engine import Engine
from lmloupe.model.load import compute_dtype, pick_device
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.loaded import require_top_k
from lmloupe.model.precision import DTYPES, Precision
from lmloupe.names import EMBEDDED_MODEL
from lmloupe.precision.comparison.results import ComparisonStep, QuantizationReport
from lmloupe.precision.comparison.steps import Asked, Comparison
from lmloupe.precision.last import last_of

__all__ = ["DEFAULT_QUANTIZATIONS", "compare_quantizations", "comparison_steps"]

DEFAULT_QUANTIZATIONS = ("bfloat16", "int8", "fp4", "nf4", "nf4+double")


def compare_quantizations(
    name_or_engine: str | os.PathLike[str] | Engine = EMBEDDED_MODEL,
    text_or_ids: TextOrIds = "The capital of France is",
    quantizations: Sequence[str | Precision] = DEFAULT_QUANTIZATIONS,
    *,
    baseline: Dtype = "auto",
    max_new_tokens: int = 40,
    device: Device = "auto",
    top_k: int = 10,
    progress: Callable[[ComparisonStep], None] | None = None,
) -> QuantizationReport:
    """Run one model in several precisions on the same text, and measure how far each is from a baseline.

    The precisions are loaded one after another and let go, so that memory holds one of them at a time beside an engine
    that is passed in. The divergence is exact: over the whole vocabulary at every position. The measures are those of
    llama.cpp's ``llama-perplexity --kl-divergence``; see `PrecisionResult`.

    Simulated precisions (``"q4_0"``, ``"mxfp4"``, ``"nf4+simulated"``; see `Precision`) are a copy in the baseline's
    dtype whose matrices are rounded to what the format can store, and multiplied as plain numbers.

    Args:
        name_or_engine: what `lmloupe.load_engine` takes, or an engine that it gave: the baseline where it is in that
            dtype, and else in its own precision.
        text_or_ids: what is read; ids for full control, as in `lmloupe.Engine`.
        quantizations: precisions, as `Precision` or in its short form. The baseline and repetitions are left out.
        baseline: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"`` for the dtype that an unquantized model
            has on this device.
        max_new_tokens: of the greedy continuation; 0 for none.
        device: see `lmloupe.load_engine`; an engine's own where one is passed.
        top_k: most probable tokens to keep at each position, at least 1.
        progress: called with every `ComparisonStep`.

    Returns:
        The report. A precision that cannot be had is in ``refused`` with the reason, and the others go on.

    Raises:
        InvalidSettingError: an unknown precision or baseline, a number out of range.
        UnsupportedError: the baseline does not fit into memory, or the published weights are quantized already.
        LoadError, InputError, NotFiniteError: as for `lmloupe.load_engine` and `lmloupe.Engine`.

    >>> report = compare_quantizations(text_or_ids="The capital of France is", quantizations=["q8_0"], max_new_tokens=1)
    >>> report["q8_0"].mean_kl_bits < 0.01, report["q8_0"].first_flip, report.baseline.mean_kl_bits
    (True, -1, 0.0)
    """
    steps = comparison_steps(
        name_or_engine, text_or_ids, quantizations,
        baseline=baseline, max_new_tokens=max_new_tokens, device=device, top_k=top_k,
    )  # fmt: skip
    report = last_of(steps, progress).report
    assert report is not None  # noqa: S101 - the last step has one
    return report


def comparison_steps(
    name_or_engine: str | os.PathLike[str] | Engine,
    text_or_ids: TextOrIds,
    quantizations: Sequence[str | Precision] = DEFAULT_QUANTIZATIONS,
    *,
    baseline: Dtype = "auto",
    max_new_tokens: int = 40,
    device: Device = "auto",
    top_k: int = 10,
    known: QuantizationReport | None = None,
) -> Generator[ComparisonStep, None, None]:
    """`compare_quantizations` step by step: the report as it grows, and what is being done.

    Closing it stops after the step at hand, a load or a piece of a pass, and lets the models go. Between the steps
    other questions to the model are answered first.

    Args:
        name_or_engine: as there, and so the others but the last.
        text_or_ids: ids, where something is known.
        quantizations: see there.
        baseline: see there.
        max_new_tokens: see there.
        device: see there.
        top_k: see there.
        known: a report of a call that differs in its ``quantizations`` alone: what it holds is not measured again.
    """
    require_top_k(top_k)
    if max_new_tokens < 0:
        raise InvalidSettingError(f"max_new_tokens is {max_new_tokens}; it must be at least 0.")
    given = name_or_engine if isinstance(name_or_engine, LocalEngine) else None
    if given is None and not isinstance(name_or_engine, str | os.PathLike):
        raise InvalidSettingError("The engine runs elsewhere: pass one that load_engine gave, or a model's name.")
    place = pick_device(device) if given is None else given.describe().device
    dtype = str(compute_dtype(place)).removeprefix("torch.") if baseline == "auto" else baseline
    if dtype not in DTYPES:
        raise InvalidSettingError(f"baseline {baseline!r} is not known: choose auto or one of {', '.join(DTYPES)}.")
    first = Precision(dtype)
    parsed = [Precision.parse(one) if isinstance(one, str) else one for one in quantizations]
    wanted = tuple(dict.fromkeys(one for one in parsed if one != first))
    if known is not None and (isinstance(text_or_ids, str) or not np.array_equal(known.input_ids, text_or_ids)):
        known = None
    asked = Asked(
        cast("str | os.PathLike[str] | LocalEngine", name_or_engine),
        text_or_ids,
        first,
        wanted,
        max_new_tokens,
        device,
        top_k,
        known,
    )
    return Comparison(asked).steps()
