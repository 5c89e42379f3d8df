"""What a comparison of two merge trees is, and its fork in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lmloupe.merges.side import MergeNode, MergeSide

__all__ = ["ForkReason", "MergeComparison", "MergeFork"]

ForkReason = Literal["never", "order", "cut", "bytes", "characters", "whole", "text", "model"]


@dataclass(frozen=True, slots=True)
class MergeFork:
    """The first point at which one tokenizer does what the other does not.

    Attributes:
        reason: ``"never"``: one merged a pair that the other never learned; ``"order"``: both learned it, and in the
            other one another pair went first; ``"cut"``: the other's pre-tokenizer cut there; ``"bytes"``: the other
            spells this character byte by byte; ``"characters"``: one merges across a character that the other starts
            from; ``"whole"``: one took the word whole from its vocabulary, which merges would not have given;
            ``"text"``: the two do not merge the same text; ``"model"``: one has a model that merges no pairs.
        side: 0 or 1, whose merge it is; for ``"whole"`` and ``"model"`` the tokenizer that is meant.
        node: that merge; None for ``"whole"``, ``"text"``, ``"model"``, and for ``"characters"`` where no merge comes
            before the difference.
        other_rank: rank of the same pair in the other tokenizer, None where it never learned it.
        rival: the other's merge that took one of the two parts away, None where there is none.
        rival_rank: rank of the rival's pair in the tokenizer of ``side``, None where it never learned it.
    """

    reason: ForkReason
    side: int
    node: MergeNode | None = None
    other_rank: int | None = None
    rival: MergeNode | None = None
    rival_rank: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MergeComparison:
    """Two tokenizers' merges of one word. Made by `compare_merges`.

    Attributes:
        word: the word.
        sides: what each of the two makes of it.
        fork: where they part; None where they end with the same tokens.
    """

    word: str
    sides: tuple[MergeSide, MergeSide]
    fork: MergeFork | None = field(repr=False)

    def sentence(self, name_a: str = "", name_b: str = "") -> str:
        """The fork in one or two sentences of plain text, with the real ranks.

        Args:
            name_a: what to call the first tokenizer, by default its own name.
            name_b: what to call the second one.
        """
        names = name_a or self.sides[0].tokenizer.name, name_b or self.sides[1].tokenizer.name
        return _sentence(self, names)


_MODELS = {
    "WordPiece": "it takes the longest piece of its vocabulary that fits, again and again from the left",
    "Unigram": "it weighs all ways to cut and takes the most probable one",
    "WordLevel": "it looks whole words up",
}


def _sentence(both: MergeComparison, names: tuple[str, str]) -> str:
    fork = both.fork
    if fork is None:
        return _same(both, names)
    one, other = names[fork.side], names[1 - fork.side]
    mine, its = both.sides[fork.side], both.sides[1 - fork.side]
    if fork.reason == "model":
        how = _MODELS.get(mine.without_merges, "it has no list of merges")
        return f"{one} merges no pairs: its model is {mine.without_merges}, so {how}."
    if fork.reason == "whole":
        return f"{one} finds the whole word in its vocabulary and merges nothing; merges alone would cut it otherwise."
    if fork.reason == "characters" and fork.node is None:
        return f"{one} starts from whole characters; {other} starts from single bytes and does not merge them all."
    if fork.reason == "text" or fork.node is None:
        texts = [f"{name} “{side.spell(-side.in_front, len(side.spelled))}”" for name, side in
                 zip(names, both.sides, strict=True)]  # fmt: skip
        return f"The two do not merge the same text: {' and '.join(texts)}."
    pair, rank = _pair(mine, fork.node), f"{fork.node.rank:,}"
    if fork.reason == "cut":
        return f"{one} learned {pair} as merge {rank}; {other} cuts between the two before it merges anything."
    if fork.reason == "bytes":
        return (
            f"{one} learned {pair} as merge {rank}; {other} has no token for this character and writes it byte by "
            "byte, which it never merges."
        )
    if fork.reason == "characters":
        return (
            f"{one} starts from single bytes and merges {pair} (merge {rank}), across the border of a character; "
            f"{other} starts from whole characters."
        )
    return _learned(fork, (one, other), (mine, its), f"{pair}", rank)


def _learned(fork: MergeFork, names: tuple[str, str], sides: tuple[MergeSide, MergeSide], pair: str, rank: str) -> str:
    one, other = names
    if fork.other_rank is None and fork.rival is None:
        return f"{one} learned {pair} as merge {rank}; {other} never did."
    if fork.rival is None:
        return f"{one} learned {pair} as merge {rank}; {other} only as merge {fork.other_rank:,}."
    rival, earlier = _pair(sides[1], fork.rival), f"{fork.rival.rank:,}"
    if fork.other_rank is None:
        return f"{one} learned {pair} as merge {rank}; {other} never did, and merged {rival} instead (merge {earlier})."
    there = f"in {other}, {rival} (merge {earlier}) goes before {pair} (merge {fork.other_rank:,})"
    if fork.rival_rank is None:
        return f"{there[0].upper()}{there[1:]}; {one} merges {pair} (merge {rank}) and never learned {rival}."
    here = f"In {one}, {pair} (merge {rank}) goes before {rival} (merge {fork.rival_rank:,})"
    return f"{here}; {there}."


def _pair(side: MergeSide, node: MergeNode) -> str:
    return f"{side.spell(node.start, node.middle)} + {side.spell(node.middle, node.end)}"


def _same(both: MergeComparison, names: tuple[str, str]) -> str:
    counts = [len(side.tokens) for side in both.sides]
    if counts[0] != counts[1]:
        more = counts[1] > counts[0]
        return (
            f"Both cut the word in the same places; {names[more]} puts a space in front of the text, which is a token "
            "of its own."
        )
    tokens = "one token" if counts[0] == 1 else f"the same {counts[0]} tokens"
    return f"{names[0]} and {names[1]} both end with {tokens}."
