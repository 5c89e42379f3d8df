"""A tree of generations written down: its shape for a link, and all of it as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lmloupe.errors import InvalidSettingError
from lmloupe.model.generation.branch import BranchPart
from lmloupe.model.generation.results import Step
from lmloupe.model.generation.tree import MOST_BRANCHES, MOST_STEPS, GenerationTree
from lmloupe.model.sampling.pipeline import Sampling

__all__ = ["BranchPlan", "SavedTree", "branch_plans", "read_tree", "tree_json"]

FORMAT = "LM Loupe generation tree"
MOST_PARTS = 64
MOST_PROMPT = 1_000_000
MOST_CHARACTERS, LONGEST_NAME = 20_000_000, 60
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """What brings a branch back: `Branch` without the model's numbers.

    >>> BranchPlan((BranchPart((5, 7), seed=3, n=16),), name="mine").plain()
    ['mine', False, [[[5, 7], 3, 16]]]
    """

    parts: tuple[BranchPart, ...]
    name: str = ""
    pinned: bool = False

    def plain(self) -> list[object]:
        """The plan as lists, for a link; `branch_plans` reads them."""
        return [self.name, self.pinned, [[list(part.forced), part.seed, part.n] for part in self.parts]]

    @classmethod
    def of(cls, tree: GenerationTree) -> tuple[BranchPlan, ...]:
        """The plans of a tree's branches, oldest first."""
        return tuple(cls(branch.parts, branch.name, branch.pinned) for branch in tree.branches)


@dataclass(frozen=True, slots=True)
class SavedTree:
    """What a file says: all that the branches have in common, and a plan of each.

    Attributes:
        model: as `lmloupe.load_engine` takes it.
        quantization: likewise.
        prompt_ids: what the model reads before the first token.
        prompt_text: the text that they spell.
        sampling: how tokens are drawn.
        plans: one a branch, oldest first.
        token_ids: for each branch the tokens that it had.
    """

    model: str
    quantization: str
    prompt_ids: tuple[int, ...]
    prompt_text: str
    sampling: Sampling
    plans: tuple[BranchPlan, ...]
    token_ids: tuple[tuple[int, ...], ...]


def branch_plans(value: object) -> tuple[BranchPlan, ...]:
    """Read what `BranchPlan.plain` wrote, from whoever wrote it.

    Raises:
        InvalidSettingError: it is something else, or beyond the limits of a tree.

    >>> branch_plans([["", True, [[[], 0, 8]]]])
    (BranchPlan(parts=(BranchPart(forced=(), seed=0, n=8),), name='', pinned=True),)
    """
    if not isinstance(value, list | tuple) or len(value) > MOST_BRANCHES:
        raise InvalidSettingError(f"it must be a list of at most {MOST_BRANCHES} branches")
    plans = []
    for branch in value:
        name, pinned, parts = _row(branch, 3)
        if not _is_name(name) or not isinstance(pinned, bool):
            raise InvalidSettingError(
                f"a branch must have a name of at most {LONGEST_NAME} characters, and a pin or none"
            )
        if not isinstance(parts, list | tuple) or len(parts) > MOST_PARTS:
            raise InvalidSettingError(f"a branch must be a list of at most {MOST_PARTS} parts")
        read = tuple(_part(part) for part in parts)
        if sum(len(part.forced) + part.n for part in read) > MOST_STEPS:
            raise InvalidSettingError(f"a branch must have at most {MOST_STEPS:,} tokens")
        plans.append(BranchPlan(read, name, pinned))
    return tuple(plans)


def _is_name(value: object) -> bool:
    # JSON can write halves of a surrogate pair, which are no character and which nothing can encode.
    return isinstance(value, str) and len(value) <= LONGEST_NAME and not re.search("[\ud800-\udfff]", value)


def _row(value: object, length: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != length:
        raise InvalidSettingError(
            "every branch must have a name, a pin and parts of ids, a seed and a number of tokens"
        )
    return list(value)


def _part(value: object) -> BranchPart:
    forced, seed, n = _row(value, 3)
    part = BranchPart(_ids(forced), _whole(seed), _whole(n))
    if not part.forced and not part.n:
        raise InvalidSettingError("every part must have tokens")
    return part


def _ids(value: object, most: int = MOST_STEPS) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise InvalidSettingError(f"it must be a list of at most {most:,} ids")
    return tuple(_whole(one) for one in value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise InvalidSettingError(f"ids, seeds and numbers of tokens must be whole numbers from 0 to {LARGEST:,}")
    return value


def tree_json(
    tree: GenerationTree,
    *,
    model: str,
    quantization: str,
    prompt_ids: tuple[int, ...],
    prompt_text: str,
    sampling: Sampling,
) -> str:
    """All of a tree as JSON: what makes it, and the numbers that the model gave.

    `read_tree` reads the first, which brings back the second.
    """
    branches = [
        {
            "number": branch.number,
            "name": branch.name,
            "pinned": branch.pinned,
            "parts": [asdict(part) for part in branch.parts],
            "log_prob": branch.log_prob,
            "ended_by": branch.ended_by,
            "steps": [_step(step, at in branch.forced) for at, step in enumerate(branch.steps)],
        }
        for branch in tree.branches
    ]
    whole = {
        "format": FORMAT,
        "version": 1,
        "model": model,
        "quantization": quantization,
        "prompt_ids": list(prompt_ids),
        "prompt_text": prompt_text,
        "sampling": asdict(sampling),
        "branches": branches,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1)


def _step(step: Step, forced: bool) -> dict[str, object]:
    return {
        "token_id": step.token_id,
        "forced": forced,
        "log_prob": step.log_prob,
        "entropy_bits": step.entropy_bits,
        "top_ids": step.top_ids.tolist(),
        "top_log_probs": step.top_log_probs.tolist(),
    }


def read_tree(text: str) -> SavedTree:
    """Read what `tree_json` wrote. The numbers in the file are left alone: the model gives them again.

    Raises:
        InvalidSettingError: it is no such file, with what is wrong in it.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidSettingError(
            f"The file has more than {MOST_CHARACTERS:,} characters: it is no tree of generations."
        )
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSettingError("The file is not JSON: choose one that was saved here.") from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT or whole.get("version") != 1:
        raise InvalidSettingError(f"The file is no tree of generations: its format must be {FORMAT!r}, version 1.")
    try:
        return _saved(whole)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidSettingError(f"The file cannot be read: {_what(error)}.") from error


def _what(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error).removesuffix(".")


def _saved(whole: Mapping[str, Any]) -> SavedTree:
    words = {name: whole[name] for name in ("model", "quantization", "prompt_text")}
    if not all(isinstance(word, str) for word in words.values()) or not isinstance(whole["branches"], list):
        raise InvalidSettingError("model, quantization and prompt_text must be texts, and branches a list")
    given = whole["sampling"]
    names = {field.name for field in fields(Sampling)}
    if not isinstance(given, dict) or not set(given) <= names:
        raise InvalidSettingError("its sampling has settings that are not known here")
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}
    sampling = Sampling(**values)
    branches = [branch for branch in whole["branches"] if isinstance(branch, dict)]
    plain = [
        [branch["name"], branch["pinned"], [[part["forced"], part["seed"], part["n"]] for part in branch["parts"]]]
        for branch in branches
    ]
    token_ids = tuple(_ids([step["token_id"] for step in branch["steps"]]) for branch in branches)
    return SavedTree(
        prompt_ids=_ids(whole["prompt_ids"], MOST_PROMPT),
        sampling=sampling,
        plans=branch_plans(plain),
        token_ids=token_ids,
        **words,
    )
