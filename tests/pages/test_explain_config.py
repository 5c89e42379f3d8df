"""The page Explain a config."""

from __future__ import annotations

import pytest

import lmloupe as lm
from tests.support.pages import no_exception, open_page, output_of, payload_of
from ui.planner.explain.view import EXAMPLES, config_finding


def test_the_page_begins_with_a_config_and_its_surprise() -> None:
    app = no_exception(open_page("explain_config"))
    assert (
        app.header[0].value.replace("\\", "")
        == "Stored in fp4 (the default), 4.127 bits a weight, computed in bfloat16"
    )
    warnings = payload_of(app, "config_warnings")["warnings"]
    assert "no setting bnb_4bit_quanttype" in warnings[0]
    rows = {row["name"]: row for row in payload_of(app, "config_settings")["rows"]}
    assert (rows["bnb_4bit_quant_type"]["value"], rows["bnb_4bit_quant_type"]["said"]) == ("'fp4'", "default")
    assert rows["bnb_4bit_quant_type"]["kind"] == "odd"
    printed = output_of(app)
    assert printed[0] == "fp4 4.126953125"
    assert "bnb_4bit_quant_type 'fp4' default" in printed
    assert "fp4" in printed  # of transformers itself
    assert any("'bnb_4bit_compute_dtype': 'bfloat16'" in line for line in printed)


def test_examples_and_bad_input() -> None:
    app = open_page("explain_config")
    for name in EXAMPLES:
        next(button for button in app.button if button.label == name).click().run()
        no_exception(app)
        found = lm.explain_quantization(EXAMPLES[name])
        assert app.header[0].value.replace("\\", "") == config_finding(found)
        if found.method == "bitsandbytes" and not found.refused:
            output_of(app)
    app.text_area(key="config_text").set_value("config = BitsAndBytesConfig(\nload_in_4bit==True").run()
    no_exception(app)
    assert "Line 1, column 28" in app.error[0].value.replace("\\", "")
    assert not app.header


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("BitsAndBytesConfig(load_in_8bit=True)", "Stored in int8, 8 bits a weight"),
        ("BitsAndBytesConfig(load_in_4bit=True)", "Stored in fp4 (the default), 4.5 bits a weight, computed in"),
        ("BitsAndBytesConfig(load_in_4bit=x)", "It depends on the run"),
        ("BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='q')", "Loading with this config fails"),
        ("BitsAndBytesConfig(load_in_8bit=True, llm_int8_has_fp16_weight=True)", "With this config no weight"),
        ("BitsAndBytesConfig(load_in_8bit=1)", "transformers refuses this config: load_in_8bit must be a boolean"),
        ("AwqConfig(bits=4)", "Not a bitsandbytes config: it is awq"),
        ('{"model_type": "llama"}', "This config quantizes nothing"),
    ],
)  # fmt: skip
def test_the_heading_says_what_becomes_of_the_weights(text: str, heading: str) -> None:
    assert config_finding(lm.explain_quantization(text)).startswith(heading)


def test_markup_of_a_config_stays_text() -> None:
    text = "BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='**<b>x</b>**')"
    app = no_exception(open_page("explain_config", config_text=text))
    rows = payload_of(app, "config_settings")["rows"]
    assert any(row["value"] == "'**<b>x</b>**'" for row in rows)
    assert not any("<b>" in one.value.replace("\\<", "") for one in [*app.markdown, *app.caption])


def test_the_code_for_a_long_text_is_python_too() -> None:
    long = "from_pretrained(quantization_config=BitsAndBytesConfig(load_in_4bit=True))" + "\n# more" * 4000
    code = no_exception(open_page("explain_config", config_text=long)).code[-1].value
    compile(code, "page", "exec")
    assert code.startswith("# Save the text of the page as text.txt first\n")
