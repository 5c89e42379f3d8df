"""Prompts in one batch: what transformers' generate draws from, and the prompts alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.model.padding import answers
from lmloupe.model.padding.results import PaddingSide
from tests.support import tiny_models

PROMPTS = ([7, 8, 9, 10, 11, 12, 13], [20, 21, 22])
PAD = 0
IDS = st.lists(st.integers(3, 300), min_size=1, max_size=12)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def pair(
    request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[lm.Engine, transformers.PreTrainedModel]:
    """Positions that are turned, and positions that are rows of a table: there a place counted wrong changes more."""
    if request.param == "llama":
        folder = tiny_model_folder("llama")
    else:
        folder = tmp_path_factory.mktemp("gpt2")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            config = transformers.GPT2Config(
                vocab_size=tiny_models.VOCAB_SIZE, n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=1,
                eos_token_id=2, pad_token_id=PAD, initializer_range=0.3,
            )  # fmt: skip
            transformers.GPT2LMHeadModel(config).save_pretrained(folder)
        tiny_models.save_tokenizer(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return lm.load_engine(str(folder)), model


def drawn_from(model: transformers.PreTrainedModel, batch: lm.PaddedBatch, *, mask: bool) -> np.ndarray:
    """The scores that transformers' generate draws the next token from."""
    given_mask = {"attention_mask": torch.from_numpy(batch.attention_mask.astype(np.int64))} if mask else {}
    out = model.generate(
        torch.from_numpy(batch.input_ids.astype(np.int64)), max_new_tokens=1, do_sample=False, output_logits=True,
        return_dict_in_generate=True, pad_token_id=PAD, **given_mask,
    )  # fmt: skip
    return out.logits[0].numpy()


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_last_column_is_what_generate_draws_from(pair: tuple, side: PaddingSide) -> None:
    engine, model = pair
    batch = engine.padded_batch(PROMPTS, side, PAD)
    assert batch.input_ids.shape == (2, 7)
    assert batch.is_pad.sum(1).tolist() == [0, 4]
    np.testing.assert_allclose(batch.logits, drawn_from(model, batch, mask=True), atol=2e-5)


def test_without_a_mask_and_with_plain_positions_it_is_the_bare_forward_pass(pair: tuple) -> None:
    engine, model = pair
    batch = engine.padded_batch(PROMPTS, "left", PAD, mask=False, positions="plain")
    assert batch.attention_mask.all()
    with torch.inference_mode():
        logits = model(torch.from_numpy(batch.input_ids.astype(np.int64))).logits[:, -1].numpy()
    np.testing.assert_allclose(batch.logits, logits, atol=2e-5)
    assert batch.divergence_bits[1] > 0.01


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=st.lists(IDS, min_size=1, max_size=4), pad_id=st.integers(0, 300))
def test_on_the_left_with_a_mask_every_prompt_is_read_as_if_alone(
    pair: tuple, prompts: list[list[int]], pad_id: int
) -> None:
    engine, _ = pair
    batch = engine.padded_batch(prompts, "left", pad_id)
    for row, prompt in enumerate(prompts):
        assert batch.input_ids[row][~batch.is_pad[row]].tolist() == prompt
        np.testing.assert_allclose(batch.logits[row], engine.next_token(prompt).logits, atol=1e-4)
    np.testing.assert_allclose(batch.logits, batch.own_logits)
    assert batch.divergence_bits.max() < 1e-6


def test_on_the_right_the_last_column_is_padding_and_the_prompts_own_end_is_as_it_was(pair: tuple) -> None:
    engine, _ = pair
    batch = engine.padded_batch(PROMPTS, "right", PAD)
    assert batch.divergence_bits[0] < 1e-6
    assert batch.divergence_bits[1] > 0.1
    assert batch.own_divergence_bits.max() < 1e-6
    p, q = (np.exp(lm_row.astype(np.float64)) for lm_row in (batch.alone_logits[1], batch.logits[1]))
    p, q = p / p.sum(), q / q.sum()
    assert batch.divergence_bits[1] == pytest.approx((p * np.log2(p / q)).sum(), rel=1e-5)


def test_positions_that_count_the_padding_move_a_model_with_a_table_of_positions_alone(pair: tuple) -> None:
    engine, model = pair
    batch = engine.padded_batch(PROMPTS, "left", PAD, positions="plain")
    moved = batch.divergence_bits[1]
    assert (moved > 0.01) == (model.config.model_type == "gpt2")


def test_only_the_scores_that_are_wanted_are_computed(pair: tuple) -> None:
    """Those of every column would be gigabytes for eight long prompts."""
    engine, _ = pair
    shapes = []
    head = engine.loaded.model.get_output_embeddings()
    hook = head.register_forward_hook(lambda *given: shapes.append(tuple(given[-1].shape[:2])))
    try:
        engine.padded_batch(PROMPTS, "right", PAD)
    finally:
        hook.remove()
    assert shapes[-1] == (2, 2)  # of seven columns


def test_what_is_no_batch_is_refused(pair: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = pair
    for prompts, options, error in (
        ([], {}, lm.InvalidSettingError),
        ([[7]] * 33, {}, lm.InvalidSettingError),
        ([[7]], {"side": "top"}, lm.InvalidSettingError),
        ([[7]], {"positions": "none"}, lm.InvalidSettingError),
        ([[7]], {"pad_id": 100_000}, lm.InvalidIdError),
    ):
        with pytest.raises(error):
            engine.padded_batch(prompts, **options)
    with pytest.raises(lm.InvalidTextError, match="Prompt 2 of 2: The text has no tokens"):
        engine.padded_batch([[7], []])
    with pytest.raises(lm.ContextLengthError, match="Prompt 1 of 2: "):
        engine.padded_batch([[7] * 129, [7]])
    monkeypatch.setattr(answers, "MOST_PLACES", 20)
    with pytest.raises(
        lm.InvalidSettingError, match="the longest of 11 tokens, fill 22 places; a batch has at most 20"
    ):
        engine.padded_batch([[7] * 11, [7]])
    monkeypatch.undo()
    assert engine.padded_batch(["a coconut rolls down the hill", "a"]).input_ids[1, 0] == PAD  # the tokenizer's own
