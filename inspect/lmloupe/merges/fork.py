"""Why two tokenizers cut one word in two ways: their merges side by side, and the first merge at which they part."""

from __future__ import annotations

from lmloupe.merges.comparison import MergeComparison, MergeFork
from lmloupe.merges.side import MergeNode, MergeSide, Span, merge_side
from lmloupe.merges.table import merges_table
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["compare_merges"]


def compare_merges(tok_a: Tokenizer, tok_b: Tokenizer, word: str, *, at_start: bool = True) -> MergeComparison:
    """Replay the merges of one word in two tokenizers and find where they part.

    A tokenizer that takes words whole from its vocabulary (``ignore_merges``) is shown by the merges that lead there.
    Merges that lead to the same token on both sides are no fork, in whichever order they come.

    Args:
        tok_a: any tokenizer.
        tok_b: any other.
        word: one word as people see it, ``" coconut"``.
        at_start: the word begins its text, where Phi-3 puts a space in front. False for a word within a text.

    Raises:
        InvalidTextError: the word has a lone surrogate.
        NotAvailableError: one of the two drops merges at random (``dropout``).

    >>> from lmloupe import load_tokenizer
    >>> llama, phi = load_tokenizer("llama-3.1"), load_tokenizer("phi-3")
    >>> both = compare_merges(llama, phi, " coconut", at_start=False)
    >>> both.sentence("Llama 3.1", "Phi-3")
    'Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did.'
    >>> both.fork.node.step, [both.sides[1].spell(*token) for token in both.sides[1].tokens]
    (6, ['␣co', 'con', 'ut'])
    """
    sides = merge_side(tok_a, word, at_start=at_start), merge_side(tok_b, word, at_start=at_start)
    return MergeComparison(word, sides, _fork(sides))


def _fork(sides: tuple[MergeSide, MergeSide]) -> MergeFork | None:
    a, b = sides
    if a.aligned and b.aligned and a.tokens and b.tokens and _clipped(a.tokens) == _clipped(b.tokens):
        return None
    for number, side in enumerate(sides):
        if side.without_merges:
            return MergeFork("model", number)
    if not (a.aligned and b.aligned):
        return MergeFork("text", 0)
    for number, side in enumerate(sides):
        if side.takes_other:
            return MergeFork("whole", number)
    found = [(node.step, number, node) for number, node in enumerate((_parts(a, b), _parts(b, a))) if node is not None]
    if not found:  # one starts from a whole character, of which the other never merges the bytes
        return MergeFork("characters", int(len(a.symbols) > len(b.symbols)))
    _, number, node = min(found)
    return _explained(sides, number, node)


def _clipped(spans: tuple[Span, ...]) -> set[Span]:
    return {(max(0, start), end) for start, end in spans if end > 0}


def _parts(one: MergeSide, other: MergeSide) -> MergeNode | None:
    """The first merge that the other does not have, in a token that the other does not have."""
    ends = _clipped(other.tokens)
    symbols = _clipped(other.symbols)
    known = symbols | {node.span for node in other.nodes}
    tokens = [token for token in _clipped(one.tokens) if token not in ends]
    for node in one.nodes:
        start, end = node.span
        inside = any(low <= start and end <= high for low, high in symbols)
        if not inside and node.span not in known and any(low <= start and end <= high for low, high in tokens):
            return node
    return None


def _explained(sides: tuple[MergeSide, MergeSide], number: int, node: MergeNode) -> MergeFork:
    one, other = sides[number], sides[1 - number]
    start, end = node.span
    if any(start < cut < end for cut in other.cuts):
        return MergeFork("cut", number, node)
    parts = _last_id(other, (start, node.middle)), _last_id(other, (node.middle, end))
    if None in parts and any(low < edge < high for low, high in other.symbols for edge in (start, node.middle, end)):
        return MergeFork("characters", number, node)
    if other.fallback.intersection(part for part in parts if part is not None):
        return MergeFork("bytes", number, node)
    rank = _rank(other, parts)
    rival = next((found for found in other.nodes if _cross(found.span, node.span)), None)
    backwards = None
    if rival is not None:
        low, high = rival.span
        backwards = _rank(one, (_last_id(one, (low, rival.middle)), _last_id(one, (rival.middle, high))))
    return MergeFork("never" if rank is None else "order", number, node, rank, rival, backwards)


def _cross(one: Span, other: Span) -> bool:
    return one[0] < other[0] < one[1] < other[1] or other[0] < one[0] < other[1] < one[1]


def _last_id(side: MergeSide, span: Span) -> int | None:
    """The id of the symbol that a tokenizer had at this place, None where it never had one."""
    found = [node.token_id for node in side.nodes if node.span == span]
    starts = [i for i, (low, high) in zip(side.symbol_ids, side.symbols, strict=True) if (max(0, low), high) == span]
    ids = found or starts
    return ids[-1] if ids else None


def _rank(side: MergeSide, pair: tuple[int | None, int | None]) -> int | None:
    left, right = pair
    if left is None or right is None:
        return None
    merge = merges_table(side.tokenizer).find(left, right)
    return None if merge is None else merge[0]
