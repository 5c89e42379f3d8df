"""Let a text go through a tokenizer's stages, in the process that has the tokenizer.

Every stage is done by the tokenizers library's own part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmloupe.offsets.added_tokens import Segment, cut_segments
from lmloupe.offsets.bpe_places import model_tokenize
from lmloupe.offsets.rules import PipelineStep, normalizer_steps, pre_tokenizer_steps
from lmloupe.offsets.strings import SegmentStrings, with_added
from lmloupe.offsets.true_offsets import placed
from lmloupe.pipeline.pieces import PreTokenizerStep, SplitString
from lmloupe.pipeline.stage_data import Stages
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["run_stages"]

Ints = NDArray[np.int32]


def run_stages(tok: Tokenizer, text: str, add_special_tokens: bool, parse_special_tokens: bool) -> Stages:
    """The work of `lmloupe.pipeline.stages.stages`; a panic comes through as it is."""
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
    backend: Any = tok.backend if parse_special_tokens else tok.backend_plain  # the library's own object
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
