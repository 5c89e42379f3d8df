"""The two levels of transformers' API on a model that is loaded in this process."""

from __future__ import annotations

from lmloupe.model.levels import answers
from lmloupe.model.levels.questions import LevelQuestions, Prompt
from lmloupe.model.levels.results import TwoLevels
from lmloupe.model.passes.loaded import OfLoaded

__all__ = ["LevelAnswers"]


class LevelAnswers(OfLoaded, LevelQuestions):
    """One prompt through transformers' own functions; what the method does is said in the questions."""

    def two_levels(
        self,
        prompt: Prompt,
        max_new_tokens: int = 24,
        temperature: float = 0.0,
        *,
        top_k: int = 50,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> TwoLevels:
        settings = answers.Settings.of(max_new_tokens, temperature, top_k, top_p, seed)
        return answers.two_levels(self.loaded, prompt, settings)
