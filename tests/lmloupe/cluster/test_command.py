"""The cluster's side as a command: it starts, answers and ends all that it has started; a refusal is a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lmloupe as lm
from lmloupe.cluster.command.arguments import Model, read
from lmloupe.cluster.nodes.look import Address
from lmloupe.cluster.nodes.process import N_PORTS, ports
from lmloupe.cluster.nodes.secret import make_token, token, use_token
from lmloupe.cluster.nodes.users import hold, nobody_uses
from tests.support.ray_cluster import ROOT, free_port, require_ray

COMMAND = [sys.executable, "-W", "ignore", "-m", "lmloupe.cluster"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("serve --port 80", "not a port for a cluster"),
        ("serve --port nonsense", "not a port for a cluster"),
        ("serve --least 3 --most 2", "--most is 2 and --least is 3"),
        ("serve --least 0", "at least 1"),
        ("serve --model Qwen/Qwen2-0.5B-Instruct:int3", "one of none, int8, nf4, fp4"),
        ("serve --gpus -1", "not an amount"),
        ("serve --device tpu", "invalid choice"),
        ("join", "required"),
        ("join nowhere", "write HOST:PORT"),
        ("join 10.0.0.5:6379 --cpus many", "not a whole number"),
        ("", "required"),
        ("stop", "invalid choice"),
    ],
)
def test_arguments_that_cannot_be_are_refused_with_a_sentence(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(line.split())
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in said
    assert said.count("\n") == 1


def test_models_are_read_with_their_precision() -> None:
    asked = read(["serve", "--model", "a/b:nf4", "--model", "a/b", "--model", "/models/one:two/three", "--least", "2"])
    assert asked.models == (Model("a/b", "nf4"), Model("a/b"), Model("/models/one:two/three"))  # type: ignore[union-attr]
    assert asked.most == 2  # type: ignore[union-attr]
    assert read(["serve"]).models == (Model("smollm2-135m-instruct"),)  # type: ignore[union-attr]


def test_the_ports_of_a_node_are_apart_and_in_its_range() -> None:
    found = ports(7000)
    single = {port for name, port in found.items() if "worker" not in name} | {7000}
    assert len(single) == len(found) - 1
    assert max(single) < found["min_worker_port"]
    assert found["max_worker_port"] == 7000 + N_PORTS - 1


def test_the_token_is_made_once_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMLOUPE_CACHE", str(tmp_path))
    monkeypatch.setitem(
        sys.modules, "ray._raylet", sys
    )  # Ray reads the mode once: a token that comes later is not shown
    path = make_token()
    use_token()
    assert token() is None
    path.unlink()
    monkeypatch.delitem(sys.modules, "ray._raylet")
    use_token()
    assert token() is None
    path = make_token()
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_token().read_text() == path.read_text()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    use_token()
    assert token() is None
    monkeypatch.delenv("RAY_AUTH_MODE")
    use_token()
    assert token() == path.read_text()
    assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(path)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH")
    monkeypatch.delenv("RAY_AUTH_MODE")


def test_a_node_is_used_while_somebody_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert nobody_uses(path)
    held = [hold(path), hold(path)]
    assert not nobody_uses(path)
    os.close(held[0])
    assert not nobody_uses(path)
    os.close(held[1])
    assert nobody_uses(path)


def test_addresses() -> None:
    assert Address.read("localhost:6379").is_loopback
    assert not Address.read("192.0.2.2:6379").is_loopback
    for written in ("", "host", "host:", ":6379", "host:0", "host:99999", "host:x"):
        with pytest.raises(lm.ClusterError, match="write HOST:PORT"):
            Address.read(written)


def of(marker: Path) -> list[int]:
    """Processes in whose environment a folder stands."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if str(marker).encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    require_ray()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    paths = os.pathsep.join([str(ROOT / "inspect"), str(ROOT)])
    yield kept | {"LMLOUPE_CACHE": str(tmp_path), "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    for pid in of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def ask(address: str, folder: Path, environment: dict[str, str]) -> str:
    program = (
        "import sys, lmloupe as lm\n"
        "try:\n"
        "    engine = lm.connect_engine(sys.argv[1], sys.argv[2])\n"
        "    print(*(step.token_id for step in engine.generate('A coconut', max_new_tokens=8, stop_ids=(), seed=1)))\n"
        "except lm.LoupeError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, address, str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout


def test_it_serves_until_it_is_told_to_end_and_leaves_nothing(
    environment: dict[str, str], tmp_path: Path, tiny_model_folder: Callable[[str], Path]
) -> None:
    folder, address = tiny_model_folder("llama"), f"127.0.0.1:{free_port_of_range()}"
    command = [*COMMAND, "serve", "--port", address.rpartition(":")[2], "--model", str(folder), "--device", "cpu"]
    command += ["--cpus", "0.5", "--node-cpus", "1", "--object-mb", "80", "--drain", "5"]
    served = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert served.stderr is not None
    said = ""
    for line in served.stderr:
        said += line
        if "The pages:" in line:
            break
    assert f"LMLOUPE_ENGINE=ray://{address} streamlit run streamlit_app.py" in said, said
    assert str(tmp_path / "cluster" / "token") in said
    assert listening(of(tmp_path)) <= {"127.0.0.1", "::"}  # of those of Serve's gRPC, which asks for the token too

    local = lm.load_engine(folder, device="cpu").generate("A coconut", max_new_tokens=8, stop_ids=(), seed=1)
    written = " ".join(str(step.token_id) for step in local)
    assert ask(f"ray://{address}", folder, environment).strip() == written
    other = environment | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
    assert "has another token" in ask(f"ray://{address}", folder, other)
    assert "asks for a token" in ask(f"ray://{address}", folder, environment | {"RAY_AUTH_MODE": "disabled"})

    served.send_signal(signal.SIGTERM)
    rest = served.stderr.read()
    served.stderr.close()
    assert served.wait(60) == 0, rest
    assert "Stops" in rest
    until = time.monotonic() + 10
    while of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert of(tmp_path) == []
    assert "No cluster answers" in ask(f"ray://{address}", folder, environment)


def free_port_of_range() -> int:
    return 20_000 + free_port() % 10_000


def listening(pids: list[int]) -> set[str]:
    """The numbers that processes listen on."""
    import psutil

    found = set()
    for pid in pids:
        try:
            for one in psutil.Process(pid).net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN:
                    found.add(one.laddr.ip.removeprefix("::ffff:"))
        except psutil.Error:
            continue
    return found
