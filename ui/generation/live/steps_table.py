"""A generation as tables: all its steps, and what each layer would have said at one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

import lmloupe as lm
from ui.base.labels import token_label
from ui.prediction.lens.view import layer_name

__all__ = ["lens_column", "run_table"]


def run_table(tok: lm.Tokenizer, steps: Sequence[lm.Step]) -> pd.DataFrame:
    """One row a generated token."""
    return pd.DataFrame(
        {
            "position_from_1": np.arange(1, len(steps) + 1),
            "id": [step.token_id for step in steps],
            "token": [token_label(tok, step.token_id) for step in steps],
            "log_prob": [step.log_prob for step in steps],
            "entropy_bits": [step.entropy_bits for step in steps],
            "best_id": [int(step.top_ids[0]) for step in steps],
            "best_log_prob": [float(step.top_log_probs[0]) for step in steps],
            "elapsed_s": [step.elapsed_s for step in steps],
        }
    )


def lens_column(tok: lm.Tokenizer, step: lm.Step) -> pd.DataFrame:
    """The token that each layer puts first at a step that recorded the lens, the output on top."""
    if step.lens_ids is None or step.lens_log_probs is None:
        return pd.DataFrame({"Layer": [], "Token": [], "Probability": [], "Said": []})
    layers = range(len(step.lens_ids) - 1, -1, -1)
    return pd.DataFrame(
        {
            "Layer": [layer_name(layer, len(step.lens_ids) - 1) for layer in layers],
            "Token": [token_label(tok, int(step.lens_ids[layer])) for layer in layers],
            "Probability": [float(np.exp(step.lens_log_probs[layer])) for layer in layers],
            "Said": ["✓" if step.lens_ids[layer] == step.token_id else "" for layer in layers],
        }
    )
