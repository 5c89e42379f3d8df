"""Batch and padding: the page says what the library measures, its Python prints it, and it quotes what is warned of."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from ui.generation.padding import batches
from ui.generation.padding.batches import WAYS, finding_of, said_by_transformers


@pytest.mark.model
def test_the_page_says_what_the_library_measures_and_its_python_prints_it(embedded_engine: LocalEngine) -> None:
    app = no_exception(open_page("padding"))
    texts = [field.value for field in app.text_input if field.label.startswith("Prompt ")]
    batch = embedded_engine.padded_batch(texts, "right")
    short = int(batch.is_pad.sum(1).argmax())
    assert app.header[0].value.replace("\\", "").startswith(f"Padded on the right: prompt {short + 1} goes on with")
    drawn = payload_of(app, "batch")["rows"]
    assert [[cell["id"] for cell in row["cells"]] for row in drawn] == batch.input_ids.tolist()
    assert [row["changed"] for row in drawn] == [True, False]
    table = next(frame.value for frame in app.dataframe if "Padding" in frame.value.columns)
    assert len(table) == len(WAYS)
    assert table[f"Prompt {short + 1}: bits"].iloc[0] < 1e-4  # what generate wants
    assert "right-padding was detected" in "".join(block.value for block in app.code)
    ids, bits, *theirs = output_of(app)
    assert ast.literal_eval(ids) == batch.input_ids.tolist()
    np.testing.assert_allclose(ast.literal_eval(bits), batch.divergence_bits, atol=1e-3)
    np.testing.assert_allclose([float(line) for line in theirs], batch.divergence_bits, atol=1e-3)
    next(button for button in app.button if button.label == "Add a prompt").click().run()
    assert len(payload_of(no_exception(app), "batch")["rows"]) == 3
    app.text_input[2].set_value("").run()
    assert "has no tokens" in "".join(error.value for error in app.error) + sentences(app)
    assert [field.value for field in app.text_input][:2] == texts


def test_the_quoted_warnings_are_what_transformers_logs(
    tiny_model_folder: Callable[[str], Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_model_folder("llama")
    engine = lm.load_engine(str(folder))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    stop_ids = engine.describe().stop_ids
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    for way, pad_id in product(WAYS, (0, stop_ids[0], None)):
        side, mask, _ = way
        batch = engine.padded_batch([[7, 8, 9, 10], [20, 21]], side, pad_id, mask=mask)  # type: ignore[arg-type]
        given = {"attention_mask": torch.from_numpy(batch.attention_mask.astype(np.int64))} if mask else {}
        model.generation_config.pad_token_id = pad_id
        caplog.clear()
        transformers.utils.logging.warning_once.cache_clear()
        model.generate(torch.from_numpy(batch.input_ids.astype(np.int64)), max_new_tokens=1, **given)
        known = (batches.NOT_SET, batches.SAME_AS_EOS, batches.RIGHT_PADDING)
        logged = {record.message for record in caplog.records if record.message in known}
        if pad_id is not None:
            said = {warning for _, warning in said_by_transformers(way, batch, pad_id, stop_ids)}
            assert logged == said - {batches.NOT_SET}, way
        else:
            assert (batches.NOT_SET in logged) == (not mask)


@pytest.mark.model
def test_the_heading_is_true_of_equal_prompts_and_of_one_that_keeps_its_word(embedded_engine: LocalEngine) -> None:
    tok = embedded_engine.tokenizer
    equal = embedded_engine.padded_batch(["The cat", "The dog"], "right")
    assert finding_of(tok, equal, WAYS[-1]).startswith("All prompts are equally long, so nothing is padded")
    left = embedded_engine.padded_batch(["The capital of France is", "Once"], "left")
    assert finding_of(tok, left, WAYS[0]) == "Padded on the left: every prompt is continued as if it were alone"


@pytest.mark.model
def test_the_heading_is_of_a_prompt_that_goes_on_otherwise_where_there_is_one(embedded_engine: LocalEngine) -> None:
    own = np.array([[0.0, 1.0, 9.0], [0.0, 1.0, 1.1]], np.float32)
    other = np.array([[0.0, 1.0, 3.0], [0.0, 1.2, 1.1]], np.float32)
    ids, pad = np.array([[0, 1], [1, 1]], np.int32), np.array([[True, False], [False, False]])
    batch = lm.PaddedBatch(ids, pad, ~pad, None, other, other, own)
    assert batch.divergence_bits[0] > batch.divergence_bits[1]  # it moves further, and still says the same
    assert ": prompt 2 goes on with" in finding_of(embedded_engine.tokenizer, batch, WAYS[-1])
