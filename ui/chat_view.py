"""A rendered chat as a row of the token view, coloured by role."""

from __future__ import annotations

import numpy as np

import lmloupe as lm
from ui.token_view import TokenRow

__all__ = ["chat_row", "token_roles"]


def token_roles(chat: lm.RenderedChat) -> list[str | None]:
    """The role of each token, as the model reads it; ``"special"`` for control tokens, None outside any turn."""
    starts = np.array([segment.start for segment in chat.segments])
    places = np.searchsorted(starts, chat.encoding.offsets[:, 0], side="right") - 1
    special = chat.encoding.special_tokens_mask
    return [
        "special" if is_special else _known(chat.segments[place].role)
        for place, is_special in zip(places.tolist(), special.tolist(), strict=True)
    ]


def _known(role: str | None) -> str | None:
    # Llama 3.1 calls a tool's answer "ipython"; other headers have no colour of their own.
    role = "tool" if role == "ipython" else role
    return role if role in ("system", "user", "assistant", "tool") else None


def chat_row(name: str, chat: lm.RenderedChat) -> TokenRow:
    """One row for one family."""
    n_special = int(chat.encoding.special_tokens_mask.sum())
    return TokenRow(name, chat.encoding, subtitle=f"{n_special} special", classes=token_roles(chat))
