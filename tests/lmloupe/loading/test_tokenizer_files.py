"""Folders without a tokenizer.json: what transformers reads from them, in a process with its own temporary folder."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import transformers

import lmloupe as lm
from lmloupe.loading import hub_errors, transformers_reader
from lmloupe.processes import limits
from lmloupe.processes.child import Child
from tests.support.tokenizer_files import sentencepiece_model, tekken_json, tiktoken_file

TEXT = "Hello world, the coconut 3.14 Grüße 🥥\n  two  spaces </s> x"


def write(folder: Path, model_type: str, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("model_type", "name", "data"),
    [
        ("llama", "tokenizer__model", lambda: sentencepiece_model("bpe")),
        ("mistral", "tokenizer__model", lambda: sentencepiece_model("unigram")),
        ("gemma", "tokenizer__model", lambda: sentencepiece_model("bpe")),
        ("t5", "spiece__model", lambda: sentencepiece_model("unigram")),
        ("xlm-roberta", "sentencepiece__bpe__model", lambda: sentencepiece_model("unigram")),
        ("llama", "tokenizer__model", tiktoken_file),
        ("llama", "tiktoken__model", tiktoken_file),
        ("qwen2", "tokenizer__model", tiktoken_file),
        ("mistral", "tekken__json", tekken_json),
    ],
)
def test_ids_equal_transformers(tmp_path: Path, model_type: str, name: str, data: Callable[[], bytes]) -> None:
    folder = write(tmp_path / "tokenizer", model_type, **{name: data()})
    expected = transformers.AutoTokenizer.from_pretrained(folder)
    tok = lm.load_tokenizer(folder)
    for special in (True, False):
        ids = expected(TEXT, add_special_tokens=special).input_ids
        assert lm.encode(tok, TEXT, add_special_tokens=special).input_ids.tolist() == ids
    assert len(ids) > 5
    assert (tok.bos_token, tok.eos_token) == (expected.bos_token, expected.eos_token)


def test_files_of_which_transformers_makes_an_empty_vocabulary(tmp_path: Path) -> None:
    folder = write(tmp_path / "tokenizer", "qwen2", qwen__tiktoken=tiktoken_file())
    assert transformers.AutoTokenizer.from_pretrained(folder)(TEXT).input_ids == []
    with pytest.raises(lm.UnsupportedError, match="read no vocabulary from the files"):
        lm.load_tokenizer(folder)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    # tiktoken keeps copies by path in the temporary folder.
    folder = write(tmp_path / "tokenizer", "llama", tokenizer__model=tiktoken_file())
    before = lm.load_tokenizer(folder).vocab_size
    write(folder, "llama", tokenizer__model=tiktoken_file().rpartition(b"\n")[0])
    assert lm.load_tokenizer(folder).vocab_size == before - 1


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer__model": b"\x0a\x0e\x0a\x05"},
        {"tokenizer__model": sentencepiece_model("bpe")[:3000]},
        {"tekken__json": b'{"config": {}, "vocab": []}'},
    ],
    ids=["four bytes", "cut", "empty tekken"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(lm.UnsupportedError, match="its files are damaged"):
        lm.load_tokenizer(write(tmp_path / "tokenizer", "mistral", **files))


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        ("`tiktoken` is required to read a `tiktoken` file. Install it with `pip install tiktoken`.", "tiktoken"),
        ("X requires the mistral-common library but it was not found in your environment.", "mistral-common"),
        ("This needs jieba: pip install -U jieba", "jieba"),
    ],
)
def test_a_package_that_is_not_installed_is_named(words: str, lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"sentencepiece": SimpleNamespace()}
    monkeypatch.setattr(hub_errors, "find_spec", installed.get)
    said = pytest.raises(lm.UnsupportedError, match=f"needs {lacking} to read .* `pip install {lacking}`")
    with said as caught, hub_errors.loading("mine", None, "tokenizer"):
        raise ImportError(words)
    assert "damaged" not in str(caught.value)


# The temporary folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system's temporary folder seems to be."""
    transformers_reader._pool.end_idle()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_there_while_the_process_is_and_not_after(temporary: Path) -> None:
    lm.load_tokenizer(write(temporary / "a", "llama", tokenizer__model=sentencepiece_model("bpe")))
    assert len(list(temporary.glob("lmloupe-*"))) == 1
    transformers_reader._pool.end_idle()
    assert not list(temporary.glob("lmloupe-*"))


def test_the_folder_goes_when_the_process_is_killed(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers_reader, "LOAD_LIMIT_S", 0.05)
    with pytest.raises(lm.LoadTimeoutError, match=r"within 0\.1 s|within 0 s"):
        lm.load_tokenizer(write(temporary / "a", "llama", tokenizer__model=sentencepiece_model("bpe")))
    assert not list(temporary.glob("lmloupe-*"))


def test_the_folder_goes_when_the_parent_is_killed(temporary: Path) -> None:
    child = Child("lmloupe.loading._transformers_child", writes=True)
    assert child.folder is not None
    assert Path(child.folder).parent == temporary
    assert child.process.stdin is not None
    child.process.stdin.close()  # as when the parent is gone
    child.process.wait(30)
    assert not list(temporary.glob("lmloupe-*"))
    child.end()


def test_temporary_files_are_bounded(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from lmloupe.processes.limits import Limits, limit_this_process\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "limit_this_process(Limits(memory_bytes=1 << 30, temporary_bytes=100_000), folder)\n"
        "for i in range(20): (folder / str(i)).write_bytes(bytes(90_000)); time.sleep(0.2)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60)
    assert done.returncode == limits.WROTE_TOO_MUCH


def test_files_that_fill_the_folder_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise EOFError(limits.WROTE_TOO_MUCH)

    monkeypatch.setattr(transformers_reader, "_ask", full)
    with pytest.raises(lm.UnsupportedError, match="more than 256 MB of temporary files"):
        lm.load_tokenizer(write(tmp_path / "a", "llama", tokenizer__model=b"x"))


# Limits on memory


@pytest.mark.parametrize(
    ("module", "gigabytes"),
    [("loading.isolated._child", 2), ("loading._transformers_child", 6), ("chat.jinja._child", 1)],
)
def test_every_process_limits_its_memory_on_windows_too(module: str, gigabytes: int) -> None:
    code = (
        "import importlib, sys, pathlib, tempfile; from lmloupe.processes import limits, windows_job\n"
        f"child = importlib.import_module({'lmloupe.' + module!r})\n"
        "limits.sys = type('', (), {'platform': 'win32'})\n"
        "windows_job.limit_own_memory = lambda most: print(most >> 30)\n"
        "child.serve = lambda _: print('serves')\n"
        "child.main(*([pathlib.Path(tempfile.mkdtemp())] if sys.argv[1:] else []))"
    )
    command = [sys.executable, "-c", code, *(["folder"] if "transformers" in module else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == [str(gigabytes), "serves"]


def test_no_message_names_a_limit_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.memory(2 << 30) == "more than 2 GB of memory"
    monkeypatch.setattr(limits, "MEMORY_IS_LIMITED", False)
    assert "GB" not in limits.memory(2 << 30)
