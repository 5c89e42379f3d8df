"""Find tokens that training has hardly touched, by their rows alone (Land & Bartolo, "Fishing for Magikarp", 2024).

``output_cosine``: cosine distance, in the output matrix, to the mean row of tokens known to be unused, after the
first principal component is removed. Rows of tokens that never occur are all pushed the same way at every step of
training, so they gather in one direction. Known to be unused are the rows of `known_unused_ids`; where there are none,
the special tokens of `twin_special_ids`.

``input_norm``: length of the row in the input matrix. Where that is a matrix of its own, rows that are never read keep
the small numbers that they began with, or shrink by weight decay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.model.embeddings.matrix import VocabularyMatrix
from lmloupe.model.embeddings.results import Indicator, Undertrained
from lmloupe.tokens.tokenizer import Tokenizer
from lmloupe.vocabulary.counts import unreachable_mask
from lmloupe.vocabulary.table import TOKEN_KINDS, VocabularyTable, vocabulary_table

__all__ = [
    "known_unused_ids",
    "listed",
    "no_reference",
    "output_cosine_distances",
    "twin_special_ids",
    "unused_reference",
]

# No UTF-8 text holds these bytes (RFC 3629).
_IMPOSSIBLE_BYTES = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})
_PLACEHOLDER = re.compile(
    r"<\|?(?:reserved|placeholder|unused|dummy|extra_id|mask|madeup)[a-z_]*?_?\d+\|?>|\[unused\d+\]", re.IGNORECASE
)
_TWIN = 0.999
_FEWEST_TWINS = 3
_PERCENTILE = 2


def known_unused_ids(tok: Tokenizer, vocab_rows: int) -> NDArray[np.int32]:
    """Rows that no text can have trained, as far as the vocabulary alone tells; ascending, int32 (m,).

    Rows without a token; tokens for a byte that UTF-8 never has (C0, C1, F5 to FF); a SentencePiece fallback
    ``<0x41>`` whose character has a piece of its own; special tokens that are called reserved, placeholder or unused.

    >>> from lmloupe import load_tokenizer
    >>> len(known_unused_ids(load_tokenizer("llama-3.1"), 128256))
    261
    >>> len(known_unused_ids(load_tokenizer("smollm2"), 49152))
    0
    """
    table = vocabulary_table(tok)
    ids = set(range(vocab_rows)) - set(table.ids.tolist())
    plain = {raw: int(i) for i, raw, kind in _rows(table) if kind not in ("byte", "special", "added")}
    for i, raw, kind in _rows(table):
        impossible = len(raw) == 1 and raw[0] in _IMPOSSIBLE_BYTES and kind == "byte"
        doubled = kind == "byte" and raw in plain
        placeholder = kind in ("special", "added") and _PLACEHOLDER.fullmatch(raw.decode("utf-8", "replace"))
        if i < vocab_rows and (impossible or doubled or placeholder):
            ids.add(i)
    return np.array(sorted(ids), np.int32)


def _rows(table: VocabularyTable) -> list[tuple[int, bytes, str]]:
    names = [TOKEN_KINDS[kind] for kind in table.kinds]
    return list(zip(table.ids.tolist(), table.token_bytes, names, strict=True))


def twin_special_ids(tok: Tokenizer, matrix: VocabularyMatrix) -> NDArray[np.int32]:
    """Special tokens whose rows are all but the same (cosine above 0.999, three at least); ascending, int32 (m,).

    Every step of training pushes the rows of tokens that never occur the same way, so they end up alike, and rows of
    tokens that occur do not. Used where the vocabulary itself names no unused token (SmolLM2).
    """
    table = vocabulary_table(tok)
    special = table.ids[(table.kinds == TOKEN_KINDS.index("special")) & (table.ids < matrix.n_tokens)]
    rows = torch.nn.functional.normalize(matrix.rows(special), dim=1)
    alike = (rows @ rows.T > _TWIN).cpu().numpy()
    if len(special) == 0 or alike.sum(axis=1).max() < _FEWEST_TWINS:
        return np.empty(0, np.int32)
    found: NDArray[np.int32] = special[alike[alike.sum(axis=1).argmax()]]
    return found


def unused_reference(
    tok: Tokenizer, output: VocabularyMatrix, vocab_rows: int, given: NDArray[np.int32] | None
) -> tuple[NDArray[np.int32], str]:
    """The rows to compare with, ascending, and in words why those; in the worker's thread.

    Args:
        tok: the model's tokenizer.
        output: the output matrix.
        vocab_rows: rows of the matrix.
        given: ids that a person names; None to find them by the vocabulary, else by the matrix.
    """
    if given is not None:
        ids, why = np.unique(given), "given"
    else:
        ids = known_unused_ids(tok, vocab_rows)
        why = "rows without a token, impossible or doubled bytes, reserved tokens"
    # A row that nothing was ever written to is zero (Phi-3's last ones): it points nowhere.
    ids = ids[output.norms().cpu().numpy()[ids] > 0].astype(np.int32)
    if len(ids) == 0 and given is None:
        ids, why = twin_special_ids(tok, output), "special tokens whose rows training has left alike"
    return ids, why


def output_cosine_distances(matrix: VocabularyMatrix, reference: NDArray[np.int32]) -> NDArray[np.float32]:
    """Cosine distance of every token's row to the mean unused row, both without the first principal component.

    In steps, as published: the first principal component c of the output matrix is an estimate of what all rows share;
    u' = u - (u . c) c for every row u; the mean of u' over the reference rows; 1 - cosine of it with every u'.

    Returns:
        float32 (n_tokens,), 0 to 2; 1 for a zero row.
    """
    _, axes, _ = matrix.axes()
    first = axes[:, 0]
    unused = matrix.rows(reference)
    mean = (unused - torch.outer(unused @ first, first)).mean(dim=0)
    # u' . m = u . m, because m is orthogonal to c; |u'|^2 = |u|^2 - (u . c)^2: two scans and no second matrix.
    products, shared = matrix.products(mean), matrix.products(first)
    squares = (matrix.norms()[: matrix.n_tokens] ** 2 - shared**2).clamp_min(0)
    lengths = squares.sqrt() * torch.linalg.vector_norm(mean)
    cosines = torch.where(lengths > 1e-12, products / lengths, 0.0).clamp(-1, 1)
    result: NDArray[np.float32] = (1 - cosines).cpu().numpy()
    return result


def listed(
    tok: Tokenizer,
    scores: NDArray[np.float32],
    indicator: Indicator,
    *,
    k: int,
    kinds: Sequence[str] | None,
    reference: NDArray[np.int32],
    why: str,
) -> Undertrained:
    """The k lowest scores with what kind of token each is.

    Args:
        tok: the model's tokenizer.
        scores: float32 (n_tokens,).
        indicator: which they are.
        k: how many at most.
        kinds: names of `TOKEN_KINDS` to list; None for all.
        reference: rows known to be unused.
        why: why those.

    Raises:
        InvalidSettingError: a kind that no token has by that name.
    """
    unknown = sorted(set(kinds or ()) - set(TOKEN_KINDS))
    if unknown:
        raise InvalidSettingError(f"{unknown[0]!r} is not a kind of token: choose from {', '.join(TOKEN_KINDS)}.")
    table = vocabulary_table(tok)
    inside = np.flatnonzero(table.ids < len(scores))
    all_scores = scores[table.ids[inside]]
    wanted = inside
    if kinds is not None:
        wanted = inside[np.isin(table.kinds[inside], [TOKEN_KINDS.index(kind) for kind in kinds])]
    chosen = wanted[np.argsort(scores[table.ids[wanted]], kind="stable")[:k]]
    ids = table.ids[chosen]
    return Undertrained(
        ids=ids,
        scores=scores[ids],
        kinds=tuple(TOKEN_KINDS[kind] for kind in table.kinds[chosen]),
        unreachable=unreachable_mask(tok)[chosen],
        is_reference=np.isin(ids, reference),
        indicator=indicator,
        threshold=float(np.percentile(all_scores, _PERCENTILE)),
        mean=float(all_scores.mean()),
        std=float(all_scores.std()),
        reference_ids=reference,
        reference=why,
    )


def no_reference(name: str) -> NotAvailableError:
    """Nothing to compare with."""
    return NotAvailableError(
        f"Nothing in the vocabulary of {name} is known to be unused, so there is no row to compare with: "
        "pass known_unused, or choose the indicator input_norm."
    )
