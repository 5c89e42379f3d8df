"""Facts about vectors, tensors and attention inside the model."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm
from ui.base.loaders import encoding
from ui.learn.facts.computed.model import ids_of, loaded, single
from ui.learn.facts.registry import fact
from ui.model.answers import attention, attention_summary
from ui.state.settings import EMBEDDED_MODEL
from ui.vectors.meanings import place_of, states_of

__all__ = [
    "alike_at",
    "analogy",
    "first_token_share",
    "later_share",
    "most_alike_layer",
    "nearest_token",
    "reads_most",
    "tensor_bytes",
    "tensor_numbers",
    "tensor_shape",
    "vector_number",
]


@fact(slow=True)
def tensor_shape(*, text: str) -> str:
    """Shape of the tensor that the embedding makes of a text: tokens and numbers of each.

    >>> tensor_shape(text="The capital of France is")
    '(5, 576)'
    """
    return str(_vectors(text).shape)


@fact(slow=True)
def tensor_numbers(*, text: str) -> int:
    """How many numbers are in it.

    >>> tensor_numbers(text="The capital of France is")
    2880
    """
    return int(_vectors(text).size)


@fact(slow=True)
def tensor_bytes(*, text: str, dtype: Literal["float32", "float16"] = "float32") -> int:
    """How many bytes it takes; bfloat16 takes as many as float16.

    >>> tensor_bytes(text="The capital of France is")
    11520
    """
    return int(_vectors(text).astype(dtype).nbytes)


@fact(slow=True)
def vector_number(*, token: str, place: int) -> float:
    """One number of a token's vector in the embedding; ``place`` counts from 1.

    >>> abs(vector_number(token=" Paris", place=1)) < 1
    True
    """
    return float(loaded().embed([single(token)])[0, place - 1])


@fact(slow=True)
def nearest_token(*, token: str, place: int = 1) -> str:
    """The token whose vector has the largest cosine with this one's, or the next ones, without spaces around it.

    >>> nearest_token(token=" Monday")
    'Tuesday'
    """
    found = loaded().neighbours(single(token), k=place)
    return lm.decode(loaded().tokenizer, [int(found.ids[place - 1])]).strip()


@fact(slow=True)
def analogy(*, a: str, b: str, c: str) -> str:
    """The token that is closest to the vector of ``a`` minus that of ``b`` plus that of ``c``.

    >>> analogy(a=" king", b=" man", c=" woman")
    'queen'
    """
    found = loaded().analogy(single(a), single(b), single(c), k=1)
    return lm.decode(loaded().tokenizer, [int(found.ids[0])]).strip()


@fact(slow=True)
def alike_at(*, word: str, one: str, other: str, layer: int) -> float:
    """Cosine of a word's vectors in two sentences after a layer; layer 0 is the embedding.

    >>> round(alike_at(word="bank", one="by the river bank", other="money in the bank", layer=0), 3)
    1.0
    """
    tok = loaded().tokenizer
    rows = [
        states_of(EMBEDDED_MODEL, "none", *place_of(tok, name, text, word))[layer]
        for name, text in (("A", one), ("B", other))
    ]
    return float(lm.cosine_matrix(np.stack(rows))[0, 1])


@fact(slow=True)
def first_token_share(*, text: str) -> float:
    """Share of all attention of the last token that goes to the first one, over all heads of all layers, 0 to 1.

    >>> 0 < first_token_share(text="The capital of France is") < 1
    True
    """
    return float(_whole(text)[:, :, -1, 0].mean())


@fact(slow=True)
def later_share(*, text: str) -> float:
    """Largest share of attention that any token gives to a token after it, over all heads of all layers, 0 to 1.

    >>> later_share(text="The capital of France is")
    0.0
    """
    patterns = _whole(text)
    later = np.triu(np.ones(patterns.shape[-2:], bool), k=1)
    return float(patterns[:, :, later].max())


@fact(slow=True)
def reads_most(*, text: str, layer: int, head: int) -> str:
    """Which token the last one reads most in a head; ``layer`` and ``head`` count from 1.

    >>> reads_most(text="The capital of France is", layer=13, head=1)
    'of'
    """
    weights = attention(EMBEDDED_MODEL, "none", ids_of(text), layer - 1).weights[head - 1, -1]
    return lm.decode(loaded().tokenizer, [ids_of(text)[int(weights.argmax())]]).strip()


@fact(slow=True)
def most_alike_layer(*, word: str, one: str, other: str) -> str:
    """After which of the layers 0, 10, 20 and 30 a word's vectors in two sentences are most alike.

    >>> most_alike_layer(word="bank", one="by the river bank", other="money in the bank")
    'layer 0'
    """
    layers = range(0, loaded().describe().n_layers + 1, 10)
    best = max(layers, key=lambda layer: alike_at(word=word, one=one, other=other, layer=layer))
    return f"layer {best}"


def _whole(text: str) -> NDArray[np.float32]:
    """Attention of all heads of all layers, float32 (n_layers, n_heads, n, n): a summary's picture of a short text."""
    patterns = attention_summary(EMBEDDED_MODEL, "none", ids_of(text)).patterns
    if patterns.shape[-1] != len(ids_of(text)):
        raise lm.QuestionError(f"{len(ids_of(text))} tokens are too many: the summary has {patterns.shape[-1]} cells.")
    return patterns


def _vectors(text: str) -> np.ndarray:
    return loaded().embed(encoding(loaded().tokenizer, text, False, True).input_ids)
