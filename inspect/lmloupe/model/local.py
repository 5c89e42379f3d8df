"""The engine that runs in this process: a transformers model behind the `Engine` protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import TextOrIds
from lmloupe.loading.stamps import Stamp
from lmloupe.model.architecture import answers as architecture
from lmloupe.model.architecture.describe import describe_model
from lmloupe.model.architecture.results import Histogram, ModelDescription, Quantization
from lmloupe.model.cache import answers as cache
from lmloupe.model.cache.race import LocalCacheRace
from lmloupe.model.cache.reading import LocalCacheGrowth
from lmloupe.model.cache.results import CacheReuse, KeysValues, KVCache
from lmloupe.model.capabilities import Capabilities, Capability
from lmloupe.model.embeddings import answers as embeddings
from lmloupe.model.embeddings.matrix import vocabulary_matrices
from lmloupe.model.embeddings.results import (
    Indicator,
    Matrix,
    Metric,
    Neighbours,
    Projection,
    ProjectionMethod,
    Undertrained,
)
from lmloupe.model.engine import Engine
from lmloupe.model.gap.local import GapAnswers
from lmloupe.model.generation.local import GenerationAnswers
from lmloupe.model.generation.serving.scheduler import Scheduler
from lmloupe.model.inside import answers as inside
from lmloupe.model.inside import states
from lmloupe.model.inside.attention_summary import KeptAttention
from lmloupe.model.inside.lens import KeptStream, LocalLensRows, assemble
from lmloupe.model.inside.results import AttentionSummary, AttentionWeights, Attribution, LensParts, LogitLens, Scored
from lmloupe.model.levels.local import LevelAnswers
from lmloupe.model.padding.answers import reads_mask
from lmloupe.model.padding.local import PaddingAnswers
from lmloupe.model.passes.config_sizes import context_length
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.passes.loaded import LoadedModel
from lmloupe.model.passes.quantized_products import require_products
from lmloupe.model.passes.reading import find_reading, notes_on
from lmloupe.model.passes.worker import worker_for
from lmloupe.model.strategies.local import StrategyAnswers
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Files", "LocalEngine"]


@dataclass(frozen=True, slots=True)
class Files:
    """Where a model was read from: a folder or a hub id, and transformers' options for it.

    Attributes:
        path: the folder or the id.
        options: transformers' for it; ``revision`` is the hub's commit.
        stamp: of the folder just before it was read; empty for a hub id.
    """

    path: str
    options: dict[str, Any]
    stamp: Stamp = ()


class LocalEngine(StrategyAnswers, GenerationAnswers, PaddingAnswers, LevelAnswers, GapAnswers, Engine):
    """A causal LM of transformers in this process. Made by `lmloupe.load_engine`; safe to share between threads.

    What each method does is said once, in `lmloupe.Engine`; how, in the room that it calls.

    Args:
        model: a ``transformers`` causal LM in eval mode, on its device.
        tokenizer: the tokenizer that goes with it.
        name: embedded key, hub id or folder.
        revision: hub revision that was asked for, else None.
        quantization: as loaded.
        published_as: what the weights were published as; empty where unknown.
        reading: how texts are read with it, where that is known of another precision of it; else it is found out.
        files: where it was read from.

    Attributes:
        files: as given; None where it was not read from files.
        loaded: the model with its tokenizer and its thread, for whoever measures it in this process.
        scheduler: what has it write, for several at once.

    Raises:
        UnsupportedError: a model that does not read a text of ids alone, or not from left to right only.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        *,
        name: str,
        revision: str | None,
        quantization: Quantization,
        published_as: str = "",
        reading: Reading | None = None,
        files: Files | None = None,
    ) -> None:
        self.files = files
        # Before any pass: some CPUs have bitsandbytes lay its weights out anew in the first one.
        described = describe_model(model, name, revision, quantization, published_as)
        worker, limit = worker_for(described.device), context_length(model.config.get_text_config())
        reading = worker.call(lambda: first_passes(name, model, limit, reading))
        self._description = replace(described, notes=(*described.notes, *notes_on(reading)))
        self.loaded = LoadedModel(
            name=name,
            model=model,
            tokenizer=tokenizer.for_matrix(described.vocab_rows),
            worker=worker,
            reading=reading,
            n_layers=described.n_layers,
            vocab_rows=described.vocab_rows,
            context_length=limit,
            eos_ids=_eos_ids(described.stop_ids, tokenizer),
        )
        self._capabilities = _capabilities(self.loaded)
        self.scheduler = Scheduler(self.loaded)
        self._matrices = vocabulary_matrices(name, model, tokenizer.vocab_size)
        self._kept_stream, self._kept_attention = KeptStream(), KeptAttention()

    @property
    def tokenizer(self) -> Tokenizer:
        return self.loaded.tokenizer

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # How the model is built

    def describe(self) -> ModelDescription:
        return self._description

    def weight_histogram(self, module_name: str, bins: int = 80) -> Histogram:
        return architecture.weight_histogram(self.loaded, self._description, module_name, bins)

    # Rows of its matrices

    def embed(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        return embeddings.embed(self.loaded, self._matrices, ids)

    def embedding_norms(self, matrix: Matrix = "input") -> NDArray[np.float32]:
        return embeddings.embedding_norms(self.loaded, self._matrices, matrix)

    def neighbours(
        self,
        id_or_vector: int | NDArray[np.floating],
        k: int = 10,
        metric: Metric = "cosine",
        matrix: Matrix = "input",
        exclude: Sequence[int] = (),
    ) -> Neighbours:
        return embeddings.neighbours(self.loaded, self._matrices, id_or_vector, k, metric, matrix, exclude)

    def analogy(
        self, a_id: int, b_id: int, c_id: int, k: int = 10, metric: Metric = "cosine", matrix: Matrix = "input"
    ) -> Neighbours:
        return embeddings.analogy(self.loaded, self._matrices, (a_id, b_id, c_id), k, metric, matrix)

    def project(
        self,
        ids: Sequence[int] | NDArray[np.integer] | None = None,
        method: ProjectionMethod = "pca",
        n_dimensions: Literal[2, 3] = 2,
        matrix: Matrix = "input",
        seed: int = 0,
    ) -> Projection:
        return embeddings.project(self.loaded, self._matrices, ids, method, n_dimensions, matrix, seed)

    def undertrained_tokens(
        self,
        k: int = 50,
        indicator: Indicator = "auto",
        kinds: Sequence[str] | None = None,
        known_unused: Sequence[int] | None = None,
    ) -> Undertrained:
        return embeddings.undertrained_tokens(self.loaded, self._matrices, k, indicator, kinds, known_unused)

    # What happens to a text

    def score(self, text_or_ids: TextOrIds, top_k: int = 5) -> Scored:
        return inside.score(self.loaded, self.input_ids(text_or_ids), top_k)

    def hidden_states(self, text_or_ids: TextOrIds) -> NDArray[np.float32]:
        return states.hidden_states(self.loaded, self.input_ids(text_or_ids))

    def contextual_similarity(
        self, text_a: TextOrIds, position_a: int, text_b: TextOrIds, position_b: int
    ) -> NDArray[np.float32]:
        ids_a, ids_b = self.input_ids(text_a), self.input_ids(text_b)
        return states.contextual_similarity(self.loaded, ids_a, position_a, ids_b, position_b)

    def logit_lens(self, text_or_ids: TextOrIds, top_k: int = 10) -> LogitLens:
        rows = self.lens_rows(text_or_ids, top_k=top_k)
        return assemble(rows.input_ids, list(rows))

    def lens_rows(
        self,
        text_or_ids: TextOrIds,
        layers: Sequence[int] | None = None,
        positions: Sequence[int] | None = None,
        top_k: int = 10,
        *,
        background: bool = False,
    ) -> LocalLensRows:
        ids, kept = self.input_ids(text_or_ids), self._kept_stream
        return inside.lens_rows(self.loaded, kept, ids, layers, positions, top_k, background=background)

    def lens_parts(self) -> LensParts:
        return inside.lens_parts(self.loaded)

    def attention(self, text_or_ids: TextOrIds, layer: int) -> NDArray[np.float32]:
        return self.attention_weights(text_or_ids, layer).weights

    def attention_weights(self, text_or_ids: TextOrIds, layer: int) -> AttentionWeights:
        return inside.attention_weights(self.loaded, self._kept_attention, self.input_ids(text_or_ids), layer)

    def attention_summary(self, text_or_ids: TextOrIds, cells: int = 24) -> AttentionSummary:
        return inside.attention_summary(self.loaded, self._kept_attention, self.input_ids(text_or_ids), cells)

    def attribution(self, text_or_ids: TextOrIds, token_id: int, position: int = -1) -> Attribution:
        return inside.attribution(self.loaded, self.input_ids(text_or_ids), token_id, position)

    # What it keeps of a text

    def kv_cache(self, text_or_ids: TextOrIds, step: int | None = None) -> KVCache:
        return cache.kv_cache(self.loaded, self.input_ids(text_or_ids), step)

    def kv_cache_growth(
        self, text_or_ids: TextOrIds, step: int | None = None, *, background: bool = False
    ) -> LocalCacheGrowth:
        return cache.kv_cache_growth(self.loaded, self.input_ids(text_or_ids), step, background=background)

    def keys_and_values(self, text_or_ids: TextOrIds, layer: int) -> KeysValues:
        return cache.keys_and_values(self.loaded, self.input_ids(text_or_ids), layer)

    def with_and_without_cache(
        self, text_or_ids: TextOrIds, max_new_tokens: int = 32, *, background: bool = False
    ) -> LocalCacheRace:
        ids = self.input_ids(text_or_ids)
        return cache.with_and_without_cache(self.loaded, ids, max_new_tokens, background=background)

    def reuse_cache(self, cached: TextOrIds, following: TextOrIds) -> CacheReuse:
        return cache.reuse_cache(self.loaded, self.input_ids(cached), self.input_ids(following))


def first_passes(name: str, model: Any, limit: int | None, known: Reading | None) -> Reading:
    """Run a new model for the first time, in the worker's thread: its quantized products, then how it reads texts."""
    require_products(name, model)
    return known or find_reading(model, limit)


def _capabilities(loaded: LoadedModel) -> Capabilities:
    kind = type(loaded.model).__name__

    def only(can: bool, why_not: str) -> Capability:
        return Capability("" if can else why_not, of_model=not can)

    layers = only(loaded.blocks is not None, f"{kind} has no list of layers that LM Loupe can find")
    no_cache = f"{kind} has no cache that LM Loupe can continue: it reads the whole text again for every token"
    return Capabilities(
        hidden_states=layers,
        lens=layers,
        attention=layers,
        attribution=layers,
        cache=only(loaded.reading.way is not None, no_cache),
        batching=only(reads_mask(loaded.model), f"{kind} reads no attention mask, so its prompts are read one by one"),
    )


def _eos_ids(stop_ids: tuple[int, ...], tokenizer: Tokenizer) -> frozenset[int]:
    eos = tokenizer.special_tokens.get(tokenizer.eos_token or "")
    return frozenset(stop_ids if eos is None else (*stop_ids, eos))
