"""How each family's `tokenizer.json` is put together from its vocabulary: pure functions, no files.

The layout is that of the `tokenizers` library (version "1.0"). The normalizers, patterns and options are those
of the published tokenizers; the vectors of llama.cpp confirm them (see `build_tokenizers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scripts._gguf_vocab import BuildError, TokenType, Vocabulary

__all__ = [
    "digits_bpe_json",
    "drop_padding",
    "llama31_json",
    "llama31_special_tokens",
    "merges_from_scores",
    "phi3_json",
    "qwen2_json",
]

Json = dict[str, Any]

# Llama 3.1 and Qwen2 differ in how many digits one piece takes: up to three, or one.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_PATTERN = _PATTERN.replace("DIGITS", r"\p{N}{1,3}")
QWEN_PATTERN = _PATTERN.replace("DIGITS", r"\p{N}")

# Names that Llama 3.1 gave to ids of 128000-128255; all others of this range are reserved tokens.
_LLAMA31_FIRST_SPECIAL = 128_000
_LLAMA31_NAMED = {
    128_000: "<|begin_of_text|>",
    128_001: "<|end_of_text|>",
    128_004: "<|finetune_right_pad_id|>",
    128_006: "<|start_header_id|>",
    128_007: "<|end_header_id|>",
    128_008: "<|eom_id|>",
    128_009: "<|eot_id|>",
    128_010: "<|python_tag|>",
}

_PHI3_RSTRIP = frozenset({2, *range(32_001, 32_011)})


def llama31_special_tokens() -> dict[int, str]:
    """Id to content of the 256 special tokens of Llama 3.1; the reserved ones are numbered in order.

    >>> names = llama31_special_tokens()
    >>> names[128002], names[128005], names[128255]
    ('<|reserved_special_token_0|>', '<|reserved_special_token_2|>', '<|reserved_special_token_247|>')
    """
    names, reserved = {}, 0
    for token_id in range(_LLAMA31_FIRST_SPECIAL, _LLAMA31_FIRST_SPECIAL + 256):
        name = _LLAMA31_NAMED.get(token_id)
        if name is None:
            name, reserved = f"<|reserved_special_token_{reserved}|>", reserved + 1
        names[token_id] = name
    return names


def drop_padding(vocabulary: Vocabulary) -> Vocabulary:
    """Leave out the ``[PAD32011]``-like entries at the end: rows of the model's matrix without a token."""
    size = len(vocabulary.tokens)
    while size and vocabulary.tokens[size - 1] == f"[PAD{size - 1}]":
        size -= 1
    return Vocabulary(vocabulary.tokens[:size], vocabulary.types[:size], vocabulary.merges, vocabulary.scores[:size])


def merges_from_scores(vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """Rebuild the BPE merges of a SentencePiece model, which stores scores alone.

    Every split of a piece into two pieces is a merge. Merges are ordered by the score of the piece
    they make, highest first, and within a piece by the ids of the two parts. Only normal pieces take
    part: no text may grow into ``</s>`` or into the byte token ``<0x0A>``.

    >>> normal = int(TokenType.NORMAL)
    >>> merges_from_scores(Vocabulary(("a", "b", "ab", "aba", "ba"), (normal,) * 5, scores=(0, 0, -1, -3, -2)))
    [('a', 'b'), ('b', 'a'), ('a', 'ba'), ('ab', 'a')]
    """
    rows = zip(vocabulary.tokens, vocabulary.types, strict=True)
    ids = {piece: i for i, (piece, kind) in enumerate(rows) if kind == TokenType.NORMAL}
    merges: list[tuple[str, str]] = []
    for piece in sorted(ids, key=lambda piece: (-vocabulary.scores[ids[piece]], ids[piece])):
        splits = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        known = [pair for pair in splits if pair[0] in ids and pair[1] in ids]
        merges += sorted(known, key=lambda pair: (ids[pair[0]], ids[pair[1]]))
    return merges


def _added_tokens(contents: Mapping[int, str], rstrip: Iterable[int] = ()) -> list[Json]:
    strips = frozenset(rstrip)
    return [
        {
            "id": token_id,
            "content": content,
            "single_word": False,
            "lstrip": False,
            "rstrip": token_id in strips,
            "normalized": False,
            "special": True,
        }
        for token_id, content in sorted(contents.items())
    ]


def _model(tokens: Sequence[str], merges: Iterable[tuple[str, str]], **options: object) -> Json:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        **options,
        "vocab": {piece: token_id for token_id, piece in enumerate(tokens)},
        "merges": [list(pair) for pair in merges],
    }


def _tokenizer(added_tokens: list[Json], model: Json, **parts: Json | None) -> Json:
    steps = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        **steps,
        "model": model,
    }


def _byte_level(*, use_regex: bool) -> Json:
    # trim_offsets takes the leading space out of a token's offsets; offsets here are to tile the text.
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": use_regex}


def _sequence(kind: str, *steps: Json) -> Json:
    return {"type": "Sequence", kind: list(steps)}


def _split_then_bytes(pattern: str) -> Json:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return _sequence("pretokenizers", split, _byte_level(use_regex=False))


def _adds_bos(content: str, token_id: int) -> Json:
    def bos(type_id: int) -> Json:
        return {"SpecialToken": {"id": content, "type_id": type_id}}

    def text(which: str, type_id: int) -> Json:
        return {"Sequence": {"id": which, "type_id": type_id}}

    return {
        "type": "TemplateProcessing",
        "single": [bos(0), text("A", 0)],
        "pair": [bos(0), text("A", 0), bos(1), text("B", 1)],
        "special_tokens": {content: {"id": content, "ids": [token_id], "tokens": [content]}},
    }


def llama31_json(vocabulary: Vocabulary) -> Json:
    """Make Llama 3.1's `tokenizer.json` from Llama 3's vocabulary, which differs in the special names alone."""
    names = llama31_special_tokens()
    first = _LLAMA31_FIRST_SPECIAL
    for token_id in (128_000, 128_001, 128_006, 128_007, 128_009):
        if vocabulary.tokens[token_id] != names[token_id]:
            raise BuildError(f"Id {token_id} is {vocabulary.tokens[token_id]!r}, not {names[token_id]!r}.")
    if vocabulary.control_ids() != tuple(names):
        raise BuildError("The control tokens of the Llama vocabulary are not the ids 128000 to 128255.")
    return _tokenizer(
        _added_tokens(names),
        _model(vocabulary.tokens[:first], vocabulary.merges, ignore_merges=True),
        pre_tokenizer=_split_then_bytes(LLAMA_PATTERN),
        post_processor=_sequence("processors", _byte_level(use_regex=False), _adds_bos(names[first], first)),
        decoder=_byte_level(use_regex=False),
    )


def qwen2_json(vocabulary: Vocabulary) -> Json:
    """Make Qwen2's `tokenizer.json`: byte-level BPE over NFC text, one digit a piece."""
    vocabulary = drop_padding(vocabulary)
    special = {i: vocabulary.tokens[i] for i in vocabulary.control_ids()}
    return _tokenizer(
        _added_tokens(special),
        _model(vocabulary.tokens[: min(special)], vocabulary.merges),
        normalizer={"type": "NFC"},
        pre_tokenizer=_split_then_bytes(QWEN_PATTERN),
        post_processor=_byte_level(use_regex=False),
        decoder=_byte_level(use_regex=False),
    )


def digits_bpe_json(vocabulary: Vocabulary) -> Json:
    """Make the `tokenizer.json` of StarCoder2 or SmolLM2: single digits, then GPT-2's byte-level pattern.

    Their special tokens are part of the BPE vocabulary, at its start; no merge makes one of them.
    """
    digits = {"type": "Digits", "individual_digits": True}
    return _tokenizer(
        _added_tokens({i: vocabulary.tokens[i] for i in vocabulary.control_ids()}),
        _model(vocabulary.tokens, vocabulary.merges),
        pre_tokenizer=_sequence("pretokenizers", digits, _byte_level(use_regex=True)),
        post_processor=_byte_level(use_regex=True),
        decoder=_byte_level(use_regex=True),
    )


def phi3_json(vocabulary: Vocabulary) -> Json:
    """Make Phi-3's `tokenizer.json`: SentencePiece BPE with byte fallback, merges rebuilt from the scores."""
    vocabulary = drop_padding(vocabulary)
    special = {i: vocabulary.tokens[i] for i in (0, 1, 2, *range(32_000, len(vocabulary.tokens)))}
    space, mark = " ", "\N{LOWER ONE EIGHTH BLOCK}"
    return _tokenizer(
        _added_tokens(special, rstrip=_PHI3_RSTRIP),
        _model(
            vocabulary.tokens[:32_000],
            merges_from_scores(vocabulary),
            unk_token="<unk>",  # noqa: S106
            fuse_unk=True,
            byte_fallback=True,
        ),
        normalizer=_sequence(
            "normalizers",
            {"type": "Prepend", "prepend": mark},
            {"type": "Replace", "pattern": {"String": space}, "content": mark},
        ),
        decoder=_sequence(
            "decoders",
            {"type": "Replace", "pattern": {"String": mark}, "content": space},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": space, "start": 1, "stop": 0},
        ),
    )
