"""A generation that was interrupted goes on from its tokens, as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmloupe as lm

SETTINGS: dict[str, dict[str, Any]] = {
    "greedy": {"sampling": lm.Sampling(temperature=0)},
    "drawn": {"sampling": lm.Sampling(temperature=1.3, top_p=0.9)},
    "reads the text": {"sampling": lm.Sampling(repetition_penalty=1.4, dry_multiplier=0.8, frequency_penalty=0.2)},
    "greedy, reads the text": {"sampling": lm.Sampling(temperature=0, repetition_penalty=1.4)},
    "throws coins": {"sampling": lm.Sampling(xtc_probability=0.5, xtc_threshold=0.05)},
    "grammar": {"constraint": lm.Constraint.regex("[a-z]{3,9}(, [a-z]{3,9}){2}")},
    "lens": {"lens": True},
}


@pytest.fixture(scope="module")
def engine(tiny_model_folder: Callable[[str], Path]) -> lm.Engine:
    return lm.load_engine(tiny_model_folder("llama"), device="cpu")


@pytest.mark.parametrize("name", SETTINGS)
def test_it_goes_on_with_the_tokens_that_would_have_come(engine: lm.Engine, name: str) -> None:
    asked: dict[str, Any] = {"max_new_tokens": 14, "seed": 5, "stop_ids": (), **SETTINGS[name]}
    whole = list(engine.generate("A coconut 🥥 rolls", **asked))
    assert len(whole) > 6
    for n in (1, 2, len(whole) // 2, len(whole) - 1):
        written = [step.token_id for step in whole[:n]]
        rest = list(engine.generate("A coconut 🥥 rolls", written=written, **asked))
        for step, expected in zip(rest, whole[n:], strict=True):
            assert (step.token_id, step.text, step.ended_by) == (expected.token_id, expected.text, expected.ended_by)
            assert step.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
            assert (step.lens_ids is None) == (expected.lens_ids is None)
            assert (step.constrained is None) == (expected.constrained is None)


def test_what_has_ended_cannot_go_on(engine: lm.Engine) -> None:
    with pytest.raises(lm.InvalidSettingError, match="have ended it already"):
        engine.generate("A coconut", max_new_tokens=2, written=[7, 8])
    with pytest.raises(lm.InvalidSettingError, match="have ended it already"):
        engine.generate("A coconut", max_new_tokens=9, stop_ids=[8], written=[7, 8])
    with pytest.raises(lm.InvalidIdError):
        engine.generate("A coconut", written=[100_000])
    with pytest.raises(lm.InvalidSettingError, match="mirostat"):
        engine.generate("A coconut", lm.Sampling(mirostat_tau=3), written=[7])
