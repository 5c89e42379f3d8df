"""A gap in a sentence before a model that is loaded in this process."""

from __future__ import annotations

from collections.abc import Sequence

from lmloupe.model.gap import answers
from lmloupe.model.gap.questions import GapQuestions
from lmloupe.model.gap.results import Gap
from lmloupe.model.passes.loaded import OfLoaded

__all__ = ["GapAnswers"]


class GapAnswers(OfLoaded, GapQuestions):
    """What fills a gap; what the method does is said in the questions."""

    def gap(
        self,
        left: str,
        right: str,
        candidates: Sequence[str] = (),
        *,
        other_rights: Sequence[str] = (),
        top_k: int = 8,
    ) -> Gap:
        return answers.gap(self.loaded, left, right, candidates, other_rights, top_k)
