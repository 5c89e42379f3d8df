"""The tree on Generate: forked, forced, rewound, gone on with, bounded, carried by a link and by a file."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import grown, no_exception, open_page, output_of, sentences, written_steps
from ui.generation.live.shared import server_lives
from ui.generation.tree.link import _ask, mark_of
from ui.generation.tree.session import Ground, Held, Wish
from ui.state.link import encode

pytestmark = pytest.mark.model

TEXT = "The capital of France is"
PLAIN = {"prompt": "text", "text": TEXT, "max_new_tokens": "5", "temperature": "0.9", "seed": "4"}
KEY = "generation_tree"


def press(app: AppTest, key: str) -> AppTest:
    button = next(button for button in app.button if button.key == f"{KEY}_{key}")
    assert not button.disabled
    return no_exception(button.click().run())


def put_token(app: AppTest, token_id: int, *, at: int) -> AppTest:
    """Put a token into the shown branch as a person does who knows its id."""
    held = grown(app)
    held.choose(held.chosen, at)
    app.segmented_control(key="put_as").set_value("token")
    app.segmented_control(key="put_at").set_value("here")
    no_exception(app.run())
    app.text_input(key="put_token").set_value(str(token_id))
    no_exception(app.run())
    return press(app, f"token_{token_id}")


def params_of(app: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in dict(app.query_params).items()}


def ids_of(app: AppTest) -> list[tuple[int, ...]]:
    return [branch.token_ids for branch in grown(app).tree.branches]


def test_a_fork_goes_on_from_the_alternative_and_the_code_and_the_link_bring_it_back(
    embedded_engine: lm.Engine,
) -> None:
    app = no_exception(open_page("generate", **PLAIN))
    first = written_steps(app)
    sampling = lm.Sampling(temperature=0.9)
    prompt = [*grown(app).ground.ids]
    assert [one.token_id for one in first] == [s.token_id for s in embedded_engine.generate(prompt, sampling, 5, 4)]
    assert "tree" not in params_of(app), "the settings say it all"
    other = next(int(i) for i in first[2].top_ids if i != first[2].token_id)
    put_token(app, other, at=2)
    branch = grown(app).branch
    assert branch is not None
    assert (branch.number, branch.parts) == (2, (lm.BranchPart((), 4, 2), lm.BranchPart((other,), 5, 5)))
    before = [*prompt, *(one.token_id for one in first[:2]), other]
    drawn = [*embedded_engine.generate(before, sampling, 5, 5)]
    assert list(branch.token_ids[2:]) == [other, *(one.token_id for one in drawn)]
    place = first[2].top_ids.tolist().index(other)
    assert branch.steps[2].log_prob == pytest.approx(float(first[2].top_log_probs[place]))
    # Every number of the path is the model's own, as one pass over all of it says.
    score = embedded_engine.score([*prompt, *branch.token_ids])
    np.testing.assert_allclose([s.log_prob for s in branch.steps], score.log_probs[len(prompt) - 1 :], atol=1e-3)
    # The same alternative once more shows the branch that has it.
    grown(app).choose(1, 2)
    put_token(app, other, at=2)
    assert (grown(app).chosen, len(grown(app).tree.branches)) == (2, 2)
    assert "goes on from there already" in sentences(app)

    printed = output_of(app)
    n = len(branch.steps)
    assert [line.split()[0] for line in printed[-n:]] == [str(token_id) for token_id in branch.token_ids]
    logs = [float(line.split()[1]) for line in printed[-n:]]
    np.testing.assert_allclose(logs, [one.log_prob for one in branch.steps], atol=1e-3)
    assert [line.rsplit(" ", 2)[0] for line in printed[-n - 5 : -n]] == [repr(one.text) for one in drawn]

    server_lives()._finished.clear()
    again = no_exception(open_page("generate", **params_of(app)))
    assert ids_of(again) == ids_of(app)
    assert (grown(again).chosen, grown(again).at) == (2, 2)
    assert grown(again).tree.branch(2).parts == branch.parts


def test_a_text_that_nobody_expected_gets_the_models_numbers_and_one_inside_a_character_is_said(
    embedded_engine: lm.Engine,
) -> None:
    app = no_exception(open_page("generate", **PLAIN, put_text=" xylophone lessons", put_at="end", tree_step="1"))
    own = [one.token_id for one in written_steps(app)]
    ids = lm.encode(embedded_engine.tokenizer, " xylophone lessons").input_ids.tolist()
    assert f"{len(ids)} tokens: “␣x" in sentences(app)
    press(app, "text")
    branch = grown(app).branch
    assert branch is not None
    assert (branch.number, list(branch.token_ids[5 : 5 + len(ids)])) == (1, ids)
    prompt = list(grown(app).ground.ids)
    score = embedded_engine.score([*prompt, *own, *ids])
    np.testing.assert_allclose(
        [one.log_prob for one in branch.steps[5 : 5 + len(ids)]], score.log_probs[-len(ids) :], rtol=1e-4
    )
    assert branch.steps[5].top_ids.tolist() == embedded_engine.score([*prompt, *own, ids[0]], 10).top_ids[-1].tolist()
    # Half an emoji: said in a sentence, and all of it stays.
    tok = embedded_engine.tokenizer
    half = int(lm.encode(tok, "🤚").input_ids[0])
    put_token(app, half, at=0)
    assert written_steps(app)[0].token_id == half
    assert "Token 1, “⟨f0 9f" in sentences(app)
    assert "ends inside a character" in sentences(app)


def test_a_branch_is_rewound_gone_on_with_drawn_again_named_and_closed() -> None:
    app = no_exception(open_page("generate", **PLAIN, tree_step="2"))
    own = written_steps(app)
    assert "cut off after 5 tokens" in sentences(app)
    press(app, "rewind")
    assert "cut off after" not in sentences(app), "the run that wrote its end is not what is there"
    assert written_steps(app)[-1].ended_by == "length"
    assert ids_of(app) == [tuple(one.token_id for one in own[:3])]
    press(app, "on")
    branch = grown(app).branch
    assert branch is not None
    assert branch.parts == (lm.BranchPart((), 4, 3), lm.BranchPart((), 5, 5))
    assert len(branch.steps) == 8
    press(app, "again")
    assert [one.number for one in grown(app).tree.branches] == [1, 2]
    assert grown(app).tree.branch(2).parts == (lm.BranchPart((), 4, 2), lm.BranchPart((), 5, 5))
    app.text_input(key=f"{KEY}_name_2").set_value("*mine*")
    no_exception(app.run())
    assert grown(app).tree.branch(2).name == "*mine*"
    again = no_exception(open_page("generate", **params_of(app)))
    assert ids_of(again) == ids_of(app)
    assert [branch.name for branch in grown(again).tree.branches] == ["", "*mine*"]
    press(app, "close")
    assert [one.number for one in grown(app).tree.branches] == [1]


def test_a_full_tree_lets_one_go_with_a_word_and_says_when_all_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.generation.tree.growing.MOST_BRANCHES", 2)
    app = no_exception(open_page("generate", **PLAIN, tree_step="1"))
    press(app, "again")
    press(app, "again")
    assert [one.number for one in grown(app).tree.branches] == [2, 3]
    assert "The tree was full: branch 1, the oldest that was not pinned, was let go" in sentences(app)
    for number in (2, 3):
        grown(app).tree = grown(app).tree.name(number, "", pinned=True)
    press(app, "again")
    assert "unpin or close one" in app.error[0].value
    assert [one.number for one in grown(app).tree.branches] == [2, 3]


def test_what_the_model_refuses_leaves_the_tree_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    app = no_exception(open_page("generate", **PLAIN | {"seed": "77"}, tree_step="1"))
    own = ids_of(app)

    def full(*_: Any, **__: Any) -> Any:
        raise lm.ContextLengthError("The prompt fills all 8,192 tokens of the context: shorten it.")

    monkeypatch.setattr(LocalEngine, "generate", full)
    press(app, "again")
    assert "fills all 8,192" in app.error[0].value.replace("\\", "")
    assert ids_of(app)[0] == own[0]
    monkeypatch.undo()
    assert not no_exception(app.run()).error


def test_a_branch_of_a_link_that_does_not_fit_leaves_the_others_and_the_file_is_not_blamed() -> None:
    app = no_exception(open_page("generate", **PLAIN))
    first = ids_of(app)[0]
    own = {"prompt": mark_of(grown(app).ground.ids)}
    branches = [["bad", False, [[[999_999], 0, 3], [[7], 0, 2]]], ["good", False, [[[], 4, 5]]]]
    app = open_page("generate", **PLAIN, **encode({"tree": own | {"branches": branches}}).params)
    assert "999999" in no_exception(app).error[0].value
    assert [(branch.name, branch.token_ids) for branch in grown(app).tree.branches] == [("good", first)]
    # The tokens of a file are compared with those of its own branches alone.
    held = grown(app)
    held.expected = ((1,), first)
    held.wishes.extend([Wish((999_999,), 0, 3), Wish((), 9, 2)])
    app.run()
    assert "rounds differently" not in sentences(app)
    assert len(grown(app).tree.branches) == 2


def test_generate_pressed_while_it_writes_lets_it_go_on() -> None:
    ground = Ground("m", "none", (1,), lm.Sampling())
    held = Held(ground, lm.GenerationTree().begin(0, 5), growing=1)
    _ask(held, ground, 0, 5)
    assert (held.growing, held.chosen, held.word, len(held.wishes)) == (1, 1, "", 0)


@pytest.mark.parametrize("prompt", ["text", "chat"])
def test_a_branch_opens_on_other_pages_as_the_ids_that_the_model_read(embedded_engine: lm.Engine, prompt: str) -> None:
    app = no_exception(open_page("generate", **PLAIN | {"prompt": prompt, "temperature": "0"}, tree_step="1"))
    branch = grown(app).branch
    assert branch is not None
    links = {link.proto.label: parse_qs(link.proto.query_string) for link in app.get("page_link")}
    for label in ("Lens", "Surprisal", "Attention", "Precision"):
        text = links[label]["text"][0]
        enc = lm.encode(embedded_engine.tokenizer, text, add_special_tokens=True)
        assert tuple(enc.input_ids.tolist()) == (*grown(app).ground.ids, *branch.token_ids)
        assert int(enc.offsets[len(grown(app).ground.ids) + 1, 0]) == int(links[label]["place"][0])


def upload(app: AppTest, name: str, text: str) -> None:
    next(box for box in app.file_uploader if box.label == "Open a saved tree").upload(
        name, text.encode(), "application/json"
    )
    no_exception(app.run())


def test_a_saved_tree_is_opened_again_and_one_of_another_prompt_brings_its_prompt() -> None:
    app = no_exception(open_page("generate", **PLAIN, tree_step="1"))
    press(app, "again")
    held = grown(app)
    saved = lm.tree_json(
        held.tree, model=held.ground.model, quantization=held.ground.quantization, prompt_ids=held.ground.ids,
        prompt_text=TEXT, sampling=held.ground.sampling,
    )  # fmt: skip
    other = no_exception(open_page("generate", **PLAIN | {"text": "Once upon a time", "temperature": "0"}))
    upload(other, "tree.json", saved)
    assert ids_of(other) == ids_of(app)
    assert grown(other).ground == held.ground
    assert not other.error
    # A file that claims other tokens: what is shown is written here, and said to be.
    forged = json.loads(saved)
    forged["branches"][1]["steps"][3]["token_id"] += 1
    upload(other, "forged.json", json.dumps(forged))
    assert ids_of(other) == ids_of(app)
    assert "Branch 2 is not the one of the file from token 4 on" in sentences(other)
    upload(other, "evil.json", '{"format": "**evil**"}')
    assert "evil.json was not opened: The file is no tree of generations" in sentences(other)
    assert ids_of(other) == ids_of(app)


def test_a_tree_of_another_prompt_is_not_written_into_this_one() -> None:
    app = no_exception(open_page("generate", **PLAIN, tree_step="1"))
    press(app, "again")
    params = params_of(app) | {"text": "Something else"}
    other = no_exception(open_page("generate", **params))
    assert len(ids_of(other)) == 1
    assert "belong to another prompt" in sentences(other)
