"""The steps of a comparison: each precision loaded, read and let go, and the report that grows with them."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.errors import LoupeError
from lmloupe.model.architecture.results import Device
from lmloupe.model.load import Origin, load_again, load_engine
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.precision import DTYPES, Precision
from lmloupe.precision.comparison.kept import Kept
from lmloupe.precision.comparison.memory import let_go
from lmloupe.precision.comparison.models import part_paths, precision_of, reason, result_of, stored_bytes
from lmloupe.precision.comparison.reading import Measured, PartPaths, read_and_write_on
from lmloupe.precision.comparison.results import ComparisonStep, PrecisionResult, QuantizationReport
from lmloupe.precision.comparison.room import Needs, require_plain, require_room_by_name
from lmloupe.precision.rounded import matrix_paths, round_in_steps

__all__ = ["Asked", "Comparison"]

_LOAD_SHARE = 0.4
_UNREAD = 2048  # tokens that a text is taken to have before there is a tokenizer


@dataclass(frozen=True, slots=True)
class Asked:
    """What `compare_quantizations` was asked, checked; ``known`` is a report that may have some of it already."""

    source: str | os.PathLike[str] | LocalEngine
    text_or_ids: TextOrIds
    first: Precision
    wanted: tuple[Precision, ...]
    max_new_tokens: int
    device: Device
    top_k: int
    known: QuantizationReport | None

    @property
    def given(self) -> LocalEngine | None:
        """The engine that was passed in."""
        return self.source if isinstance(self.source, LocalEngine) else None

    @property
    def dtype(self) -> torch.dtype:
        """That of the baseline."""
        return getattr(torch, self.first.weights)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What all precisions of one comparison share, once the baseline is loaded."""

    origin: Origin
    ids: NDArray[np.int32]
    paths: PartPaths | None
    kept: Kept
    needs: Needs


class Comparison:
    """One comparison while it runs: `steps` holds the models, this holds what is known of them.

    Args:
        asked: what for.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._report: QuantizationReport | None = None
        self._n_done = 0
        self._last: weakref.ref[LocalEngine] | None = None  # a copy that is nobody else's

    def steps(self) -> Generator[ComparisonStep, None, None]:
        """See `lmloupe.precision.comparison.compare.comparison_steps`."""
        asked = self._asked
        if asked.known is not None and {r.precision for r in asked.known.results}.issuperset(
            (asked.first, *asked.wanted)
        ):
            self._take_over(asked.known)
            yield ComparisonStep(1.0, "Done", self._report)
            return
        ground = yield from self._baseline()
        try:
            for precision in asked.wanted:
                if not self._has(precision):
                    let_go(self._last)
                    try:
                        yield from self._one(ground, precision)
                    except LoupeError as error:  # not swallowed: the report says so, and the others go on
                        self._refuse(precision, reason(error))
                self._n_done += 1
            yield ComparisonStep(1.0, "Done", self._report)
        finally:
            ground.kept.close()
            let_go(self._last)

    def _baseline(self) -> Generator[ComparisonStep, None, _Ground]:
        """Load and measure the baseline, and let it go where it is nobody else's."""
        asked = self._asked
        yield self._step(f"Loading {asked.first.label}")
        began = time.perf_counter()
        engine = self._baseline_engine()
        load_s = 0.0 if engine is asked.given else time.perf_counter() - began
        self._last = None if engine is asked.given else weakref.ref(engine)
        require_plain(engine)
        ids, described = engine.input_ids(asked.text_or_ids), engine.describe()
        paths, stateless = part_paths(engine.loaded)
        needs = Needs.of(engine, len(ids) + asked.max_new_tokens)
        depths = 0 if paths is None else described.n_layers + 1
        kept = Kept(len(ids), described.vocab_rows, depths, described.width, asked.top_k)
        ground = _Ground(Origin.of(engine), ids, paths, kept, needs)
        try:
            found = yield from self._measured(engine, ground, asked.first)
        except BaseException:  # also where it is closed: the files go with it
            kept.close()
            raise
        self._report = QuantizationReport(
            described.name, described.device, described.published_as, ids, (), (), stateless
        )
        if asked.known is None:
            self._add(result_of(asked.first, described.bytes, found, load_s, None))
        else:
            self._take_over(asked.known)
        self._n_done = 1
        return ground

    def _one(self, ground: _Ground, precision: Precision) -> Generator[ComparisonStep, None, None]:
        """Load, measure and let go of one of the others."""
        given = self._asked.given
        dtype = getattr(torch, precision.weights) if precision.weights in DTYPES else self._asked.dtype
        yield self._step(f"Loading {precision.label}")
        began, load_s = time.perf_counter(), 0.0
        if given is not None and precision_of(given) == precision:
            engine = given
        else:
            ground.needs.require(precision, dtype)
            engine = self._loaded(ground.origin, precision)
            self._last = weakref.ref(engine)
            if precision.is_simulated:
                yield from self._rounded(engine, precision)
            load_s = time.perf_counter() - began
        found = yield from self._measured(engine, ground, precision)
        assert self._report is not None  # noqa: S101 - the baseline comes first
        first = self._report.baseline.continuation_ids
        self._add(result_of(precision, stored_bytes(engine, precision), found, load_s, first))

    # What is known

    def _take_over(self, known: QuantizationReport) -> None:
        self._report = replace(known, results=self._in_order(known.results), refused=())

    def _has(self, precision: Precision) -> bool:
        return self._report is not None and any(one.precision == precision for one in self._report.results)

    def _add(self, result: PrecisionResult) -> None:
        assert self._report is not None  # noqa: S101 - made before the first result
        self._report = replace(self._report, results=self._in_order((*self._report.results, result)))

    def _in_order(self, results: Iterable[PrecisionResult]) -> tuple[PrecisionResult, ...]:
        """Those that are asked for, in the order in which they are."""
        found = {one.precision: one for one in results}
        return tuple(found[one] for one in (self._asked.first, *self._asked.wanted) if one in found)

    def _refuse(self, precision: Precision, why: str) -> None:
        assert self._report is not None  # noqa: S101 - the baseline comes first
        self._report = replace(self._report, refused=(*self._report.refused, (precision, why)))

    def _step(self, doing: str, within: float = 0.0) -> ComparisonStep:
        return ComparisonStep((self._n_done + within) / (1 + len(self._asked.wanted)), doing, self._report)

    # Models

    def _baseline_engine(self) -> LocalEngine:
        asked = self._asked
        if asked.given is not None:
            require_plain(asked.given)
            if precision_of(asked.given) == asked.first:
                return asked.given
            name, device = asked.given.describe().name, cast(Device, asked.given.describe().device)
        else:
            name, device = os.fspath(cast(Any, asked.source)).strip(), asked.device
        context = asked.max_new_tokens + (_UNREAD if isinstance(asked.text_or_ids, str) else len(asked.text_or_ids))
        require_room_by_name(name, device, asked.dtype, max(1, context))
        if asked.given is not None:
            return load_again(asked.given, dtype=asked.first.dtype)
        return load_engine(name, device=device, dtype=asked.first.dtype)

    def _loaded(self, origin: Origin, precision: Precision) -> LocalEngine:
        return load_again(
            origin,
            precision.quantization,
            double_quant=precision.double_quant and not precision.is_simulated,
            dtype=self._asked.first.dtype if precision.is_simulated else precision.dtype,
            compute_dtype=precision.compute_dtype,
        )

    def _rounded(self, engine: LocalEngine, precision: Precision) -> Generator[ComparisonStep, None, None]:
        paths = matrix_paths(engine.loaded)
        work = (number for number, _ in enumerate(round_in_steps(engine.loaded, paths, precision)))
        for number in _drained(engine.loaded, work):
            doing = f"Rounding to {precision.label}: matrix {number + 1} of {len(paths)}"
            yield self._step(doing, _LOAD_SHARE * (number + 1) / len(paths))

    def _measured(
        self, engine: LocalEngine, ground: _Ground, precision: Precision
    ) -> Generator[ComparisonStep, None, Measured]:
        asked, n, limit = self._asked, len(ground.ids), engine.loaded.context_length
        first = precision == asked.first
        # Where the baseline is known, only what the others are compared with is wanted of it.
        most = 0 if first and asked.known is not None else asked.max_new_tokens
        most = most if limit is None else min(most, limit - n)
        work = read_and_write_on(
            engine.loaded, ground.paths, ground.ids, ground.kept,
            first=first, max_new_tokens=most,
        )  # fmt: skip
        for done in _drained(engine.loaded, work):
            if isinstance(done, Measured):
                return done
            doing = f"reading token {done:,} of {n:,}" if done <= n else f"writing token {done - n:,}"
            yield self._step(f"{precision.label}: {doing}", _LOAD_SHARE + (1 - _LOAD_SHARE) * done / (n + most))
        raise AssertionError("the pass ended without a result")


def _drained(loaded: LoadedModel, work: Iterator[Any]) -> Generator[Any, None, None]:
    """What work yields in the model's thread, behind everybody's questions; closing this closes it."""
    ticket = loaded.worker.submit(work, background=True)
    try:
        while True:
            try:
                found = ticket.take()
            except StopIteration:
                return
            assert found is not None  # noqa: S101 - without a time limit `take` waits
            yield found
    finally:
        ticket.close()
