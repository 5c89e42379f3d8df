"""What a grammar did to a text, in numbers and words. Knows no Streamlit."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

import lmloupe as lm
from ui.base.labels import token_label
from ui.base.words import counted, percent, probability
from ui.components.grammar_view import Candidate, GrammarStep

__all__ = [
    "constrained_finding",
    "ending",
    "first_picked",
    "grammar_steps",
    "left_share",
    "parsed",
    "plain_text",
    "renormalized",
    "steps_table",
]

N_CANDIDATES = 8
N_ALLOWED = 4
N_QUOTED = 24


def _did(step: lm.Step) -> lm.ConstrainedStep:
    if step.constrained is None:
        raise ValueError("the step was written without a constraint")
    return step.constrained


def _struck(share: float) -> str:
    """A share that was struck out: never all, however little is left."""
    return probability(min(share, math.nextafter(1.0, 0.0)))


def _of_path(share: float) -> str:
    """The probability of a whole text: never 0, however many steps it has."""
    return probability(share) if share > 1e-300 else "less than 10⁻²⁹⁸%"


def overruled(steps: Sequence[lm.Step]) -> list[int]:
    """The steps at which the model's first choice was struck out."""
    return [i for i, step in enumerate(steps) if _did(step).overruled]


def first_picked(steps: Sequence[lm.Step]) -> int:
    """The step to look at first: the first that was overruled, else the one at which most was struck out."""
    found = overruled(steps)
    return found[0] if found else int(np.argmax([_did(step).struck_out for step in steps]))


def left_share(steps: Sequence[lm.Step]) -> float:
    """The product of the shares that the grammar left at each step, from 0 to 1."""
    return math.exp(sum(step.log_prob - _did(step).log_prob for step in steps))


def constrained_finding(steps: Sequence[lm.Step], free: Sequence[lm.Step]) -> str:
    """How often the grammar overruled the model, and what the model writes without it; plain text."""
    found, n = overruled(steps), len(steps)
    if not found:
        where = "its only token" if n == 1 else f"all {n} tokens"
        return f"The grammar never overruled the model: its first choice was allowed at {where}"
    where = "the only token" if n == 1 else f"{len(found)} of {n} tokens"
    same = next(
        (i for i, (a, b) in enumerate(zip(steps, free, strict=False)) if a.token_id != b.token_id),
        min(n, len(free)),
    )
    text = " ".join(plain_text(free[same:]).split())
    if not text:
        return f"The grammar overruled the model at {where}"
    quoted = text if len(text) <= N_QUOTED else f"{text[:N_QUOTED].rsplit(' ', 1)[0]} …"
    begun = "begun" if same == 0 else f"gone on after {counted(same, 'token')}"
    return f"The grammar overruled the model at {where}; without it, it would have {begun} with “{quoted}”"


def ending(steps: Sequence[lm.Step]) -> str:
    """Why the text ends, and whether it satisfies the grammar."""
    last = steps[-1]
    if last.ended_by == "grammar":
        return "Ended: the text is complete, and the grammar allows nothing more."
    if last.ended_by == "stop":
        return "Ended at a stop token, which the grammar allows only where the text is complete."
    if not last.ended_by:
        return f"Broken off after {counted(len(steps), 'token')}."
    by_context = last.ended_by == "context"
    full = "the context is full" if by_context else f"no more than {counted(len(steps), 'token')} may be written"
    if _did(last).complete:
        return f"Ended because {full}; the text satisfies the grammar as it is."
    remedy = "Shorten the prompt." if by_context else "Raise the maximum in Settings."
    return f"Ended in the middle, because {full}: the text does not satisfy the grammar. {remedy}"


def renormalized(steps: Sequence[lm.Step]) -> str:
    """What striking out does to the probability of the text, and what it is not."""
    own = math.exp(sum(step.log_prob for step in steps))
    left = left_share(steps)
    under = math.exp(sum(_did(step).log_prob for step in steps))
    return (
        "At each step the grammar strikes out what it forbids, and what is left is scaled up to 100%. It does not look "
        "ahead, so the model may hold another allowed text more probable. All steps multiplied, "
        f"{_of_path(left)} was left on this path and {_struck(1 - left)} struck out: the text has a "
        f"probability of {_of_path(own)} in the model, and of {_of_path(under)} with the grammar."
    )


def plain_text(steps: Sequence[lm.Step]) -> str:
    """What was written, without the token that ended it."""
    return "".join(step.text for step in steps if step.ended_by != "stop")


def parsed(steps: Sequence[lm.Step]) -> str | None:
    """The text as indented JSON, once it is complete; None where it is not."""
    if not _did(steps[-1]).complete:
        return None
    return json.dumps(json.loads(plain_text(steps)), indent=2, ensure_ascii=False)


def grammar_steps(tok: lm.Tokenizer, steps: Sequence[lm.Step], rows: int) -> list[GrammarStep]:
    """The steps as `ui.components.grammar_view` draws them; ``rows`` of the vocabulary."""
    return [_step(tok, step, rows) for step in steps]


def _step(tok: lm.Tokenizer, step: lm.Step, rows: int) -> GrammarStep:
    did = _did(step)
    label = token_label(tok, step.token_id)
    best = token_label(tok, int(step.top_ids[0]))
    chance = probability(math.exp(float(step.top_log_probs[0])))
    says = f"{did.n_allowed:,} of {rows:,} tokens are allowed here."
    if did.forced:
        says = f"“{label}” is the only token of {rows:,} that is allowed here."
    says += f" Struck out: {_struck(did.struck_out)} of the probability"
    says += f", the model's first choice “{best}” ({chance}) among it." if did.overruled else "."
    return GrammarStep(
        label=label,
        special=step.token_id in tok.special_tokens.values(),
        struck_out=did.struck_out,
        struck_out_text=_struck(did.struck_out),
        allowed=f"{did.n_allowed:,}",
        allowed_share=math.log(did.n_allowed) / math.log(rows),
        wanted=(best, percent(math.exp(float(step.top_log_probs[0])))) if did.overruled else None,
        forced=did.forced,
        candidates=_candidates(tok, step),
        says=says,
    )


def _candidates(tok: lm.Tokenizer, step: lm.Step) -> tuple[Candidate, ...]:
    """The model's best tokens, the best of those that might come, and the one that was written."""
    did = _did(step)
    own = {int(i): float(p) for i, p in zip(step.top_ids[:N_CANDIDATES], step.top_log_probs, strict=False)}
    own |= {int(i): float(p) for i, p in zip(did.allowed_ids[:N_ALLOWED], did.allowed_log_probs, strict=False)}
    own[step.token_id] = step.log_prob
    allowed = {int(i) for i, may in zip(step.top_ids, did.top_allowed, strict=True) if may}
    allowed |= {*did.allowed_ids.tolist(), step.token_id}
    log_left = step.log_prob - did.log_prob
    special, found = set(tok.special_tokens.values()), []
    for i, log_prob in sorted(own.items(), key=lambda item: -item[1]):
        left = math.exp(log_prob - log_left) if i in allowed else None
        found.append(
            Candidate(
                label=token_label(tok, i),
                own=math.exp(log_prob),
                left=left,
                drawn=i == step.token_id,
                special=i in special,
                own_text=probability(math.exp(log_prob)),
                left_text="" if left is None else probability(min(left, 1.0)),
            )
        )
    return tuple(found)


def steps_table(tok: lm.Tokenizer, steps: Sequence[lm.Step]) -> pd.DataFrame:
    """One row a token."""
    did = [_did(step) for step in steps]
    return pd.DataFrame(
        {
            "position_from_1": np.arange(1, len(steps) + 1),
            "id": [step.token_id for step in steps],
            "token": [token_label(tok, step.token_id) for step in steps],
            "allowed": [one.n_allowed for one in did],
            "struck_out": [one.struck_out for one in did],
            "log_prob": [step.log_prob for step in steps],
            "log_prob_constrained": [one.log_prob for one in did],
            "overruled": [one.overruled for one in did],
            "best": [token_label(tok, int(step.top_ids[0])) for step in steps],
            "best_log_prob": [float(step.top_log_probs[0]) for step in steps],
            "complete": [one.complete for one in did],
        }
    )
