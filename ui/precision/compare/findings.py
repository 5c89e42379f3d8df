"""What a comparison shows, in sentences that are true of this very result: of none, one, ties and all alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.words import counted, probability
from ui.precision.compare.names import short

__all__ = [
    "after",
    "baseline_words",
    "bits",
    "divergence_finding",
    "listed",
    "next_finding",
    "place_finding",
    "states_finding",
]


def bits(value: float) -> str:
    """A divergence with two significant figures.

    >>> bits(0.0), bits(0.2134), bits(3.7e-5), bits(1e-9), bits(float("inf"))
    ('0 bits', '0.21 bits', '0.000037 bits', 'less than 0.000001 bits', '∞ bits')
    """
    if not np.isfinite(value):
        return "∞ bits"
    if value == 0:
        return "0 bits"
    if value < 1e-6:
        return "less than 0.000001 bits"
    if value < 1e-3:
        return f"{value:.6f}".rstrip("0") + " bits"
    written = f"{value:.0f}" if value >= 100 else f"{float(f'{value:.2g}'):g}"
    return f"{written} {'bit' if written == '1' else 'bits'}"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["int8"]), listed(["int8", "nf4"]), listed(["int8", "fp4", "nf4"])
    ('int8', 'int8 and nf4', 'int8, fp4 and nf4')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def after(text: str, most: int = 28) -> str:
    """The end of a text as the beginning of a sentence: a bar shows its first line only, and a projector no bar.

    >>> after("The capital of France is"), after("The capital of a rather large country is"), after(" ")
    ('After “The capital of France is”, ', 'After “… a rather large country is”, ', 'After this text, ')
    """
    line = text.rsplit("\n", 1)[-1]
    if not line.strip():
        return "After this text, "
    if len(line) > most:
        end = line[-most:]
        line = f"… {end.split(' ', 1)[-1] if ' ' in end[:-1] else end}"
    return f"After “{line}”, "


def next_finding(log_probs: np.ndarray, name: str, others: Sequence[lm.PrecisionResult], tok: lm.Tokenizer) -> str:
    """What the precisions expect after the text, to stand behind `after`.

    Args:
        log_probs: the baseline's, (vocab,).
        name: the baseline's.
        others: those that are measured.
        tok: names the tokens.
    """
    top = int(log_probs.argmax())
    label, own = token_label(tok, top), probability(float(np.exp(log_probs[top])))
    changed = [one for one in others if one.top_changed[-1]]
    if not others:
        return f"{name} expects “{label}” next, with {own}"
    if not changed:
        shares = sorted(float(np.exp(one.next_log_probs[top])) for one in others)
        low, high = probability(shares[0]), probability(shares[-1])
        between = low if low == high else f"{low} to {high}"
        many = "both precisions" if len(others) == 2 else f"all {len(others)} precisions"
        who = short(others[0].precision) if len(others) == 1 else many
        put = "puts" if len(others) == 1 else "put"
        return f"{who} {put} “{label}” first as {name} does: {between}, where {name} says {own}"
    first = changed[0]
    if len(changed) == 1:
        other = int(first.next_log_probs.argmax())
        share = probability(float(np.exp(first.next_log_probs[other])))
        rest = "" if len(others) == 1 else f"; {counted(len(others) - 1, 'other')} put “{label}” first as {name} does"
        rest = rest.replace("1 other put", "the other puts")
        return (
            f"{short(first.precision)} puts “{token_label(tok, other)}” first ({share}), {name} “{label}” ({own}){rest}"
        )
    names = listed([short(one.precision) for one in changed])
    return f"{names} put another token first than {name}, which says “{label}” ({own})"


def divergence_finding(report: lm.QuantizationReport) -> str:
    """How far the precisions are from the baseline over the text, and the first changed top token."""
    name, others = short(report.baseline.precision), report.others
    if not any(one.kl_bits.any() for one in others):
        who = short(others[0].precision) if len(others) == 1 else "None of the precisions"
        verb = "does not differ" if len(others) == 1 else "differs"
        return f"{who} {verb} from {name} after any token of this text"
    far = max(others, key=lambda one: one.mean_kl_bits)
    near = min(others, key=lambda one: one.mean_kl_bits)
    said = f"{short(far.precision)} is on average {bits(far.mean_kl_bits)} away from {name}"
    if bits(near.mean_kl_bits) != bits(far.mean_kl_bits):
        said += f", {short(near.precision)} {bits(near.mean_kl_bits)}"
    flips = [one for one in others if one.first_flip >= 0]
    if not flips:
        return f"{said}; no other token comes first anywhere"
    first = min(one.first_flip for one in flips)
    who = listed([short(one.precision) for one in flips if one.first_flip == first])
    return f"{said}; the first changed top token comes after token {first + 1} ({who})"


def place_finding(report: lm.QuantizationReport, one: lm.PrecisionResult, place: int, tok: lm.Tokenizer) -> str:
    """What the baseline and one precision expect after one token."""
    name, other = short(report.baseline.precision), short(one.precision)
    top, own = int(report.baseline.top_ids[place, 0]), int(one.top_ids[place, 0])
    before = probability(float(np.exp(report.baseline.top_log_probs[place, 0])))
    after = probability(float(np.exp(one.log_probs_at_baseline[place, 0])))
    where = f"After token {place + 1}, “{token_label(tok, int(report.input_ids[place]))}”"
    apart = bits(float(one.kl_bits[place]))
    if not one.top_changed[place]:
        return (
            f"{where}: both put “{token_label(tok, top)}” first, {name} with {before}, {other} with {after} ({apart})"
        )
    share = probability(float(np.exp(one.top_log_probs[place, 0])))
    return (
        f"{where}: {name} puts “{token_label(tok, top)}” first ({before}), "
        f"{other} “{token_label(tok, own)}” ({share}); {apart} apart"
    )


def states_finding(report: lm.QuantizationReport) -> str:
    """Where the hidden states differ most."""
    far = max(report.others, key=lambda one: float(one.error_by_layer.max()))
    errors = far.error_by_layer
    if not errors.any():
        return "The hidden states are the same in every layer"
    layer = int(errors.argmax())
    at = "the embedding" if layer == 0 else f"layer {layer}"
    return f"The states differ most in {short(far.precision)} at {at}: by {float(errors[layer]):.1%} of their length"


def baseline_words(report: lm.QuantizationReport, embedded: bool) -> str:
    """What the baseline is, and what it is not."""
    name = short(report.baseline.precision)
    if embedded:
        return (
            f"Baseline: {name}. These weights were computed from a published {report.published_as} file (code × scale "
            "+ minimum): they have been rounded once before, and what is measured here is a second rounding. No "
            "precision here is the one in which the model was trained."
        )
    if not report.published_as or report.published_as == name:
        return f"Baseline: {name}" + (", as published." if report.published_as else ".")
    return f"Baseline: {name}; the weights were published in {report.published_as}."
