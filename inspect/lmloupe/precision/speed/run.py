"""One measurement: which models are in memory, whose turn it is, and what is known so far."""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError, LoadError, UnsupportedError
from lmloupe.model.load import load_again
from lmloupe.model.local import LocalEngine
from lmloupe.model.precision import Precision
from lmloupe.planner.counting import available_bytes, work_bytes
from lmloupe.precision.speed.clock import Timing, dequantizing, passes
from lmloupe.precision.speed.results import DeviceMemory, MeasuredSpeed, SpeedReport, WeightBytes
from lmloupe.precision.speed.sizes import cache_bytes, held_bytes, measured_bytes, model_dtype, predicted_weights

__all__ = ["Run"]

_SENTENCE = "The coconut rolled down the hill, over the road and into the sea, and nobody saw it again. "
_WARM_TOKENS = 8


@dataclass(slots=True)
class _Row:
    """What is known of one precision so far."""

    precision: Precision
    predicted: WeightBytes
    read_bytes: int
    measured: WeightBytes | None = None
    refused: str = ""
    load_s: float = 0.0
    prefill: list[float] = field(default_factory=list)
    decode: list[list[float]] = field(default_factory=list)
    dequantize: list[float] = field(default_factory=list)
    before: int = 0
    after: int = 0
    peak: int = 0


class Run:
    """A measurement of one model.

    Args:
        engine: the model, in any precision.
        precisions: what to measure.
        prompt_tokens: tokens read at once.
        new_tokens: tokens read one by one.
        rounds: how often.

    Raises:
        InvalidSettingError: more tokens than the model reads at once.
    """

    def __init__(
        self, engine: LocalEngine, precisions: tuple[Precision, ...], prompt_tokens: int, new_tokens: int, rounds: int
    ) -> None:
        limit = engine.loaded.context_length
        if limit is not None and prompt_tokens + new_tokens > limit:
            raise InvalidSettingError(
                f"{prompt_tokens:,} tokens and {new_tokens:,} more are beyond the {limit:,} that {engine.loaded.name} "
                "reads at once: choose fewer."
            )
        self._engine, self._described = engine, engine.describe()
        self._device = self._described.device
        self._prompt_tokens, self._new_tokens, self._rounds = prompt_tokens, new_tokens, rounds
        self._ids = _tokens(engine, prompt_tokens + new_tokens)
        self._rows = [
            _Row(one, predicted, self._read_bytes(one, predicted))
            for one, predicted in zip(precisions, predicted_weights(engine, precisions), strict=True)
        ]
        self._work = self._work_bytes()
        self._interleaved = len(precisions) == 1 or self._room_for_all()
        self._engines: dict[Precision, LocalEngine] = {}

    def steps(self) -> Generator[SpeedReport, None, None]:
        """The report before each load and after each round."""
        try:
            if self._interleaved:
                yield from self._in_turn()
            else:
                for row in self._rows:
                    yield from self._load(row)
                    for _ in range(self._rounds):
                        yield from self._round(row)
                    self._let_go(row)
        finally:
            self._engines.clear()
            gc.collect()
        yield self._report("")

    def _in_turn(self) -> Iterator[SpeedReport]:
        for row in self._rows:
            yield from self._load(row)
        for number in range(self._rounds):
            first = number % len(self._rows)
            for row in (*self._rows[first:], *self._rows[:first]):
                yield from self._round(row)

    def _read_bytes(self, precision: Precision, predicted: WeightBytes) -> int:
        described, dtype = self._described, model_dtype(precision, self._device)
        rows = 0 if described.tied_embeddings else described.vocab_rows * described.embedding_width * dtype.itemsize
        middle = self._prompt_tokens + self._new_tokens // 2
        return predicted.total - rows + cache_bytes(self._engine, dtype, middle)

    def _work_bytes(self) -> int:
        largest = max((one.n_parameters for one in self._described.modules if len(one.shape) == 2), default=0)
        config = self._engine.loaded.model.config.get_text_config()
        return work_bytes(config, self._device, self._prompt_tokens + self._new_tokens, torch.float32, largest)

    def _room_for_all(self) -> bool:
        """Whether all fit beside each other, with the plain weights that each is made from."""
        plain = max(row.predicted.total for row in self._rows) if self._device == "cpu" else 0
        needed = sum(row.predicted.total for row in self._rows if not self._is_given(row.precision))
        return needed + plain + self._work <= available_bytes(self._device)

    def _is_given(self, precision: Precision) -> bool:
        """Whether the engine that was passed in is in this very precision."""
        described = self._described
        if precision.is_quantized or described.quantization != "none":
            return False
        return described.compute_dtype == precision.weights

    def _load(self, row: _Row) -> Iterator[SpeedReport]:
        yield self._report(f"Loading {row.precision.label}")
        row.before = self._allocated()
        try:
            if self._is_given(row.precision):
                engine = self._engine
            else:
                self._require_room(row)
                began, one = time.perf_counter(), row.precision
                engine = load_again(
                    self._engine,
                    one.quantization,
                    double_quant=one.double_quant,
                    dtype=one.dtype,
                    compute_dtype=one.compute_dtype,
                )
                row.load_s = time.perf_counter() - began
        except (LoadError, InvalidSettingError) as error:  # not swallowed: the row says it, and the others go on
            row.refused = str(error)
            return
        row.after = self._allocated()
        if engine is self._engine:  # loaded before: what would be there without it
            row.before = row.after - held_bytes(engine)
        self._engines[row.precision] = engine
        row.measured = measured_bytes(engine, row.precision)
        self._last(engine, passes(engine.loaded, self._ids[:_WARM_TOKENS], max(1, len(self._ids[:_WARM_TOKENS]) - 2)))

    def _require_room(self, row: _Row) -> None:
        needed, free = row.predicted.total + self._work, available_bytes(self._device)
        if needed > free:
            raise UnsupportedError(
                f"{row.precision.label} takes about {needed / 1e9:.1f} GB on the {self._device} device and "
                f"{free / 1e9:.1f} GB are free: choose fewer bits or a smaller model."
            )

    def _round(self, row: _Row) -> Iterator[SpeedReport]:
        if row.refused:
            return
        engine = self._engines[row.precision]
        if self._device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        found = self._last(engine, passes(engine.loaded, self._ids, self._prompt_tokens))
        row.prefill.append(sum(seconds for what, seconds in found if what == "prefill"))
        row.decode.append([seconds for what, seconds in found if what == "decode"])
        if self._device == "cuda":
            row.peak = max(row.peak, torch.cuda.max_memory_allocated())
        row.dequantize += [seconds for _, seconds in self._last(engine, dequantizing(engine.loaded))]
        yield self._report(f"Round {len(row.prefill)} of {self._rounds}: {row.precision.label}")

    def _last(self, engine: LocalEngine, work: Iterator[Timing | None]) -> list[Timing]:
        """All results of some work, done in the model's thread while nobody else needs it."""
        ticket = engine.loaded.worker.submit(work, background=True)
        found: list[Timing] = []
        try:
            while True:
                one = ticket.take()
                if one is not None:
                    found.append(one)
        except StopIteration:
            return found
        finally:
            ticket.close()

    def _let_go(self, row: _Row) -> None:
        self._engines.pop(row.precision, None)
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()

    def _allocated(self) -> int:
        return torch.cuda.memory_allocated() if self._device == "cuda" else 0

    def _report(self, doing: str) -> SpeedReport:
        each = 1 + self._rounds
        done = sum(each if row.refused else (row.measured is not None) + len(row.prefill) for row in self._rows)
        on_cuda = self._device == "cuda"
        return SpeedReport(
            name=self._described.name,
            device=self._device,
            machine=torch.cuda.get_device_name() if on_cuda else self._device.upper(),
            threads=torch.get_num_threads(),
            rounds=self._rounds,
            interleaved=self._interleaved,
            rows=tuple(self._frozen(row) for row in self._rows),
            doing=doing,
            done=done / (each * len(self._rows)),
        )

    def _frozen(self, row: _Row) -> MeasuredSpeed:
        memory = DeviceMemory(row.before, row.after, row.peak) if self._device == "cuda" and row.measured else None
        return MeasuredSpeed(
            precision=row.precision,
            predicted=row.predicted,
            measured=row.measured,
            refused=row.refused,
            load_s=row.load_s,
            prefill_s=np.asarray(row.prefill, np.float64),
            decode_s=np.asarray(row.decode, np.float64).reshape(-1, self._new_tokens),
            dequantize_s=np.asarray(row.dequantize, np.float64),
            read_bytes=row.read_bytes,
            memory=memory,
            prompt_tokens=self._prompt_tokens,
            new_tokens=self._new_tokens,
        )


def _tokens(engine: LocalEngine, n: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """As many ids as asked for, of one sentence again and again."""
    text = encode(engine.tokenizer, _SENTENCE, add_special_tokens=False).input_ids
    found: np.ndarray[tuple[int], np.dtype[np.int32]] = np.resize(text, n).astype(np.int32)
    return found
