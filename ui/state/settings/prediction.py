"""The settings of the section Prediction that no other page has: those of a gap in a sentence."""

from __future__ import annotations

from ui.state.kinds import Setting, integer
from ui.state.names import model_check
from ui.state.settings.plain_text import plain_text

__all__ = ["MASKED_MODELS", "prediction_settings"]

MASKED_MODELS = (
    "",
    "distilbert/distilroberta-base",
    "google-bert/bert-base-uncased",
    "FacebookAI/roberta-base",
    "google-bert/bert-base-multilingual-cased",
)
"""What the list of masked models offers: none, and hub ids; any other id or a folder can be typed."""
_known = model_check(MASKED_MODELS[2])


def prediction_settings() -> tuple[Setting, ...]:
    """The settings of the section."""
    return (
        # Masked and causal: the sentence with its gap, candidates with commas between them, other right sides one a
        # line, how many of the model's own tokens are scored too, and the masked model ("" for none).
        Setting("gap_sentence", "The capital of ___ is Paris.", plain_text),
        Setting("gap_candidates", "France, Germany, Italy, Spain, Japan", plain_text),
        Setting("gap_rights", "is Rome.\nis a large city by the sea.", plain_text),
        integer("gap_own", 5, 0, 16),
        Setting("masked_model", "", lambda value: "" if value == "" else _known(value), options=MASKED_MODELS),
    )
