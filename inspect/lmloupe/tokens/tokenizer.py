"""A single interface to embedded, hub, folder and uploaded tokenizers."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lmloupe.errors import InvalidIdError
from lmloupe.tokens.backend import Backend, Rules, rules_of
from lmloupe.tokens.token_bytes import PieceCodec, piece_codec

__all__ = ["Source", "Tokenizer"]

Source = Literal["embedded", "hub", "folder", "file"]


@dataclass(frozen=True, slots=True, eq=False)
class Tokenizer:
    """A tokenizer and what belongs to it. Made by `load_tokenizer`; safe to share between threads.

    Attributes:
        name: embedded key, hub id, folder or file, as it was asked for.
        source: ``"embedded"``, ``"hub"``, ``"folder"``, or ``"file"`` from `load_tokenizer_file`.
        revision: branch, tag or commit of a hub tokenizer, else None.
        backend: the ``tokenizers.Tokenizer`` that does the work. It finds special tokens in the text.
            Never set truncation or padding on it: other threads encode with the same object.
            Only the embedded ones are that object itself. All others work in a process of their own that can be
            stopped, and their backend answers what LM Loupe asks: `lmloupe.tokens.backend.Backend`.
        rules: what the library's object does not answer, asked in the same way of every tokenizer:
            `lmloupe.tokens.backend.Rules`.
        bos_token: content of the token that begins a text, None where the family has none.
        eos_token: content of the token that ends a reply, None where there is none.
        chat_template: Jinja source, None for a base model. Of several named ones, the default.
        chat_templates: Jinja source by name, of a tokenizer that comes with several, such as ``"default"`` and
            ``"tool_use"``; empty for one with a single template.
        named_tokens: what its templates find under the names of special tokens: ``"bos_token"``, ``"pad_token"``,
            ``"image_token"``.
        stop_ids: the ``eos_token_id`` of the model's generation_config.json, at which transformers ends a reply; of the
            embedded ones as it was published; empty where there is none.
        special_tokens: content to id of every special token, in the order of the ids.
        added_tokens: content to id of every added token that is not special, such as Qwen3's ``<think>``, in the order
            of the ids: always read as one token where a text spells it, unless ``parse_special_tokens`` is False.
        vocab_size: largest id plus one, added tokens included. A model's matrix may have more rows.
        matrix_rows: rows of the matrix of the model that this tokenizer belongs to (``engine.tokenizer``), 0 without
            one. Rows that no token names are ids all the same: they stand for no bytes.
    """

    name: str
    source: Source
    revision: str | None
    backend: Backend = field(repr=False)
    bos_token: str | None
    eos_token: str | None
    chat_template: str | None = field(repr=False)
    chat_templates: Mapping[str, str] = field(repr=False, default_factory=dict, kw_only=True)
    named_tokens: Mapping[str, str] = field(repr=False, default_factory=dict, kw_only=True)
    stop_ids: tuple[int, ...] = field(repr=False, default=(), kw_only=True)
    rules: Rules = field(init=False, repr=False)
    special_tokens: Mapping[str, int] = field(init=False, repr=False)
    added_tokens: Mapping[str, int] = field(init=False, repr=False)
    vocab_size: int = field(init=False)
    matrix_rows: int = field(init=False, repr=False, default=0)
    _added: Mapping[int, str] = field(init=False, repr=False)
    _codec: PieceCodec = field(init=False, repr=False)
    _plain: list[Backend] = field(init=False, repr=False, default_factory=list)
    _plain_lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        added = dict(sorted(self.backend.get_added_tokens_decoder().items()))
        special = {token.content: i for i, token in added.items() if token.special}
        size = max(self.backend.get_vocab_size(with_added_tokens=False), max(added, default=-1) + 1)
        if self.source != "embedded":  # the ids of a stranger's vocabulary may have gaps
            size = max(size, max(self.backend.get_vocab().values(), default=-1) + 1)
        known = {"bos_token": self.bos_token, "eos_token": self.eos_token}
        named = {name: content for name, content in known.items() if content is not None}
        object.__setattr__(self, "named_tokens", {**named, **self.named_tokens})
        object.__setattr__(self, "rules", rules_of(self.backend))
        object.__setattr__(self, "special_tokens", special)
        object.__setattr__(self, "added_tokens", {t.content: i for i, t in added.items() if not t.special})
        object.__setattr__(self, "vocab_size", size)
        object.__setattr__(self, "_added", {i: token.content for i, token in added.items()})
        object.__setattr__(self, "_codec", piece_codec(self.backend))

    @property
    def backend_plain(self) -> Backend:
        """The same tokenizer, to which ``<|eot_id|>`` in a text is ten ordinary characters, and ``<think>`` is seven.

        A second object, made at first use: the switch on a shared one would change the answers
        that other threads are waiting for.
        """
        with self._plain_lock:
            if not self._plain:
                self._plain.append(self.rules.plain())
        return self._plain[0]

    def for_matrix(self, rows: int) -> Tokenizer:
        """The same tokenizer as that of a model whose matrix has so many rows; the two share all that they make.

        >>> from lmloupe import load_tokenizer
        >>> tok = load_tokenizer("qwen2").for_matrix(151_936)
        >>> tok.has(151_700), tok.token_bytes(151_700)
        (False, b'')
        """
        if rows <= self.vocab_size:
            return self
        copied = copy.copy(self)
        object.__setattr__(copied, "matrix_rows", rows)
        return copied

    def has(self, token_id: int) -> bool:
        """Whether a token has this id.

        >>> from lmloupe import load_tokenizer
        >>> tok = load_tokenizer("qwen2")
        >>> tok.has(151_645), tok.has(151_646), tok.has(-1)
        (True, False, False)
        """
        return 0 <= token_id < self.vocab_size and self.backend.id_to_token(token_id) is not None

    def piece(self, token_id: int) -> str:
        """The piece as the vocabulary stores it, ``Ġhello`` or ``▁hello``; empty for a row that no token names.

        Raises:
            InvalidIdError: no token has this id, and no row of the model's matrix.

        >>> from lmloupe import load_tokenizer
        >>> load_tokenizer("llama-3.1").piece(24748), load_tokenizer("phi-3").piece(22172)
        ('Ġhello', '▁hello')
        """
        # Of an added token that is looked for in the normalized text the library knows the normalized content alone.
        piece = self._added.get(token_id)
        if piece is None and 0 <= token_id < 2**32:
            piece = self.backend.id_to_token(token_id)
        if piece is None and 0 <= token_id < self.matrix_rows:
            return ""
        if piece is None:
            raise InvalidIdError(
                f"There is no token {token_id} in {self.name}: its ids go from 0 to {self.vocab_size - 1}."
            )
        return piece

    def is_added(self, token_id: int) -> bool:
        """Whether an id is an added token that is not special; see ``added_tokens``.

        >>> from lmloupe import load_tokenizer
        >>> load_tokenizer("qwen2").is_added(151645)
        False
        """
        content = self._added.get(token_id)
        return content is not None and content in self.added_tokens

    def token_bytes(self, token_id: int) -> bytes:
        """The exact bytes of one token, whole characters or not; none for a row that no token names.

        Raises:
            InvalidIdError: no token has this id, and no row of the model's matrix.

        >>> from lmloupe import load_tokenizer
        >>> [load_tokenizer("llama-3.1").token_bytes(i).hex(" ") for i in (11410, 97, 248)]
        ['20 f0 9f', 'a4', '9a']
        """
        added = self._added.get(token_id)
        return added.encode() if added is not None else self._codec(self.piece(token_id))
