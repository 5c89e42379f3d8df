"""What an engine says about one prompt through both levels of transformers' API: plain data, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PipelineLine", "Stage", "TensorFacts", "TwoLevels", "WrongCall"]

Stage = Literal["string", "ids", "device", "generate", "new", "text"]


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """One tensor that the tokenizer gave: ``("input_ids", (1, 37), "int64", "cpu")``."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    device: str


@dataclass(frozen=True, slots=True)
class PipelineLine:
    """The lines of the installed transformers with which its pipeline does one stage.

    Attributes:
        stage: ``"string"`` and ``"ids"`` are one line, which writes the chat as a string and cuts it into tokens.
        file: path inside the package, ``"transformers/pipelines/text_generation.py"``.
        number: of the first of them in that file, from 1.
        source: the lines, without the white space around them.
    """

    stage: Stage
    file: str
    number: int
    source: str


@dataclass(frozen=True, slots=True)
class WrongCall:
    """What ``model.generate(inputs)``, without the two stars, raised when it was called.

    Attributes:
        raised: the errors as ``repr`` writes them, the cause first: ``("KeyError('shape')", "AttributeError()")``.
    """

    raised: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TwoLevels:
    """One prompt through ``pipeline("text-generation")``, and through tokenizer and model line by line.

    Everything was really run, in the installed transformers; what the pipeline had in its hands between its steps was
    written down while it ran.

    Attributes:
        string: what the tokenizer cut into tokens: the chat in its template's format, or the text.
        is_chat: whether the prompt was messages.
        tensors: what the tokenizer gave by hand, in its order.
        input_ids: int64 (1, n), by hand.
        attention_mask: int64 (1, n), by hand: 1 for every token, as nothing is padded.
        output_ids: int64 (1, n + m), what ``generate`` gave by hand: the prompt again, and the new tokens.
        text: the new tokens decoded by hand, special tokens left out.
        pipeline_input_ids: int64 (1, n), what the pipeline gave to its model.
        pipeline_output_ids: int64 (1, n + k), what came back to it.
        pipeline_text: the new text that the pipeline returned.
        returned: all that the pipeline returned, as Python writes it.
        settings: the generation settings that both were called with, as ``generate`` takes them.
        pipeline_defaults: the settings that the pipeline would add by itself where none of them were given.
        lines: where the pipeline does each stage; a stage whose line was not found is left out.
        wrong_call: what the call without the stars raised; None where it raised nothing.
        transformers_version: of the installed package.
    """

    string: str
    is_chat: bool
    tensors: tuple[TensorFacts, ...]
    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    output_ids: NDArray[np.int64]
    text: str
    pipeline_input_ids: NDArray[np.int64]
    pipeline_output_ids: NDArray[np.int64]
    pipeline_text: str
    returned: str
    settings: tuple[tuple[str, bool | int | float], ...]
    pipeline_defaults: tuple[tuple[str, bool | int | float], ...]
    lines: tuple[PipelineLine, ...]
    wrong_call: WrongCall | None
    transformers_version: str

    @property
    def new_ids(self) -> NDArray[np.int64]:
        """int64 (m,), the tokens that ``generate`` wrote by hand."""
        return self.output_ids[0, self.input_ids.shape[1] :]

    @property
    def same(self) -> bool:
        """Whether both levels read the same ids, wrote the same ids and gave the same text."""
        return (
            np.array_equal(self.input_ids, self.pipeline_input_ids)
            and np.array_equal(self.output_ids, self.pipeline_output_ids)
            and self.text == self.pipeline_text
        )
