"""A gap in a sentence before a causal model in this process; the question is in `lmloupe.model.gap.questions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lmloupe.encodings.encoding import encode
from lmloupe.errors import InvalidSettingError, InvalidTextError
from lmloupe.model.gap.results import Gap, GapCandidate, RightSide
from lmloupe.model.gap.sides import check_candidates, filled
from lmloupe.model.generation.answers import next_token
from lmloupe.model.inside.answers import score
from lmloupe.model.passes.loaded import LoadedModel, input_ids
from lmloupe.model.passes.logit_facts import require_finite
from lmloupe.model.passes.quantized_products import stored_as
from lmloupe.model.passes.reading import errors, rounding_of
from lmloupe.names import shown

__all__ = ["gap"]

MOST_CANDIDATES, MOST_OWN, MOST_RIGHTS = 32, 32, 8
_LOOKED_THROUGH = 100
"""The model's own candidates are sought among so many times as many of its most probable tokens."""


def gap(
    loaded: LoadedModel, left: str, right: str, candidates: Sequence[str], other_rights: Sequence[str], top_k: int
) -> Gap:
    """The answer to `GapQuestions.gap`."""
    given = check_candidates(candidates, MOST_CANDIDATES)
    if not 0 <= top_k <= MOST_OWN or len(other_rights) > MOST_RIGHTS:
        raise InvalidSettingError(
            f"top_k is {top_k} and there are {len(other_rights)} other right sides; there must be 0 to {MOST_OWN}, and "
            f"at most {MOST_RIGHTS}."
        )
    if not right:
        raise InvalidTextError(
            "Nothing stands after the gap: write the right side too, as without one the whole sentence is the left."
        )
    before = left.removesuffix(" ")  # the space goes with the token that follows
    ids = encode(loaded.tokenizer, before, add_special_tokens=True).input_ids
    if len(ids) == 0:
        raise InvalidTextError(
            f"Nothing stands before the gap, and {shown(loaded.name)} reads from left to right only: write the left "
            "side too."
        )
    ids = input_ids(loaded, ids)
    logits = next_token(loaded, ids).logits
    rights = tuple(_right_side(loaded, ids, one, logits) for one in dict.fromkeys((right, *other_rights)))
    own, skipped = _own(loaded, logits, before, left, set(given), top_k)
    origins: list[tuple[str, Literal["given", "model"]]] = [(text, "given") for text in given]
    origins += [(text, "model") for text in own]
    scored = tuple(_candidate(loaded, left, right, text, origin, ids) for text, origin in origins)
    tolerance = rounding_of(loaded.model.dtype, loaded.worker.call(lambda: stored_as(loaded.model))).most
    return Gap(left, right, ids, logits, rights, tolerance, scored, skipped)


def _right_side(loaded: LoadedModel, ids: NDArray[np.int32], right: str, alone: NDArray[np.float32]) -> RightSide:
    """The scores after the left side's last token, in a pass over both sides."""
    behind = encode(loaded.tokenizer, right, parse_special_tokens=True).input_ids
    whole = input_ids(loaded, np.concatenate((ids, behind)))
    place = len(ids) - 1

    def forward() -> NDArray[np.float32]:
        rows = torch.from_numpy(whole.astype(np.int64)).to(loaded.device)[None]
        kept = torch.tensor([place], device=loaded.device)
        found = loaded.model(input_ids=rows, use_cache=False, logits_to_keep=kept).logits[0].float()
        # A model that scores all places whatever it is asked for gives all of them.
        at = found[0] if len(found) == 1 else found[place]
        require_finite(at.max()[None])
        result: NDArray[np.float32] = at.cpu().numpy()
        return result

    logits = loaded.worker.call(forward)
    off = float(errors(torch.from_numpy(logits)[None], torch.from_numpy(alone)[None])[0])
    return RightSide(right, whole, logits, off)


def _own(
    loaded: LoadedModel, logits: NDArray[np.float32], before: str, left: str, given: set[str], top_k: int
) -> tuple[list[str], int]:
    """The model's most probable tokens as texts that fit behind the left side as it is written, best first."""
    tok = loaded.tokenizer
    special = set(tok.special_tokens.values())
    found: list[str] = []
    skipped = 0
    for token_id in np.argsort(-logits, kind="stable")[: _LOOKED_THROUGH * top_k].tolist():
        if len(found) == top_k:
            break
        try:
            text = tok.token_bytes(token_id).decode() if tok.has(token_id) and token_id not in special else ""
        except UnicodeDecodeError:  # a part of a character stands for no text
            text = ""
        space = left[len(before) :]
        if not text.strip() or not text.startswith(space):
            skipped += 1
            continue
        text = text.removeprefix(space)
        if text not in given and text not in found and text.strip():
            found.append(text)
    return found, skipped


def _candidate(
    loaded: LoadedModel,
    left: str,
    right: str,
    text: str,
    origin: Literal["given", "model"],
    left_ids: NDArray[np.int32],
) -> GapCandidate:
    whole = filled(loaded.tokenizer, left, text, right)
    part = encode(loaded.tokenizer, left + text, add_special_tokens=True).input_ids
    if whole.input_ids[0] != left_ids[0] or part[0] != left_ids[0]:
        raise InvalidTextError(
            f"With {shown(text)} in the gap the first token is another one, and a first token has no score: write more "
            "before the gap."
        )
    rated = score(loaded, input_ids(loaded, whole.input_ids), 1).log_probs.astype(np.float64)
    # Of a causal model the scores of the beginning are those of the text that ends there.
    n = len(part)
    begins = n <= len(whole.input_ids) and np.array_equal(part, whole.input_ids[:n])
    of_left = rated[: n - 1] if begins else score(loaded, input_ids(loaded, part), 1).log_probs.astype(np.float64)
    return GapCandidate(
        text=text,
        origin=origin,
        left_log_prob=float(of_left.sum()),
        whole_log_prob=float(rated.sum()),
        token_ids=tuple(whole.input_ids[list(whole.places)].tolist()),
        merges=whole.merges,
    )
