"""`Backend` and `Rules` of `lmloupe.tokens.backend`, answered by a process that can be stopped.

Only data stays in this process: pieces, ids, added tokens, names. Whatever runs a rule of the file (encoding, decoding,
normalizing) runs in the file's own process, `lmloupe.loading.isolated.guard`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken

from lmloupe.errors import NotAvailableError
from lmloupe.loading.isolated.guard import Guard
from lmloupe.names import shown
from lmloupe.tokens.backend import Part, Question

__all__ = ["GuardedBackend", "GuardedEncoding"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class GuardedEncoding:
    """Ids and offsets, as ``tokenizers.Encoding`` has them."""

    _ids: NDArray[np.uint32]
    _offsets: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> list[int]:
        """The token ids."""
        ids: list[int] = self._ids.tolist()
        return ids

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Half-open pairs of characters; none for an encoding of `GuardedBackend.encode_batch_fast`."""
        return [(start, end) for start, end in self._offsets.tolist()]


class _Part:
    """A part of the file that may be asked by name for the little that it can do here; nothing of its rules comes out.

    Rules that came out would be run in this process, where nothing can stop them.
    """

    def __init__(self, guard: Guard, name: str, pattern: str | None) -> None:
        self._guard, self._name, self._pattern = guard, name, pattern

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        _refuse(self._guard, f"{self._name}.{attribute}")

    def __getstate__(self) -> NoReturn:
        _refuse(self._guard, self._name)


class _Normalizer(_Part):
    def normalize_str(self, sequence: str) -> str:
        """The text as the normalizer leaves it."""
        return self._guard.ask("normalize", sequence.encode(), culprit=self._pattern)[1].decode()


class _PreTokenizer(_Part):
    def pre_tokenize_str(self, sequence: str) -> list[tuple[str, tuple[int, int]]]:
        """The words and their half-open pairs of characters."""
        found = json.loads(self._guard.ask("pre_tokenize", sequence.encode(), culprit=self._pattern)[1])
        return [(text, (start, end)) for text, (start, end) in found]


class _Decoder(_Part):
    def __init__(self, guard: Guard, state: str) -> None:
        super().__init__(guard, "decoder", None)
        self._state = state

    def __getstate__(self) -> bytes:  # type: ignore[override]
        # Read for its names alone, by `lmloupe.tokens.token_bytes`.
        return self._state.encode()


class _Model:
    """The model as data. Merges are a table, not a rule of the file's own: those of BPE may come into this process."""

    def __init__(self, guard: Guard, kind: str, settings: dict[str, Any], own: _Vocabulary) -> None:
        self._guard, self._own, self.kind = guard, own, kind
        self.__dict__.update(settings)

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        _refuse(self._guard, f"model.{attribute}")

    def __getstate__(self) -> bytes:
        if self.kind != "BPE":
            _refuse(self._guard, "model")
        return self._guard.ask("model_state")[1]

    def id_to_token(self, id: int) -> str | None:  # noqa: A002 - the name it has in tokenizers
        """The model's own piece with this id, None where there is none."""
        return self._own.pieces[id] if 0 <= id < len(self._own.pieces) else None

    def token_to_id(self, token: str) -> int | None:
        """The id of the model's own piece, None where there is none."""
        return self._own.ids.get(token)


class _Vocabulary:
    """The model's own pieces, without added tokens."""

    def __init__(self, pieces: list[str | None], other_ids: dict[str, int]) -> None:
        self.pieces, self._other_ids = pieces, other_ids

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of each piece."""
        return {piece: i for i, piece in enumerate(self.pieces) if piece is not None} | self._other_ids


def _refuse(guard: Guard, attribute: str) -> NoReturn:
    raise NotAvailableError(
        f"The {attribute} of {shown(guard.name)} is kept in a process of its own, where its rules can be stopped: "
        "if you trust the file, open it with the tokenizers library itself."
    )


class GuardedBackend:
    """Stands in for the ``tokenizers.Tokenizer`` of a file that nobody vouches for.

    Answers as that would; a method that is not here raises `NotAvailableError`. Safe to share between threads, which
    then wait for each other.

    Args:
        guard: the process that has the file open.

    Raises:
        LoadError: the file is not taken, needs too much, or was not read in time. A method that asks the process raises
            `TokenizerFailedError` and `AnswerTimeoutError` for that.
    """

    def __init__(self, guard: Guard) -> None:
        header, body = guard.ask("tables")
        table = json.loads(body)
        self.encode_special_tokens = False
        self._guard = guard
        self._header = header
        self._own = _Vocabulary(table["pieces"], table["other_ids"])
        self._size: int = table["size"]
        self._added = {
            i: AddedToken(
                content, single_word=single, lstrip=left, rstrip=right, normalized=normalized, special=special
            )
            for i, content, single, left, right, normalized, special in table["added"]
        }
        self.model = _Model(guard, header["kind"], header["settings"], self._own)
        self._states: list[Any] | None = None
        self.decoder = None if header["decoder"] is None else _Decoder(guard, header["decoder"])
        parts, pattern = header["parts"], self._pattern
        self.normalizer = _Normalizer(guard, "normalizer", pattern("normalizer")) if "normalizer" in parts else None
        self.pre_tokenizer = (
            _PreTokenizer(guard, "pre_tokenizer", pattern("pre_tokenizer")) if "pre_tokenizer" in parts else None
        )

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        _refuse(self._guard, attribute)

    @property
    def guard(self) -> Guard:
        """The process."""
        return self._guard

    @property
    def parts(self) -> dict[str, str]:
        """The type of each part that the file has besides its model: ``{"decoder": "ByteLevel"}``."""
        return dict(self._header["parts"])

    def _pattern(self, *parts: str) -> str | None:
        return next((found for part in parts for found in self._header["patterns"][part]), None)

    # What runs in the other process

    def encode(self, sequence: str, add_special_tokens: bool = True) -> GuardedEncoding:
        """Ids and offsets of one text."""
        header, body = self._ask(
            "encode_with_care" if self._header["care"] else "encode", sequence.encode(), add_special_tokens
        )
        numbers = np.frombuffer(body, np.uint32)
        n = int(header["n"])
        return GuardedEncoding(numbers[:n], numbers[n:].reshape(n, 2))

    def encode_batch_fast(self, input: Sequence[str], add_special_tokens: bool = True) -> list[GuardedEncoding]:  # noqa: A002 - the name it has in tokenizers
        """Ids of many texts, without offsets."""
        header, body = self._ask("encode_batch", json.dumps(list(input)).encode(), add_special_tokens)
        numbers = np.frombuffer(body, np.uint32)
        ends = np.cumsum(numbers[: int(header["n"])], dtype=np.int64)
        none = np.zeros((0, 2), np.uint32)
        return [GuardedEncoding(ids, none) for ids in np.split(numbers[len(ends) :], ends)[:-1]]

    def _ask(self, do: str, body: bytes, special: bool) -> tuple[dict[str, Any], bytes]:
        pattern = self._pattern("pre_tokenizer", "normalizer")
        return self._guard.ask(do, body, culprit=pattern, special=special, plain=self.encode_special_tokens)

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """The text of ids."""
        body = np.fromiter(ids, np.uint32).tobytes()
        return self._guard.ask("decode", body, culprit=self._pattern("decoder"), skip=skip_special_tokens)[1].decode()

    # `lmloupe.tokens.backend.Rules`: what a `tokenizers.Tokenizer` does not have

    @property
    def model_kind(self) -> str:
        """Type of the model in the tokenizers library."""
        return self.model.kind

    @property
    def offsets_are_true(self) -> bool:
        """The process that has the file makes them so."""
        return True

    def part(self, name: Part) -> tuple[None, Any]:
        """Names and settings of a part, as ``tokenizer.json`` stores them; None where there is none."""
        if self._states is None:
            self._states = json.loads(self._guard.ask("states")[1])
        return None, self._states[0 if name == "normalizer" else 1]

    def plain(self) -> GuardedBackend:
        """One that reads no added token in a text, on the same process and tables; see `lmloupe.tokens.plain_text`."""
        twin = object.__new__(GuardedBackend)
        twin.__dict__.update(self.__dict__)
        twin.encode_special_tokens = True
        return twin

    def ask(self, question: Question[T], tok: Any, text: str, **settings: Any) -> T:
        """Let the process do the work."""
        culprit = settings.get("pattern") or self._pattern(*question.parts)
        asked = {"place": question.place, "settings": settings}
        _, data = self._guard.ask("ask", text.encode(), culprit=culprit, **asked)
        return question.unpack(tok, text, data, **settings)

    # What is known here

    def id_to_token(self, id: int) -> str | None:  # noqa: A002 - the name it has in tokenizers
        """The piece with this id, None where there is none."""
        added = self._added.get(id)
        if added is not None:
            return added.content
        return self._own.pieces[id] if 0 <= id < len(self._own.pieces) else None

    def token_to_id(self, token: str) -> int | None:
        """The id of this piece, None where there is none."""
        return self._all_ids.get(token)

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        """Every piece and its id."""
        return dict(self._all_ids if with_added_tokens else self._own.ids)

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """How many pieces there are."""
        return len(self._all_ids) if with_added_tokens else self._size

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        return dict(self._added)

    @cached_property
    def _all_ids(self) -> dict[str, int]:
        return self._own.ids | {token.content: i for i, token in self._added.items()}
