"""Prompts of code models: fill in the middle, and files of a repository as context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lmloupe.encodings.encoding import Encoding, encode
from lmloupe.encodings.special_tokens import SpecialInText, special_in_text
from lmloupe.errors import InvalidSettingError, NotAvailableError
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["CodePrompt", "CodeSpan", "fim_prompt", "repository_prompt"]

CodePart = Literal["token", "prefix", "suffix", "middle", "repo_name", "path", "file"]


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """Characters of a code prompt.

    Attributes:
        start: first character.
        end: character after the last one.
        part: ``"token"`` for what the format adds, else which of the person's texts it is.
        file: index of the file that it belongs to, None for none.
    """

    start: int
    end: int
    part: CodePart
    file: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CodePrompt:
    """A prompt in a code model's format.

    Attributes:
        text: the whole prompt, special tokens spelled out.
        encoding: it as tokens; nothing is added.
        spans: tile ``text``; empty parts have none.
        spelled: special tokens that the person's own texts spell, placed in ``text``: the model takes them for
            real ones.
    """

    text: str
    encoding: Encoding = field(repr=False)
    spans: tuple[CodeSpan, ...]
    spelled: tuple[SpecialInText, ...]


def fim_prompt(tok: Tokenizer, prefix: str, suffix: str, middle: str | None = None) -> CodePrompt:
    """Ask a code model to fill a gap: prefix, suffix, and then the middle, which it writes.

    Source: Bavarian et al., "Efficient Training of Language Models to Fill in the Middle" (2022), with the tokens and
    the order of Lozhkov et al., "StarCoder 2 and The Stack v2" (2024).

    Args:
        tok: of a model that was trained so.
        prefix: the code before the gap.
        suffix: the code behind it.
        middle: what fills it, for a whole training example; None ends the prompt where the model goes on.

    Raises:
        NotAvailableError: the tokenizer has no tokens for it.
        InvalidTextError: a lone surrogate.

    >>> from lmloupe import load_tokenizer
    >>> prompt = fim_prompt(load_tokenizer("starcoder2"), "a = ", "b")
    >>> prompt.text
    '<fim_prefix>a = <fim_suffix>b<fim_middle>'
    """
    _need(tok, "fill in the middle", ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"))
    return _build(tok, _fim_parts(prefix, suffix, middle or ""))


def repository_prompt(
    tok: Tokenizer,
    repo_name: str,
    files: Mapping[str, str] | Sequence[tuple[str, str]],
    prefix: str | None = None,
    suffix: str | None = None,
    path: str | None = None,
) -> CodePrompt:
    r"""Give a code model the files of a repository, and the beginning of the next one.

    Source: the format of Lozhkov et al., "StarCoder 2 and The Stack v2" (2024): the repository's name, then for each
    file a separator, its path, a line end and its text.

    Args:
        tok: of a model that was trained so.
        repo_name: such as ``owner/name``; may be empty, then neither name nor paths are written, as in half of the
            training data.
        files: pairs of a path and a text, in order.
        prefix: how the file that the model goes on with begins; None ends after the files.
        suffix: how it ends, to fill the gap between the two; None to go on from the prefix.
        path: its path.

    Raises:
        NotAvailableError: the tokenizer has no tokens for it.
        InvalidSettingError: a suffix without a prefix, or nothing to write.
        InvalidTextError: a lone surrogate.

    >>> from lmloupe import load_tokenizer
    >>> tok = load_tokenizer("starcoder2")
    >>> prompt = repository_prompt(tok, "me/app", {"a.py": "A = 1\n"}, "import a\n", path="b.py")
    >>> prompt.text
    '<repo_name>me/app<file_sep>a.py\nA = 1\n<file_sep>b.py\nimport a\n'
    """
    _need(tok, "repository context", ("<repo_name>", "<file_sep>"))
    pairs = list(files.items()) if isinstance(files, Mapping) else list(files)
    if suffix is not None and prefix is None:
        raise InvalidSettingError("A suffix needs a prefix: give prefix='' if the file begins with the gap.")
    if not pairs and prefix is None:
        raise InvalidSettingError("There is nothing to write: give a file or a prefix.")
    parts: list[tuple[CodePart, str, int | None]] = []
    if repo_name:
        parts += [("token", "<repo_name>", None), ("repo_name", repo_name, None)]
    for i, (name, text) in enumerate(pairs):
        parts += [("token", "<file_sep>", i), *_path(name if repo_name else "", i), ("file", text, i)]
    if prefix is not None:
        i = len(pairs)
        parts += [("token", "<file_sep>", i), *_path((path or "") if repo_name else "", i)]
        if suffix is None:
            parts.append(("prefix", prefix, i))
        else:
            _need(tok, "fill in the middle", ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"))
            parts += [(part, text, i) for part, text, _ in _fim_parts(prefix, suffix, "")]
    return _build(tok, parts)


def _path(path: str, i: int) -> list[tuple[CodePart, str, int | None]]:
    return [("path", path, i), ("token", "\n", i)] if path else []


def _fim_parts(prefix: str, suffix: str, middle: str) -> list[tuple[CodePart, str, int | None]]:
    return [
        ("token", "<fim_prefix>", None),
        ("prefix", prefix, None),
        ("token", "<fim_suffix>", None),
        ("suffix", suffix, None),
        ("token", "<fim_middle>", None),
        ("middle", middle, None),
    ]


def _need(tok: Tokenizer, what: str, tokens: tuple[str, ...]) -> None:
    missing = [token for token in tokens if token not in tok.special_tokens]
    if missing:
        raise NotAvailableError(
            f"{tok.name} was not trained on {what}: its vocabulary has no {', '.join(missing)}. "
            "Choose a code model such as starcoder2."
        )


def _build(tok: Tokenizer, parts: Iterable[tuple[CodePart, str, int | None]]) -> CodePrompt:
    texts, spans, spelled, at = list[str](), list[CodeSpan](), list[SpecialInText](), 0
    for part, text, file in parts:
        if not text:
            continue
        texts.append(text)
        spans.append(CodeSpan(at, at + len(text), part, file))
        if part != "token":
            spelled += [
                replace(
                    s,
                    start=at + s.start,
                    end=at + s.end,
                    swallowed=tuple((at + a, at + b) for a, b in s.swallowed),
                )
                for s in special_in_text(tok, text)
            ]
        at += len(text)
    whole = "".join(texts)
    return CodePrompt(whole, encode(tok, whole), tuple(spans), tuple(spelled))
