"""What a tokenizer does between text and ids, stage by stage, each done by the tokenizers library's own part.

text -> added tokens cut out -> normalizer -> pre-tokenizer -> model -> post-processor -> ids
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lmloupe.encodings.encoding import check_text
from lmloupe.loading.isolated.backend import guarded
from lmloupe.offsets.added_tokens import NormalizedRun, Segment, cut_segments
from lmloupe.offsets.bpe_places import model_tokenize
from lmloupe.offsets.rules import PipelineStep, normalizer_steps, pre_tokenizer_steps
from lmloupe.offsets.strings import SegmentStrings, with_added
from lmloupe.offsets.true_offsets import placed
from lmloupe.pipeline.changes import NormalizationChange, normalization_changes
from lmloupe.pipeline.pieces import PreToken, PreTokenizerStep, SplitString
from lmloupe.tokens.panics import no_panic
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Stages", "run_stages", "stages"]

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """Everything between a text and its ids. Arrays for what is long; `piece` and `pieces` give objects.

    Attributes:
        tokenizer: whose stages these are.
        text: the source text.
        segments: added tokens and the text between them, in order.
        normalizer: steps of the normalizer; empty where there is none.
        runs: the strings that the normalizer saw, and what each was after every step.
        pre_tokenizer: steps of the pre-tokenizer, with the cuts of each; empty where there is none.
        spelled: the pieces as the model gets them, added tokens among them, with their characters of the text. Pieces
            share a character where the normalizer made several of it; characters that it removed, or that the
            pre-tokenizer dropped, are in none.
        piece_segments: int32 (p,), the segment that each piece lies in.
        input_ids: int32 (n,), what the model made of all pieces, added tokens in their places.
        offsets: int32 (n, 2), half-open pairs of characters, as the model's tokens lie in the text.
        token_pieces: int32 (n,), the piece that each token belongs to, rising.
        post_processed_ids: int32 (n + k,), after the post-processor: what ``encode`` answers.
        post_processed_offsets: int32 (n + k, 2), ``offsets``, with an empty pair for each token that the post-processor
            added.
        added_mask: bool (n + k,), True for the tokens that the post-processor added.
        parse_special_tokens: whether special tokens in the text were read as such.
    """

    tokenizer: Tokenizer = field(repr=False)
    text: str = field(repr=False)
    segments: tuple[Segment, ...] = field(repr=False)
    normalizer: tuple[PipelineStep, ...] = field(repr=False)
    runs: tuple[NormalizedRun, ...] = field(repr=False)
    pre_tokenizer: tuple[PreTokenizerStep, ...] = field(repr=False)
    spelled: SplitString = field(repr=False)
    piece_segments: Ints = field(repr=False)
    input_ids: Ints
    offsets: Ints = field(repr=False)
    token_pieces: Ints = field(repr=False)
    post_processed_ids: Ints
    post_processed_offsets: Ints = field(repr=False)
    added_mask: NDArray[np.bool_] = field(repr=False)
    parse_special_tokens: bool

    @property
    def normalized(self) -> str:
        """The text as the pre-tokenizer gets it, the content of added tokens in their places."""
        return "".join(segment.normalized for segment in self.segments)

    @property
    def n_pieces(self) -> int:
        """Pieces that the text falls into, added tokens included."""
        return len(self.spelled)

    def piece_tokens(self, i: int) -> range:
        """Places in ``input_ids`` of the tokens of piece ``i``."""
        i = range(self.n_pieces)[i]
        first, last = np.searchsorted(self.token_pieces, [i, i + 1])
        return range(int(first), int(last))

    def piece(self, i: int) -> PreToken:
        """Piece ``i`` with its ids."""
        start, end = self.spelled.offsets[i].tolist()
        tokens = self.piece_tokens(i)
        segment = self.segments[self.piece_segments[i]]
        return PreToken(
            text=self.text[start:end],
            start=start,
            end=end,
            spelled=self.spelled[i],
            ids=tuple(self.input_ids[tokens.start : tokens.stop].tolist()),
            added_token=segment.token_id is not None,
            is_special=segment.is_special,
        )

    @property
    def pieces(self) -> tuple[PreToken, ...]:
        """All pieces as objects; for a long text prefer the arrays and `piece`."""
        return tuple(self.piece(i) for i in range(self.n_pieces))

    @property
    def added_in_front(self) -> tuple[int, ...]:
        """Ids that the post-processor put in front."""
        mask = self.added_mask
        front = len(mask) if mask.all() else int(np.argmin(mask))
        return tuple(self.post_processed_ids[:front].tolist())

    @property
    def added_behind(self) -> tuple[int, ...]:
        """Ids that the post-processor put behind; empty where it added nothing but in front."""
        mask = self.added_mask
        behind = 0 if mask.all() else int(np.argmin(mask[::-1]))
        return tuple(self.post_processed_ids[len(mask) - behind :].tolist())

    def changes(self, limit: int | None = None) -> tuple[NormalizationChange, ...]:
        """What the normalizer changed and which of its steps did, in the order of the steps, then of the text.

        Worked out at each call, about two microseconds a character that a changing step sees.

        Args:
            limit: no more than this many, the first ones.
        """
        apart = guarded(self.tokenizer.backend)
        if apart is not None and self.normalizer:
            from lmloupe.pipeline.stage_frames import unpack_changes

            return unpack_changes(apart.changes_of(self.text, self.parse_special_tokens, limit))
        return normalization_changes(self.normalizer, self.runs, self.text, limit)


def stages(tok: Tokenizer, text: str, add_special_tokens: bool = True, parse_special_tokens: bool = True) -> Stages:
    r"""Show what happens between a text and its ids.

    Every stage is done by the part of the tokenizers library that does it in ``encode``; nothing is imitated.

    Args:
        tok: from `lmloupe.load_tokenizer`; any model: BPE, WordPiece, Unigram, WordLevel.
        text: any Unicode text.
        add_special_tokens: let the post-processor add what it adds (Llama 3.1: a leading bos).
        parse_special_tokens: read ``<|eot_id|>`` in the text as the control token.

    Returns:
        `Stages`, whose ``input_ids`` are those of ``encode(tok, text, False, parse_special_tokens)``, piece by piece,
        and whose ``post_processed_ids`` are those of ``encode`` with the same arguments.

    Raises:
        InvalidTextError: the text has a lone surrogate.
        AnswerTimeoutError: a pattern of a tokenizer that is not embedded did not end in time.
        TokenizerFailedError: the tokenizers library gave up on the text.

    >>> from lmloupe.tokens.tokenizer import load_tokenizer
    >>> shown = stages(load_tokenizer("llama-3.1"), "Hi 🤚<|eot_id|>")
    >>> [(piece.text, piece.spelled, piece.ids) for piece in shown.pieces]
    [('Hi', 'Hi', (13347,)), (' 🤚', 'ĠðŁ¤ļ', (11410, 97, 248)), ('<|eot_id|>', '<|eot_id|>', (128009,))]
    >>> shown.added_in_front, shown.pre_tokenizer[0].step.name, shown.pre_tokenizer[0].cuts
    ((128000,), 'Split', array([2], dtype=int32))
    >>> shown = stages(load_tokenizer("phi-3"), "a b")
    >>> shown.normalized, [(change.before, change.after) for change in shown.changes()]
    ('▁a▁b', [('', '▁'), (' ', '▁')])
    """
    check_text(text)
    if (apart := guarded(tok.backend)) is not None:
        from lmloupe.pipeline.stage_frames import unpack

        packed = apart.stages_of(text, add_special_tokens, parse_special_tokens)
        return unpack(tok, text, parse_special_tokens, packed)
    with no_panic(tok.name):
        return run_stages(tok, text, add_special_tokens, parse_special_tokens)


def run_stages(tok: Tokenizer, text: str, add_special_tokens: bool, parse_special_tokens: bool) -> Stages:
    """The work of `stages`, in the process that has the tokenizer; a panic comes through as it is."""
    cut = cut_segments(tok, text, parse_special_tokens)
    strings = SegmentStrings(tok, text, cut)
    steps = _pre_tokenize(strings, pre_tokenizer_steps(tok), len(text))
    pieces, order, piece_segments = _in_order(cut.segments, strings)
    model_ids, model_offsets, model_pieces = strings.tokens(model_tokenize(tok.backend.model))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    added = place[len(order) - sum(segment.token_id is not None for segment in cut.segments) :]
    owner = np.concatenate([place[model_pieces], added])
    ids, offsets, sort = with_added(cut.segments, model_ids, model_offsets, owner)
    backend = tok.backend if parse_special_tokens else tok.backend_plain
    post = backend.encode(text, add_special_tokens=add_special_tokens)
    return Stages(
        tokenizer=tok,
        text=text,
        segments=cut.segments,
        normalizer=normalizer_steps(tok),
        runs=cut.runs,
        pre_tokenizer=steps,
        spelled=pieces,
        piece_segments=piece_segments,
        input_ids=ids,
        offsets=offsets,
        token_pieces=owner[sort],
        post_processed_ids=np.fromiter(post.ids, np.int32, len(post)),
        post_processed_offsets=placed(post, offsets),
        added_mask=np.fromiter(post.special_tokens_mask, np.bool_, len(post)),
        parse_special_tokens=parse_special_tokens,
    )


def _pre_tokenize(
    strings: SegmentStrings, steps: Sequence[PipelineStep], n_characters: int
) -> tuple[PreTokenizerStep, ...]:
    """Cut step by step; what each step made."""
    done = []
    is_start = np.zeros(n_characters + 1, np.bool_)
    is_start[strings.pieces()[1][:, 0]] = True
    for step in steps:
        strings.pre_tokenize(step.component)
        texts, pairs, _ = strings.pieces()
        was_start = is_start.copy()
        is_start[pairs[:, 0]] = True
        cuts = np.flatnonzero(is_start & ~was_start).astype(np.int32)
        done.append(PreTokenizerStep(step, SplitString.of(texts, pairs), cuts))
    return tuple(done)


def _in_order(segments: Sequence[Segment], strings: SegmentStrings) -> tuple[SplitString, NDArray[np.intp], Ints]:
    """The pieces of the text and the added tokens in the order of the text.

    Returns:
        The pieces; for each of them its number among the pieces of the text or, for added tokens, behind them; and its
        segment.
    """
    texts, pairs, of_texts = strings.pieces()
    added = [i for i, segment in enumerate(segments) if segment.token_id is not None]
    owner = np.concatenate([of_texts, np.array(added, np.int32)])
    order = np.argsort(owner, kind="stable")
    spelled = texts + [segments[i].normalized for i in added]
    spans = np.array([(segments[i].start, segments[i].end) for i in added], np.int32).reshape(-1, 2)
    pieces = SplitString.of([spelled[i] for i in order.tolist()], np.concatenate([pairs, spans])[order])
    return pieces, order, owner[order]
