"""What is loaded once and serves every session: tokenizers, encodings, models, their answers. Every cache is bounded.

Answers are keyed by model, quantization and text, never by a tensor: Streamlit samples large arrays when it hashes
them, and two different ones could share a key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

import streamlit as st

import lmloupe as lm
from lmloupe.tokens.embedded import is_loaded
from ui.base.garbage import set_imports_aside
from ui.base.kept.answers import answered
from ui.base.kept.folder import name_of
from ui.cluster.address import cluster_address
from ui.cluster.presence import when_back
from ui.cluster.served import require_served

if TYPE_CHECKING:
    from lmloupe.model.local import LocalEngine

__all__ = [
    "BY_TOKENIZER",
    "EmbeddedFetch",
    "display_name",
    "embedded_fetch",
    "encoding",
    "engine",
    "kept_name",
    "loaded_engines",
    "local_engine",
    "next_token",
    "ready",
    "round_trips",
    "stages",
    "tokenizer",
]

NAMES = {
    "llama-3.1": "Llama 3.1",
    "phi-3": "Phi-3",
    "qwen2": "Qwen2",
    "starcoder2": "StarCoder2",
    "smollm2": "SmolLM2",
    "smollm2-135m-instruct": "SmolLM2 135M Instruct",
}


BY_TOKENIZER: dict[str | type, Callable[[Any], object]] = {
    lm.Tokenizer: lambda tok: (tok.name, id(tok.backend), tok.matrix_rows)
}
"""How caches tell tokenizers apart; for answers that keep their tokenizer, whose identity no other one gets then."""


def display_name(key: str) -> str:
    """The name that people know for an embedded key; the file's for an upload; a hub id or a folder as it is."""
    return NAMES.get(key, key.removeprefix("upload:"))


@st.cache_resource(max_entries=16, show_spinner=False)
def tokenizer(name: str) -> lm.Tokenizer:
    """A tokenizer by embedded key, hub id or folder; see `lmloupe.load_tokenizer` for what it raises."""
    loaded = lm.load_tokenizer(name)
    if loaded.source != "embedded":
        _read_before().add(name)
    return loaded


@st.cache_resource(show_spinner=False)
def _read_before() -> set[str]:
    """Folders and hub ids that have been read since the server started, and most probably still are there."""
    return set()


def ready(name: str) -> bool:
    """Whether `tokenizer` answers at once for this name: the rows of these can be drawn before the others are read."""
    return is_loaded(name) or name in _read_before()


def encoding(tok: str | lm.Tokenizer, text: str, add_special_tokens: bool, parse_special_tokens: bool) -> lm.Encoding:
    """One text as one tokenizer splits it.

    Args:
        tok: a name for `tokenizer`, or a model's own tokenizer (``engine.tokenizer``), which is not read again.
        text: the text.
        add_special_tokens: as in `lmloupe.encode`.
        parse_special_tokens: as in `lmloupe.encode`.
    """
    return _encoding(tokenizer(tok) if isinstance(tok, str) else tok, text, add_special_tokens, parse_special_tokens)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_TOKENIZER)
def _encoding(tok: lm.Tokenizer, text: str, add_special_tokens: bool, parse_special_tokens: bool) -> lm.Encoding:
    return lm.encode(tok, text, add_special_tokens, parse_special_tokens)


@st.cache_data(max_entries=64, show_spinner=False)
def round_trips(name: str, text: str, add_special_tokens: bool, parse_special_tokens: bool) -> bool:
    """Whether decoding that encoding gives the text back; kept, because for a megabyte it takes a while."""
    return encoding(name, text, add_special_tokens, parse_special_tokens).round_trips


@st.cache_resource(max_entries=8, show_spinner=False)
def stages(name: str, text: str, add_special_tokens: bool) -> lm.Stages:
    """Everything between a text and its ids; kept, because for a long text it takes a second."""
    return lm.stages(tokenizer(name), text, add_special_tokens=add_special_tokens)


@st.cache_resource(max_entries=2 if not cluster_address() else 16, show_spinner=False)
def engine(model: str, quantization: lm.Quantization) -> lm.Engine:
    """One copy of a model for all sessions; loading a third one lets the oldest go. On a cluster, the way to it.

    Raises:
        LoupeError: as `lmloupe.load_engine` and `lmloupe.connect_engine` say.
    """
    if cluster_address():
        require_served(model, quantization)
        loaded = lm.connect_engine(cluster_address(), model, quantization)
    else:
        set_imports_aside()
        loaded = lm.load_engine(model, quantization)
    _loaded[model, quantization] = loaded
    return loaded


def local_engine(model: str, quantization: lm.Quantization) -> LocalEngine:
    """A model in this process, for what measures its weights.

    Raises:
        NotAvailableError: it is on a cluster; said before anything of the model's own libraries is imported.
    """
    loaded = engine(model, quantization)
    loaded.capabilities.require("precision")
    return cast("LocalEngine", loaded)


# Who answers now may be of another version: it is asked anew. Without a cluster nothing calls this.
when_back(lambda: engine.clear())

_loaded: WeakValueDictionary[tuple[str, str], lm.Engine] = WeakValueDictionary()


def loaded_engines() -> dict[tuple[str, str], lm.Engine]:
    """The models that are in memory now, by name and precision."""
    return dict(_loaded)


def kept_name(model: str, quantization: lm.Quantization, *question: object) -> Callable[[], str | None]:
    """What a question to a model is called where front ends share results; asked for when it is needed.

    It holds no model, and loads none: of one that is not in memory nothing is known.

    Args:
        model: its name.
        quantization: its precision.
        *question: all that the answer depends on besides the model and the code.
    """
    return lambda: name_of(_loaded.get((model, quantization)), *question)


@st.cache_resource(max_entries=128, show_spinner=False)
def next_token(model: str, quantization: lm.Quantization, ids: tuple[int, ...]) -> lm.NextToken:
    """The scores after a text: one forward pass, however often a slider is moved afterwards."""
    return answered(engine(model, quantization), lm.Engine.next_token, ids)


class EmbeddedFetch:
    """The one download and conversion of the embedded model in this process, watched by any number of sessions."""

    def __init__(self) -> None:
        self.progress: lm.Progress | None = None
        self.error: lm.LoupeError | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-model", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            lm.ensure_embedded_model(self._note)
        except lm.LoupeError as error:
            self.error = error

    def _note(self, progress: lm.Progress) -> None:
        self.progress = progress

    def wait(self, timeout_s: float) -> bool:
        """Wait at most that long; True once it has ended, well or not."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


@st.cache_resource(show_spinner=False)
def embedded_fetch() -> EmbeddedFetch:
    """Start fetching the embedded model, or join those who already wait for it."""
    return EmbeddedFetch()
