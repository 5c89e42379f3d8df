"""What LM Loupe asks of a tokenizer, whether its rules run in this process or in one that can be stopped.

`Backend` is the part of ``tokenizers.Tokenizer`` that LM Loupe uses: the library's own object has it, and so has
`lmloupe.loading.isolated.backend.GuardedBackend`. `Rules` is what the library's object does not have. The two stand
beside each other, since the backend of an embedded tokenizer stays the library's own object, as it is documented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import tokenizers

from lmloupe.tokens.panics import no_panic
from lmloupe.tokens.plain_text import plain_copy

__all__ = ["Backend", "LocalRules", "Part", "Question", "RawEncoding", "Rules", "rules_of"]

T = TypeVar("T")

Part = Literal["normalizer", "pre_tokenizer"]


class RawEncoding(Protocol):
    """Ids and offsets as a backend answers them."""

    def __len__(self) -> int: ...

    @property
    def ids(self) -> list[int]:
        """The token ids."""
        ...

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Half-open pairs of characters, one for each id."""
        ...


class Backend(Protocol):
    """The part of ``tokenizers.Tokenizer`` that LM Loupe uses, under the names that it has there."""

    @property
    def model(self) -> Any:
        """The model: its settings by name, ``id_to_token`` and ``token_to_id``."""
        ...

    @property
    def normalizer(self) -> Any:
        """Has ``normalize_str``; None where there is no normalizer."""
        ...

    @property
    def pre_tokenizer(self) -> Any:
        """Has ``pre_tokenize_str``; None where there is no pre-tokenizer."""
        ...

    @property
    def decoder(self) -> Any:
        """Its ``__getstate__`` names its steps; None where there is no decoder."""
        ...

    def encode(self, sequence: str, *, add_special_tokens: bool = True) -> RawEncoding:
        """Ids and offsets of one text."""
        ...

    def encode_batch_fast(self, input: list[str], *, add_special_tokens: bool = True) -> Sequence[RawEncoding]:  # noqa: A002 - the name it has in tokenizers
        """Ids of many texts, without offsets."""
        ...

    def decode(self, ids: list[int], skip_special_tokens: bool = True) -> str:
        """The text of ids."""
        ...

    def id_to_token(self, id: int) -> str | None:  # noqa: A002 - the name it has in tokenizers
        """The piece with this id, None where there is none."""
        ...

    def token_to_id(self, token: str) -> int | None:
        """The id of this piece, None where there is none."""
        ...

    def get_vocab(self, with_added_tokens: bool = True) -> dict[str, int]:
        """Every piece and its id."""
        ...

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """How many pieces there are."""
        ...

    def get_added_tokens_decoder(self) -> dict[int, tokenizers.AddedToken]:
        """The added tokens by id."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[T]):
    """Work that runs a tokenizer's rules, so that it is done where the rules are; see `Rules.ask`.

    Attributes:
        place: the module and the name that this question has there, ``"lmloupe.pipeline.stages:_STAGES"``: another
            process finds it by that.
        work: ``work(tok, text, **settings)`` gives the answer, of a tokenizer in this process. The settings are JSON.
            One with the name ``pattern`` is a regular expression of the tokenizer that the work runs.
        pack: the answer as bytes.
        unpack: ``unpack(tok, text, data, **settings)`` gives the answer that was packed.
        parts: the parts of the tokenizer whose patterns the work runs, for the message when it does not end.
    """

    place: str
    work: Callable[..., T]
    pack: Callable[[T], bytes]
    unpack: Callable[..., T]
    parts: tuple[Part, ...] = ("pre_tokenizer", "normalizer")


@runtime_checkable
class Rules(Protocol):
    """What the library's object does not answer."""

    @property
    def model_kind(self) -> str:
        """Type of the model in the tokenizers library: ``"BPE"``, ``"Unigram"``, ``"WordPiece"``, ``"WordLevel"``."""
        ...

    @property
    def offsets_are_true(self) -> bool:
        """Whether the offsets of ``encode`` are true already; else `lmloupe.offsets.true_offsets` makes them so."""
        ...

    def part(self, name: Part) -> tuple[Any, Any]:
        """A part of the tokenizer: the object that does it, and its settings as ``tokenizer.json`` stores them.

        Returns:
            The object is None where it may not come into this process; both are None where there is no such part.
        """
        ...

    def plain(self) -> Backend:
        """The backend that reads no added token in a text; see `lmloupe.tokens.plain_text.plain_copy`."""
        ...

    def ask(self, question: Question[T], tok: Any, text: str, **settings: Any) -> T:
        """Answer a question where the rules are.

        Args:
            question: what to do.
            tok: the `Tokenizer` that these rules belong to.
            text: the text that it is about.
            settings: of the question.

        Raises:
            AnswerTimeoutError: a pattern of a tokenizer that is not embedded did not end in time.
            TokenizerFailedError: the tokenizers library gave up on the text.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LocalRules:
    """`Rules` of a ``tokenizers.Tokenizer`` in this process.

    Attributes:
        backend: the library's object.
    """

    backend: Any

    @property
    def model_kind(self) -> str:
        """Type of the model in the tokenizers library."""
        return type(self.backend.model).__name__

    @property
    def offsets_are_true(self) -> bool:
        """The library's own are not, for some texts."""
        return False

    def part(self, name: Part) -> tuple[Any, Any]:
        """A part of the tokenizer and its settings."""
        component: Any = getattr(self.backend, name)
        return component, None if component is None else json.loads(component.__getstate__())

    def plain(self) -> Backend:
        """A second object: the switch on a shared one would change the answers that other threads wait for."""
        return plain_copy(self.backend)

    def ask(self, question: Question[T], tok: Any, text: str, **settings: Any) -> T:
        """Do the work here."""
        with no_panic(tok.name):
            return question.work(tok, text, **settings)


def rules_of(backend: Backend) -> Rules:
    """The rules of a backend: its own where it has them, else those of the library's object in this process."""
    return backend if isinstance(backend, Rules) else LocalRules(backend)
