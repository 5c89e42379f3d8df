"""The benchmark harness itself: that its ratios and its table say what was measured. No timing is judged here."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks import (
    chat,
    cluster,
    encoding,
    front_ends,
    inside,
    neighbours,
    precision,
    sessions,
    slider,
    strategies,
    tokens,
)
from benchmarks.harness import Row, as_json, paired, skipped, table, together
from benchmarks.model import never_ending
from benchmarks.text import PHRASES, mixed_text
from tests.support.loops import run
from tests.support.replicas import ReplicaCalls

REPOSITORY = Path(__file__).parents[2]


class FakeClock:
    """Seconds that pass only when a call says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def call(self, name: str, seconds: list[float]) -> Callable[[], None]:
        left = iter(seconds)

        def run() -> None:
            self.order.append(name)
            self.now += next(left)

        return run


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_sides() -> None:
    clock = FakeClock()
    ours, floor = clock.call("ours", [99, 2, 30, 12]), clock.call("floor", [1, 1, 10, 10])
    got = paired(ours, floor, rounds=3, warm_up=1, clock=clock)
    assert got.times == ((2, 1), (30, 10), (12, 10))
    assert got.ratio == 2  # of 2, 3 and 1.2; medians of the sides would give 12 / 10
    assert (got.ours_s, got.floor_s) == (12, 10)


def test_the_two_sides_take_turns_and_the_order_swaps() -> None:
    clock = FakeClock()
    paired(clock.call("a", [1] * 4), clock.call("b", [1] * 4), rounds=3, warm_up=1, clock=clock)
    assert clock.order == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_a_sum_is_taken_round_by_round() -> None:
    clock = FakeClock()
    first = paired(clock.call("a", [1, 5]), clock.call("b", [1, 1]), rounds=2, warm_up=0, clock=clock)
    second = paired(clock.call("a", [3, 3]), clock.call("b", [1, 3]), rounds=2, warm_up=0, clock=clock)
    assert together([first, second]).times == ((4, 2), (8, 4))
    assert together([first, second]).ratio == 2


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("a", 1.2, 1.0, ratio=1.2, target=1.2), "ok"),
        (Row("a", 1.3, 1.0, ratio=1.3, target=1.2), "misses"),
        (Row("a", 9.0, 10.0, ratio=0.9, target=0.9, sense="at least"), "ok"),
        (Row("a", 8.0, 10.0, ratio=0.8, target=0.9, sense="at least"), "misses"),
        (Row("a", 2.9, 1.0, ratio=2.9, target=3.0, judged="ours"), "ok"),
        (Row("a", 3.1, 2.0, ratio=1.55, target=3.0, judged="ours"), "misses"),
        (Row("a", 3.1, 2.0, ratio=1.55), ""),
        (skipped("a", "no such thing here"), "skipped"),
    ],
)
def test_verdicts(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_the_table_lines_up_and_names_units_and_reasons() -> None:
    rows = [
        Row("encode", 0.01234, 0.01, "the bare call", ratio=1.234, target=1.5),
        Row("memory", 4.0, unit="MB", target=5.0, judged="ours"),
        Row("speed", 123.4, 100.0, "the bare call", unit="tokens/s", ratio=1.234, target=0.9, sense="at least"),
        skipped("page", "no port"),
    ]
    heading, rule, *lines = table(rows).split("\n\n")[0].splitlines()
    for column in ("ratio", "target"):
        end = heading.index(column) + len(column)
        assert all(line[end : end + 2].strip() == "" for line in lines if len(line) > end)
    assert set(rule) == {"-", " "}
    assert "0.0123 s" in lines[0]
    assert "0.01 s" in lines[0]
    assert "1.23" in lines[0]
    assert "≤ 1.5" in lines[0]
    assert "ok" in lines[0]
    assert "4 MB" in lines[1]
    assert "≤ 5 MB" in lines[1]
    assert "123 tokens/s" in lines[2]
    assert "≥ 0.9" in lines[2]
    assert "skipped" in lines[3]
    assert "page: no port" in table(rows)


def test_json_has_every_field_and_the_verdict() -> None:
    (row,) = as_json([Row("encode", 3.0, 2.0, "bare", ratio=1.5, target=1.5)])
    assert json.loads(json.dumps(row)) == row
    assert (row["what"], row["ratio"], row["verdict"], row["sense"]) == ("encode", 1.5, "ok", "at most")


def test_the_text_is_the_same_each_time_and_as_long_as_asked() -> None:
    text = mixed_text(50_000)
    assert text == mixed_text(50_000)
    assert text != mixed_text(50_000, seed=1)
    assert 50_000 <= len(text.encode()) < 50_500
    assert all(phrase in text for phrase in PHRASES)


def test_encoding_rows_hold_every_family_and_their_sum() -> None:
    total, *families = encoding.rows(n_bytes=2_000, rounds=1)
    assert [row.what.strip() for row in families] == list(encoding.FAMILIES)
    assert total.target == 1.5
    assert total.ours == pytest.approx(sum(row.ours or 0 for row in families))
    assert total.floor == pytest.approx(sum(row.floor or 0 for row in families))


def test_chat_rows_hold_every_family_and_their_sum() -> None:
    total, *families = chat.rows(n_turns=3, rounds=1)
    assert [row.what.strip() for row in families] == list(chat.FAMILIES)
    assert (total.target, total.judged) == (4, "ratio")
    assert total.ours == pytest.approx(sum(row.ours or 0 for row in families))
    assert total.floor == pytest.approx(sum(row.floor or 0 for row in families))


def test_tokens_rows_hold_each_call_against_its_floor() -> None:
    replay, linear, stages = tokens.library_rows(n=200, n_aligned=500, rounds=1)
    assert (replay.target, replay.judged) == (1, "ours")
    assert "2,000 characters" in linear.what  # four times what its floor has
    assert linear.floor_name == "align of 500 characters"
    assert (linear.target, linear.judged) == (5, "ratio")
    for row in (replay, linear, stages):
        assert row.ratio == pytest.approx((row.ours or 0) / (row.floor or 1))


def test_a_scan_of_the_vocabulary_is_held_against_a_bare_read(tiny_model_folder: Callable[[str], Path]) -> None:
    import lmloupe as lm

    engine = lm.load_engine(tiny_model_folder("qwen2"), device="cpu")
    row = neighbours.scan(engine, "cosine", rounds=1)
    assert (row.unit, row.sense, row.target) == ("GB/s", "at least", 0.5)
    assert row.ours is not None
    assert row.floor is not None
    assert row.ratio == pytest.approx(row.ours / row.floor)


def test_lens_and_records_are_held_against_bare_work_in_one_pass(tiny_model_folder: Callable[[str], Path]) -> None:
    import lmloupe as lm

    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    ids = np.arange(6, 26)
    with never_ending(engine):
        whole, made = inside.lens(engine, ids, rounds=1), inside.generate(engine, ids, n_new=4, rounds=1)
        searched = strategies.beam_search(engine, ids, n_new=4, rounds=1)
    assert (whole.target, whole.sense) == (1.3, "at most")
    assert (made.target, made.sense, made.unit) == (0.7, "at least", "tokens/s")
    assert (searched.target, searched.sense) == (1.15, "at most")
    assert whole.ratio == pytest.approx((whole.ours or 0) / (whole.floor or 1))
    assert made.ratio == pytest.approx((made.ours or 0) / (made.floor or 1))


def test_precisions_are_held_against_bare_loads_and_one_quantized_model_more(
    tiny_model_folder: Callable[[str], Path],
) -> None:
    import lmloupe as lm

    folder, ids = str(tiny_model_folder("llama")), list(range(6, 26))
    engine = lm.load_engine(folder, device="cpu")
    time = precision.timed(engine, folder, ids, ["nf4"], rounds=1)
    peak = precision.memory(folder, ids, ["nf4"])
    assert (time.target, time.sense, peak.target, peak.unit) == (1.2, "at most", 1, "MB")
    assert time.ratio == pytest.approx((time.ours or 0) / (time.floor or 1))
    assert peak.ours is not None, peak.note
    plain, stored = engine.describe().bytes, lm.load_engine(folder, "nf4", device="cpu").describe().bytes
    assert peak.floor == pytest.approx((plain + stored) / 1e6)


def test_a_cluster_is_held_against_the_same_model_in_this_process(tiny_model_folder: Callable[[str], Path]) -> None:
    import lmloupe as lm
    from lmloupe.cluster.engine import remote_engine
    from lmloupe.cluster.replica import Replica

    local = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    calls = ReplicaCalls(Replica(lambda: local))
    remote = remote_engine(calls, local.tokenizer)
    questions = [cluster.next_token(remote, local, rounds=2), cluster.logit_lens(remote, local, rounds=1)]
    questions.append(cluster.lens_rows(remote, local, rounds=1))
    streams = [cluster.stream(remote, local, n_new=3, rounds=1), cluster.streams(remote, local, 2, 3, rounds=1)]
    two = cluster.replicas(remote, local, local, n_people=2, n_new=3, rounds=1)
    assert [(row.target, row.sense) for row in questions] == [(1.15, "at most")] * 3
    assert [(row.target, row.sense) for row in streams] == [(0.95, "at least")] * 2
    assert [(row.target, row.unit) for row in two] == [
        (1.0, "questions/s"), (1.0, "tokens/s"), (None, "questions/s"), (None, "tokens/s"),
    ]  # fmt: skip
    assert all(row.ratio == pytest.approx((row.ours or 0) / (row.floor or 1)) for row in (*streams, *two))
    assert questions[0].note.startswith("2 rounds from ")
    asked = [arguments for name, arguments in calls.asked if name == "next_token"]
    texts = {tuple(np.asarray(found).tolist()) for call in asked for found in call if isinstance(found, np.ndarray)}
    assert len(texts) == len(asked) > 4, "a text was asked about twice, which a kept answer would answer"


def test_who_is_lost_of_a_crowd_is_counted_and_nobody_waits_for_them() -> None:
    async def served() -> None:
        await asyncio.sleep(0)

    async def lost() -> None:
        raise TimeoutError("no answer")

    found = run(front_ends.crowd([served, lost, served]))
    assert (len(found.waits), found.lost) == (2, ("TimeoutError: no answer",))
    assert found.slowest_s <= found.took_s


def test_front_ends_are_held_against_one_of_them_and_nobody_may_be_lost() -> None:
    several = front_ends.Measured(3, (2, 1, 1), {"join": front_ends.Crowd((1.0, 2.0, 3.0, 4.0), 4.0, ())})
    one = front_ends.Measured(1, (4,), {"join": front_ends.Crowd((4.0, 8.0, 10.0), 10.0, ("it broke",))})
    rows = front_ends.compared("here", several, one)
    assert [(row.ours, row.floor, row.verdict) for row in rows] == [(1.0, 0.3, ""), (4.0, 10.0, ""), (0, 1, "ok")]
    assert [row.ratio for row in rows[:2]] == [pytest.approx(10 / 3), 0.4]
    assert front_ends.compared("here", one, several)[2].verdict == "misses"
    assert "2, 1, 1" in rows[0].note
    assert rows[1].note == "median 2.5 s, on one front end 8.0 s"


def test_without_ray_the_cluster_is_skipped_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (row,) = cluster.rows()
    assert row.verdict == "skipped"
    assert row.note == "Ray is not installed: pip install -r requirements-cluster.txt"


@pytest.mark.model
def test_a_slider_is_measured_while_the_model_refuses_every_call(embedded_model_folder: Path) -> None:
    (row,) = slider.rows(rounds=1, views=("draws",))
    assert (row.target, row.judged, row.unit) == (50, "ours", "ms")
    assert (row.ours or 0) > (row.floor or 1) > 0


def test_the_95th_percentile_lies_between_its_neighbours() -> None:
    assert tokens.p95([float(n) for n in range(21)]) == 19
    assert tokens.p95([1.0] * 38 + [5.0, 9.0]) == pytest.approx(1.2)


def test_growth_per_session_is_not_misled_by_memory_given_back_once() -> None:
    steady = [100 + 0.5 * n for n in range(21)]
    assert sessions.slope(steady) == pytest.approx(0.5)
    given_back = [value - (80 if n > 17 else 0) for n, value in enumerate(steady)]
    assert sessions.slope(given_back) == pytest.approx(0.5)
    assert sessions.slope([100 + 7 * n for n in range(21)]) == pytest.approx(7)


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["nothing"]])
def test_an_unknown_name_is_refused_with_the_known_ones(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.main(arguments)
    said = capsys.readouterr().err
    assert all(name in said for name in program.SUBJECTS)


def test_what_is_large_runs_where_it_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def loaded(name: str) -> SimpleNamespace:
        asked.append(name.removeprefix("benchmarks."))
        return SimpleNamespace(rows=list)

    monkeypatch.setattr(importlib, "import_module", loaded)
    for arguments in ([], ["cluster"], ["--only", "front_ends", "chat"]):
        assert program.main(arguments) == 0
    usual = [name for name in program.SUBJECTS if name not in ("cluster", "front_ends")]
    assert asked == [*usual, "cluster", "front_ends", "chat"]


def test_a_missed_target_gives_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(encoding, "rows", lambda: [Row("encode", 2.0, 1.0, ratio=2.0, target=1.5)])
    assert program.main(["--only", "encoding"]) == 1
    assert "misses" in capsys.readouterr().out


def test_the_command_runs_the_fastest_subject_end_to_end(tmp_path: Path) -> None:
    written = tmp_path / "rows.json"
    paths = [str(REPOSITORY / "inspect"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "interpreter", "--json", str(written)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["what"].strip(): row for row in json.loads(written.read_text("utf-8"))["rows"]}
    assert all(what in done.stdout for what in rows)
    assert rows["import lmloupe"]["ours"] > rows["import lmloupe"]["floor"] * 0.5
    assert rows["heavy modules it loads"]["ours"] == 0
    assert rows["heavy modules it loads"]["verdict"] == "ok"
