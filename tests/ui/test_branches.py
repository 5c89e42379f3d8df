"""The tree of a conversation: whatever a person does, nothing that was said is lost, and the path is a conversation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.chat.talk.branches import Branches
from ui.state.settings import SETTINGS
from ui.state.turns import MAX_TURNS


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


DOES = st.lists(
    st.tuples(st.sampled_from(["add", "step", "cut", "elsewhere"]), st.integers(0, 5), st.sampled_from("abc")),
    max_size=25,
)


@settings(deadline=None)
@given(DOES)
def test_nothing_is_lost_and_one_alternative_of_each_place_is_chosen(does: list[tuple[str, int, str]]) -> None:
    tree = Branches([], [said("first")])
    everything: list[list[str]] = []
    for what, number, text in does:
        place = min(number, len(tree.path) - 1)
        if what == "add":
            tree.add(place + 1, said(text), {"seed": number})
        elif what == "step":
            tree.step(place, 1 if number % 2 else -1)
        elif what == "cut":
            tree.cut(place + 1)
        else:  # another page has changed the conversation
            tree = Branches(tree.nodes, [*tree.messages[: place + 1], said(text), said("x")])
        everything.append([message["content"] for message in tree.messages])
        # The link carries the tree: it passes its own check, and gives the same path.
        again = Branches(tree.nodes, tree.messages)
        assert (again.nodes, again.path) == (tree.nodes, tree.path)
        for parent in range(-1, len(tree.nodes)):
            children = [node for node in tree.nodes if node["parent"] == parent]
            assert sum(node["chosen"] for node in children) == min(1, len(children))
        assert [tree.nodes[i]["parent"] for i in tree.path] == [-1, *tree.path[:-1]]
    assert all(holds(tree, -1, talk) for talk in everything)


def holds(tree: Branches, parent: int, talk: list[str]) -> bool:
    """Whether a conversation is a path of the tree, from the turn after ``parent`` on."""
    if not talk:
        return True
    same = [i for i, one in enumerate(tree.nodes) if (one["parent"], one["message"]) == (parent, said(talk[0]))]
    return any(holds(tree, node, talk[1:]) for node in same)


def test_another_conversation_leaves_the_tree_behind() -> None:
    tree = Branches([], [said("a"), said("b")])
    assert len(Branches(tree.nodes, [said("a"), said("c")]).nodes) == 3
    assert len(Branches(tree.nodes, [said("z")]).nodes) == 1


def test_the_oldest_ends_go_where_there_are_too_many_and_the_path_stays() -> None:
    tree = Branches([], [said("a"), said("b"), said("c")])
    for i in range(MAX_TURNS + 20):
        tree.add(1, said(str(i)))
    assert len(tree.nodes) == MAX_TURNS
    assert tree.n_let_go > 0
    assert [message["content"] for message in tree.messages] == ["a", str(MAX_TURNS + 19)]
    contents = [node["message"]["content"] for node in tree.nodes]
    assert "b" not in contents
    assert str(MAX_TURNS) in contents
    assert Branches(tree.nodes, tree.messages).nodes == tree.nodes


MADE = {
    "model": "m", "quantization": "none", "sampling": {"temperature": 0.5}, "most": 8, "seed": 1, "stops": None,
    "ids": [1, 2], "forced": 0, "ended": "stop", "prompt": "ab",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"parent": 0}, {"parent": -2}, {"chosen": 1}, {"message": {"role": "bard"}}, {"made": {}}, {"more": 1}]
    + [{"made": MADE | one} for one in ({"ids": []}, {"ids": [-1]}, {"seed": "1"}, {"sampling": {"top_p": 9}},
                                        {"sampling": {"heat": 1}}, {"stops": 2}, {"model": 3},
                                        {"ended": "{x}"}, {"forced": 3})],
)  # fmt: skip
def test_a_link_is_not_believed(changes: dict[str, Any]) -> None:
    good = {"parent": -1, "message": said("a"), "made": dict(MADE), "chosen": True}
    check = SETTINGS["chat_turns"].check
    assert check([good]) == [good]
    with pytest.raises(ValueError, match=r"must|role"):
        check([good | changes])
