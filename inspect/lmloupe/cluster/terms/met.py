"""What one side knows of the other: whether they understand each other, and which model is there."""

from __future__ import annotations

import lmloupe
from lmloupe.cluster.messages import Hello
from lmloupe.cluster.terms.fingerprint import fingerprint
from lmloupe.errors import ClusterVersionError
from lmloupe.model.architecture.results import ModelDescription
from lmloupe.model.capabilities import Capabilities
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MOST_MET", "Met", "replaced"]

MOST_MET = 8
"""How many replicas that differ one question may meet in turn, while a model is being replaced by another."""


class Met:
    """The replicas as they were met last. Replicas are met again whenever one is not as it is known.

    Attributes:
        known: `Hello.identity` of them; empty before the first.
        tokenizer: of the model, for the rows of its matrix.
        capabilities: of a replica's engine.
        description: of the model, once it was asked for.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.known, self._tokenizer, self.tokenizer = "", tokenizer, tokenizer
        self.capabilities = Capabilities()
        self.description: ModelDescription | None = None

    def meet(self, hello: Hello) -> None:
        """Know a replica from now on.

        Raises:
            ClusterVersionError: it has another version of this library.
        """
        if (hello.version, hello.fingerprint) != (lmloupe.__version__, fingerprint()):
            raise ClusterVersionError(
                f"The cluster has LM Loupe {hello.version} ({hello.fingerprint}), and these pages have "
                f"{lmloupe.__version__} ({fingerprint()}): install the same on both."
            )
        if hello.identity != self.known:
            self.known, self.description, self.capabilities = hello.identity, None, hello.capabilities
            self.tokenizer = self._tokenizer.for_matrix(hello.vocab_rows)


def replaced() -> ClusterVersionError:
    """The error of work that cannot go on because another model is in the place of the one that began it."""
    return ClusterVersionError("The cluster's model was replaced by another one meanwhile: ask again.")
