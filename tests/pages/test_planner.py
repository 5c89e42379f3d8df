"""The page Planner as AppTest runs it: its sentences and numbers are the library's; bad input is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.configs import CONFIG
from tests.support.pages import REPOSITORY, no_exception, open_page, output_of, payload_of, sentences
from ui.base.jobs import server_jobs
from ui.planner.choice import SHOWN
from ui.planner.classroom.speeds import MOST_SERVED
from ui.planner.classroom.words import class_finding
from ui.planner.words import at_most

# Prints "torch" if running the page of a known model has loaded it.
WITHOUT_TORCH = """
import sys
from tests.support.pages import open_page
app = open_page("planner")
assert not app.exception and app.header
print("torch" if "torch" in sys.modules or "transformers" in sys.modules else "light")
"""


def headings(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in app.header]


def pasted(text: str) -> AppTest:
    app = open_page("planner", plan_model="pasted")
    app.text_area(key="plan_config").set_value(text)
    return no_exception(app.run())


@pytest.mark.parametrize(
    ("model", "precision", "card", "context", "people"),
    [
        ("llama-3.1-8b", "nf4", "t4", 8192, 1),
        ("qwen2-7b", "bfloat16", "rtx-4090", 4096, 12),
        ("smollm2-135m-instruct", "float32", "laptop-16", 1000, 1),
        ("gemma-3-4b", "mxfp4", "rtx-3060", 131_072, 2),
    ],
)
def test_what_is_said_and_drawn_are_the_librarys_numbers(model, precision, card, context, people):
    app = open_page(
        "planner", plan_model=model, plan_precision=precision, plan_card=card, plan_context=str(context),
        plan_people=str(people),
    )  # fmt: skip
    no_exception(app)
    kind = next(one.kind for one in lm.known_cards() if one.key == card)
    plan = lm.memory_plan(model, precision, context, people, device_kind=kind)
    fit = plan.on(card)
    said = headings(app)[0]
    assert plan.fits(card)
    assert " fits a" in said
    if people == 1 and fit.largest_context < plan.model.makeup.context_length:
        assert f"room for {at_most(fit.largest_context)} tokens" in said
    drawn = payload_of(app, "plan_bars")
    assert {row["spec"] for row in drawn["rows"]} >= {*SHOWN, precision}
    row = next(row for row in drawn["rows"] if row["chosen"])
    assert row["quantized"] + row["constants"] + row["kept"] == plan.weights_bytes
    assert (drawn["context"], drawn["sequences"]) == (context, people)
    assert drawn["card"]["memory"] - drawn["reserve"] == fit.usable_bytes
    assert [one["exact"] for one in payload_of(app, "plan_equations")["worked"]] == [
        f"{one.value:,} {one.unit}" for one in plan.equations
    ]
    values = {metric.label: metric.value for metric in app.metric}
    assert values["People at once"] == f"{fit.most_sequences:,}"
    assert values["Context that fits"].startswith(f"{fit.largest_context:,} tokens")


def test_the_code_of_the_page_prints_its_numbers():
    app = open_page("planner")
    printed = "\n".join(output_of(app))
    worked = payload_of(app, "plan_equations")["worked"]
    for one in worked:
        assert f"{one['numbers']} = {one['exact'].replace(',', '')}" in printed
    plan = lm.memory_plan("llama-3.1-8b", "nf4", 8192)
    assert f"fits {plan.on('t4').left_bytes} {plan.largest_context('t4')} {plan.most_sequences('t4')}" in printed
    assert f"L4 bfloat16 {lm.memory_plan('llama-3.1-8b', 'bfloat16', 8192).total_bytes} True" in printed


def test_a_pasted_config_is_counted_and_travels_in_the_link():
    text = json.dumps(CONFIG, indent=2)
    app = pasted(text)
    plan = lm.memory_plan(CONFIG, "nf4", 8192)
    assert plan.context == 2048
    assert payload_of(app, "plan_bars")["contexts"][-1] == 2048
    assert headings(app)[0].startswith("LlamaForCausalLM in nf4 fits a T4 with its whole context of 2,048 tokens")
    assert any(f"{plan.n_parameters:,} parameters" in one.value for one in app.caption)
    link = {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}
    assert "z" in link
    again = open_page("planner", **link)
    assert again.text_area(key="plan_config").value == text
    assert headings(again) == headings(app)
    assert f"{plan.total_bytes}" in " ".join(output_of(again))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            json.dumps({name: value for name, value in CONFIG.items() if name != "hidden_size"}),
            "hidden_size is missing",
        ),
        (json.dumps({name: value for name, value in CONFIG.items() if name != "model_type"}), "model_type is missing"),
        (json.dumps(CONFIG)[:-1], "not valid JSON"),
        (json.dumps(CONFIG | {"num_hidden_layers": 10**9}), "num_hidden_layers"),
        ("meta-llama/Llama-3.1-8B", "begins with a brace"),
        ("<script>alert(1)</script> **bold**", "begins with a brace"),
    ],
)
def test_a_config_that_cannot_be_counted_is_one_sentence_and_stays_typed(text, named):
    app = pasted(text)
    (error,) = app.error
    assert named in error.value.replace("\\", "")
    assert app.text_area(key="plan_config").value == text
    button = next(one for one in app.button if one.label == "Show Llama 3.1 8B")
    no_exception(button.click().run())
    assert headings(app)[0].startswith("Llama 3.1 8B in nf4 fits")
    app.selectbox(key="plan_model").set_value("pasted")
    no_exception(app.run())
    assert app.text_area(key="plan_config").value == text


def test_a_config_that_is_too_long_is_refused_and_an_empty_one_asked_for():
    app = open_page("planner", plan_model="pasted")
    assert "Paste the config.json" in sentences(no_exception(app))
    app.text_area(key="plan_config").set_value("{" + " " * 100_001)
    assert "at most 100,000 characters" in sentences(no_exception(app.run()))
    assert len(app.text_area(key="plan_config").value) > 100_000


def test_a_hub_that_cannot_be_reached_is_one_sentence_with_a_way_on(monkeypatch):
    def unreachable(*_: object, **__: object) -> lm.MemoryPlan:
        raise lm.UnreachableError("The hub could not be reached: check the connection.")

    monkeypatch.setattr("ui.planner.plans.lm.memory_plan", unreachable, raising=False)
    app = no_exception(open_page("planner", plan_model="no-one/nothing"))
    assert [error.value.replace("\\", "") for error in app.error] == [
        "The hub could not be reached: check the connection."
    ]
    assert "Show Llama 3.1 8B" in [button.label for button in app.button]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plan_card", "abacus"),
        ("plan_precision", "nf5"),
        ("plan_context", "0"),
        ("plan_people", "-1"),
        ("plan_model", "x"),
    ],
)
def test_a_link_that_asks_for_what_is_not_there_says_so_and_goes_on(name, value):
    app = no_exception(open_page("planner", **{name: value}))
    assert f"`{name}` in the link was ignored" in sentences(app)
    assert headings(app)[0].startswith("Llama 3.1 8B in nf4 fits a T4")


def test_what_a_card_cannot_do_is_said():
    assert "The T4 has no hardware for bfloat16" in sentences(open_page("planner"))
    assert "no hardware for bfloat16" not in sentences(open_page("planner", plan_card="l4"))


def test_a_known_model_is_planned_without_torch():
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=REPOSITORY, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY}/inspect:{REPOSITORY}"},
    )  # fmt: skip
    assert ran.stdout.split()[-1] == "light"


def test_weights_that_are_published_quantized_are_drawn_as_they_are_stored():
    stored = CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
    app = pasted(json.dumps(stored))
    plan = lm.memory_plan(stored, "none", 2048)
    assert plan.quantized_bytes > 0
    drawn = payload_of(app, "plan_bars")["rows"]
    (row,) = (row for row in drawn if row["chosen"])
    assert plan.stored_as in row["label"]
    assert row["quantized"] + row["constants"] + row["kept"] == plan.weights_bytes
    assert not {"int8", "nf4"} & {row["spec"] for row in drawn}
    assert plan.stored_as in headings(app)[0]


CLASS = {"plan_model": "smollm2-135m-instruct", "plan_precision": "float32", "plan_card": "here"}


def class_heading(app: AppTest) -> str:
    return next(one for one in headings(app) if "answer" in one or "depends on its speed" in one)


@pytest.mark.parametrize(
    ("students", "patience", "speed", "said"),
    [
        (30, 20, 20, "30 people wait 6.6 s for an answer on average; up to 67 people get theirs within 20 s"),
        (1, 20, 20, "One person alone waits 3.6 s for an answer; up to 67 people get theirs within 20 s"),
        (1, 3, 20, "One person alone waits 3.6 s for an answer; nobody gets one within 3.0 s"),
        (2, 3, 20, "nobody gets one within 3.0 s: one alone waits 3.6 s"),
        (10_000, 3600, 1e6, "10,000 people and more get theirs within 1 h"),
        (2, 3.65, 20, "; only one person gets theirs within 3.6 s"),
    ],
)
def test_the_class_is_what_the_library_computes(students, patience, speed, said):
    app = open_page(
        "planner", plan_students=str(students), plan_patience=str(patience), plan_speed=f"{speed:.0f}", **CLASS
    )
    no_exception(app)
    assert class_heading(app).endswith(said)
    found = lm.class_capacity(students, speed, patience_s=patience)
    table = next(one.value for one in app.dataframe if "People" in one.value)
    row = table[table["People"] == students].iloc[0]
    assert row["Mean wait, s"] == pytest.approx(found.answer_s)
    assert row["All at once, last, s"] == pytest.approx(found.at_once_s)
    if 0 < found.most_students < 10_000:
        assert table.loc[table["Within patience"], "People"].max() == found.most_students
    printed = "\n".join(output_of(app))
    assert f"{students} {found.answer_s} {found.at_once_s} {found.most_students}" in printed
    assert "as typed" in sentences(app)


def test_on_a_card_the_speed_is_a_bound_and_said_to_be_one():
    app = no_exception(open_page("planner"))
    assert "wait at least" in class_heading(app)
    plan = lm.memory_plan("llama-3.1-8b", "nf4", 100)
    assert f"{plan.on('t4').most_tokens_per_second:.3g} tokens/s" in sentences(app)
    assert "an upper bound" in sentences(app)
    app = no_exception(open_page("planner", plan_precision="float32"))
    assert class_heading(app) == "Llama 3.1 8B does not fit a T4, so it answers nobody there"


def test_a_cost_that_cannot_be_is_one_sentence():
    app = no_exception(open_page("planner", plan_cost="0.5", plan_speed="5"))
    assert [one.value.replace("\\", "") for one in app.error] == ["pass_of_32 is 0.5; it must be 1 to 32."]


def test_the_speed_is_measured_at_a_press_and_can_be_kept_in_the_link(monkeypatch):
    measured = lm.ClassSpeed("cpu", 12.0, 90.0, 2.5, 32, True, 1.0)
    monkeypatch.setattr("ui.planner.classroom.speeds.engine", lambda *_: None)
    monkeypatch.setattr("ui.planner.classroom.speeds.lm.class_speed_steps", lambda _: iter([measured]))
    app = no_exception(open_page("planner", **CLASS))
    assert class_heading(app).endswith("depends on its speed, which nobody knows of this machine yet")
    try:
        no_exception(app.button(key="plan_measure").click().run())
        held = server_jobs().job(("class speed", "smollm2-135m-instruct", "none"), None)
        assert held is not None
        assert held.wait(30)
        no_exception(app.run())
        assert "measured on this server by asking the loaded model" in sentences(app)
        before = class_heading(app)
        assert before == class_finding(
            lm.class_capacity(30, 12.0, prompt_tokens_per_s=90.0, pass_of_32=2.5), 20.0, bound=False
        )
        no_exception(app.button(key="plan_keep_speed").click().run())
    finally:
        server_jobs.clear()
    link = {name: value[-1] if isinstance(value, list) else value for name, value in app.query_params.items()}
    again = no_exception(open_page("planner", **link))
    assert class_heading(again) == before
    assert "as typed" in sentences(again)


def test_as_many_are_written_at_once_as_the_scheduler_serves():
    from lmloupe.model.generation.serving.scheduler import MOST_SERVED as SERVED

    assert {kind: MOST_SERVED.get(kind, 32) for kind in SERVED} == SERVED
