"""The rules one after another, in words and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import lmloupe as lm
from ui.base.labels import token_label
from ui.components.stage_flow import flow_of, stage_flow
from ui.prediction.sampling_frames import best_ids
from ui.state import store as state

__all__ = ["show_flow", "steps_words"]

N_OWN, N_LAST = 10, 6


def steps_words(sampling: lm.Sampling, coin: float) -> tuple[str, ...]:
    """What of the rules depends on the step of a generation, in sentences: the page shows the first step."""
    said = []
    if sampling.applies("xtc"):
        acts = "below" if coin < sampling.xtc_probability else "not below"
        does = "it acts" if coin < sampling.xtc_probability else "it does nothing"
        said.append(
            f"XTC throws a coin at each step. The first of seed {state.get('seed')} shows {coin:.2f}, {acts} "
            f"{sampling.xtc_probability:g}: here {does}, for all rolls of the die alike. The seed is behind the gear."
        )
    if sampling.applies("mirostat"):
        said.append(
            "Unlike a die, mirostat remembers what was drawn: mu, its limit, moves. Shown is its first step: tokens of "
            f"at most mu = 2 tau = {2 * sampling.mirostat_tau:g} bits of surprisal stay. "
            f"From then on a draw of b bits adds {sampling.mirostat_eta:g} × ({sampling.mirostat_tau:g} − b) to mu; "
            "Generate takes all steps."
        )
    return tuple(said)


def show_flow(tok: lm.Tokenizer, stages: Sequence[lm.Stage], sampling: lm.Sampling, colour: str) -> None:
    """Draw what each rule that is on removes; nothing where none is."""
    if not sampling.rules:
        return
    own, last = stages[0].probs, stages[-1].probs
    named = np.union1d(best_ids(own, N_OWN), [i for i in best_ids(last, N_LAST) if last[i] > 0]).astype(np.int64)
    ids = named[np.argsort(-own[named], kind="stable")]
    stage_flow(flow_of(stages, sampling, ids), [token_label(tok, int(i)) for i in ids], colour=colour, key="rule_flow")
