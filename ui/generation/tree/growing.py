"""What was wished for is written: tokens of a person get the model's own numbers, and the model goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import lmloupe as lm
from lmloupe.model.generation.tree import MOST_BRANCHES
from ui.generation.live.runs import Run
from ui.generation.live.shared import finished_run
from ui.generation.live.stream import stream
from ui.generation.tree.names import branch_name
from ui.generation.tree.session import Held, Wish
from ui.model.answers import scored

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["forced_steps", "grow"]


def grow(held: Held, engine: lm.Engine, place: DeltaGenerator) -> None:
    """Write all that was wished for, drawing each text into ``place`` while it is written.

    A Stop leaves what there is. A page that runs again meanwhile calls this again, and nothing is computed twice.

    Raises:
        LoupeError: what the model or the tree refused first, once the branches that it did not refuse are written; what
            was there before stays.
    """
    refused: lm.LoupeError | None = None
    while held.growing or held.wishes:
        try:
            if not held.growing:
                wish = held.wishes.popleft()
                _begin(held, wish)
            _write(held, engine, place)
        except lm.ClusterGoneError:  # what was to be written waits until the cluster is there again
            if not held.growing:
                held.wishes.appendleft(wish)
            raise
        except lm.LoupeError as error:  # not swallowed: raised below
            refused = refused or error
            held.give_up()
    if refused is not None:
        raise refused


def _begin(held: Held, wish: Wish) -> None:
    number = held.tree.newest if wish.number == -1 else wish.number
    keep = {number, held.chosen}
    tree, gone = held.tree.with_room(len(wish.forced) + wish.n, keep=keep, branches=_room(wish))
    before = tree.branch(number).token_ids[: wish.at] if number else ()
    steps = forced_steps(held, before, wish.forced) if wish.forced else ()
    if wish.same:
        tree = tree.go_on(number, wish.seed, wish.n, steps)
    else:
        at = len(before)
        tree = tree.fork(number, at, steps, wish.seed, wish.n) if number else tree.begin(wish.seed, wish.n, steps)
        number = tree.newest
        tree = tree.name(number, wish.name, pinned=wish.pinned)
        held.chosen, held.at = number, (at if wish.forced else None)
    held.tree, held.growing, held.run = tree, number, None
    held.forget_run(number)
    if gone:
        held.expected = ()
        names = " and ".join(branch_name(branch) for branch in gone)
        held.word = (
            f"The tree was full: {names}, the oldest that was not pinned, was let go. Pin what is to stay."
            if len(gone) == 1
            else f"The tree was full: {names}, the oldest that were not pinned, were let go. Pin what is to stay."
        )


def _room(wish: Wish) -> int:
    return MOST_BRANCHES + wish.same  # one more only where one is added


def _write(held: Held, engine: lm.Engine, place: DeltaGenerator) -> None:
    """Draw what the last part of the growing branch asks for."""
    number = held.growing
    branch = held.tree.branch(number)
    if branch.parts and branch.parts[-1].n > 0:
        known = held.tree.drawn_before(number) if held.run is None else None
        if known is not None:
            held.tree = held.tree.drew(number, known)
        else:
            _stream(held, branch, engine, place)
    held.growing, held.run = 0, None


def _stream(held: Held, branch: lm.Branch, engine: lm.Engine, place: DeltaGenerator) -> None:
    before = branch.token_ids[: len(branch.steps) - branch.drawn]
    request = held.ground.request(before, branch.parts[-1])
    if held.run is None:
        held.run = finished_run(request)
        if held.run is not None:
            held.kept.add(branch.number)
    run = held.run = held.run or Run(request)
    writes = run.going
    try:
        if writes:
            stream(run, engine, place)
    finally:
        # Else a newer run of the page, in a thread of its own, has gone on from here, or does so after a Stop.
        if held.run is run and not (writes and run.stopped):
            held.tree = held.tree.drew(branch.number, run.steps)
            held.runs[branch.number] = run
    place.empty()
    if not run.finished:
        held.expected = ()
        held.tree = held.tree.settle(branch.number)
        if not held.tree.branch(branch.number).steps:  # stopped before its first token
            held.close(branch.number)


def forced_steps(held: Held, before: Sequence[int], ids: Sequence[int]) -> tuple[lm.Step, ...]:
    """Tokens of a person as steps, with the model's own numbers for them.

    What a step of the tree says already is taken from there: a token of its ten most probable. For the others the model
    reads the text once more, the forced tokens included.

    Args:
        held: the tree.
        before: the tokens between the prompt and the forced ones.
        ids: the forced ones.

    Raises:
        InvalidIdError: an id that the model has no row for.
        ContextLengthError: the context has no room for them.
    """
    steps: list[lm.Step] = []
    for place, token_id in enumerate(ids):
        known = held.tree.after((*before, *ids[:place]))
        found = None if known is None else lm.alternative(known, token_id)
        if found is None:
            break
        steps.append(found)
    if len(steps) == len(ids):
        return tuple(steps)
    whole = (*held.ground.ids, *before, *ids)
    answer = scored(held.ground.model, held.ground.quantization, whole)
    first = len(whole) - len(ids)
    return (*steps, *(_scored_step(answer, first + place) for place in range(len(steps), len(ids))))


def _scored_step(answer: lm.Scored, at: int) -> lm.Step:
    return lm.Step(
        token_id=int(answer.input_ids[at]),
        text="",
        log_prob=float(answer.log_probs[at - 1]),
        top_ids=answer.top_ids[at - 1],
        top_log_probs=answer.top_log_probs[at - 1],
        entropy_bits=float(answer.entropy_bits[at - 1]),
        elapsed_s=0.0,
    )
