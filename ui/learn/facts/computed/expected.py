"""Facts about what the model expects in a text: probabilities, ranks, surprise, and what its layers would say."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

import lmloupe as lm
from ui.learn.facts.computed.model import Stored, answer_to, ids_of, loaded, single
from ui.learn.facts.registry import fact
from ui.model.answers import scored
from ui.state.settings import EMBEDDED_MODEL

__all__ = [
    "best_token",
    "entropy",
    "lens_layer",
    "lens_token",
    "perplexity",
    "possible_tokens",
    "rank_of",
    "second_token",
    "share_moves",
    "share_of",
    "surprise_of",
    "times_perplexity",
    "written",
]


@fact(slow=True)
def best_token(*, text: str, quantization: Stored = "none") -> str:
    """What the model holds most probable after a text, without the space in front.

    >>> best_token(text="The capital of France is")
    'Paris'
    """
    found = answer_to(text, quantization)
    return lm.decode(loaded().tokenizer, [int(found.logits.argmax())]).strip()


@fact(slow=True)
def share_of(*, text: str, token: str, quantization: Stored = "none") -> float:
    """Probability of a token after a text, from 0 to 1.

    >>> round(share_of(text="The capital of France is", token=" Paris"), 2)
    0.77
    """
    return float(np.exp(answer_to(text, quantization).log_probs[single(token)]))


@fact(slow=True)
def rank_of(*, text: str, token: str, quantization: Stored = "none") -> int:
    """Rank of a token after a text: 1 is the first guess.

    >>> rank_of(text="The capital of France is", token=" London")
    3
    """
    logits = answer_to(text, quantization).logits
    return int((logits > logits[single(token)]).sum()) + 1


@fact(slow=True)
def entropy(*, text: str) -> float:
    """Entropy of the model's guesses after a text, in bits.

    >>> entropy(text="To be or not to") < entropy(text="My favorite color is")
    True
    """
    logs: NDArray[np.floating] = answer_to(text).log_probs.astype(np.float64)
    return float(-(np.exp(logs) * logs).sum() / np.log(2))


@fact(slow=True)
def surprise_of(*, text: str, place: int) -> float:
    """Surprisal of one token of a text in bits; ``place`` counts from 1, and the first token has none.

    >>> surprise_of(text="The capital of France is bananas", place=6) > 20
    True
    """
    bits = scored(EMBEDDED_MODEL, "none", ids_of(text)).surprisal_bits
    if not 2 <= place <= len(bits) + 1:
        raise lm.QuestionError(f"place is {place}, but tokens 2 to {len(bits) + 1} have a surprisal.")
    return float(bits[place - 2])


@fact(slow=True)
def perplexity(*, text: str) -> float:
    """Perplexity of a text.

    >>> perplexity(text="The capital of France is Paris.") < perplexity(text="The capital of France is bananas.")
    True
    """
    return float(scored(EMBEDDED_MODEL, "none", ids_of(text)).perplexity)


@fact(slow=True)
def lens_layer(*, text: str) -> int:
    """From which layer on the model's first guess after a text is its final one; 0 is the embedding.

    >>> lens_layer(text="The capital of France is")
    30
    """
    best = _lens(text)
    same = best == best[-1]
    return int(len(best) - 1 - np.argmin(same[::-1]) + 1) if not same.all() else 0


@fact(slow=True)
def written(*, text: str, tokens: int) -> str:
    """What the model writes after a text, always taking the most probable token (greedy).

    >>> written(text="The capital of France is", tokens=2)
    ' Paris.'
    """
    steps = loaded().generate(ids_of(text), lm.Sampling(temperature=0), max_new_tokens=tokens)
    return "".join(step.text for step in steps)


@fact(slow=True)
def second_token(*, text: str) -> str:
    """What the model holds second most probable after a text, without the space in front.

    >>> second_token(text="The capital of France is")
    'the'
    """
    second = int(np.argsort(-answer_to(text).logits, kind="stable")[1])
    return lm.decode(loaded().tokenizer, [second]).strip()


@fact(slow=True)
def possible_tokens(*, text: str) -> str:
    """``all of them`` where every token has a probability above zero after a text, else how many have.

    >>> possible_tokens(text="The capital of France is")
    'all of them'
    """
    logs = answer_to(text).log_probs.astype(np.float64)
    n = int((np.exp(logs) > 0).sum())
    return "all of them" if n == len(logs) else str(n)


@fact(slow=True)
def times_perplexity(*, text: str, other: str) -> str:
    """The perplexity of a text as a multiple of another one's, in words.

    >>> times_perplexity(text="The capital of France is Paris.", other="The capital of France is Paris.")
    'the same'
    """
    times = perplexity(text=text) / perplexity(text=other)
    bounds = ((1.5, "the same"), (5.0, "twice as much"), (100.0, "ten times as much"))
    return next((words for bound, words in bounds if times < bound), "more than a hundred times as much")


@fact(slow=True)
def lens_token(*, text: str, layer: int) -> str:
    """First guess of a layer at the last token of a text, without spaces around it; layer 0 is the embedding.

    >>> lens_token(text="The capital of France is", layer=30)
    'Paris'
    """
    return lm.decode(loaded().tokenizer, [int(_lens(text)[layer])]).strip()


@fact(slow=True)
def share_moves(*, text: str, token: str, quantization: Stored) -> str:
    """``less``, ``about the same`` or ``more``: a token's probability in a precision against that in float32.

    >>> share_moves(text="The capital of France is", token=" Paris", quantization="none")
    'about the same'
    """
    own = share_of(text=text, token=token)
    times = share_of(text=text, token=token, quantization=quantization) / own
    return "about the same" if 0.95 < times < 1.05 else "less" if times < 1 else "more"


@cache
def _lens(text: str) -> NDArray[np.int32]:
    """First guess of every layer at the last token, int32 (n_layers + 1,)."""
    return loaded().logit_lens(ids_of(text), top_k=1).token_ids[:, -1, 0].copy()
