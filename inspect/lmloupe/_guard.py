"""The other process: opens a tokenizer file that may be hostile, and runs its patterns.

`lmloupe.guarded` starts this file as a script and kills it when it does not answer in time. It reads requests from
standard input and writes answers to standard output. Both are frames: two little-endian uint32, the lengths of a JSON
header and of a body of bytes, then those two. Nothing is pickled, and nothing of the library is imported: the process
starts in the time that the tokenizers library takes to load.
"""

from __future__ import annotations

import faulthandler
import gzip
import io
import json
import struct
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable
from itertools import chain
from typing import IO, Any

from tokenizers import Tokenizer

MAX_FILE_BYTES = 64 << 20
MAX_ANSWER_BYTES = 64 << 20
MAX_MEMORY_BYTES = 2 << 30
MAX_VOCABULARY = 2_000_000
MAX_PIECE_BYTES = 4096
MAX_ADDED_TOKENS = 20_000
MAX_DECODER_BYTES = 1 << 20

_FRAME = struct.Struct("<II")
_SETTINGS = (
    "byte_fallback",
    "continuing_subword_prefix",
    "dropout",
    "end_of_word_suffix",
    "fuse_unk",
    "ignore_merges",
    "unk_token",
)
_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")

Answer = tuple[dict[str, Any], bytes]


class Refused(Exception):  # noqa: N818 - not a failure of this process, but its answer
    """A file or a request that is not taken; the words for people are written by the parent."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.answer = {"refused": reason, **facts}


def write_frame(stream: IO[bytes], header: dict[str, Any], body: bytes = b"") -> None:
    """Send one frame."""
    head = json.dumps(header, ensure_ascii=True).encode()
    stream.write(_FRAME.pack(len(head), len(body)) + head)
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Answer:
    """Wait for one frame.

    Raises:
        EOFError: the other side is gone, or sends more than a frame may hold.
    """
    start = stream.read(_FRAME.size)
    if len(start) < _FRAME.size:
        raise EOFError
    head_size, body_size = _FRAME.unpack(start)
    if head_size + body_size > 2 * MAX_ANSWER_BYTES:
        raise EOFError
    head, body = stream.read(head_size), stream.read(body_size)
    if len(head) + len(body) < head_size + body_size:
        raise EOFError
    return json.loads(head), body


# The file


def unpack(data: bytes) -> str:
    """The text of an uploaded file, gzipped or not, with or without a byte order mark."""
    if data.startswith(b"\x1f\x8b"):
        try:
            # `read` unpacks no more than it is asked for, whatever the file unpacks to.
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_FILE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise Refused("gzip", detail=str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise Refused("large")
    mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    try:
        return data[mark:].decode()
    except UnicodeDecodeError as error:
        raise Refused("utf-8", place=error.start + mark, byte=data[error.start + mark]) from error


def check(text: str) -> dict[str, Any]:
    """The parsed file, once it is clear that it is a tokenizer.json."""
    try:
        parsed = json.loads(text)
    except RecursionError as error:
        raise Refused("deep") from error
    except ValueError as error:
        raise Refused("json", detail=str(error)) from error
    if not isinstance(parsed, dict):
        raise Refused("other", what=f"JSON of another shape ({type(parsed).__name__})")
    if not isinstance(parsed.get("model"), dict):
        raise Refused("other", what=recognize(parsed))
    if parsed.get("version", "1.0") != "1.0":
        raise Refused("version", version=str(parsed["version"])[:20])
    return parsed


def recognize(parsed: dict[str, Any]) -> str | None:
    """What a JSON file is that is no tokenizer.json; None when it is none of those that lie beside it."""
    named = {
        "tokenizer_config.json": {"tokenizer_class", "added_tokens_decoder", "model_max_length"},
        "generation_config.json": {"max_new_tokens", "max_length", "_from_model_config"},
        "config.json": {"model_type", "architectures"},
        "model.safetensors.index.json": {"weight_map"},
        "special_tokens_map.json": {"bos_token", "eos_token", "unk_token", "cls_token"},
    }
    if parsed and all(type(value) is int for value in parsed.values()):
        return "vocab.json"
    return next((name for name, keys in named.items() if keys & parsed.keys()), None)


def patterns(part: Any) -> Iterable[str]:
    """Every regular expression in a part of the file."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "Regex" and isinstance(value, str):
                yield value
            else:
                yield from patterns(value)
    elif isinstance(part, list):
        for value in part:
            yield from patterns(value)


# The tokenizer


class Served:
    """A tokenizer and the requests that it answers."""

    def __init__(self, data: bytes) -> None:
        text = unpack(data)
        self._file = check(text)
        try:
            self._tok = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing narrower
            raise Refused("library", detail=str(error)[:300]) from error
        self._tok.no_truncation()
        self._tok.no_padding()

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

    def _type(self, part: str) -> str:
        state = self._file[part]
        return str(state.get("type"))[:40] if isinstance(state, dict) else "?"

    def model_state(self, _: bytes) -> Answer:
        """The model alone, as JSON: pieces and merges, nothing that runs."""
        return {}, self._tok.model.__getstate__()

    def encode(self, body: bytes, special: bool, plain: bool) -> Answer:
        """Ids (uint32) and then pairs of offsets (uint32)."""
        self._tok.encode_special_tokens = plain
        enc = self._tok.encode(body.decode(), add_special_tokens=special)
        numbers = array("I", enc.ids)
        numbers.extend(chain.from_iterable(enc.offsets))
        return {"n": len(enc)}, numbers.tobytes()

    def encode_batch(self, body: bytes, special: bool, plain: bool) -> Answer:
        """The numbers of ids (uint32), and then the ids (uint32) of all texts."""
        self._tok.encode_special_tokens = plain
        texts = json.loads(body)
        encoded = [enc.ids for enc in self._tok.encode_batch_fast(texts, add_special_tokens=special)]
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

    def pre_tokenize(self, body: bytes) -> Answer:
        """Pieces of text and their pairs of offsets, as JSON."""
        return {}, json.dumps(self._tok.pre_tokenizer.pre_tokenize_str(body.decode())).encode()


# The process


def limit_resources() -> None:
    """Memory, files: whatever the system lets a process limit."""
    try:
        import resource
    except ImportError:
        return  # Windows has none; there the time limit is what holds
    for name, most in (("RLIMIT_AS", MAX_MEMORY_BYTES), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0)):
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (ValueError, OSError):
            continue  # macOS knows RLIMIT_AS and does not always take it


def answer(served: list[Served], request: dict[str, Any], body: bytes) -> Answer:
    """One request's answer."""
    operation = request.pop("do")
    if operation == "load":
        served[:] = [Served(body)]
        return {}, b""
    work: Callable[..., Answer] = getattr(served[0], operation)
    header, result = work(body, **request) if operation != "tables" else work()
    if len(result) > MAX_ANSWER_BYTES:
        raise Refused("answer")
    return header, result


def main() -> None:
    """Answer requests until the parent is gone."""
    limit_resources()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    served: list[Served] = []
    while True:
        try:
            request, body = read_frame(incoming)
        except EOFError:
            return
        # Kills this process from a thread of its own, so that none goes on for ever if the parent is gone too.
        faulthandler.dump_traceback_later(request.pop("limit_s") + 5, exit=True)
        try:
            header, result = answer(served, request, body)
        except Refused as error:
            header, result = error.answer, b""
        except MemoryError:
            header, result = {"refused": "memory", "last": True}, b""
        except Exception as error:  # the library raises nothing narrower
            header, result = {"refused": "library", "detail": str(error)[:300]}, b""
        except BaseException as error:
            # A panic of the library is no Exception, and leaves its locks in a state that nothing may use.
            header, result = {"refused": "panic", "detail": str(error)[:300], "last": True}, b""
        faulthandler.cancel_dump_traceback_later()
        write_frame(outgoing, header, result)
        if header.get("last"):
            return


if __name__ == "__main__":
    main()
