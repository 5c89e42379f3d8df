"""The name of a question: equal ones have the same in every process, others have another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.kept import names
from lmloupe.kept.names import library, question_name
from tests.support.front_end import SAMPLES

PLAIN = (
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(-2, 2) | st.text(max_size=3) | st.binary(max_size=3)
)
ARGUMENTS = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(PLAIN, inner),
    max_leaves=6,
)


def spelled(value: Any) -> str:
    """What two arguments are told apart by: their types and values, whatever the order of a mapping."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{spelled(key)}:{spelled(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(spelled, value))})"
    return f"{type(value).__name__} {value!r}"


@given(ARGUMENTS, ARGUMENTS)
def test_two_questions_have_one_name_exactly_where_they_are_one(one: Any, other: Any) -> None:
    assert (question_name(one) == question_name(other)) == (spelled(one) == spelled(other))


@given(st.lists(ARGUMENTS, max_size=3), st.lists(ARGUMENTS, max_size=3))
def test_where_one_argument_ends_is_in_the_name(one: list[Any], other: list[Any]) -> None:
    assert (question_name(*one) == question_name(*other)) == (spelled(one) == spelled(other))


@given(st.dictionaries(st.text(max_size=3), ARGUMENTS, max_size=5), st.randoms())
def test_the_order_of_a_mapping_and_of_a_set_is_no_matter(given_: dict[str, Any], random: Any) -> None:
    items = list(given_.items())
    random.shuffle(items)
    assert question_name(dict(items)) == question_name(given_)
    assert question_name(set(given_)) == question_name(frozenset(dict(items)))


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_another_process_gives_the_same_names(seed: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.support.front_end", "names"],
        env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = [question_name(sample) for sample in SAMPLES]
    assert json.loads(told.stdout) == here
    assert len(set(here)) == len(SAMPLES)


@dataclass(frozen=True)
class Setting:
    temperature: float


@dataclass(frozen=True)
class OtherSetting:
    temperature: float


def test_dataclasses_are_their_class_and_their_fields() -> None:
    assert question_name(Setting(1.0)) == question_name(Setting(1.0))
    assert len({question_name(one) for one in (Setting(1.0), Setting(2.0), OtherSetting(1.0), 1.0)}) == 4
    sampling = lm.Sampling()
    assert question_name(sampling) != question_name(replace(sampling, temperature=0.5))


def test_numpys_numbers_are_pythons_and_arrays_have_all_their_numbers_in_the_name() -> None:
    assert question_name(np.int64(3), np.float64(0.5), np.bool_(True)) == question_name(3, 0.5, True)
    large = np.zeros(1_000_000, np.float32)
    changed = large.copy()
    changed[777_777] = 1e-9
    names_of = {question_name(one) for one in (large, changed, large.reshape(1000, 1000), large.astype(np.int32))}
    assert len(names_of) == 4


def test_what_another_process_could_not_name_is_refused() -> None:
    with pytest.raises(TypeError, match="no name that another process would give"):
        question_name(object())


def test_another_version_of_what_computes_is_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    here = library()
    held = names.metadata.version
    for package in ("torch", "transformers", "numpy"):
        monkeypatch.setattr(names.metadata, "version", lambda asked, p=package: "0.0.1" if asked == p else held(asked))
        assert library.__wrapped__() != here
    monkeypatch.undo()
    assert library.__wrapped__() == here


def test_another_line_of_its_own_code_is_another_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "room" / "code.py").write_text("x = 1\n")
    monkeypatch.setattr(names.lmloupe, "__file__", str(tmp_path / "__init__.py"))
    before = library.__wrapped__()
    (tmp_path / "room" / "code.py").write_text("x = 2\n")
    assert library.__wrapped__() != before
