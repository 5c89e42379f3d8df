"""The embedded model for the figures that need it: loaded in the background, once the rest of the page is drawn."""

from __future__ import annotations

import threading

import streamlit as st

import lmloupe as lm
from ui.base.errors import escape_markdown
from ui.base.loaders import EmbeddedFetch, embedded_fetch, engine
from ui.cluster.address import cluster_address
from ui.cluster.presence import is_over
from ui.state.settings import EMBEDDED_MODEL

__all__ = ["MODEL", "QUANTIZATION", "ModelLoader", "loaded_model", "model_loader", "wait_for_model"]

MODEL = EMBEDDED_MODEL
QUANTIZATION: lm.Quantization = "none"
POLL_S = 1.5
_DRAWN = "door_was_drawn"


class ModelLoader:
    """Loads the model in a thread of its own, so that a page in front of a person goes on meanwhile.

    Attributes:
        ready: the model is there.
        fetch: the download of the model, where this machine does not have it yet.
        error: why it is not there, once the thread has ended without it.
    """

    def __init__(self) -> None:
        self.ready = False
        self.fetch: EmbeddedFetch | None = None
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, unless it has begun or is there; after an error, begin again."""
        with self._lock:
            if not self.ready and (self._thread is None or self.error is not None):
                self.error = None
                self._thread = threading.Thread(target=self._run, name="door-model", daemon=True)
                self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait at most that long; True once the model is there."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self.ready

    def _run(self) -> None:
        try:
            if not cluster_address() and lm.embedded_model_folder() is None:
                self.fetch = embedded_fetch()
                while not self.fetch.wait(60):
                    pass
                if self.fetch.error is not None:
                    raise self.fetch.error
            engine(MODEL, QUANTIZATION)
            self.ready = True
        except Exception as error:  # not swallowed: the page that waits raises it
            self.error = error.with_traceback(None)


@st.cache_resource(show_spinner=False)
def model_loader() -> ModelLoader:
    """The one of this server."""
    return ModelLoader()


def loaded_model() -> lm.Engine:
    """The model; call it only once `ModelLoader.ready` is True."""
    return engine(MODEL, QUANTIZATION)


@st.fragment(run_every=POLL_S)
def wait_for_model() -> None:
    """Say how far the model is, and run the page again when it is there.

    It begins to load at the second run of this fragment, which the browser asks for when it has drawn the page: torch
    takes seconds of the processor, and nobody who reads the first figures waits for them.
    """
    loader = model_loader()
    if not st.session_state.get(_DRAWN):
        st.session_state[_DRAWN] = True
    elif loader.ready:
        st.rerun()
    elif loader.error is None:
        loader.start()
    if is_over(loader.error):
        loader.start()
    if isinstance(loader.error, lm.ClusterGoneError):
        st.error(escape_markdown(str(loader.error)))
        st.caption(":material/hourglass_empty: Looking for the cluster; the figures come by themselves.")
    elif isinstance(loader.error, lm.LoupeError):
        st.error(escape_markdown(str(loader.error)))
        st.button("Try again", on_click=_again, icon=":material/refresh:")
    elif loader.error is not None:
        raise loader.error
    else:
        st.caption(f":material/hourglass_empty: {_words()}")


def _again() -> None:
    embedded_fetch.clear()
    model_loader().start()


def _words() -> str:
    said = "The figures from here on ask a real model, SmolLM2, which is loading in the background."
    if cluster_address():
        return "The figures from here on ask a real model, SmolLM2, on a cluster that these pages are joining."
    fetch = model_loader().fetch
    if fetch is None or fetch.progress is None:
        return said
    return f"{said} {escape_markdown(fetch.progress.message)} ({fetch.progress.fraction:.0%})"
