"""The other process: opens a tokenizer file that may be hostile, and runs its patterns.

`lmloupe.loading.isolated.guard` runs it as ``python -m lmloupe.loading.isolated._child`` and kills it when it does
not answer in time. What it loads from lmloupe itself waits until stages are asked for: it starts in the time that
the tokenizers library takes to load.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

from lmloupe.loading.isolated.file import check, part_alone, patterns, trim, unpack
from lmloupe.loading.isolated.limits import LIMITS, MAX_ADDED_TOKENS, MAX_DECODER_BYTES, MAX_PIECE_BYTES, MAX_VOCABULARY
from lmloupe.processes.frames import MAX_ANSWER_BYTES, Answer, Refused, serve
from lmloupe.processes.limits import limit_this_process
from lmloupe.tokens.plain_text import kept_plain, plain_copy

_SETTINGS = (
    "byte_fallback",
    "continuing_subword_prefix",
    "dropout",
    "end_of_word_suffix",
    "fuse_unk",
    "ignore_merges",
    "unk_token",
)
_OURS = ("tables", "ask")  # more than a call of the library
_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


class Served:
    """A tokenizer and the requests that it answers."""

    def __init__(self, data: bytes) -> None:
        text = unpack(data)
        self._file = check(text)
        try:
            self._tok = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing narrower
            raise Refused("library", detail=str(error)[:300]) from error
        self._face: Any = None
        self._plain: Tokenizer | None = None
        self._tok.no_truncation()
        self._tok.no_padding()
        if trim(self._file.get("post_processor")):
            # Its switch concerns offsets alone, which are to hold the white space that a token stands for.
            self._tok.post_processor = Tokenizer.from_str(part_alone(self._file, "post_processor")).post_processor

    def tables(self) -> Answer:
        """What the parent keeps: the vocabulary and the names of the parts, data that nothing runs."""
        tok, model = self._tok, self._tok.model
        own = tok.get_vocab(with_added_tokens=False)
        added = tok.get_added_tokens_decoder()
        largest = max(max(own.values(), default=-1), max(added, default=-1))
        if largest >= MAX_VOCABULARY or len(own) > MAX_VOCABULARY or len(added) > MAX_ADDED_TOKENS:
            raise Refused("vocabulary", largest=largest, added=len(added))
        if largest < 0:
            raise Refused("empty")
        pieces = [model.id_to_token(i) for i in range(max(own.values(), default=-1) + 1)]
        longest = max(
            (len(p.encode()) for p in chain(pieces, own, (t.content for t in added.values())) if p), default=0
        )
        if longest > MAX_PIECE_BYTES:
            raise Refused("piece", longest=longest)
        found = {piece: i for i, piece in enumerate(pieces) if piece is not None}
        decoder = tok.decoder.__getstate__().decode() if tok.decoder is not None else None
        if decoder is not None and len(decoder) > MAX_DECODER_BYTES:
            raise Refused("decoder")
        header = {
            "kind": type(model).__name__,
            "settings": {name: getattr(model, name, None) for name in _SETTINGS},
            "decoder": decoder,
            "parts": {part: self._type(part) for part in _PARTS if self._file.get(part) is not None},
            "care": self._needs_care(),
            "patterns": {part: [p[:80] for p in patterns(self._file.get(part))][:9] for part in _PARTS},
        }
        table = {
            "pieces": pieces,
            # The same piece twice has one id, and which one is the model's own affair.
            "other_ids": {piece: i for piece, i in own.items() if found.get(piece) != i},
            "size": tok.get_vocab_size(with_added_tokens=False),
            "added": [
                [i, t.content, t.single_word, t.lstrip, t.rstrip, t.normalized, t.special] for i, t in added.items()
            ],
        }
        return header, json.dumps(table, ensure_ascii=False).encode()

    def _needs_care(self) -> bool:
        """Whether the library's offsets may be wrong; `lmloupe.offsets.true_offsets` knows for which texts."""
        model = self._tok.model
        may_lose = type(model).__name__ == "BPE" and (model.unk_token is None or bool(model.byte_fallback))
        return may_lose or self._file.get("normalizer") is not None

    def _type(self, part: str) -> str:
        state = self._file[part]
        return str(state.get("type"))[:40] if isinstance(state, dict) else "?"

    def model_state(self, _: bytes) -> Answer:
        """The model alone, as JSON: pieces and merges, nothing that runs."""
        return {}, self._tok.model.__getstate__()

    def _reader(self, plain: bool) -> Tokenizer:
        """The tokenizer, or one that leaves added tokens plain text: a second object only where the first cannot."""
        if plain and self._plain is None and kept_plain(self._tok.get_added_tokens_decoder()):
            self._plain = plain_copy(self._tok)
        if plain and self._plain is not None:
            return self._plain
        self._tok.encode_special_tokens = plain
        return self._tok

    def encode(self, body: bytes, special: bool, plain: bool) -> Answer:
        """Ids (uint32) and then pairs of offsets (uint32), as the library has them."""
        enc = self._reader(plain).encode(body.decode(), add_special_tokens=special)
        numbers = array("I", enc.ids)
        numbers.extend(chain.from_iterable(enc.offsets))
        return {"n": len(enc)}, numbers.tobytes()

    def encode_with_care(self, body: bytes, special: bool, plain: bool) -> Answer:
        """The same for tokenizers that the library's offsets may be wrong for, with true ones."""
        from lmloupe.offsets.true_offsets import encoding_offsets

        text = body.decode()
        enc = self._reader(plain).encode(text, add_special_tokens=special)
        offsets = encoding_offsets(self._here(), text, enc, not plain)
        return {"n": len(enc)}, array("I", enc.ids).tobytes() + offsets.astype("uint32").tobytes()

    def encode_batch(self, body: bytes, special: bool, plain: bool) -> Answer:
        """The numbers of ids (uint32), and then the ids (uint32) of all texts."""
        texts = json.loads(body)
        encoded = [enc.ids for enc in self._reader(plain).encode_batch_fast(texts, add_special_tokens=special)]
        numbers = array("I", map(len, encoded))
        numbers.extend(chain.from_iterable(encoded))
        return {"n": len(encoded)}, numbers.tobytes()

    def decode(self, body: bytes, skip: bool) -> Answer:
        """The text of ids (uint32)."""
        ids = array("I")
        ids.frombytes(body)
        return {}, self._tok.decode(ids.tolist(), skip_special_tokens=skip).encode()

    def normalize(self, body: bytes) -> Answer:
        """The text as the normalizer leaves it."""
        return {}, self._tok.normalizer.normalize_str(body.decode()).encode()

    def states(self, _: bytes) -> Answer:
        """Normalizer and pre-tokenizer as JSON: names and settings to read, nothing that runs."""
        parts = (self._tok.normalizer, self._tok.pre_tokenizer)
        return {}, b"[" + b",".join(b"null" if part is None else part.__getstate__() for part in parts) + b"]"

    def ask(self, body: bytes, place: str, settings: dict[str, Any]) -> Answer:
        """Answer a `lmloupe.tokens.backend.Question`, which is found by its place."""
        module, _, name = place.partition(":")
        question = getattr(import_module(module), name)
        return {}, question.pack(question.work(self._here(), body.decode(), **settings))

    def _here(self) -> Any:
        from lmloupe.tokens.tokenizer import Tokenizer as Here

        self._tok.encode_special_tokens = False
        if self._face is None:
            self._face = Here("here", "file", None, self._tok, None, None, None)
        return self._face

    def pre_tokenize(self, body: bytes) -> Answer:
        """Pieces of text and their pairs of offsets, as JSON."""
        return {}, json.dumps(self._tok.pre_tokenizer.pre_tokenize_str(body.decode())).encode()


def answer(served: list[Served], request: dict[str, Any], body: bytes) -> Answer:
    """One request's answer."""
    operation = request.pop("do")
    if operation == "load":
        served[:] = [Served(body)]
        return {}, b""
    work: Callable[..., Answer] = getattr(served[0], operation)
    try:
        header, result = work(body, **request) if operation != "tables" else work()
    except (Refused, MemoryError):
        raise
    except Exception as error:
        # The library raises nothing narrower than Exception; what narrower ones our own code raises is a bug of ours.
        if operation in _OURS and type(error) is not Exception:
            raise
        raise Refused("library", detail=str(error)[:300]) from error
    if len(result) > MAX_ANSWER_BYTES:
        raise Refused("answer")
    return header, result


def main() -> None:
    """Answer requests until the parent is gone."""
    limit_this_process(LIMITS)
    served: list[Served] = []
    serve(partial(answer, served))


if __name__ == "__main__":
    main()
