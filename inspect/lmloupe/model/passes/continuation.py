"""How a model goes on from what it has read: with a cache, in the way that this model wants it, or not at all.

A second piece of a text continues the first only where the model takes up the state that the first one left. Under
which name it hands that state on, whether it counts positions by itself, and whether it can read several tokens from
a state at all differs between architectures, and a state under a name that a model does not know is ignored without a
word. So nothing is taken for granted here: `lmloupe.model.passes.reading` tries the ways below on the loaded model.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["WAYS", "CannotContinueError", "Continuation", "Reading", "Way"]

Way: TypeAlias = Literal["cache", "positions", "plain cache", "generate"]
WAYS: tuple[Way, ...] = ("cache", "positions", "plain cache", "generate")
"""What a further piece comes with, in the order in which the ways are tried.

``cache``: transformers' cache for this config. ``positions``: the same and the number of each token. ``plain cache``:
a cache that asks no config. ``generate``: whatever transformers' own ``generate`` passes to this model.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model's texts are read, as found on the loaded model.

    Attributes:
        way: how a further piece goes on from the pieces before it; None where none gives what the whole text gives.
        in_pieces: a further piece may have several tokens. Otherwise a text is read whole, and only single tokens
            follow it.
        repeatable: the beginning of a text gives the same alone and before more text.
        turns_at: a text with more tokens than this is read otherwise from its first token on (LongRoPE); None where
            there is no such length.
    """

    way: Way | None = "cache"
    in_pieces: bool = True
    repeatable: bool = True
    turns_at: int | None = None

    def turns(self, n: int) -> bool:
        """Whether a text of ``n`` tokens is beyond `turns_at`."""
        return self.turns_at is not None and n > self.turns_at

    def needed(self, n: int, last: int) -> int:
        """How many tokens to read of a text of ``n``, for what is asked up to its index ``last``."""
        if not self.repeatable:
            return n
        return max(last, self.turns_at or 0) + 1 if self.turns(n) else last + 1


class CannotContinueError(Exception):
    """The model takes the whole text again, hands on no state, or cannot go back; caught where that is tried."""


class Continuation:
    """One text as it is read, piece after piece.

    Args:
        model: a ``transformers`` causal LM.
        module: the model, or its base: what each piece is read with.
        reading: how.
    """

    def __init__(self, model: Any, module: Any, reading: Reading) -> None:
        self._model, self._module, self._way, self._reading = model, module, reading.way, reading
        self._ids = torch.empty((1, 0), dtype=torch.long, device=model.get_input_embeddings().weight.device)
        self._state = self._empty_state()

    def _empty_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {}
        model = self._model
        if self._way in ("cache", "positions"):
            state["past_key_values"] = DynamicCache(config=model.config)
        elif self._way == "plain cache":
            state["past_key_values"] = DynamicCache()
        elif self._way == "generate" and model._supports_default_dynamic_cache():
            # As `generate` itself names it.
            name = "cache_params" if "mamba" in type(model).__name__.lower() else "past_key_values"
            state[name] = DynamicCache(config=model.config.get_text_config(decoder=True))
        return state

    @property
    def cache(self) -> Any:
        """What the model keeps of the text so far, a cache of transformers in most; None where there is nothing."""
        for name in ("past_key_values", "cache_params"):
            if self._state.get(name) is not None:
                cache = self._state[name]
                return getattr(cache, "self_attention_cache", cache)
        return None

    @property
    def ids(self) -> torch.Tensor:
        """All that has been read, int64 (1, n)."""
        return self._ids

    @property
    def layers(self) -> Sequence[Any]:
        """The layers of `cache`; none where it has another form."""
        return getattr(self.cache, "layers", None) or ()

    @property
    def is_plain(self) -> bool:
        """Whether every layer keeps the keys and values of all tokens, and nothing else."""
        return bool(self.layers) and all(type(layer) is DynamicLayer and layer.is_initialized for layer in self.layers)

    @property
    def goes_back(self) -> bool:
        """Whether `keep` can go back to any of its tokens."""
        try:
            self._require_croppable(1)
        except CannotContinueError:
            return False
        return True

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept of the text."""
        return sum(_nbytes(value) for value in self._state.values())

    def branch(self, n: int) -> Continuation:
        """Another one that has read the first ``n`` tokens, and goes on by itself.

        Raises:
            CannotContinueError: as `keep`.
        """
        self._require_croppable(n)
        other = copy.copy(self)
        if self._way != "generate" and self.is_plain:
            # Such a layer never writes into its tensors: they grow by being joined anew, so two texts may share them.
            pairs = [(layer.keys[:, :, :n], layer.values[:, :, :n]) for layer in self.layers]
            other._resume(self._ids[:, :n], pairs)
        else:
            other._state = copy.deepcopy(self._state)
            other.keep(n)
        return other

    @classmethod
    def resumed(
        cls,
        model: Any,
        module: Any,
        reading: Reading,
        ids: torch.Tensor,
        layers: Sequence[tuple[torch.Tensor, torch.Tensor]],
    ) -> Continuation:
        """One that has read some ids already.

        Args:
            model: as of a new one.
            module: likewise.
            reading: likewise.
            ids: int64 (1, n).
            layers: keys and values of each layer, (1, heads, n, width); they are not copied where the layer is plain.
        """
        text = cls(model, module, reading)
        text._resume(ids, layers)
        return text

    def _resume(self, ids: torch.Tensor, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self._state, self._ids = self._empty_state(), ids
        for number, (keys, values) in enumerate(pairs):
            if number < len(self.layers) and type(self.layers[number]) is DynamicLayer:
                layer = self.layers[number]
                layer.lazy_initialization(keys, values)
                layer.keys, layer.values = keys, values
            else:
                self.cache.update(keys, values, number)

    def keep(self, n: int) -> None:
        """Forget all tokens but the first ``n``, so that another text can go on from there.

        Raises:
            CannotContinueError: what is kept of the text cannot be taken back, with the reason.
        """
        before = self._ids.shape[1]
        if n >= before:
            return
        if n == 0:
            self._state, self._ids = self._empty_state(), self._ids[:, :0]
            return
        self._require_croppable(n)
        # Layer by layer: those that a shorter pass never came to have nothing to give up.
        for layer in self.layers or (self.cache,):
            if getattr(layer, "is_initialized", True):
                layer.crop(n - before)
        self._ids = self._ids[:, :n]

    def _require_croppable(self, n: int) -> None:
        before = self._ids.shape[1]
        if n == 0 or n >= before:
            return
        if self._reading.turns(before):
            raise CannotContinueError("a text of this length was read with other position factors from its beginning")
        for i, layer in enumerate(self.layers):
            window = getattr(layer, "sliding_window", None) if getattr(layer, "is_sliding", False) else None
            if window is not None and layer.get_seq_length() >= window:
                raise CannotContinueError(
                    f"layer {i + 1} has a window of {window:,} tokens and has dropped earlier ones"
                )
            # A layer with windows alone records no past either, and needs none as long as it has dropped nothing.
            of_everything = hasattr(layer, "conv_states") and not layer.record_past
            if not getattr(layer, "is_croppable", True) or of_everything:
                raise CannotContinueError(f"layer {i + 1} keeps one state of everything that it has read")
        # A cache may keep a state beside its layers (MiniMax), and says so.
        if not hasattr(self.cache, "crop") or not getattr(self.cache, "is_croppable", True):
            raise CannotContinueError("it keeps one state of everything that it has read")

    def select(self, rows: torch.Tensor) -> None:
        """Go on with these rows of the text, int64 (r,): one may come several times, to go on in several ways.

        Raises:
            CannotContinueError: what is kept of the text cannot be copied, with the reason.
        """
        if int(rows.max()) == 0 and len(rows) == 1 == len(self._ids):
            return
        cache = next((self._state[name] for name in ("past_key_values", "cache_params") if name in self._state), None)
        if cache is None or not hasattr(cache, "reorder_cache"):
            raise CannotContinueError("what it keeps of a text is not in a form whose rows can be copied")
        cache.reorder_cache(rows)
        self._ids = self._ids[rows]

    def read(self, piece: torch.Tensor, **options: Any) -> Any:
        """Read a further piece; the output has rows for it, or for the whole text where that is read.

        Args:
            piece: its ids, int64 (1, m), or (r, m) after `select` of r rows.
            options: for the module, as ``logits_to_keep``.
        """
        before = self._ids.shape[1]
        self._ids = torch.cat((self._ids, piece), 1)
        if before and self._reading.turns(self._ids.shape[1]) and not self._reading.turns(before):
            # What it has kept of the text so far is what the model reads in shorter ones.
            self._state, before, piece = self._empty_state(), 0, self._ids
        if self._way is None:
            return self._module(input_ids=self._ids, use_cache=False, **options)
        if self._way == "generate":
            return self._read_as_generate_does(before, options)
        positions = {}
        if self._way == "positions":
            positions["position_ids"] = torch.arange(before, self._ids.shape[1], device=piece.device)[None]
        return self._module(input_ids=piece, use_cache=True, **self._state, **positions, **options)

    def _read_as_generate_does(self, before: int, options: dict[str, Any]) -> Any:
        size = self._ids.shape[1]
        given: dict[str, Any] = {"attention_mask": torch.ones_like(self._ids)}
        if "position_ids" in inspect.signature(self._model.forward).parameters:
            given["position_ids"] = torch.arange(size, device=self._ids.device)[None]
        inputs = self._model.prepare_inputs_for_generation(
            self._ids,
            next_sequence_length=size - before if before else None,
            is_first_iteration=before == 0,
            use_cache=True,
            **self._state,
            **given,
        )
        if inputs["input_ids"].shape[1] != size - before:
            raise CannotContinueError("it is given the whole text again")
        inputs.pop("logits_to_keep", None)  # ours, and the base has none
        output = self._module(**inputs, **options, return_dict=True)
        # Handed on under the name that the model itself reads it by.
        self._state = self._model._update_model_kwargs_for_generation(output, self._state)
        return output


def _nbytes(value: Any, depth: int = 0) -> int:
    """Bytes of the tensors in what a model hands on, however it holds them."""
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if depth == 5:  # a cache, its layers, a list or dict in one, a tensor
        return 0
    items: Collection[Any] = ()
    if isinstance(value, dict):
        items = value.values()
    elif isinstance(value, list | tuple):
        items = value
    elif hasattr(value, "__dict__"):
        items = vars(value).values()
    return sum(_nbytes(item, depth + 1) for item in items)
