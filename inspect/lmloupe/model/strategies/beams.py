"""The rules of a beam search, without its passes: from the scores after each beam to the beams that go on.

They are those of transformers' ``GenerationMixin._beam_search``: how many candidates are looked at, which of them may
end, how finished texts are ranked and when the search is over. The tests compare with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from lmloupe.model.generation.ending import Ending
from lmloupe.model.passes.logit_facts import require_finite, top
from lmloupe.model.strategies.results import BeamStep, BeamText, EarlyStopping, Fate

__all__ = ["BeamRules", "Beams"]


@dataclass(frozen=True, slots=True)
class BeamRules:
    """The settings of a search, checked; see `Engine.beam_search`."""

    num_beams: int
    length_penalty: float
    early_stopping: EarlyStopping
    until: Ending


def _n_candidates(rules: BeamRules) -> int:
    """How many continuations each step looks at: enough for ``num_beams`` that go on, if all end tokens are best."""
    return max(2, 1 + len(rules.until.stop_ids)) * rules.num_beams


@dataclass(frozen=True, slots=True)
class _Beam:
    """A text that goes on: its tokens, their log probabilities, and its candidates' indices, step by step."""

    token_ids: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    path: tuple[int, ...] = ()

    def with_token(self, token_id: int, log_prob: float, index: int) -> _Beam:
        return _Beam((*self.token_ids, token_id), (*self.log_probs, log_prob), (*self.path, index))


class Beams:
    """The beams of one search; whoever runs the model calls `take` once for each pass.

    Attributes:
        ended: whether the last step was the last one.
        rows: int64 (num_beams,), which rows of the last pass go on.
        tokens: int64 (num_beams, 1), with which tokens.
    """

    def __init__(self, rules: BeamRules, device: torch.device) -> None:
        self.ended, self.rows, self.tokens = False, torch.empty(0), torch.empty(0)
        self._rules, self._device = rules, device
        self._beams = [_Beam()]
        self._totals = torch.zeros(1, device=device)
        self._finished: list[BeamText] = []
        self._written = 0
        self._began = time.perf_counter()

    def begin(self) -> None:
        """Start the clock: the prefill begins."""
        self._began = time.perf_counter()

    def take(self, logits: torch.Tensor) -> BeamStep:
        """One step from the scores after each beam.

        Args:
            logits: float (beams, vocab): one row at first, then one for each beam.

        Raises:
            NotFiniteError: the scores hold NaN or infinity.
        """
        vocab = logits.shape[1]
        log_probs = torch.log_softmax(logits.float(), -1)
        best, flat = top((log_probs + self._totals[:, None]).view(1, -1), _n_candidates(self._rules))
        require_finite(best[:, 0])
        totals, flat = best[0], flat[0]
        own = log_probs.view(-1)[flat]
        return self._step(
            (flat // vocab).tolist(), (flat % vocab).tolist(), own.cpu().numpy(), totals, totals.cpu().numpy()
        )

    def _step(
        self, parents: list[int], ids: list[int], own: np.ndarray, totals: torch.Tensor, scores: np.ndarray
    ) -> BeamStep:
        rules, self._written = self._rules, self._written + 1
        endings = [rules.until.ended_by(token_id, self._written) for token_id in ids]
        grown = [
            self._beams[parent].with_token(token_id, float(log_prob), i)
            for i, (parent, token_id, log_prob) in enumerate(zip(parents, ids, own, strict=True))
        ]
        finished = [i for i, ended_by in enumerate(endings[: rules.num_beams]) if ended_by]
        self._finish([(grown[i], float(scores[i]), endings[i]) for i in finished])
        kept = [i for i, ended_by in enumerate(endings) if not ended_by][: rules.num_beams]
        ended_by = self._ended_by(kept, scores)
        self.ended = ended_by != ""
        fates: list[Fate] = ["finished" if i in finished else "dropped" for i in range(len(ids))]
        if self.ended:
            kept = []
        else:
            self._go_on(kept, grown, parents, ids, totals)
        for i in kept:
            fates[i] = "kept"
        return BeamStep(
            parents=np.array(parents, np.int32),
            token_ids=np.array(ids, np.int32),
            log_probs=own,
            scores=scores,
            fates=tuple(fates),
            kept=np.array(kept, np.int32),
            finished=tuple(self._finished),
            elapsed_s=time.perf_counter() - self._began,
            ended_by=ended_by,
        )

    def _go_on(
        self, kept: list[int], grown: list[_Beam], parents: list[int], ids: list[int], totals: torch.Tensor
    ) -> None:
        self._beams = [grown[i] for i in kept]
        self._totals = totals[kept]
        self.rows = torch.tensor([parents[i] for i in kept], device=self._device)
        self.tokens = torch.tensor([[ids[i]] for i in kept], device=self._device)

    def _finish(self, texts: list[tuple[_Beam, float, str]]) -> None:
        length = self._written**self._rules.length_penalty
        for beam, total, ended_by in texts:
            self._finished.append(
                BeamText(
                    token_ids=np.array(beam.token_ids, np.int32),
                    log_probs=np.array(beam.log_probs, np.float32),
                    score=total / length,
                    ended_by=ended_by,  # type: ignore[arg-type]
                    path=np.array(beam.path, np.int32),
                )
            )
        self._finished.sort(key=lambda text: -text.score)
        del self._finished[self._rules.num_beams :]

    def _ended_by(self, kept: list[int], scores: np.ndarray) -> Literal["", "finished", "length", "context"]:
        rules = self._rules
        if self._written == rules.until.most:
            return "context" if rules.until.most_is_context else "length"
        if not kept:  # all that could be said next are end tokens
            return "finished"
        if len(self._finished) < rules.num_beams:
            return ""
        if rules.early_stopping is True or rules.num_beams == 1:
            return "finished"
        longest = rules.early_stopping == "never" and rules.length_penalty > 0
        length = rules.until.most if longest else self._written
        possible = float(scores[kept[0]]) / length**rules.length_penalty
        return "" if possible > self._finished[-1].score else "finished"
