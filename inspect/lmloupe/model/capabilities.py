"""What an engine can be asked, and why not where it cannot: said before a question, so that pages can offer what goes.

An engine in this process lacks what its model's build rules out. One elsewhere may also lack what it does not send.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from lmloupe.errors import NotAvailableError

__all__ = ["Capabilities", "Capability", "CapabilityName"]

CapabilityName: TypeAlias = Literal[
    "scores",
    "records",
    "hidden_states",
    "lens",
    "attention",
    "attribution",
    "cache",
    "weights",
    "transformers",
    "precision",
    "batching",
]


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether one kind of question can be asked; true where it can.

    Attributes:
        why_not: why it cannot, as the end of a sentence, without a full stop; empty where it can.
        of_model: it is this model that cannot: with another one the same engine may.

    >>> bool(Capability()), bool(Capability("the cluster sends none"))
    (True, False)
    """

    why_not: str = ""
    of_model: bool = False

    def __bool__(self) -> bool:
        return not self.why_not


_CAN = Capability()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The kinds of questions of `lmloupe.Engine`; all of them can be asked unless told otherwise.

    What only a pass over a text can tell is not here: such a question raises `lmloupe.NotAvailableError` itself.

    Attributes:
        scores: probabilities of next tokens and of a text's own: `next_token`, `score`, a gap.
        records: writing, with what each token was chosen from: `generate`, trees, strategies.
        hidden_states: the states between the layers: `hidden_states`, `contextual_similarity`.
        lens: `logit_lens`, `lens_rows`.
        attention: attention weights: `attention`, `attention_weights`, `attention_summary`.
        attribution: `attribution`.
        cache: what is kept of a text: `kv_cache`, `keys_and_values`, `reuse_cache`.
        weights: the model's own numbers: `embed`, `neighbours`, `project`, `weight_histogram`.
        transformers: transformers' own pipeline and ``generate``: `two_levels`.
        precision: the same model in other precisions beside it.
        batching: several prompts in one pass: `padded_batch`. Whether the steps of several who write are computed
            together says `serving`.

    >>> here = Capabilities(attention=Capability("the cluster sends no attention weights"))
    >>> here.missing
    ('attention',)
    >>> here.require("attention")
    Traceback (most recent call last):
    lmloupe.NotAvailableError: This needs attention weights, but the cluster sends no attention weights.
    """

    scores: Capability = _CAN
    records: Capability = _CAN
    hidden_states: Capability = _CAN
    lens: Capability = _CAN
    attention: Capability = _CAN
    attribution: Capability = _CAN
    cache: Capability = _CAN
    weights: Capability = _CAN
    transformers: Capability = _CAN
    precision: Capability = _CAN
    batching: Capability = _CAN

    def of(self, name: CapabilityName) -> Capability:
        """The capability with this name."""
        found: Capability = getattr(self, name)
        return found

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what cannot be asked, in the order of the attributes."""
        return tuple(field.name for field in fields(self) if not getattr(self, field.name))

    def require(self, name: CapabilityName) -> None:
        """Raise `lmloupe.NotAvailableError`, whose sentence says what is missing and why, where it cannot be asked."""
        capability = self.of(name)
        if not capability:
            raise NotAvailableError(f"This needs {WORDS[name]}, but {capability.why_not}.")


WORDS: dict[CapabilityName, str] = {
    "scores": "the scores of tokens",
    "records": "a record of every token that is written",
    "hidden_states": "the states between the layers",
    "lens": "what the model would say after every layer",
    "attention": "attention weights",
    "attribution": "what each layer adds to a score",
    "cache": "what the model keeps of a text",
    "weights": "the model's own weights",
    "transformers": "transformers' own functions",
    "precision": "the same model in other precisions",
    "batching": "several prompts in one pass",
}
"""What each is, as a page says it after "needs"."""
