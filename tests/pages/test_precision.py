"""Precision with the embedded model: what the page shows is what its code prints, and what cannot be had is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from tests.support.jobs import finish_jobs
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from ui.precision.compare.findings import bits

TEXT = "The capital of France is Paris, and the capital of Japan is"


def measured(**params: str) -> AppTest:
    """The page once all precisions are measured; a browser runs it again by itself, AppTest does not."""
    app = no_exception(open_page("precision", **{"text": TEXT, "compared_tokens": "4"} | params))
    finish_jobs()
    return no_exception(app.run())


def headings(app: AppTest) -> str:
    return "\n".join(header.value for header in app.header).replace("\\", "")


@pytest.mark.model
def test_the_statistics_on_the_page_are_those_that_its_code_prints(embedded_model_folder: Path) -> None:
    app = measured(precisions="nf4,q8_0", precision_shown="nf4", token_index="3")  # noqa: S106 - a token of the text
    table = app.dataframe[0].value
    assert table["Precision"].tolist() == ["float32 (baseline)", "nf4", "Q8_0 (simulated)"]
    printed = [line.split() for line in output_of(app)]
    assert [line[0] for line in printed[::3]] == ["float32", "nf4", "q8_0"]
    for row, first, second in zip(table.to_dict("records"), printed[::3], printed[1::3], strict=True):
        shown = [row["Mean KL (bits)"], row["Median KL (bits)"], row["99% KL (bits)"], row["Changed top tokens"] / 100]
        assert [float(number) for number in first[1:]] == pytest.approx(shown, rel=1e-3, abs=1e-6)
        flip = (
            0
            if row["First changed after token"] != row["First changed after token"]
            else row["First changed after token"]
        )
        assert int(second[0]) + 1 == flip
        assert float(second[1]) == pytest.approx(row["ln(PPL ratio)"], rel=1e-3, abs=1e-6)
        assert float(second[4]) == pytest.approx(row["Perplexity"], rel=1e-4)
    assert table["Mean KL (bits)"][0] == 0 < table["Mean KL (bits)"][2] < table["Mean KL (bits)"][1]
    assert "computed from a published 4-bit (Q4_1) file" in sentences(app)
    assert f"nf4 is on average {bits(table['Mean KL (bits)'][1])} away from float32" in headings(app)
    assert "After token 4, “␣France”" in headings(app)
    line = payload_of(app, "divergence")
    assert len(line["tokens"]) == len(line["lines"][0]["values"]) == 13
    pair = payload_of(app, "pair_bars")
    assert [column["name"] for column in pair["columns"]] == ["float32", "nf4"]
    # What is known is kept: another choice of the same needs no pass, and an order of its own.
    again = no_exception(open_page("precision", text=TEXT, compared_tokens="4", precisions="q8_0,nf4"))
    assert again.dataframe[0].value["Precision"].tolist()[1:] == ["Q8_0 (simulated)", "nf4"]


@pytest.mark.model
def test_one_token_and_a_precision_that_is_not_possible_here(
    embedded_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bitsandbytes

    monkeypatch.setattr(bitsandbytes, "supported_torch_devices", {"cuda"})
    app = measured(text="Hi", precisions="int8,bfloat16", compared_tokens="0")
    assert "no backend for cpu" in sentences(app)
    assert "compare bfloat16" in sentences(app)
    assert "A text of one token has no perplexity" in sentences(app)
    assert "Perplexity" not in app.dataframe[0].value
    assert app.dataframe[0].value["Precision"].tolist() == ["float32 (baseline)", "bfloat16"]


@pytest.mark.model
def test_no_precision_and_one_that_is_none(embedded_model_folder: Path) -> None:
    app = measured(text="Hi", precisions="", compared_tokens="0")
    assert "float32 expects" in headings(app)
    app = open_page("precision", text="Hi", precisions="nf5", compared_tokens="0")
    assert "not known: choose from" in sentences(app)


def test_bits_are_never_0_where_they_are_not() -> None:
    assert bits(1e-12) == "less than 0.000001 bits"
    assert lm.Precision.parse("nf4+simulated").spec == "nf4+simulated"


@pytest.mark.model
def test_a_text_that_cannot_be_read_is_one_sentence(embedded_model_folder: Path) -> None:
    app = no_exception(open_page("precision", text=""))
    assert "The text has no tokens" in sentences(app)
