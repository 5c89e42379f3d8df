"""What a tokenizer does between text and ids, stage by stage, each done by the tokenizers library's own part.

text -> added tokens cut out -> normalizer -> pre-tokenizer -> model -> post-processor -> ids
"""

from __future__ import annotations

from lmloupe.encodings.encoding import check_text
from lmloupe.pipeline.stage_data import Stages
from lmloupe.pipeline.stage_frames import pack, unpack
from lmloupe.pipeline.stage_run import run_stages
from lmloupe.tokens.backend import Question
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["stages"]

_STAGES = Question("lmloupe.pipeline.stages:_STAGES", run_stages, pack, unpack)


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

    >>> from lmloupe import load_tokenizer
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
    asked = {"add_special_tokens": add_special_tokens, "parse_special_tokens": parse_special_tokens}
    return tok.rules.ask(_STAGES, tok, text, **asked)
