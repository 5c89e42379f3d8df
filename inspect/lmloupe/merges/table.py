"""The merges of a BPE model, read once from the tokenizer itself: which pairs merge, and in which order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from lmloupe.errors import NotAvailableError
from lmloupe.tokens.per_tokenizer import PerTokenizer
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MergesTable", "merges_table"]

# One merge as JSON, ["Ġco","con"]. Parsing the whole state builds 280,000 lists for Llama 3.1 and takes three times as
# long as this; what lies between the quotes is kept as it is and pairs are looked up in the same spelling.
_MERGE = re.compile(rb'\["([^"\\]*(?:\\.[^"\\]*)*","[^"\\]*(?:\\.[^"\\]*)*)"\]')


def _spelling(piece: str) -> bytes:
    return json.dumps(piece, ensure_ascii=False)[1:-1].encode()


@dataclass(slots=True, eq=False)
class MergesTable:
    """Ranks of merges by the ids of their two parts. One replay uses one; it remembers what it looked up.

    Attributes:
        model: the ``tokenizers.models.BPE`` that the merges belong to.
        ranks: rank of every merge by its two parts in JSON's spelling.
    """

    model: Any
    ranks: dict[bytes, int] = field(repr=False)
    _pairs: dict[tuple[int, int], tuple[int, int] | None] = field(default_factory=dict, repr=False)
    _spelled: dict[int, bytes] = field(default_factory=dict, repr=False)
    _prefix: int = 0

    def find(self, left: int, right: int) -> tuple[int, int] | None:
        """Rank of the merge and id of what it makes, None where the two do not merge."""
        pair = left, right
        if pair not in self._pairs:
            rank = self.ranks.get(self._spell(left) + b'","' + self._spell(right))
            if rank is None:
                self._pairs[pair] = None
            else:
                made = self.model.id_to_token(left) + self.model.id_to_token(right)[self._prefix :]
                self._pairs[pair] = rank, self.model.token_to_id(made)
        return self._pairs[pair]

    def _spell(self, token_id: int) -> bytes:
        if token_id not in self._spelled:
            self._spelled[token_id] = _spelling(self.model.id_to_token(token_id))
        return self._spelled[token_id]


def _ranks(tok: Tokenizer) -> dict[bytes, int]:
    state = tok.backend.model.__getstate__()
    merges = _MERGE.findall(state, state.rindex(b'"merges":['))
    return dict(zip(merges, range(len(merges)), strict=True))


_ranks_of = PerTokenizer(_ranks)


def merges_table(tok: Tokenizer) -> MergesTable:
    """The merges of a BPE tokenizer.

    Read from the tokenizer at first use, about 0.6 s for Llama 3.1's 280,147, and kept for the last eight tokenizers.

    Raises:
        NotAvailableError: the model is not BPE, or drops merges at random (``dropout``).

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("smollm2")
    >>> space, t = (tok.backend.token_to_id(piece) for piece in "Ġt")
    >>> rank, token_id = merges_table(tok).find(space, t)
    >>> rank, tok.piece(token_id)
    (0, 'Ġt')
    """
    model = tok.backend.model
    kind = tok.rules.model_kind
    if kind != "BPE":
        raise NotAvailableError(
            f"{tok.name} has a {kind} model, which merges no pairs: a replay needs a BPE tokenizer."
        )
    if model.dropout:
        raise NotAvailableError(
            f"{tok.name} leaves out merges at random (dropout {model.dropout:g}), so no replay could be its own: "
            "save it without dropout and load that."
        )
    return MergesTable(model, _ranks_of(tok), _prefix=len(model.continuing_subword_prefix or ""))
