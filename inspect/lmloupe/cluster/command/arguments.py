"""What the command is asked to do; each argument that cannot be is refused with one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, cast, get_args

from lmloupe.cluster.nodes.look import Address
from lmloupe.cluster.nodes.process import N_PORTS
from lmloupe.errors import LoupeError
from lmloupe.model.architecture.results import Quantization
from lmloupe.names import EMBEDDED_MODEL

__all__ = ["Join", "Model", "Serve", "read"]


@dataclass(frozen=True, slots=True)
class Model:
    """One deployment.

    Attributes:
        name: embedded key, folder or hub id.
        quantization: its precision.
    """

    name: str
    quantization: Quantization = "none"

    @classmethod
    def read(cls, written: str) -> Model:
        """``NAME`` or ``NAME:PRECISION``.

        >>> Model.read("Qwen/Qwen2-0.5B-Instruct:nf4")
        Model(name='Qwen/Qwen2-0.5B-Instruct', quantization='nf4')
        """
        name, _, precision = written.rpartition(":")
        if name and precision in get_args(Quantization):
            return cls(name, cast(Quantization, precision))
        if not written.strip() or (name and "/" not in precision and "\\" not in precision):
            raise argparse.ArgumentTypeError(
                f"{written!r} is not a model; write NAME or NAME:PRECISION, with one of "
                f"{', '.join(get_args(Quantization))}."
            )
        return cls(written)


@dataclass(frozen=True, slots=True)
class Serve:
    """Models on a cluster; see the help of the command for each."""

    host: str
    port: int
    models: tuple[Model, ...]
    least: int
    most: int
    cpus: float
    gpus: float
    device: str
    drain_s: float
    node_cpus: int | None
    object_mb: int | None


@dataclass(frozen=True, slots=True)
class Join:
    """A machine more; see the help of the command."""

    address: Address
    host: str | None
    first_port: int
    cpus: int | None
    gpus: int | None
    drain_s: float
    object_mb: int | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"lmloupe.cluster: {message}\n")  # one sentence, without the usage


def read(arguments: Sequence[str] | None = None) -> Serve | Join:
    """The command line as it was meant; exits with a sentence where it cannot be."""
    parser = _Parser(
        prog="python -m lmloupe.cluster",
        description="LM Loupe's models on a cluster. 'serve' on one machine, copy its token file to the others, "
        "then 'join' on each further one, and the pages with LMLOUPE_ENGINE=ray://HOST:PORT (docs/deploy.md).",
        epilog="'serve --help' and 'join --help' list the options. Each command stays until Ctrl+C or SIGTERM.",
    )
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    _serve(commands.add_parser("serve", help="put models on a cluster, and start its head where there is none"))
    _join(commands.add_parser("join", help="give this machine to a cluster, for more replicas"))
    given = parser.parse_args(arguments)
    if given.command == "join":
        first = given.first_port if given.first_port is not None else given.address.port
        return Join(given.address, given.host, first, given.cpus, given.gpus, given.drain, given.object_mb)
    models = tuple(dict.fromkeys(given.model or [Model(EMBEDDED_MODEL)]))
    most = given.least if given.most is None else given.most
    if most < given.least:
        parser.error(f"--most is {most} and --least is {given.least}; most must be at least as large.")
    return Serve(
        given.host,
        given.port,
        models,
        given.least,
        most,
        given.cpus,
        given.gpus,
        given.device,
        given.drain,
        given.node_cpus,
        given.object_mb,
    )


def _serve(ask: argparse.ArgumentParser) -> None:
    ask.add_argument(
        "--host",
        default="127.0.0.1",
        help="IP address of this machine at which the others reach it; 127.0.0.1 by default, for this machine alone",
    )
    ask.add_argument(
        "--port", type=_port, default=6379, help=f"the first of {N_PORTS} ports; the pages ask there; 6379 by default"
    )
    ask.add_argument(
        "--model",
        type=Model.read,
        action="append",
        help=f"NAME (embedded key, hub id or folder) or NAME:PRECISION (none, int8, nf4, fp4); once for each; "
        f"{EMBEDDED_MODEL} by default",
    )
    ask.add_argument(
        "--least",
        type=_at_least_one,
        default=1,
        help="replicas (copies) of each model that are always there; 1 by default",
    )
    ask.add_argument("--most", type=_at_least_one, help="replicas of each model at most; as many as --least by default")
    ask.add_argument(
        "--cpus", type=_amount, default=1.0, help="CPU cores that each replica computes with; 1 by default"
    )
    ask.add_argument(
        "--gpus",
        type=_amount,
        default=0.0,
        help="GPUs of each replica; 0.5 puts two on a card; 0 by default, which is the CPU",
    )
    ask.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="what each replica runs on; auto by default"
    )
    ask.add_argument(
        "--drain", type=_amount, default=60.0, help="seconds that running questions get when it ends; 60 by default"
    )
    ask.add_argument("--node-cpus", type=_count, help="CPUs of this machine for replicas; all by default")
    _object_store(ask)


def _join(ask: argparse.ArgumentParser) -> None:
    ask.add_argument("address", type=_address, help="HOST:PORT that the serve command has printed")
    ask.add_argument("--host", help="IP address of this machine at which the cluster reaches it; found by itself")
    ask.add_argument("--first-port", type=_port, help=f"the first of {N_PORTS} ports here; PORT by default")
    ask.add_argument("--cpus", type=_count, help="CPUs to give; all by default")
    ask.add_argument("--gpus", type=_count, help="GPUs to give; all by default")
    ask.add_argument("--drain", type=_amount, default=30.0, help="seconds that its replicas get to end; 30 by default")
    _object_store(ask)


def _object_store(ask: argparse.ArgumentParser) -> None:
    ask.add_argument(
        "--object-mb", type=_at_least_one, help="MB of shared memory for answers on their way; Ray chooses by default"
    )


def _address(written: str) -> Address:
    try:
        return Address.read(written)
    except LoupeError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(written: str) -> int:
    most = 65536 - N_PORTS
    if not written.isdecimal() or not 1024 <= int(written) <= most:
        raise argparse.ArgumentTypeError(f"{written!r} is not a port for a cluster; take one of 1,024 to {most:,}.")
    return int(written)


def _count(written: str) -> int:
    if not written.isdecimal():
        raise argparse.ArgumentTypeError(f"{written!r} is not a whole number; write 0, 1, 2 or more.")
    return int(written)


def _at_least_one(written: str) -> int:
    if _count(written) < 1:
        raise argparse.ArgumentTypeError("it must be at least 1.")
    return int(written)


def _amount(written: str) -> float:
    try:
        number = float(written)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < 1e6:
        raise argparse.ArgumentTypeError(f"{written!r} is not an amount; write a number that is not negative.")
    return number
