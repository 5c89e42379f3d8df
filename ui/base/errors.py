"""Show what a model, a file or a person wrote as plain text; what went wrong is one sentence in a red box."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lmloupe.errors import ClusterGoneError, LoupeError
from ui.base import tally
from ui.cluster.address import cluster_address

__all__ = ["Offer", "escape_markdown", "escape_plotly", "say_error", "show_errors"]

# What Streamlit's Markdown gives a meaning to: CommonMark's punctuation, $ (maths) and : (icons, colours).
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^@/\"'])")


def escape_markdown(text: str) -> str:
    r"""The text with every character that Markdown gives a meaning to escaped, and on one line.

    >>> print(escape_markdown("a *b* <i>"))
    a \*b\* \<i\>
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def escape_plotly(text: str) -> str:
    """The text as a label, a name or a hover text of a Plotly chart, which reads a little HTML there.

    >>> print(escape_plotly("<b>&"))
    &lt;b&gt;&amp;
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True)
class Offer:
    """A way out of an error: a button that does what its sentence tells a person to do.

    An error that has one carries it as ``offer``.
    """

    label: str
    do: Callable[..., None]
    args: tuple[Any, ...] = ()

    def draw(self) -> None:
        """Draw the button."""
        st.button(self.label, on_click=self.do, args=self.args, type="primary")


@contextmanager
def show_errors() -> Iterator[None]:
    """Turn a ``LoupeError`` of the block into its sentence on the page; let everything else through.

    The rest of the block is skipped and the page goes on after it. An error's message may quote what a person typed
    or what a hub answered, so nothing in it is read as Markdown or HTML. (Streamlit still makes a bare web address
    clickable, and an arrow of "->"; both keep saying what they said.) An `Offer` that the error carries is a button.
    """
    try:
        yield
    except LoupeError as error:
        say_error(error)


def say_error(error: Exception) -> None:
    """Draw what `show_errors` draws for an error that a page has caught itself.

    Where it says that no cluster answers, the page comes back by itself.
    """
    tally.add("errors", type(error).__name__)
    st.error(escape_markdown(str(error)))
    offer = getattr(error, "offer", None)
    if isinstance(offer, Offer):
        offer.draw()
    if cluster_address() and _says_gone(error):
        from ui.cluster.coming_back import come_back  # not above: where there is no cluster nothing of it is read

        come_back()


def _says_gone(error: BaseException | None) -> bool:
    """Whether nobody on the cluster answered, whatever the sentence around that says."""
    return error is not None and (isinstance(error, ClusterGoneError) or _says_gone(error.__cause__))
