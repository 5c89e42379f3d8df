"""What makes a model itself: two of one name and other weights have each their own answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lmloupe as lm
from lmloupe.kept.models import Digests, model_identity
from lmloupe.loading.stamps import digest, stamp
from lmloupe.model.local import Files
from tests.support.tiny_models import build


def test_two_models_of_one_name_and_other_weights_are_two(
    tmp_path: Path, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = shutil.copytree(tiny_model_folder("llama"), tmp_path / "model")
    first = lm.load_engine(str(folder), device="cpu")
    identity = model_identity(first)
    assert identity is not None
    assert model_identity(lm.load_engine(str(folder), device="cpu"), Digests()) == identity
    build("llama", folder, initializer_range=0.3)
    assert model_identity(first) is None  # what is in memory is not what is in the folder any more
    second = lm.load_engine(str(folder), device="cpu")
    assert first.describe().name == second.describe().name
    assert model_identity(second) not in (None, identity)


def test_the_precision_is_part_of_it(tiny_model_folder: Callable[[str], Path]) -> None:
    loads: list[dict[str, Any]] = [{}, {"dtype": "bfloat16"}, {"quantization": "int8"}, {"quantization": "nf4"}]
    identities = {model_identity(lm.load_engine(str(tiny_model_folder("llama")), device="cpu", **one)) for one in loads}
    assert len(identities) == 4
    assert None not in identities


def test_a_hash_is_of_the_content_and_of_nothing_else(tmp_path: Path) -> None:
    def made(name: str, weights: bytes) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(weights)
        (folder / "README.md").write_text(name)
        for path in folder.iterdir():
            os.utime(path, (5, 5))
        return folder

    one, same, other = made("one", b"1234"), made("same", b"1234"), made("other", b"1235")
    found = [digest(folder, stamp(folder)) for folder in (one, same, other)]
    assert found[0] == found[1] != found[2]
    assert None not in found
    (one / "tokenizer.json").write_text("{}")
    assert digest(one, stamp(one)) != found[0]


def test_a_folder_that_is_written_to_meanwhile_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"1234")
    before = stamp(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"12345")
    assert digest(tmp_path, before) is None
    assert Digests().of(str(tmp_path), before) is None
    assert Digests().of(str(tmp_path), ()) is None


def test_nobody_but_the_first_waits_for_a_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from lmloupe.kept import models

    (tmp_path / "model.safetensors").write_bytes(b"1234")
    go = threading.Event()
    held = models.digest
    monkeypatch.setattr(models, "digest", lambda *given: go.wait(60) and held(*given))
    digests, files = Digests(), stamp(tmp_path)
    assert digests.of(str(tmp_path), files, 0.01) is None
    assert digests.of(str(tmp_path), files) is None  # at once: it does not wait the two seconds
    thread = next(iter(digests._running.values()))
    go.set()
    thread.join(60)
    assert digests.of(str(tmp_path), files) == held(tmp_path, files)


def engine(files: Files | None) -> Any:
    described = SimpleNamespace(
        name="a/b", quantization="none", compute_dtype="float32", architecture="X", bytes=1, n_quantized=0, device="cpu"
    )

    class Made:
        def __init__(self) -> None:
            self.files = files

        def describe(self) -> Any:
            return described

    return Made()


def test_of_the_hub_it_is_the_commit_and_where_nobody_can_tell_there_is_none() -> None:
    first, second = (model_identity(engine(Files("a/b", {"revision": commit}))) for commit in ("c1", "c2"))
    assert None not in (first, second)
    assert first != second
    assert model_identity(engine(Files("a/b", {"revision": "c1"}))) == first
    assert model_identity(engine(Files("a/b", {"revision": None}))) is None
    assert model_identity(engine(None)) is None  # made in memory, or on a cluster
    assert model_identity(SimpleNamespace()) is None  # type: ignore[arg-type]
