"""Facts about the model's sizes, and what the other modules ask of it. They run the embedded model."""

from __future__ import annotations

from typing import Literal

import lmloupe as lm
from ui.base.loaders import encoding, engine, next_token
from ui.learn.facts.registry import fact
from ui.state.settings import EMBEDDED_MODEL

__all__ = [
    "Stored",
    "answer_to",
    "ids_of",
    "loaded",
    "model_device",
    "model_number",
    "published_as",
    "single",
    "weight_megabytes",
    "weight_share",
]

Stored = Literal["none", "int8", "nf4", "fp4"]
Number = Literal[
    "blocks", "width", "parameters", "heads", "key_heads", "rows", "context", "embeddings", "head_width", "all_heads"
]


def loaded(quantization: Stored = "none") -> lm.Engine:
    """The embedded model."""
    return engine(EMBEDDED_MODEL, quantization)


def ids_of(text: str) -> tuple[int, ...]:
    """What the model reads of a text."""
    return tuple(encoding(loaded().tokenizer, text, True, True).input_ids.tolist())


def answer_to(text: str, quantization: Stored = "none") -> lm.NextToken:
    """The model's scores after a text."""
    return next_token(EMBEDDED_MODEL, quantization, ids_of(text))


def single(token: str) -> int:
    """The id of a text that is one token."""
    ids = encoding(loaded().tokenizer, token, False, True).input_ids.tolist()
    if len(ids) != 1:
        raise lm.QuestionError(f"{token!r} is {len(ids)} tokens of the model; name one token.")
    return int(ids[0])


@fact(slow=True)
def model_number(*, of: Number) -> int:
    """A size of the model: its ``blocks``, the ``width`` of a vector, its ``parameters``, ``heads`` and so on.

    >>> model_number(of="width")
    576
    """
    described = loaded().describe()
    embeddings = [one for one in described.modules if one.kind == "Embedding"]
    return {
        "blocks": described.n_layers,
        "width": described.width,
        "parameters": described.n_parameters,
        "heads": described.n_heads,
        "key_heads": described.n_kv_heads,
        "rows": described.vocab_rows,
        "context": described.context_length,
        "embeddings": len(embeddings),
        "head_width": described.head_dim,
        "all_heads": described.n_heads * described.n_layers,
    }[of]


@fact(slow=True)
def weight_share(*, of: Literal["embedding", "blocks"]) -> float:
    """Share of all weights that are in the embedding, or in the blocks, from 0 to 1.

    >>> round(weight_share(of="embedding"), 3)
    0.21
    """
    described = loaded().describe()
    share = described.vocab_rows * described.embedding_width / described.n_parameters
    inside = sum(one.n_parameters for one in described.modules if ".layers." in one.name) / described.n_parameters
    return share if of == "embedding" else inside


@fact(slow=True)
def published_as() -> str:
    """How the weights of the model were published.

    >>> published_as()
    '4-bit (Q4_1)'
    """
    return loaded().describe().published_as


@fact(slow=True)
def weight_megabytes(*, quantization: Stored = "none") -> float:
    """Memory of all weights of the model in megabytes (1,000,000 bytes).

    >>> round(weight_megabytes())
    538
    """
    return loaded(quantization).describe().bytes / 1e6


@fact(slow=True)
def model_device() -> str:
    """Where this server has put the model: ``cpu``, ``cuda`` or ``mps``.

    >>> model_device() in ("cpu", "cuda", "mps")
    True
    """
    return loaded().describe().device
