"""The tokenizer of a loaded model as transformers' pipeline and a person's own lines call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from lmloupe.chat.render import render_chat
from lmloupe.encodings.encoding import encode
from lmloupe.errors import NoChatTemplateError
from lmloupe.names import shown
from lmloupe.tokens.panics import no_panic
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["GuardedFace", "face_of"]


def face_of(tok: Tokenizer) -> Any:
    """The class of transformers itself around an embedded tokenizer; of another one, a `GuardedFace`.

    Raises:
        NoChatTemplateError: at ``apply_chat_template`` of a base model; the first kind raises transformers' own error.
    """
    if tok.source != "embedded":
        return GuardedFace(tok)
    fast: Any = transformers.PreTrainedTokenizerFast
    # It makes a copy of the library's object: truncation and padding are set on that one alone.
    made = fast(tokenizer_object=tok.backend, **tok.named_tokens)
    made.chat_template = tok.chat_template
    return made


class GuardedFace:
    """What the pipeline asks of a tokenizer, answered by one whose rules may not run in this process.

    Args:
        tok: the tokenizer.
    """

    padding_side = "left"
    response_template = None

    def __init__(self, tok: Tokenizer) -> None:
        self._tok = tok

    @property
    def pad_token_id(self) -> int | None:
        """Id of the token that fills up a batch; None where the tokenizer has none."""
        return self._tok.special_tokens.get(self._tok.named_tokens.get("pad_token", ""))

    def __call__(self, text: str, *, return_tensors: str = "pt", **_: Any) -> Any:
        """A text as tensors, with what the tokenizer adds by itself."""
        return _batch(encode(self._tok, text, add_special_tokens=True).input_ids)

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
        tokenize: bool = True,
        **_: Any,
    ) -> Any:
        """A conversation as tensors, or as the string that they are cut from."""
        if not self._tok.chat_template:
            raise NoChatTemplateError(
                f"The tokenizer of {shown(self._tok.name)} has no chat template: it belongs to a base model. "
                "Give it a text."
            )
        chat = render_chat(
            self._tok,
            conversation,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
        )
        return _batch(chat.encoding.input_ids) if tokenize else chat.text

    def decode(self, token_ids: Sequence[int], skip_special_tokens: bool = False, **_: Any) -> str:
        """The text of ids; rows that no token names stand for none."""
        named = [int(i) for i in token_ids if self._tok.has(int(i))]
        with no_panic(self._tok.name):
            return self._tok.backend.decode(named, skip_special_tokens=skip_special_tokens)


def _batch(ids: NDArray[np.int32]) -> Any:
    made: Any = transformers.BatchEncoding
    rows = torch.from_numpy(ids.astype(np.int64))[None]
    return made({"input_ids": rows, "attention_mask": torch.ones_like(rows)})
