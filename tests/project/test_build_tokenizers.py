"""The builder's recipes on small input, and the whole build where its archives are at hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
import tokenizers

pytest.importorskip("gguf")

from scripts import _tokenizer_recipes as recipes
from scripts import build_tokenizers as builder
from scripts._gguf_vocab import Archive, BuildError, TokenType, Vocabulary, fetch, read_members, split_merge

NORMAL, CONTROL, BYTE = int(TokenType.NORMAL), int(TokenType.CONTROL), int(TokenType.BYTE)


def vocabulary(*pieces: tuple[str, int, float]) -> Vocabulary:
    tokens, types, scores = zip(*pieces, strict=True)
    return Vocabulary(tokens, types, scores=scores)


def test_merges_come_in_the_order_of_scores_then_of_ids() -> None:
    made = recipes.merges_from_scores(
        vocabulary(("a", NORMAL, -9), ("b", NORMAL, -9), ("ba", NORMAL, -2), ("ab", NORMAL, -1), ("aba", NORMAL, -3))
    )
    assert made == [("a", "b"), ("b", "a"), ("a", "ba"), ("ab", "a")]


def test_a_split_needs_both_parts_in_the_vocabulary() -> None:
    assert recipes.merges_from_scores(vocabulary(("a", NORMAL, 0), ("abc", NORMAL, 0), ("bc", NORMAL, 0))) == [
        ("a", "bc")
    ]
    assert recipes.merges_from_scores(vocabulary(("a", NORMAL, 0), ("abc", NORMAL, 0))) == []


@pytest.mark.parametrize("kind", [CONTROL, BYTE, int(TokenType.USER_DEFINED), int(TokenType.UNKNOWN)])
def test_no_merge_makes_or_takes_a_piece_that_is_not_normal(kind: int) -> None:
    pieces = [("<", NORMAL, 0.0), ("s>", NORMAL, -1.0), (">", NORMAL, -2.0), ("s", NORMAL, -3.0)]
    assert ("<", "s>") in recipes.merges_from_scores(vocabulary(*pieces, ("<s>", NORMAL, -4.0)))
    assert recipes.merges_from_scores(vocabulary(*pieces, ("<s>", kind, -4.0))) == [("s", ">")]
    with_longer = vocabulary(*pieces, ("<s>", kind, -4.0), ("<s>>", NORMAL, -5.0))
    assert ("<s>", ">") not in recipes.merges_from_scores(with_longer)


def test_padding_entries_go_and_nothing_else() -> None:
    kept = recipes.drop_padding(Vocabulary(("a", "[PAD9]", "[PAD2]", "[PAD3]"), (1, 1, 2, 2), scores=(0, 0, 0, 0)))
    assert kept == Vocabulary(("a", "[PAD9]"), (1, 1), scores=(0, 0))


def llama3_vocabulary(**renamed: str) -> Vocabulary:
    names = recipes.llama31_special_tokens() | {int(key[1:]): name for key, name in renamed.items()}
    tokens = tuple(names.get(i, f"piece{i}") for i in range(128_256))
    return Vocabulary(tokens, tuple(CONTROL if i >= 128_000 else NORMAL for i in range(128_256)))


def test_llama_renames_reserved_names_but_checks_the_shared_ones() -> None:
    # Llama 3 calls 128008 a reserved token; 3.1 calls it <|eom_id|>.
    built = recipes.llama31_json(llama3_vocabulary(_128008="<|reserved_special_token_4|>"))
    added = {token["id"]: token for token in built["added_tokens"]}
    assert added[128_008]["content"] == "<|eom_id|>"
    assert list(added) == list(range(128_000, 128_256))
    assert all(token["special"] and not token["rstrip"] and not token["normalized"] for token in added.values())
    assert len(built["model"]["vocab"]) == 128_000
    with pytest.raises(BuildError, match="128009"):
        recipes.llama31_json(llama3_vocabulary(_128009="<|im_end|>"))


def test_split_merge_takes_one_space_only() -> None:
    assert split_merge("Ġ Ġ") == ("Ġ", "Ġ")
    with pytest.raises(ValueError, match="too many values"):
        split_merge("a b c")


def test_parse_vectors_keeps_newlines_of_the_texts() -> None:
    inp = "a\n\n__ggml_vocab_test__\n \n__ggml_vocab_test__\n\n__ggml_vocab_test__\n"
    assert builder.parse_vectors(inp, " 1 2\n 3\n\n") == (["a\n", " ", ""], [[1, 2], [3], []])
    with pytest.raises(BuildError, match="3 texts and 2 lines"):
        builder.parse_vectors(inp, " 1 2\n 3\n")


def test_a_wrong_id_and_a_reachable_special_token_stop_the_build() -> None:
    built = recipes.digits_bpe_json(
        Vocabulary(("<x>", "a", "b", "ab"), (CONTROL, NORMAL, NORMAL, NORMAL), (("a", "b"),))
    )
    text = json.dumps(built)
    builder.check_ids("toy", text, ["ab", "<x>b"], [[3], [0, 2]])
    with pytest.raises(BuildError, match=r"toy gives \[3\] for 'ab', not \[1, 2\]"):
        builder.check_ids("toy", text, ["ab"], [[1, 2]])
    builder.check_specials_unreachable("toy", built)
    built["model"]["merges"].append(["<", "x>"])
    with pytest.raises(BuildError, match="'<x>'"):
        builder.check_specials_unreachable("toy", built)


def test_merges_are_written_as_strings_which_the_library_reads_as_the_same_tokenizer() -> None:
    built = recipes.digits_bpe_json(
        Vocabulary(("<x>", "a", "b", "ab"), (CONTROL, NORMAL, NORMAL, NORMAL), (("a", "b"),))
    )
    text = builder.as_text(built)
    assert json.loads(text)["model"]["merges"] == ["a b"]
    assert tokenizers.Tokenizer.from_str(text).to_str() == tokenizers.Tokenizer.from_str(json.dumps(built)).to_str()
    built["model"]["merges"] = [["a ", "b"]]
    with pytest.raises(BuildError, match="a space"):
        builder.as_text(built)


def test_compression_depends_on_the_text_alone() -> None:
    packed = builder.compress("▁text" * 50)
    assert gzip.decompress(packed).decode() == "▁text" * 50
    assert packed[3:10] == b"\0\0\0\0\0\2\xff"  # no name, no time, level 9, no system


def archive_of(path: Path) -> Archive:
    return Archive("toy", "1", path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def test_members_are_found_by_their_ending_in_both_kinds_of_archive(tmp_path: Path) -> None:
    files = {"top/models/v.gguf": b"one", "top/models/v.gguf.inp": b"two", "top/other": b"three"}
    with zipfile.ZipFile(tmp_path / "toy.whl", "w") as wheel, tarfile.open(tmp_path / "toy.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            wheel.writestr(name, content)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    for name in ("toy.whl", "toy.tar.gz"):
        found = read_members(tmp_path / name, ["models/v.gguf", "v.gguf.inp"])
        assert found == {
            "models/v.gguf": ("top/models/v.gguf", b"one"),
            "v.gguf.inp": ("top/models/v.gguf.inp", b"two"),
        }
        with pytest.raises(BuildError, match=r"holds no v\.json"):
            read_members(tmp_path / name, ["v.json"])


def test_an_archive_at_hand_is_used_only_with_the_right_hash(tmp_path: Path) -> None:
    path = tmp_path / "toy.whl"
    path.write_bytes(b"content")
    archive = archive_of(path)
    assert fetch(archive, tmp_path) == path
    path.write_bytes(b"other content")
    with pytest.raises(BuildError, match=r"toy\.whl has sha256 .* delete it"):
        fetch(archive, tmp_path)


def test_differences_names_changed_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "same.json.gz").write_bytes(gzip.compress(b"same", 1))
    (tmp_path / "changed.json").write_bytes(b"old")
    files = {Path("same.json.gz"): builder.compress("same"), Path("changed.json"): b"new", Path("missing.json"): b"x"}
    assert builder.differences(files, tmp_path) == ["changed.json", "missing.json"]


def test_a_rebuild_gives_the_committed_files() -> None:
    folder = os.environ.get("LMLOUPE_ARCHIVES")
    if not folder:
        pytest.skip("LMLOUPE_ARCHIVES names no folder with the archives of scripts/build_tokenizers.py")
    missing = [a.filename for a in (builder.LLAMA_CPP, builder.SMOLLM2) if not (Path(folder) / a.filename).is_file()]
    if missing:
        pytest.skip(f"the folder of LMLOUPE_ARCHIVES does not hold {', '.join(missing)}")
    assert builder.differences(builder.build(Path(folder)), builder.ROOT) == []
