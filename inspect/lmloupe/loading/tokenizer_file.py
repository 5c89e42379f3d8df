"""A tokenizer from a file that a stranger made: looked at, never trusted.

The file is data and cannot run code, but its patterns can run for ever and its sizes can fill the memory. So the
process that answers people never opens it: another one unpacks it, parses it and runs its patterns, within limits of
time and memory (`lmloupe.loading.isolated.guard`).
"""

from __future__ import annotations

from collections.abc import Mapping

from lmloupe.chat.templates.file import ChatTemplates, read_chat_templates
from lmloupe.errors import LoadError, UnsupportedError
from lmloupe.loading.isolated.backend import GuardedBackend
from lmloupe.loading.isolated.guard import Guard
from lmloupe.loading.isolated.refusals import WHAT_TO_GIVE
from lmloupe.names import shown
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["MAX_UPLOAD_BYTES", "describe_kind", "load_tokenizer_file"]

MAX_UPLOAD_BYTES = 10 << 20
"""Largest file taken, in bytes, gzipped or not; a gzipped one may unpack to 64 MB."""

_MAGIC = (
    (b"GGUF", "a GGUF model file"),
    (b"PK\x03\x04", "a ZIP archive, as PyTorch's pickled weights are; it was not opened"),
    (b"\x80", "a Python pickle, which can run code; it was not opened"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"#version:", "merges.txt"),
)

_NO_MERGES = "so there are no merges to replay, and everything else is shown"

_KINDS = {
    "BPE": "is a BPE model: everything applies to it",
    "Unigram": "is a Unigram model: it keeps a score for each piece and takes the split with the best sum, "
    + _NO_MERGES,
    "WordPiece": "is a WordPiece model: it takes the longest piece that fits from the left and marks what continues a "
    f"word, {_NO_MERGES}; a word that it cannot spell becomes one unknown token, whose bytes are not the text's",
    "WordLevel": f"is a WordLevel model: each word is one token or unknown, {_NO_MERGES}; the bytes of an unknown word "
    "are not in its token",
}


def load_tokenizer_file(
    data: bytes,
    name: str,
    *,
    beside: Mapping[str, bytes] | None = None,
    call_limit_s: float = 2.0,
    load_limit_s: float = 10.0,
) -> Tokenizer:
    r"""Load a tokenizer.json that need not be trusted.

    Encoding, decoding and everything else that runs a rule of the file happens in a process of its own, which is ended
    when it does not answer in time and starts again at the next call. At most eight such processes run at once.

    Args:
        data: the bytes of a tokenizer.json, or of one packed with gzip.
        name: what to call it in messages, such as the file's name.
        beside: files that lie beside it, by their names: a tokenizer_config.json, a chat_template.jinja. They say what
            a tokenizer.json does not: bos, eos and the chat template.
        call_limit_s: seconds of work that one call may take; long texts get one more for each 200,000 bytes.
        load_limit_s: seconds of work that opening the file may take.

    Returns:
        A tokenizer as `lmloupe.load_tokenizer` gives it, of source ``"file"``. Without files beside it, bos, eos and
        chat template are None.

    Raises:
        LoadError: too large, not UTF-8, not JSON.
        UnsupportedError: another kind of file, or one that the tokenizers library does not accept.
        LoadTimeoutError: it could not be opened in time.

    >>> file = b'{"model": {"type": "WordLevel", "vocab": {"hi": 0, "?": 1}, "unk_token": "?"}}'
    >>> tok = load_tokenizer_file(file, "tiny.json")
    >>> tok.source, tok.vocab_size, tok.backend.encode("hi").ids
    ('file', 2, [0])
    >>> with_config = load_tokenizer_file(file, "tiny.json", beside={"tokenizer_config.json": b'{"bos_token": "hi"}'})
    >>> with_config.bos_token, with_config.chat_template
    ('hi', None)
    >>> load_tokenizer_file(b"\x80\x04K\x01.", "model.bin")
    Traceback (most recent call last):
    lmloupe.UnsupportedError: 'model.bin' is a Python pickle, which can run code; it was not opened: give the
        file tokenizer.json, which lies beside a model's weights.
    """
    _check_bytes(data, name)
    # First, since it is quick: a config that is refused starts no process.
    own = read_chat_templates(beside, name, may_lack=True) if beside else ChatTemplates(name, {})
    named = own.special_tokens or {}
    backend = GuardedBackend(Guard(data, name, call_limit_s, load_limit_s))
    return Tokenizer(
        name=name,
        source="file",
        revision=None,
        backend=backend,
        bos_token=named.get("bos_token"),
        eos_token=named.get("eos_token"),
        chat_template=own.templates.get("default"),
        chat_templates=own.templates if set(own.templates) - {"default"} else {},
        named_tokens=named,
    )


def _check_bytes(data: bytes, name: str) -> None:
    if len(data) > MAX_UPLOAD_BYTES:
        raise LoadError(
            f"{shown(name)} has {len(data) / (1 << 20):,.1f} MB; the limit is {MAX_UPLOAD_BYTES >> 20} MB: "
            "pack it with gzip, or put it into a folder on your own machine and load that."
        )
    if not data:
        raise LoadError(f"{shown(name)} is empty: {WHAT_TO_GIVE}")
    what = next((what for magic, what in _MAGIC if data.startswith(magic)), None)
    # safetensors: the length of a JSON header in 8 bytes, then the header.
    if what is None and data[6:10] == b'\x00\x00{"':
        what = "a safetensors file of weights"
    if what is not None:
        raise UnsupportedError(f"{shown(name)} is {what}: {WHAT_TO_GIVE}")


def describe_kind(tok: Tokenizer) -> str:
    """What kind of tokenizer it is, and which views say nothing about it, in one or two sentences.

    Args:
        tok: any tokenizer, uploaded or not.

    >>> from lmloupe import load_tokenizer
    >>> print(describe_kind(load_tokenizer("phi-3")))
    phi-3 is a BPE model: everything applies to it.
    """
    model = tok.backend.model
    kind = tok.rules.model_kind
    if kind not in _KINDS:
        return f"{tok.name} is a {kind} model, which LM Loupe does not know: tokens and ids are shown, nothing else."
    said = f"{tok.name} {_KINDS[kind]}."
    if getattr(model, "dropout", None):
        said = said.replace("everything applies", "everything but the replay of merges applies")
        said += f" It drops merges at random ({model.dropout:g}): the same text gives other tokens each time."
    return said
