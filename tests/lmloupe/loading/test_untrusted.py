"""Tokenizers of the hub and of folders: none of their rules runs, hangs or panics in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import tokenizers

import lmloupe as lm
from lmloupe.errors import AnswerTimeoutError, LoadTimeoutError
from lmloupe.loading import hub_tokenizer
from lmloupe.loading import transformers_reader as hub_loader
from lmloupe.loading.isolated import guard
from lmloupe.loading.isolated.backend import GuardedBackend
from lmloupe.tokens.panics import no_panic
from tests.support.hub_server import Repo, running_hub
from tests.support.pages import REPOSITORY, no_exception, open_page, sentences

SLOW = r"(a+)+$"
# Each of these words takes the library about a tenth of a second, less than what it gives up at.
HANG = ("a" * 20 + "!") * 1000
SOON_S = 60.0  # without the limit it takes minutes
GIVES_UP = "a" * 60 + "!"


def write(folder: Path, config: dict[str, Any] | None = None, **parts: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: i for i, letter in enumerate("abc!")} | {"ab": 4}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [["a", "b"]]}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model} | parts))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "c"} | (config or {})
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


@pytest.fixture(params=["hub", "folder"])
def load(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., lm.Tokenizer]]:
    """Writes a tokenizer and loads it, through a hub on the loopback or from its folder."""
    monkeypatch.setattr(hub_tokenizer, "CALL_LIMIT_S", 1.0)
    monkeypatch.setattr(guard, "_LIBRARY_S", 1.0)

    def from_folder(**parts: Any) -> lm.Tokenizer:
        return lm.load_tokenizer(write(tmp_path / "tokenizer", **parts))

    if request.param == "folder":
        yield from_folder
        return
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with running_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )

        def from_hub(**parts: Any) -> lm.Tokenizer:
            hub.repos["team/slow"] = Repo(write(tmp_path / "tokenizer", **parts))
            return lm.load_tokenizer("team/slow")

        yield from_hub
    huggingface_hub.close_session()


def test_a_pattern_that_backtracks_for_ever_is_stopped(
    load: Callable[..., lm.Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    tok = load(pre_tokenizer=split(SLOW))
    assert isinstance(tok.backend, GuardedBackend)
    for use in (lm.encode, lm.stages):
        start = time.monotonic()
        with pytest.raises(AnswerTimeoutError, match=r"its pattern '\(a\+\)\+\$' may backtrack for ever"):
            use(tok, HANG)
        assert time.monotonic() - start < SOON_S
    # The library's own bound ends shorter texts with a panic, which is an error like any other here.
    with pytest.raises(lm.TokenizerFailedError, match=r"gave up on .*retry-limit"):
        lm.encode(tok, GIVES_UP)
    if tok.source == "hub":
        monkeypatch.chdir(REPOSITORY)
        app = no_exception(open_page("pages/text/how_it_splits.py", tokenizer="team/slow", text=HANG))
        assert "may backtrack for ever on this text" in sentences(app)
        assert len(app.error) == 1
        assert app.text_area(key="text").value == HANG
    assert lm.encode(tok, "ab!").input_ids.tolist() == [4, 3]
    assert [step.merged for step in lm.merge_steps(tok, "ab").steps] == ["ab"]
    assert tok.eos_token == "c"  # noqa: S105


def test_files_that_hang_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # transformers adds this token, and the library normalizes it, before there is any tokenizer to guard.
    normalizer = {"type": "Replace", "pattern": {"Regex": SLOW}, "content": "b"}
    token = {"content": HANG, "special": False, "normalized": True}
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word"), False)
    config = {"added_tokens_decoder": {"9": token | flags}}
    folder = write(tmp_path / "tokenizer", config=config, normalizer=normalizer)
    lm.load_tokenizer(write(tmp_path / "harmless"))  # the process has loaded transformers by now
    monkeypatch.setattr(hub_loader, "LOAD_LIMIT_S", 2.0)
    start = time.monotonic()
    with pytest.raises(LoadTimeoutError, match="could not be read within 2 s"):
        lm.load_tokenizer(folder)
    assert time.monotonic() - start < SOON_S
    monkeypatch.undo()
    assert lm.encode(lm.load_tokenizer(tmp_path / "harmless"), "ab").input_ids.tolist() == [4]


def test_a_tokenizer_needs_neither_torch_nor_transformers_in_this_process(tmp_path: Path) -> None:
    folder = write(tmp_path / "tokenizer")
    code = (
        f"import sys, lmloupe as lm; print(lm.encode(lm.load_tokenizer({str(folder)!r}), 'ab').input_ids.tolist(), "
        "sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[4] []", "")


def test_a_panic_in_this_process_is_an_error() -> None:
    backend = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "!": 1}, []))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(SLOW), "isolated")
    tok = lm.Tokenizer("mine", "folder", None, backend, None, None, None)
    for use in (lm.encode, lm.stages, lm.merge_steps):
        with pytest.raises(lm.TokenizerFailedError, match="gave up on 'mine'"):
            use(tok, GIVES_UP)
    with pytest.raises(KeyboardInterrupt), no_panic("mine"):
        raise KeyboardInterrupt
