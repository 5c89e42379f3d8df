"""Which layer's rounding changes what a model says: one layer rounded, or all but one, against the model as it is."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.logit_facts import require_finite, rows_at_once
from lmloupe.model.passes.parts import ModelParts
from lmloupe.model.passes.worker import Results
from lmloupe.model.precision import Precision
from lmloupe.precision.comparison.measures import kl_bits, top_changed
from lmloupe.precision.layers.errors import as_precision
from lmloupe.precision.layers.passes import RoundedPasses
from lmloupe.precision.layers.places import Places, find_places

__all__ = ["Effect", "LayerSensitivity", "SensitivityMode", "layer_sensitivity"]

SensitivityMode: TypeAlias = Literal["only", "all_but", "kinds", "matrices"]
_KEPT_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What a change of the weights does to the predictions on a text of n tokens.

    Attributes:
        kl_bits: float64 (n,), after each token: Kullback-Leibler divergence KL(own || changed) of the next token's
            distribution, in bits; 0 where they are the same.
        top_changed: bool (n,), whether the most probable next token is another one.
        log_prob_change: float32 (n - 1,), change of the natural log-probability of each token from the second on.
    """

    kl_bits: NDArray[np.float64] = field(repr=False)
    top_changed: NDArray[np.bool_] = field(repr=False)
    log_prob_change: NDArray[np.float32] = field(repr=False)

    @property
    def mean_kl_bits(self) -> float:
        """Mean of `kl_bits`."""
        return float(self.kl_bits.mean(dtype=np.float64))

    @property
    def changed_top_share(self) -> float:
        """Share of the positions at which the most probable token is another one."""
        return float(self.top_changed.mean())

    @property
    def ln_ppl_ratio(self) -> float | None:
        """ln(perplexity with the change / without), below 0 where the text became more probable; None for one token."""
        return -float(self.log_prob_change.mean(dtype=np.float64)) if len(self.log_prob_change) else None


@dataclass(frozen=True, slots=True, eq=False)
class LayerSensitivity:
    """Effects of rounding parts of a model, those that are computed so far; see `layer_sensitivity`.

    Attributes:
        precision: what the weights are rounded to, as `lmloupe.Precision.spec`.
        mode: ``"only"``, ``"all_but"``, ``"kinds"`` or ``"matrices"``.
        input_ids: int32 (n,), the text as the model reads it.
        names: of all parts in their order: the blocks' paths, or those of kinds or matrices within a block.
        layers: the block of each part, from 0; -1 for a kind, which all blocks have.
        effects: of the first ``len(effects)`` parts.
        whole: of the model with all its matrices rounded, or with all those of the layer in mode ``"matrices"``; None
            while they are being rounded.
        n_rounded: how many matrices are rounded by now, for a progress bar.
        n_matrices: how many there are.
        keeps_states: what the blocks before a changed one write was computed once for all; else every pass was whole.
    """

    precision: str
    mode: SensitivityMode
    input_ids: NDArray[np.int32]
    names: tuple[str, ...]
    layers: tuple[int, ...]
    effects: tuple[Effect, ...] = field(repr=False)
    whole: Effect | None = field(repr=False)
    n_rounded: int
    n_matrices: int
    keeps_states: bool

    @property
    def is_complete(self) -> bool:
        """Whether every part is computed."""
        return len(self.effects) == len(self.names)

    @property
    def mean_kl_bits(self) -> NDArray[np.float64]:
        """float64 (len(effects),), `Effect.mean_kl_bits` of each."""
        return np.array([effect.mean_kl_bits for effect in self.effects], np.float64)


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    layer: int
    rounded: tuple[str, ...]


def layer_sensitivity(
    engine: LocalEngine,
    text_or_ids: TextOrIds,
    precision: Precision | str = "nf4",
    mode: SensitivityMode = "only",
    layer: int | None = None,
) -> Results[LayerSensitivity]:
    """How much the predictions on a text change when parts of the model are rounded.

    Rounded are the matrices that transformers would hand to bitsandbytes, in place and for the time of a pass; then the
    model has its own weights again. The products are those of plain numbers: bitsandbytes' kernels, which round in
    their own ways, are not run, and of LLM.int8() the weights are rounded, not the activations.

    Args:
        engine: a model in this process that is not quantized.
        text_or_ids: the text.
        precision: what to round to.
        mode: ``"only"``: one layer rounded, all others as they are. ``"all_but"``: one layer as it is, all others
            rounded. ``"kinds"``: the matrices of one name, as ``mlp.down_proj``, in all layers. ``"matrices"``: one
            matrix of ``layer`` alone.
        layer: the block of ``"matrices"``, from 0; None for the other modes.

    Returns:
        An iterator of growing reports: while the matrices are rounded, then with the effect on the whole model, then
        with one more part each. It can be polled and closed, which stops the work after the step at hand.
        NotFiniteError comes out of it.

    Raises:
        InvalidSettingError: an unknown precision or mode, or a layer that is not there.
        NotAvailableError: the model is quantized already, its blocks cannot be found, or it has no matrix that
            bitsandbytes takes.
        InputError: as for every question about a text; see `lmloupe.Engine`.

    >>> import lmloupe as lm
    >>> engine = lm.load_engine("smollm2-135m-instruct")
    >>> *_, found = lm.layer_sensitivity(engine, "The capital of France is Paris.", "q8_0", "kinds")
    >>> found.names[-1], len(found.effects), found.whole.mean_kl_bits < 0.01
    ('mlp.down_proj', 7, True)
    """
    chosen, places = as_precision(precision), find_places(engine.loaded)
    parts = _parts(places, mode, layer)
    ids = engine.input_ids(text_or_ids)
    work = _sensitivity(engine.loaded, _model_parts(engine.loaded), ids, places, chosen, mode, parts)
    return Results(ids, engine.loaded.worker.submit(work, background=True))


def _parts(places: Places, mode: SensitivityMode, layer: int | None) -> tuple[_Part, ...]:
    if mode not in get_args(SensitivityMode):
        raise InvalidSettingError(f"mode {mode!r} is not known: choose from {', '.join(get_args(SensitivityMode))}.")
    if (layer is None) == (mode == "matrices"):
        said = "needs a layer" if layer is None else "takes no layer"
        raise InvalidSettingError(f"mode {mode!r} {said}: a layer goes with 'matrices' alone.")
    if mode == "kinds":
        return tuple(
            _Part(name, -1, tuple(one.path for one in places.matrices if one.layer >= 0 and one.module == name))
            for name in places.modules
        )
    if mode == "matrices":
        found = tuple(_Part(one.module, one.layer, (one.path,)) for one in places.matrices if one.layer == layer)
        if not found:
            raise InvalidSettingError(
                f"Layer {layer} has no matrix that is rounded: they go from 0 to {places.n_layers - 1}."
            )
        return found
    parts = []
    for i in range(places.n_layers):
        inside = tuple(one.path for one in places.matrices if one.layer == i)
        others = tuple(one.path for one in places.matrices if one.layer != i)
        if inside:
            parts.append(_Part(f"{places.stack}.{i}", i, inside if mode == "only" else others))
    return tuple(parts)


def _model_parts(loaded: LoadedModel) -> ModelParts | None:
    try:
        return loaded.parts
    except NotAvailableError:
        return None  # not swallowed: the model itself gives the logits then, all at once


def _sensitivity(
    loaded: LoadedModel,
    model_parts: ModelParts | None,
    ids: NDArray[np.int32],
    places: Places,
    precision: Precision,
    mode: SensitivityMode,
    parts: Sequence[_Part],
) -> Iterator[LayerSensitivity | None]:
    everything = tuple(one.path for one in places.matrices if mode != "matrices" or one.layer == parts[0].layer)
    passes = RoundedPasses(loaded, model_parts, ids, places, precision)
    report = LayerSensitivity(
        precision=precision.spec,
        mode=mode,
        input_ids=ids,
        names=tuple(part.name for part in parts),
        layers=tuple(part.layer for part in parts),
        effects=(),
        whole=None,
        n_rounded=0,
        n_matrices=len(everything),
        keeps_states=False,
    )
    own, kept = passes.read_and_keep(())
    compare = _Comparison(own, model_parts, ids, loaded)
    yield report
    for n in passes.prepare(everything):
        yield replace(report, n_rounded=n)
    changed, kept_changed = passes.read_and_keep(everything)
    yield None
    whole = yield from compare.steps(changed)
    # Blocks before the one that differs are those of the model as it is, or of the model that is rounded as a whole.
    base, answer = ((), own) if mode != "all_but" else (everything, changed)
    kept = kept if mode != "all_but" else kept_changed
    del kept_changed
    keeps = mode != "kinds" and passes.gives_the_same(base, answer, kept)
    report = replace(report, whole=whole, n_rounded=len(everything), keeps_states=keeps)
    yield report
    for part in parts:
        answer = passes.read(part.rounded, kept if keeps else (), max(0, part.layer))
        yield None
        effect = yield from compare.steps(answer)
        report = replace(report, effects=(*report.effects, effect))
        yield report


class _Comparison:
    """The model's own distributions over a text, and how far others are from them.

    Args:
        own: what the final norm writes, (n, width); without parts the logits, (n, vocab).
        parts: the model's parts, or None.
        ids: int32 (n,), the text.
        loaded: the model.
    """

    def __init__(
        self, own: torch.Tensor, parts: ModelParts | None, ids: NDArray[np.int32], loaded: LoadedModel
    ) -> None:
        self._own, self._parts = own, parts
        self._targets = torch.from_numpy(ids[1:].astype(np.int64)).to(own.device)
        self._size = rows_at_once(loaded.vocab_rows, own.device.type)
        fits = 4 * len(ids) * loaded.vocab_rows <= _KEPT_BYTES
        self._kept: dict[int, torch.Tensor] | None = {} if fits else None

    def steps(self, changed: torch.Tensor) -> Generator[None, None, Effect]:
        """A few rows at a time; returns the effect."""
        kl: list[torch.Tensor] = []
        top: list[torch.Tensor] = []
        moved: list[torch.Tensor] = []
        for at in range(0, len(changed), self._size):
            own, other = self._own_rows(at), self._log_probs(changed[at : at + self._size])
            kl.append(kl_bits(own, other))
            top.append(top_changed(own, other))
            targets = self._targets[at : at + len(own), None]
            rows = slice(0, len(targets))
            moved.append((other[rows].gather(1, targets) - own[rows].gather(1, targets))[:, 0])
            yield None
        return Effect(_array(kl), _array(top), _array(moved))

    def _own_rows(self, at: int) -> torch.Tensor:
        if self._kept is not None and at in self._kept:
            return self._kept[at]
        rows = self._log_probs(self._own[at : at + self._size])
        if self._kept is not None:
            self._kept[at] = rows
        return rows

    def _log_probs(self, rows: torch.Tensor) -> torch.Tensor:
        logits = rows.float() if self._parts is None else self._parts.logits(rows)
        require_finite(logits.amax(1))
        return torch.log_softmax(logits, 1)


def _array(parts: Sequence[torch.Tensor]) -> NDArray[Any]:
    found: NDArray[Any] = torch.cat(tuple(parts)).cpu().numpy()
    return found
