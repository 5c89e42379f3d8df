"""Hub ids, against a hub on the loopback: what loads, and the one sentence that each failure gives."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import tokenizers
import transformers

import lmloupe as lm
from lmloupe import errors
from lmloupe.loading import hub_files
from lmloupe.model.load import load_engine
from tests.support import tiny_models
from tests.support.failures import TOKEN, failure
from tests.support.hub_server import Hub, Repo, use_endpoint
from tests.support.tiny_models import tiny_model_folder
from tests.support.tokenizer_files import sentencepiece_model

__all__ = ["tiny_model_folder"]

LOADERS = pytest.mark.parametrize("load", [lm.load_tokenizer, load_engine])


def authorizations(hub: Hub, start: int = 0) -> set[str | None]:
    # The client also asks, once a day and for no repository, what programs it may be running in.
    return {r.authorization for r in hub.requests[start:] if r.path != "/api/agent-harnesses"}


@pytest.fixture
def folder(tiny_model_folder: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder("qwen2"), tmp_path / "repo"))


def test_tokenizer_of_a_repository_equals_transformers(hub: Hub, folder: Path) -> None:
    hub.repos["team/tiny"] = Repo(folder)
    tok = lm.load_tokenizer("team/tiny")
    expected = transformers.AutoTokenizer.from_pretrained(folder)
    text = "A coconut, 3.14 🥥 <|end|> Grüße\n"
    assert lm.encode(tok, text, add_special_tokens=True).input_ids.tolist() == expected(text).input_ids
    assert (tok.source, tok.name, tok.bos_token, tok.eos_token) == ("hub", "team/tiny", "<|begin|>", "<|end|>")
    assert tok.chat_template == tiny_models.CHAT_TEMPLATE
    assert not any("safetensors" in path for path in hub.paths())


def test_model_of_a_repository_equals_its_folder(hub: Hub, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    repo = hub.repos["team/tiny"] = Repo(folder)
    (folder / "pytorch_model.bin").write_bytes(b"not asked for")
    engine = load_engine("team/tiny", device="cpu")
    assert capfd.readouterr() == ("", "")
    here = load_engine(folder, device="cpu")
    np.testing.assert_array_equal(engine.next_token("coconut").logits, here.next_token("coconut").logits)
    assert engine.describe().revision == repo.commit
    # Two questions what is in the repository, and each file once: transformers asks for nothing more by itself.
    assert sum(path.startswith("/api/") for path in hub.paths()) == 2
    gets = [r.path for r in hub.requests if r.method == "GET" and "/resolve/" in r.path]
    assert len(gets) == len(set(gets))
    assert not any(".bin" in path for path in gets)


def test_sharded_weights(hub: Hub, folder: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="200KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    hub.repos["team/shards"] = Repo(folder)
    engine = load_engine("team/shards", device="cpu")
    assert engine.describe().n_parameters == model.num_parameters()
    next(folder.glob("model-00002*")).unlink()
    hub.repos["team/torn"] = Repo(folder)
    assert "model-00002" in failure(errors.UnsupportedError, load_engine, "team/torn")


@pytest.mark.parametrize("how", ["offline", "stopped", "hang", "broken"])
def test_what_is_in_the_cache_needs_no_hub(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    hub.repos["team/tiny"] = Repo(folder)
    online = load_engine("team/tiny", device="cpu").next_token("x").logits
    if how == "offline":
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    elif how == "stopped":
        use_endpoint(monkeypatch, closed_port())
    else:
        hub.repos["team/tiny"].kind = "hang" if how == "hang" else "broken"
        monkeypatch.setattr(hub_files, "_ANSWER_S", 0.2)
    np.testing.assert_array_equal(load_engine("team/tiny", device="cpu").next_token("x").logits, online)


def test_tokenizer_in_the_cache_is_not_a_model_in_the_cache(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["team/tiny"] = Repo(folder)
    lm.load_tokenizer("team/tiny")
    use_endpoint(monkeypatch, closed_port())
    assert "not complete in this machine's cache" in failure(errors.UnreachableError, load_engine, "team/tiny")


@LOADERS
@pytest.mark.parametrize("token", [None, TOKEN])
def test_unknown_repository(hub: Hub, load: Callable[..., object], token: str | None) -> None:
    message = failure(errors.SourceNotFoundError, load, "team/none", token=token)
    assert "'team/none'" in message
    assert "private" in message


@LOADERS
def test_key_almost_typed(hub: Hub, load: Callable[..., object]) -> None:
    for typed, key in (
        ("llama3.1", "llama-3.1"),
        ("Phi3", "phi-3"),
        ("smollm2-135m-instruct-", "smollm2-135m-instruct"),
    ):
        assert f"embedded {key}?" in failure(errors.SourceNotFoundError, load, typed)


@LOADERS
def test_unknown_revision(hub: Hub, folder: Path, load: Callable[..., object]) -> None:
    hub.repos["team/tiny"] = Repo(folder, branches=("main", "refs/pr/7"))
    assert "'v9'" in failure(errors.SourceNotFoundError, load, "team/tiny", revision="v9")
    assert failure(errors.SourceNotFoundError, load, "team/tiny", revision="a\n" * 99)
    load("team/tiny", revision="refs/pr/7")


@LOADERS
@pytest.mark.parametrize("token", [None, TOKEN])
def test_gated(hub: Hub, folder: Path, load: Callable[..., object], token: str | None) -> None:
    hub.repos["team/gated"] = Repo(folder, "gated")
    assert "licence" in failure(errors.GatedError, load, "team/gated", token=token)


@LOADERS
def test_private(hub: Hub, folder: Path, load: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos["team/private"] = Repo(folder, "private", TOKEN)
    assert "HF_TOKEN" in failure(errors.SourceNotFoundError, load, "team/private")
    assert "HF_TOKEN" in failure(errors.SourceNotFoundError, load, "team/private", token="hf_wrong")  # noqa: S106
    failure(errors.GatedError, load, "team/private", token=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    before = len(hub.requests)
    loaded = load("team/private")
    assert authorizations(hub, before) == {f"Bearer {TOKEN}"}
    parts = [loaded, getattr(loaded, "tokenizer", None), getattr(loaded, "describe", lambda: None)()]
    assert TOKEN not in repr(parts)
    failure(errors.SourceNotFoundError, load, "team/private", token=False)
    assert hub.requests[-1].authorization is None


@LOADERS
@pytest.mark.parametrize("bad", ["hf_line\nbreak", "hf_é", "two words"])
def test_token_that_is_none(hub: Hub, folder: Path, load: Callable[..., object], bad: str) -> None:
    hub.repos["team/tiny"] = Repo(folder)
    with pytest.raises(errors.InvalidSettingError, match="token") as caught:
        load("team/tiny", token=bad)
    assert bad not in "".join(traceback.format_exception(caught.value))
    assert not hub.requests


def test_pickled_weights_only(hub: Hub, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.repos["team/pickled"] = Repo(folder)
    message = failure(errors.UnsafeWeightsError, load_engine, "team/pickled", token=TOKEN)
    assert "pytorch_model.bin" in message
    # Neither fetched, nor a conversion asked for, which would send the token to another service.
    assert not any("pytorch_model" in path or "discussions" in path for path in hub.paths())
    assert all(request.method in ("GET", "HEAD") for request in hub.requests)


@LOADERS
def test_code_of_a_repository_is_not_run(hub: Hub, folder: Path, load: Callable[..., object], tmp_path: Path) -> None:
    for name in ("configuration_own", "tokenization_own"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (folder / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "configuration_own.Own"}}')
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["tokenization_own.Own", null]}}'
    )
    hub.repos["team/code"] = Repo(folder)
    assert "code" in failure(errors.UnsupportedError, load, "team/code")
    assert not (tmp_path / "ran").exists()
    assert not any(path.endswith(".py") for path in hub.paths())


@LOADERS
@pytest.mark.parametrize("kind", ["hang", "broken", "limited", "not-a-hub"])
def test_hub_that_does_not_answer_well(
    hub: Hub, folder: Path, load: Callable[..., object], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["team/tiny"] = Repo(folder, kind)  # type: ignore[arg-type]
    assert hub_files._ANSWER_S <= 5
    monkeypatch.setattr(hub_files, "_ANSWER_S", 0.3)
    started = time.monotonic()
    failure(errors.UnreachableError, load, "team/tiny")
    assert time.monotonic() - started < 10


@LOADERS
def test_hub_that_refuses_the_connection(
    hub: Hub, load: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (closed_port(), "http://", "nonsense://x"):
        use_endpoint(monkeypatch, url)
        assert "HF_ENDPOINT" in failure(errors.UnreachableError, load, "team/tiny")
    assert "embedded llama-3.1?" in failure(errors.UnreachableError, load, "llama3.1")


@LOADERS
def test_offline(hub: Hub, load: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in failure(errors.UnreachableError, load, "team/tiny")
    assert not hub.requests


@LOADERS
@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "a b/c//d",
        "../x",
        "a/b/c",
        "x\0y",
        "-x",
        "a--b/c",
        "a\nb",
        "x" * 100_000,
        "/x" * 9_000,
        "~nobody-here/x",
        "é/è",
    ],
)
def test_names_that_are_none(hub: Hub, load: Callable[..., object], name: str) -> None:
    failure(errors.SourceNotFoundError, load, name)
    assert not hub.requests


@LOADERS
def test_repository_without_a_model(hub: Hub, load: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("nothing here")
    hub.repos["team/empty"] = Repo(tmp_path / "data")
    assert "config.json" in failure(errors.SourceNotFoundError, load, "team/empty")


def test_tokenizer_json_alone(hub: Hub, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    shutil.copy(folder / "tokenizer.json", tmp_path / "alone")
    hub.repos["team/alone"] = Repo(tmp_path / "alone")
    own = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for tok in (lm.load_tokenizer("team/alone"), lm.load_tokenizer(tmp_path / "alone")):
        assert lm.encode(tok, "coconut 🥥").input_ids.tolist() == own.encode("coconut 🥥", add_special_tokens=False).ids
        assert tok.chat_template is None
    assert "config.json" in failure(errors.SourceNotFoundError, load_engine, "team/alone")


def test_loading_leaves_logging_as_it_was(hub: Hub, folder: Path) -> None:
    hub.repos["team/tiny"] = Repo(folder)
    before = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    load_engine("team/tiny", "int8", device="cpu")
    assert (transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()) == before
    assert not huggingface_hub.utils.are_progress_bars_disabled()
    assert len(logging.getLogger("bitsandbytes.autograd._functions").filters) == 1


def test_settings_of_the_environment(hub: Hub, folder: Path, tmp_path: Path) -> None:
    hub.repos["team/private"] = Repo(folder, "private", TOKEN)
    script = "import lmloupe as lm; print(lm.encode(lm.load_tokenizer('team/private'), 'coconut').input_ids.tolist())"
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=inherited | env | {"PYTHONPATH": str(Path(lm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    expected = lm.encode(lm.load_tokenizer(folder), "coconut").input_ids.tolist()
    assert (ran.stdout.strip(), ran.stderr) == (str(expected), "")
    assert authorizations(hub) == {f"Bearer {TOKEN}"}
    assert (tmp_path / "home" / "hub").is_dir()


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_relative_folder_is_that_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The process that reads tokenizer files is kept, and began where the first of them was asked for.
    for name in ("first", "second"):
        tiny_models.save_tokenizer(tmp_path / name / "model")
        monkeypatch.chdir(tmp_path / name)
        assert lm.load_tokenizer("model").vocab_size == tiny_models.tokenizer().get_vocab_size()


def test_a_sentencepiece_file_alone(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(sentencepiece_model("bpe"))
    (folder / "config.json").write_text('{"model_type": "llama"}')
    hub.repos["team/pieces"] = Repo(folder)
    expected = transformers.AutoTokenizer.from_pretrained(folder)
    text = "the coconut 🥥"
    enc = lm.encode(lm.load_tokenizer("team/pieces"), text, add_special_tokens=True)
    assert enc.input_ids.tolist() == expected(text).input_ids
