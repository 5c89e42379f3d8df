"""Two levels of API, and Masked and causal: the pages say what the library finds, and their Python prints it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lmloupe as lm
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from ui.generation.levels.views import finding_of as levels_finding
from ui.prediction.masked.sentence import EXAMPLES, read_candidates, read_gap, read_rights
from ui.prediction.masked.views import finding_of


@pytest.mark.model
def test_two_levels_says_what_both_ways_gave_and_its_python_prints_it(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("two_levels", levels_tokens="6"))
    found = embedded_engine.two_levels([{"role": "user", "content": "What is the capital of Japan?"}], 6)
    assert found.same
    assert app.header[0].value.replace("\\", "") == levels_finding(found)
    drawn = payload_of(app, "levels")["levels"]
    assert [one["where"].rpartition("/")[2] for one in drawn][1:] == [
        f"{line.file.rpartition('/')[2]}, line {line.number:,}" for line in found.lines[1:]
    ]
    values = [value for one in drawn for value in one["values"] if value["kind"] == "tokens"]
    tokens = [[int(part[1]) for part in value["parts"]] for value in values]
    assert tokens == [found.input_ids[0].tolist(), found.output_ids[0].tolist(), found.new_ids.tolist()]
    assert [one["same"] for one in drawn if one["same"]] == ["the same 37 ids", "the same 6 new ids", "the same text"]
    assert not any(one["differs"] for one in drawn)
    assert app.subheader[0].value == "Without the two stars: KeyError('shape')"
    assert "do_sample=True" in sentences(app)  # what the pipeline would add by itself
    table = app.dataframe[0].value
    assert len(table) == len(lm.pipeline_tasks())
    assert table.loc[table["Task"] == "text-generation", "Here"].item() == "runs now"
    same, text, returned, ids, by_hand = output_of(app)
    assert same == "True"
    assert ast.literal_eval(text) == ast.literal_eval(by_hand) == found.text
    assert returned == found.returned
    assert ast.literal_eval(ids) == found.new_ids.tolist()


@pytest.mark.model
def test_two_levels_draws_by_a_seed_and_says_what_cannot_be_run(embedded_engine: lm.Engine) -> None:
    asked = {"levels_prompt": "text", "text": "Once upon a", "levels_draw": "sampling", "levels_tokens": "4"}
    app = no_exception(open_page("two_levels", seed="3", **asked))
    found = embedded_engine.two_levels("Once upon a", 4, 1.0, seed=3)
    assert app.header[0].value.replace("\\", "") == levels_finding(found)
    assert 'tokenizer(text, return_tensors="pt")' in payload_of(app, "levels")["levels"][1]["code"]
    empty = no_exception(open_page("two_levels", levels_prompt="text", text=""))
    assert "has no tokens" in sentences(empty)
    assert len(empty.dataframe) == 1  # the tasks are there all the same


@pytest.mark.model
def test_a_gap_is_shown_by_the_left_and_by_the_whole_and_its_python_prints_it(embedded_engine: lm.Engine) -> None:
    app = no_exception(open_page("masked", gap_candidates="France, Italy", gap_rights="is Rome.", gap_own="1"))
    found = embedded_engine.gap(
        "The capital of ", " is Paris.", ["France", "Italy"], other_rights=[" is Rome."], top_k=1
    )
    assert app.header[0].value.replace("\\", "").endswith("says “the”; the whole sentence makes it “France”")
    drawn = payload_of(app, "gap")
    assert [[item["name"] for item in column["items"]] for column in drawn["columns"]] == [
        ["the", "France", "Italy"], ["France", "Italy", "the"]
    ]  # fmt: skip
    assert [strip["sees_right"] for strip in drawn["strips"]] == [False]
    guesses = payload_of(app, "guesses")
    assert guesses["columns"] == ["Nothing after the gap", "… is Paris.", "… is Rome."]
    for row in guesses["rows"]:
        values = [cell["value"] for cell in row["cells"]]
        np.testing.assert_allclose(values, values[0], atol=1e-6)
    assert "30 layers of 9 heads, is 0." in sentences(app)
    change, *printed = output_of(app)
    assert float(change) == pytest.approx(found.largest_change, abs=1e-7)
    ours, theirs = printed[:3], printed[3:]
    assert [line.split()[0] for line in ours] == ["France", "Italy", "the"]
    for one, mine, plain in zip(found.candidates, ours, theirs, strict=True):
        assert float(mine.split()[-1]) == pytest.approx(one.whole_log_prob, abs=1e-3)
        assert float(plain.split()[-1]) == pytest.approx(one.whole_log_prob, abs=1e-2)
    app.button(key="gap_example_1").click().run()
    assert no_exception(app).header[0].value.replace("\\", "").endswith("makes it “library”")


@pytest.mark.model
def test_a_masked_model_is_loaded_at_a_press_and_stands_beside(
    embedded_engine: lm.Engine, tiny_masked_folder: Callable[[str], Path], tiny_model_folder: Callable[[str], Path]
) -> None:
    folder = str(tiny_masked_folder("bert"))
    app = no_exception(open_page("masked", gap_candidates="France, hill", gap_own="0", masked_model=folder))
    assert len(payload_of(app, "gap")["strips"]) == 1
    assert "MB for the weights" in "".join(box.value for box in app.info).replace("\\", "")
    app.button(key="load_masked").click().run()
    drawn = payload_of(no_exception(app), "gap")
    assert [strip["sees_right"] for strip in drawn["strips"]] == [False, True]
    found = lm.load_masked_model(folder).gap("The capital of ", " is Paris.", ["France", "hill"])
    shown = {item["name"]: item["share"] for item in drawn["columns"][2]["items"]}
    np.testing.assert_allclose([shown["France"], shown["hill"]], found.shares, rtol=1e-4)
    lines = output_of(app)
    assert float(lines[3].split()[-1]) == pytest.approx(found.candidates[0].log_prob, abs=1e-3)
    causal = open_page("masked", gap_own="0", masked_model=str(tiny_model_folder("llama")))
    assert "is LlamaForCausalLM, not a masked language model" in sentences(no_exception(causal))


@pytest.mark.model
@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("The capital of France", "The sentence has no gap: write ___"),
        ("___ and ___", "The sentence has 2 gaps: write ___"),
        ("The capital of ___", "Nothing stands after the gap"),
        ("___ is Paris.", "Nothing stands before the gap"),
    ],
)
def test_a_sentence_without_a_gap_or_a_side_is_one_sentence(
    embedded_engine: lm.Engine, sentence: str, said: str
) -> None:
    app = no_exception(open_page("masked", gap_sentence=sentence))
    errors = [box.value.replace("\\", "") for box in app.error]
    assert len(errors) == 1
    assert said in errors[0]
    if "write ___" in said:
        next(button for button in app.button if button.label == "Take the first example").click().run()
        assert not no_exception(app).error


def gap_of(left_best: int, whole_best: int, n: int = 2) -> lm.Gap:
    made = [
        lm.GapCandidate("abc"[i], "given", -1.0 - (i != left_best), -1.0 - (i != whole_best), (i,), False)
        for i in range(n)
    ]
    return lm.Gap("", "", np.array([0], np.int32), np.zeros(3, np.float32), (), 3e-4, tuple(made), 0)


def test_the_heading_is_true_of_one_candidate_of_none_and_of_a_leader_that_stays() -> None:
    tok = lm.load_tokenizer("smollm2")
    assert finding_of("M", tok, gap_of(0, 1)) == "From the left alone M says “a”; the whole sentence makes it “b”"
    assert finding_of("M", tok, gap_of(1, 1)) == "“b” leads by the left side alone, and by the whole sentence too"
    assert "only candidate" in finding_of("M", tok, gap_of(0, 0, 1))
    assert finding_of("M", tok, gap_of(0, 0, 0)).startswith("M's first guess is “")


def test_the_examples_have_a_gap_candidates_and_other_right_sides() -> None:
    for example in EXAMPLES:
        left, right = read_gap(example.sentence)
        assert left.endswith(" ")
        assert len(read_candidates(example.candidates)) >= 3
        assert all(one.startswith(" ") and one != right for one in read_rights(example.rights, right))
