"""A session's tree on the screen: the chosen branch as boxes, what else each step could have been, all branches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

import lmloupe as lm
from ui.base import theme
from ui.base.downloads import take_away
from ui.base.errors import escape_markdown
from ui.base.glossary.tables import data_table
from ui.base.labels import token_label
from ui.base.shares import percent_columns, percents
from ui.base.words import counted, probability
from ui.components import kit
from ui.components.tree_view import asked_in, branches_view, path_view
from ui.generation.live.steps_table import run_table
from ui.generation.tree.names import branch_name, how_it_ended, path_words, sentence
from ui.generation.tree.session import Held, Wish
from ui.generation.tree.typed import inside_character
from ui.page import finding

__all__ = ["Next", "branches_finding", "path_finding", "show_branches", "show_path", "show_tables"]


@dataclass(frozen=True, slots=True)
class Next:
    """What a new branch is asked for.

    Attributes:
        seed: of the first branch; each further one has the next.
        n: most tokens that it draws.
        frozen: whether nothing can be asked for now.
    """

    seed: int
    n: int
    frozen: bool = False


def path_finding(branch: lm.Branch, tok: lm.Tokenizer) -> str:
    """Where the model was least sure along a branch, true of ties; of a single token, how probable it was."""
    steps = branch.steps
    if len(steps) == 1:
        words = f"“{token_label(tok, steps[0].token_id)}”, with probability {probability(math.exp(steps[0].log_prob))}"
        return f"You put one token there: {words}" if 0 in branch.forced else f"The model wrote one token, {words}"
    entropies = np.array([step.entropy_bits for step in steps])
    most = np.flatnonzero(entropies == entropies.max())
    if len(most) > 1:
        return f"The model was equally unsure, and most so, at {len(most)} of {counted(len(steps), 'token')}"
    at = int(most[0])
    return f"The model was least sure at token {at + 1} of {len(steps)}: “{token_label(tok, steps[at].token_id)}”"


def branches_finding(tree: lm.GenerationTree) -> str:
    """How many branches there are and which surprised the model least a token; true of one and of ties."""
    full = [branch for branch in tree.branches if branch.steps]
    if len(full) < 2:
        return "One branch so far: click another token above, and the model goes on from it"
    bits = [0.0 - branch.log_prob / math.log(2) / len(branch.steps) for branch in full]
    best = [branch for branch, each in zip(full, bits, strict=True) if each == min(bits)]
    if len(best) > 1:
        return f"{counted(len(full), 'branch', 'branches')}; {len(best)} of them surprised the model equally little"
    n = counted(len(full), "branch", "branches")
    return f"Of {n}, {branch_name(best[0])} surprised the model least: {min(bits):.2f} bits a token"


def _take(held: Held, asks: Next, key: str) -> None:
    """What a person pressed in a view, in its callback."""
    asked = asked_in(kit.sent(key, "asked"), held.tree)
    if asked is None:
        return
    if asked.kind == "step":
        held.choose(asked.number, asked.at)
    elif not asks.frozen:
        ask_for(held, asks, asked.number, asked.at, (asked.id,))


def ask_for(held: Held, asks: Next, number: int, at: int, forced: Sequence[int], *, again: bool = False) -> None:
    """Put tokens at a step of a branch and go on from there: the branch that does so already, or a new one.

    Args:
        held: the tree.
        asks: what a new branch is asked for.
        number: the branch that is left.
        at: the first step that is another; behind the last one, the branch itself goes on.
        forced: the tokens.
        again: a new one in any case, with another seed.
    """
    branch = held.tree.branch(number)
    there = held.tree.leading((*branch.token_ids[:at], *forced))
    if there and forced and not again:
        held.stop()
        held.choose(there[0], at)
        held.word = f"{sentence(branch_name(held.tree.branch(there[0])))} goes on from there already: here it is."
        return
    same = at >= len(branch.steps) and not again
    seed = held.next_seed(asks.seed)
    held.wish(Wish(tuple(forced), seed, asks.n, number, None if same else at, same=same))
    held.chosen = number


def show_path(held: Held, tok: lm.Tokenizer, asks: Next, *, key: str) -> None:
    """The chosen branch as boxes, the alternatives of the chosen step beside it, and what the path is worth."""
    branch = held.branch
    if branch is None or not branch.steps:
        return
    path_view(
        held.tree,
        branch.number,
        held.step,
        label=partial(token_label, tok),
        special=tuple(tok.special_tokens.values()),
        name=branch_name(branch),
        frozen=asks.frozen,
        key=key,
        on_ask=partial(_take, held, asks, key),
    )
    words = [
        f"{sentence(branch_name(branch))}: {path_words(branch.log_prob, len(branch.steps))};",
        f"{how_it_ended(branch)}.",
        inside_character(tok, branch),
        held.word,
    ]
    st.caption(escape_markdown(" ".join(filter(None, words))))


def show_branches(held: Held, tok: lm.Tokenizer, asks: Next, *, key: str, family: str = "smollm2") -> None:
    """All branches: a finding, a row for each and the graph."""
    tree, branch = held.tree, held.branch
    if branch is None:
        return
    finding(branches_finding(tree))
    light, dark = theme.FAMILIES[family]
    branches_view(
        tree,
        branch.number,
        held.step,
        tok=tok,
        label=partial(token_label, tok),
        names={one.number: one.name or f"branch {one.number}" for one in tree.branches},
        ends={one.number: how_it_ended(one) for one in tree.branches},
        colour=f"light-dark({light}, {dark})",
        frozen=asks.frozen,
        key=key,
        on_ask=partial(_take, held, asks, key),
    )


def show_tables(held: Held, tok: lm.Tokenizer, *, key: str) -> None:
    """The same numbers as tables and files: a row a branch, and a row a token of the chosen one."""
    branch = held.branch
    if branch is None:
        return
    with st.expander("The branches and their tokens as tables", icon=":material/table_rows:"):
        data_table(branches_table(held.tree, tok), hide_index=True, width="stretch")
        table = run_table(tok, branch.steps).assign(put_there=[i in branch.forced for i in range(len(branch.steps))])
        shown = table.assign(probability=np.exp(table["log_prob"])).drop(columns="elapsed_s")
        data_table(
            percents(shown, ("probability",)), hide_index=True, width="stretch",
            column_config=percent_columns(("probability",)),
        )  # fmt: skip
        logs = np.array([step.log_prob for step in branch.steps])
        take_away(key, table, {"log_probs": (lambda: logs, "one natural log a token of the branch")})


def branches_table(tree: lm.GenerationTree, tok: lm.Tokenizer) -> pd.DataFrame:
    """One row a branch."""
    lanes = {lane.number: lane for lane in tree.lanes()}
    rows = [
        {
            "Branch": branch.name or f"branch {branch.number}",
            "Begins as": "" if lanes[branch.number].of == branch.number else f"branch {lanes[branch.number].of}",
            "In common": lanes[branch.number].common,
            "Tokens": len(branch.steps),
            "Bits": 0.0 - branch.log_prob / math.log(2),
            "Bits a token": 0.0 - branch.log_prob / math.log(2) / max(1, len(branch.steps)),
            "Put there": " ".join(token_label(tok, token_id) for token_id in branch.forced.values()),
            "Seeds": " ".join(str(part.seed) for part in branch.parts if part.n),
            "Pinned": branch.pinned,
            "End": how_it_ended(branch),
        }
        for branch in tree.branches
    ]
    return pd.DataFrame(rows)
