"""What the cluster serves, in the words of a page; and the sentence where it does not serve what is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import lmloupe as lm
from ui.cluster.address import cluster_place
from ui.cluster.presence import presence

__all__ = ["models_of", "nothing_served", "precisions_of", "require_served", "served_words"]


def models_of(served: Sequence[tuple[str, lm.Quantization]], first: str) -> tuple[str, ...]:
    """The models, each once; ``first`` before the others where it is among them.

    >>> models_of([("a", "none"), ("b", "int8"), ("b", "nf4")], "b")
    ('b', 'a')
    """
    names = dict.fromkeys(model for model, _ in served)
    return tuple(sorted(names, key=lambda name: name != first))


def precisions_of(served: Sequence[tuple[str, lm.Quantization]], model: str) -> tuple[lm.Quantization, ...]:
    """The precisions of one model, in the order in which the cluster names them."""
    return tuple(quantization for name, quantization in served if name == model)


def require_served(model: str, quantization: lm.Quantization) -> None:
    """Go on where the cluster has this model in this precision, and a replica of it answers.

    Raises:
        NotAvailableError: it does not have it; the sentence says what it has.
        ClusterGoneError: no replica answers yet, nothing is served yet, or there is no cluster.
    """
    served = presence().served()
    if not served:
        raise nothing_served()
    found = next((one for one in served if (one.model, one.quantization) == (model, quantization)), None)
    if found is None:
        raise lm.NotAvailableError(
            f"The cluster does not serve {model} {_in(quantization)}; "
            f"{served_words([(one.model, one.quantization) for one in served])}."
        )
    if not found.answers:
        raise lm.ClusterGoneError(
            f"The cluster has {model} {_in(quantization)}, but no replica of it answers yet ({found.status.lower()})."
        )


def nothing_served() -> lm.ClusterGoneError:
    """What to raise where a cluster is there and has no model: it starts, and its models come later than itself."""
    return lm.ClusterGoneError(f"The cluster at {cluster_place()} serves no model yet: wait until it has loaded one.")


def served_words(served: Sequence[tuple[str, lm.Quantization]]) -> str:
    """What a cluster serves, as a part of a sentence.

    >>> served_words([("phi", "none"), ("phi", "nf4"), ("qwen", "int8")])
    'it serves phi unquantized and in nf4, and qwen in int8'
    >>> served_words([])
    'it serves no model yet'
    """
    if not served:
        return "it serves no model yet"
    each = [
        f"{name} {_listed([_in(quantization) for quantization in precisions_of(served, name)])}"
        for name in dict.fromkeys(model for model, _ in served)
    ]
    return f"it serves {', and '.join(each)}"


def _in(quantization: lm.Quantization) -> str:
    return "unquantized" if quantization == "none" else f"in {quantization}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
