"""The jobs of Layer by layer: errors of the matrices, effects of layers, of kinds, and of one layer's matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

import lmloupe as lm
from ui.base.jobs import Job, job, watch
from ui.base.kept.answers import answered
from ui.base.kept.finished import Finished
from ui.base.loaders import kept_name, local_engine
from ui.base.words import counted

__all__ = ["LayerJobs", "activations", "ask", "ask_matrices", "effects_done", "features", "watch_them"]

_Errors = Job[lm.QuantizationErrors]
_Effects = Job[lm.LayerSensitivity]


@dataclass(frozen=True, slots=True)
class LayerJobs:
    """What is asked of the model for one screen; each waits until the one before has been computed.

    Attributes:
        errors: of every matrix.
        layers: of rounding one layer, or all but one; None until the errors are done.
        kinds: of rounding one kind of matrix in all layers; None until the layers are done.
    """

    errors: _Errors
    layers: _Effects | None
    kinds: _Effects | None


@st.cache_resource(max_entries=16, show_spinner=False)
def activations(model: str, ids: tuple[int, ...]) -> lm.ActivationOutliers:
    """What every matrix is multiplied with on a text, from one pass."""
    return answered(local_engine(model, "none"), lm.activation_outliers, ids)


@st.cache_resource(max_entries=16, show_spinner=False)
def features(model: str, ids: tuple[int, ...]) -> lm.OutlierFeatures:
    """The largest dimensions of the stream on a text, from one pass."""
    return answered(local_engine(model, "none"), lm.outlier_features, ids)


def _effects(
    model: str, spec: str, ids: tuple[int, ...], mode: lm.SensitivityMode, layer: int | None = None
) -> _Effects:
    asked = ("layer sensitivity", spec, ids, mode, layer)
    made = job(
        (model, *asked),
        lambda: lm.layer_sensitivity(local_engine(model, "none"), ids, spec, mode, layer),
        Finished(kept_name(model, "none", *asked), lm.LayerSensitivity),
    )
    assert made is not None  # noqa: S101 - with work there always is one
    return made


def ask(model: str, spec: str, ids: tuple[int, ...], mode: lm.SensitivityMode) -> LayerJobs:
    """The jobs of this model, format and text, started where they are not."""
    errors = job(
        ("quantization errors", model, spec),
        lambda: lm.quantization_error_steps(local_engine(model, "none"), spec),
        Finished(kept_name(model, "none", "quantization errors", spec), lm.QuantizationErrors),
    )
    assert errors is not None  # noqa: S101 - as above
    # One after the other: a job that waits would push away the one that runs, if a page is slow to look at it.
    layers = _effects(model, spec, ids, mode) if errors.latest is not None and errors.latest.is_complete else None
    if layers is None:
        return LayerJobs(errors, None, None)
    done = layers.latest is not None and layers.latest.is_complete
    kinds = _effects(model, spec, ids, "kinds") if done else None
    return LayerJobs(errors, layers, kinds)


def ask_matrices(model: str, spec: str, ids: tuple[int, ...], layer: int) -> _Effects:
    """The job of one layer's matrices, each rounded alone."""
    return _effects(model, spec, ids, "matrices", layer)


def watch_them(jobs: LayerJobs) -> None:
    """Draw how far they are, one line for all.

    Raises:
        lmloupe.LoupeError: what ended one of them, after the button that starts it again is drawn.
    """
    steps: tuple[tuple[Job[Any] | None, Callable[[Any], tuple[float, str]]], ...] = (
        (jobs.errors, _errors_done),
        (jobs.layers, _layers_done),
        (jobs.kinds, _kinds_done),
    )
    for one, progress in steps:
        if one is not None and not (one.ended and not one.stopped and one.error is None):
            watch(one, progress, lambda found, progress=progress: _tenth(found, progress))  # type: ignore[misc]
            one.result()
            return


def _tenth(found: Any, progress: Callable[[Any], tuple[float, str]]) -> tuple[bool, int, bool]:
    """What is worth drawing the whole page for: the first, every tenth of the work, the end."""
    return found is None, int(10 * progress(found)[0]), found is not None and found.is_complete


def _errors_done(found: lm.QuantizationErrors | None) -> tuple[float, str]:
    if found is None:
        return 0.0, "Rounding the first matrix …"
    done = len(found.matrices)
    return done / found.n_matrices, f"{done:,} of {counted(found.n_matrices, 'matrix', 'matrices')} rounded"


def _layers_done(found: lm.LayerSensitivity | None) -> tuple[float, str]:
    return effects_done(found, "layer")


def _kinds_done(found: lm.LayerSensitivity | None) -> tuple[float, str]:
    return effects_done(found, "kind")


def effects_done(found: lm.LayerSensitivity | None, what: str, many: str = "") -> tuple[float, str]:
    """How far effects are, as `watch` takes it; to round all matrices first takes about as long as a few passes."""
    if found is None:
        return 0.0, "Reading the text …"
    if found.whole is None:
        share = found.n_rounded / found.n_matrices
        return 0.2 * share, f"Rounding matrix {found.n_rounded:,} of {found.n_matrices:,}"
    n, all_of_them = len(found.effects), len(found.names)
    return 0.2 + 0.8 * n / all_of_them, f"{n:,} of {counted(all_of_them, what, many)} measured"
