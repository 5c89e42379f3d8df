"""What the measured numbers say, in sentences: each follows from the numbers in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.words import percent

__all__ = ["against", "baseline", "bytes_finding", "compared", "gigabytes", "megabytes", "reasons", "speed_finding"]


def megabytes(n: float) -> str:
    """Bytes as decimal megabytes, as transformers' users print them.

    >>> megabytes(5_591_548_928), megabytes(173_119_872), megabytes(300)
    ('5,591.5 MB', '173.1 MB', '0.0003 MB')
    """
    return f"{n / 1e6:,.1f} MB" if n >= 5e4 else f"{n / 1e6:.1g} MB"


def gigabytes(per_second: float) -> str:
    """Bytes a second.

    >>> gigabytes(6.87e9)
    '6.9 GB/s'
    """
    return f"{per_second / 1e9:.1f} GB/s" if per_second >= 1e8 else f"{per_second / 1e6:.2g} MB/s"


def compared(ratio: float, other: str) -> str:
    """How fast something is against another.

    >>> compared(1.62, "float32"), compared(0.5, "float32"), compared(1.004, "float32")
    ('1.6 times as fast as float32', '2.0 times slower than float32', 'as fast as float32')
    """
    if 0.99 <= ratio <= 1.01:
        return f"as fast as {other}"
    apart = max(ratio, 1 / ratio)
    written = f"{apart:.1f}" if apart >= 1.05 else f"{apart:.2f}"
    return f"{written} times as fast as {other}" if ratio > 1 else f"{written} times slower than {other}"


def against(mine: NDArray[np.float64], base: NDArray[np.float64], other: str) -> str:
    """`compared`, of the medians of rates over rounds, where no round of one is among those of the other.

    >>> against(np.array([2.0, 2.1]), np.array([1.0, 1.1]), "x"), against(np.array([1.0, 2.0]), np.array([1.5]), "x")
    ('2.0 times as fast as x', 'about as fast as x: their rounds overlap')
    """
    if mine.min() <= base.max() and base.min() <= mine.max() and len(mine) + len(base) > 2:
        return f"about as fast as {other}: their rounds overlap"
    return compared(float(np.median(mine) / np.median(base)), other)


def bytes_finding(found: Sequence[lm.WeightBytes]) -> str:
    """The heading before anything is measured."""
    small, large = min(found, key=lambda one: one.total), max(found, key=lambda one: one.total)
    if small.total == large.total:
        which = small.precision.label if len(found) == 1 else "Each of them"
        return f"{which} takes {megabytes(small.total)}"
    return (
        f"{small.precision.label} takes {megabytes(small.total)} where {large.precision.label} takes "
        f"{megabytes(large.total)}"
    )


def baseline(report: lm.SpeedReport) -> lm.MeasuredSpeed | None:
    """What the others are held against: the first that is measured and stored in plain numbers; else the first."""
    measured = [row for row in report.rows if row.decode_per_s]
    plain = [row for row in measured if not row.precision.is_quantized]
    return next(iter(plain or measured), None)


def speed_finding(report: lm.SpeedReport) -> str:
    """The heading once speeds are measured: the smallest against the baseline."""
    base = baseline(report)
    measured = [row for row in report.rows if row.decode_per_s]
    if base is None or len(measured) < 2:
        return bytes_finding([row.predicted for row in report.rows])
    least = min((row for row in measured if row is not base), key=lambda row: row.predicted.total)
    share = percent(least.predicted.total / base.predicted.total)
    speed = against(least.decode_rates, base.decode_rates, base.precision.label)
    return f"{least.precision.label} takes {share} of the memory and writes {speed} on this machine".replace(
        ": their rounds overlap on this machine", " on this machine: their rounds overlap"
    )


def reasons(report: lm.SpeedReport) -> list[str]:
    """Why it is so: what reading and writing are bound by, and what each quantized precision pays and gets."""
    base = baseline(report)
    if base is None:
        return []
    found = [_reading(base)]
    for row in report.rows:
        if row is not base and row.decode_per_s and row.precision.is_quantized:
            found.append(_against(row, base))
    return found


def _reading(base: lm.MeasuredSpeed) -> str:
    ratio = base.prefill_per_s / base.decode_per_s
    label = base.precision.label
    read = megabytes(base.read_bytes)
    decoded = (
        f"To write one token, {label} reads at least {read} from memory: {base.decode_per_s:,.1f} tokens a second are "
        f"{gigabytes(base.bytes_per_s)}."
    )
    if base.prompt_tokens == 1 or ratio < 1.05:
        return decoded
    return (
        f"{decoded} Read at once, the {base.prompt_tokens:,} tokens of the prompt go {ratio:,.1f} times as fast as "
        "tokens one by one: every weight that is fetched serves all of them, and arithmetic is the limit."
    )


def _against(row: lm.MeasuredSpeed, base: lm.MeasuredSpeed) -> str:
    label, other = row.precision.label, base.precision.label
    took, bytes_alone = 1000 / row.decode_per_s, 1000 * row.read_bytes / base.bytes_per_s
    said = (
        f"{label} takes {took:,.1f} ms a token. Its {megabytes(row.read_bytes)} would take {bytes_alone:,.1f} ms at "
        f"the {gigabytes(base.bytes_per_s)} of {other}"
    )
    more = took - bytes_alone
    if more <= 0.05 * took:
        said += ": its speed follows the bytes."
    elif len(row.dequantize_s):
        back = min(row.dequantize_share, 1.0) * took
        said += (
            f"; the other {more:,.1f} ms go into its products: turning all matrices back into plain numbers once, as "
            f"it does for every token, takes {back:,.1f} ms."
        )
    elif row.precision.weights == "int8":
        said += (
            f"; the other {more:,.1f} ms go into its products: they round the activations to 8 bits and multiply "
            "columns with outliers apart."
        )
    else:
        said += f"; the other {more:,.1f} ms go into its products, which unpack the codes."
    return f"{said} It reads the prompt {against(row.prefill_rates, base.prefill_rates, other)}."
