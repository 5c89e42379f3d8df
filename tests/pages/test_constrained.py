"""Constrained: the page shows what its own code prints, and a rule that cannot be kept is told."""

from __future__ import annotations

import json
import math
import re

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences

pytestmark = pytest.mark.model


def opened(engine: lm.Engine, **params: str) -> AppTest:
    return no_exception(open_page("constrained", quantization="none", **params))


def test_the_page_shows_the_steps_and_its_code_prints_the_same_numbers(embedded_engine: lm.Engine) -> None:
    app = opened(embedded_engine, grammar_tokens="12")
    shown = payload_of(app, "grammar_steps")
    steps = shown["steps"]
    assert re.fullmatch("(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]", "".join(step["label"] for step in steps))
    n_overruled = sum(step["wanted"] is not None for step in steps)
    assert f"overruled the model at {n_overruled} of {len(steps)} tokens" in app.header[0].value
    assert shown["picked"] == next(i for i, step in enumerate(steps) if step["wanted"])

    lines = output_of(app)
    said = [line for line in lines if line.startswith("'")]
    for step, line in zip(steps, said, strict=False):
        piece, allowed, struck_out, own, under = line.split()
        assert (piece, allowed) == (repr(step["label"]), step["allowed"])
        drawn = next(one for one in step["candidates"] if one["drawn"])
        for shown_number, printed in ((step["struck_out"], struck_out), (drawn["own"], own), (drawn["left"], under)):
            assert shown_number == pytest.approx(float(printed), rel=1e-4)  # the page's were batched
    assert f"{n_overruled} of {len(steps)} overruled" in lines
    left = math.prod(1 - step["struck_out"] for step in steps)
    assert float(next(line for line in lines if "left on this path" in line).split()[0]) == pytest.approx(
        left, rel=1e-3
    )
    assert shown["free"].removesuffix(" …") == eval(lines[-1])  # noqa: S307 - a repr of a text


def test_json_that_is_complete_is_shown_as_it_is_read(embedded_engine: lm.Engine) -> None:
    properties = {"fruit": {"enum": ["coconut", "cherry"]}, "n": {"type": "integer", "maximum": 9}}
    schema = {"type": "object", "properties": properties, "required": ["fruit", "n"], "additionalProperties": False}
    rule = {"grammar": "json_schema", "grammar_json_schema": json.dumps(schema), "grammar_question": "A fruit?"}
    app = opened(embedded_engine, **rule)
    said = json.loads(next(block.value for block in app.code if block.value.startswith("{")))
    assert list(said) == ["fruit", "n"]
    assert said["fruit"] in ("coconut", "cherry")
    assert "".join(step["label"] for step in payload_of(app, "grammar_steps")["steps"]).replace("␣", " ") == json.dumps(
        said
    )
    app = opened(embedded_engine, **rule, grammar_tokens="3")
    assert "in the middle" in payload_of(app, "grammar_steps")["ending"]
    assert not [block for block in app.code if block.value.startswith("{")]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"grammar": "choices", "grammar_choices": "\n"}, "The list of choices is empty"),
        ({"grammar_regex": "a(?=b)"}, "look-around"),
        ({"grammar": "json_schema", "grammar_json_schema": '{"type": "nope"}'}, "Invalid type: nope"),
        ({"grammar_question": "a " * 9000}, "shorten it by"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_one_sentence_and_its_box_stays(
    embedded_engine: lm.Engine, params: dict[str, str], words: str
) -> None:
    app = opened(embedded_engine, **params)
    assert len(app.error) == 1
    assert words in sentences(app)
    assert app.text_area


def test_the_shared_conversation_can_be_the_prompt(embedded_engine: lm.Engine) -> None:
    app = opened(embedded_engine, grammar="choices", grammar_choices="Kyoto\nTokyo", grammar_prompt="chat")
    assert "".join(step["label"] for step in payload_of(app, "grammar_steps")["steps"]) in ("Kyoto", "Tokyo")
