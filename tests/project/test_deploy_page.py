"""docs/deploy.md, the systemd unit and the container file: their numbers are computed, their names are there."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

import lmloupe as lm
from deploy import front_ends
from lmloupe.cluster.command.arguments import read as read_command
from lmloupe.cluster.deploy import MOST_WAITING, Scaling
from lmloupe.cluster.nodes.process import N_PORTS
from lmloupe.cluster.replica import MOST_AT_ONCE
from lmloupe.cluster.sharing.kept import MOST_BYTES
from lmloupe.cluster.sharing.routing import EVEN
from lmloupe.wire.packed import MOST_ANSWERED, MOST_ASKED
from ui.learn.classes.store import limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) tokens/s, (`.*`) \| (.*) \|$", PAGE, re.MULTILINE)


def test_there_are_rows() -> None:
    assert len(ROWS) == 6


@pytest.mark.parametrize(("speed", "settings", "cells"), ROWS)
def test_the_table_of_classes_is_what_the_library_computes(speed: str, settings: str, cells: str) -> None:
    given = dict(re.findall(r"`(\w+)=([\d.]+)`", settings))
    cost, replicas = float(given["pass_of_32"]), int(given.get("replicas", 1))
    found = [lm.class_capacity(n, float(speed), pass_of_32=cost, replicas=replicas) for n in (30, 100, 300)]
    computed = [
        f"{found[0].alone_s:,.1f} s",
        *(f"{one.answer_s:,.1f} s" for one in found),
        f"{found[0].most_students:,}",
    ]
    assert cells.split(" | ") == computed


def test_the_limits_that_the_page_names_are_the_program_s() -> None:
    words = " ".join(PAGE.split())
    assert (
        f"at most {limits.MAX_RUNNING} classes run at once, each of at most {limits.MAX_STUDENTS:,} students" in words
    )
    assert f"at most {limits.GUESSES_OF_CLASS.per_second:g} guesses a second" in words
    last = lm.class_capacity(30, 20).at_once_s
    assert f"all thirty press at once, the last answer comes after `at_once_s`: {last:.1f} s" in words
    assert f"not ended after {front_ends.STOP_S:.0f} seconds is killed" in words


def test_every_number_that_the_page_tells_to_watch_is_one_of_the_metrics() -> None:
    source = (ROOT / "ui" / "metrics" / "readings.py").read_text("utf-8")
    for name in set(re.findall(r"\blmloupe_[a-z_]+(?=[{\[`])", PAGE)) - {"lmloupe_front"}:
        assert f'"{name.removesuffix("_total")}"' in source, name


def unit(name: str) -> configparser.SectionProxy:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string((ROOT / "deploy" / name).read_text("utf-8"))
    assert found["Install"]["WantedBy"] == "multi-user.target"
    return found["Service"]


@pytest.mark.parametrize(
    ("name", "module", "longest_stop_s"),
    [
        ("lmloupe.service", "deploy", front_ends.STOP_S + 10),
        ("lmloupe-cluster.service", "lmloupe.cluster", 60 + 15 + 15),  # to drain, for Ray, and for what it left
    ],
)
def test_the_units_start_what_there_is_and_let_it_end_in_order(name: str, module: str, longest_stop_s: float) -> None:
    service = unit(name)
    assert service["ExecStart"].split()[1:3] == ["-m", module]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > longest_stop_s
    assert service["User"] != "root"
    assert service.get("ExecReload") == ("/bin/kill -HUP $MAINPID" if module == "deploy" else None)


def test_the_commands_of_a_cluster_are_understood() -> None:
    written = re.findall(r"^ {4,}(?:\S+=\S+ )?python -m lmloupe\.cluster (.*)$", PAGE, re.MULTILINE)
    assert {line.split()[0] for line in written} == {"serve", "join"}
    for line in (*written, unit("lmloupe-cluster.service")["ExecStart"].split("lmloupe.cluster ")[1]):
        read_command(line.split())


def test_the_numbers_of_a_cluster_are_the_program_s() -> None:
    words, scaling, asked = " ".join(PAGE.split()), Scaling(), read_command(["serve"])
    for sentence in (
        f"{N_PORTS} TCP ports from `--port` on",
        f"the head listens on {asked.port} to {asked.port + N_PORTS - 1}",  # type: ignore[union-attr]
        f"more than {scaling.target:g} questions at work for {scaling.up_s:g} seconds",
        f"(the mean over {scaling.over_s:g})",
        f"goes after {scaling.down_s / 60:g} minutes",
        f"takes {MOST_AT_ONCE} questions at once",
        f"{MOST_WAITING} more of each front end",
        f"while load is even ({EVEN} questions)",
        f"keeps {MOST_BYTES >> 20} MB of answers",
        f"{MOST_ASKED >> 20} MB to the cluster and {MOST_ANSWERED >> 20} MB back",
        f"gives those that run {asked.drain_s:g} seconds",
        f"gives its replicas {read_command(['join', 'a:6379']).drain_s:g} seconds",
    ):
        assert sentence in words, sentence


# The rules of hadolint that matter here, by their numbers; it is no Python package.


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", CONTAINER, flags=re.MULTILINE)).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def test_the_container_file_keeps_the_rules_of_a_linter() -> None:
    given = instructions()
    (base,) = [rest for name, rest in given if name == "FROM"]
    assert re.search(r":[\w.-]*\d", base)  # DL3006, DL3007: a version, and not latest
    assert not base.endswith(":latest")
    for name, rest in given:
        if name == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest  # DL3015
            assert " -y " in rest  # DL3014
            assert "rm -rf /var/lib/apt/lists/*" in rest  # DL3009
            assert "apt-get update" in rest  # one layer, so that no old list is used
        if name == "RUN" and "pip install" in rest:
            assert "--no-cache-dir" in rest  # DL3042
            assert " -r requirements" in rest  # DL3013: pinned there
        assert name not in ("ADD", "MAINTAINER")  # DL3020, DL4000
        assert not re.search(r"\b(sudo|ssh)\b", rest)  # DL3004
    assert [rest for name, rest in given if name == "USER"][-1] != "root"  # DL3002
    assert all(rest.startswith("/") for name, rest in given if name == "WORKDIR")  # DL3000
    assert [rest.startswith("[") for name, rest in given if name in ("CMD", "ENTRYPOINT")] == [True]  # DL3025
    assert ("SHELL", '["/bin/bash", "-euo", "pipefail", "-c"]') in given  # DL4006
    assert max(i for i, (name, _) in enumerate(given) if name == "RUN") < [name for name, _ in given].index("USER")


def test_what_the_container_copies_is_there() -> None:
    wanted = re.search(r"pip install --no-cache-dir -r (\S+)", CONTAINER)
    assert wanted is not None
    assert (ROOT / wanted[1]).is_file()
    ignored = (ROOT / ".containerignore").read_text("utf-8").split()
    assert not {"inspect", "ui", "pages", "deploy", "lessons", "assets", ".streamlit"} & set(ignored)
