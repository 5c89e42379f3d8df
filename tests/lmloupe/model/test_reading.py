"""How a model goes on from what it has read, what it does to its logits: found on the model, not by its name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers

import lmloupe as lm
from lmloupe.model.passes.continuation import Continuation, Reading
from lmloupe.model.passes.logit_bend import Bend, find_bend
from lmloupe.model.passes.reading import find_reading, notes_on, probe_ids
from lmloupe.model.passes.residual import read_in_pieces
from tests.support.architectures import IDS, VOCAB_ROWS, build, config_of, engine_of, reference


@pytest.mark.parametrize(
    ("kind", "reading", "said"),
    [
        ("llama", Reading("cache"), []),
        ("bart", Reading("plain cache"), []),  # its config counts the encoder's layers
        ("moshi", Reading("plain cache"), []),  # its config has a window that it does not use
        ("bamba", Reading("generate"), []),
        ("mamba2", Reading("generate"), []),
        ("rwkv", Reading("generate"), []),
        ("jamba", Reading("generate", in_pieces=False), ["Reads a text in one piece"]),
        ("recurrent_gemma", Reading(None, in_pieces=False), ["Reads the whole text again"]),
        ("openai-gpt", Reading(None, in_pieces=False), ["this model has no cache that LM Loupe can continue"]),
        (
            "deepseek_v32",
            Reading(None, in_pieces=False, repeatable=False),
            ["scores the beginning of a text differently when more text follows"],
        ),
    ],
)
def test_each_model_is_read_as_it_can_be(kind: str, reading: Reading, said: list[str]) -> None:
    assert engine_of(kind).loaded.reading == reading
    assert all(words in note for words, note in zip(said, engine_of(kind).describe().notes, strict=True))


def test_sparse_attention_that_sees_all_of_a_short_text_is_read_with_its_cache() -> None:
    assert lm.load_engine(build("deepseek_v32", index_topk=512), device="cpu").describe().notes == ()


@pytest.mark.parametrize("kind", ["llama", "mamba2", "rwkv"])
def test_pieces_of_any_length_give_what_the_whole_gives(kind: str) -> None:
    model, engine = reference(kind), engine_of(kind)
    with torch.inference_mode():
        ids = torch.tensor(IDS[None, :60], dtype=torch.long)
        whole = model(input_ids=ids, use_cache=False).logits[0]
        for sizes in ([1, 59], [30, 30], [7, 1, 1, 50, 1]):
            running = Continuation(model, model, engine.loaded.reading)
            found = torch.cat([running.read(piece).logits[0] for piece in torch.split(ids, sizes, 1)])
            torch.testing.assert_close(found, whole, rtol=1e-3, atol=1e-4)


def test_the_first_token_s_row_may_be_zero() -> None:
    ids = probe_ids(reference("llama"), 40)
    assert ids.shape == (1, 40)
    assert len(set(ids[0].tolist())) == 40
    assert not {0, 1, 2} & set(ids[0].tolist()), "neither padding nor the ends of a text"
    assert int(ids.max()) < VOCAB_ROWS


def test_a_context_of_few_tokens_is_enough() -> None:
    for limit in (1, 2, 3, 5):
        with torch.inference_mode():
            reading = find_reading(reference("llama"), limit)
        assert reading == (Reading(None, in_pieces=False) if limit < 3 else Reading("cache"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("made", [Bend(), Bend(0.0625), Bend(4.0), Bend(1.0, 30.0), Bend(0.25, 15.0), Bend(1 / 24)])
def test_factor_and_bound_are_found(made: Bend, dtype: torch.dtype) -> None:
    config = transformers.LlamaConfig(hidden_size=64)
    config.some_factor, config.another, config.bound, config.low = 0.0625, 0.25, 30.0, 15.0
    config.width_multiplier, config.times = 24, 4
    product = 12 * torch.randn(8, 500, generator=torch.Generator().manual_seed(0))
    product = product.to(dtype).float()
    logits = product.double() * made.scale
    if made.soft_cap is not None:  # as Gemma 2 has it
        logits = made.soft_cap * torch.tanh(logits / made.soft_cap)
    assert find_bend(product, logits.to(dtype).float(), config, dtype) == made


def test_what_is_neither_factor_nor_bound_is_not_taken_for_one() -> None:
    product = torch.randn(8, 500, generator=torch.Generator().manual_seed(0))
    config = transformers.LlamaConfig()
    assert find_bend(product, product + 0.1 * product.square(), config, torch.float32) is None
    assert find_bend(product, product[:, :-1], config, torch.float32) is None


@pytest.mark.parametrize("pad", [0, None])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [("falcon_h1", {"lm_head_multiplier": 0.1}), ("hyperclovax", {"logits_scaling": 0.25}), ("inkling_text", {})],
)
def test_a_row_of_zeros_decides_nothing(kind: str, changes: dict[str, float], pad: int | None) -> None:
    folder = build(kind, **changes, pad_token_id=pad)
    engine = lm.load_engine(folder, device="cpu")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor(IDS[None, :12], dtype=torch.long), use_cache=False).logits[0].double()
    own = torch.log_softmax(logits, -1).numpy()
    np.testing.assert_allclose(engine.score(IDS[:12]).log_probs, own[np.arange(11), IDS[1:12]], atol=1e-3)
    np.testing.assert_allclose(engine.logit_lens(IDS[:12]).log_probs[-1][:, 0], own.max(1), atol=1e-3)


def test_a_generated_id_that_the_tokenizer_lacks_does_not_end_the_steps() -> None:
    engine = engine_of("llama")
    known = engine.tokenizer.vocab_size
    assert known < engine.describe().vocab_rows
    beyond = 0
    for seed in range(8):
        steps = list(engine.generate(IDS[:8], lm.Sampling(temperature=2.0, repetition_penalty=1.1), 20, seed=seed))
        assert len(steps) == 20 or steps[-1].token_id == 2
        beyond += sum(step.token_id >= known for step in steps)
        assert all(step.text == "" for step in steps[:-1] if step.token_id >= known)
    assert beyond > 0
    assert len(list(engine.generate([5, known, known + 1], max_new_tokens=2))) >= 1


@pytest.mark.parametrize("kind", ["phi3", "llama"])
def test_a_text_longer_than_longropes_short_one_is_read_with_its_long_factors_from_the_first_token(kind: str) -> None:
    turns_at = 270  # behind the first piece of 256 tokens
    rope = {"rope_type": "longrope", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": turns_at}
    rope |= {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
    config = config_of(kind, rope_parameters=rope, original_max_position_embeddings=turns_at)
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    reading = find_reading(model, 512)
    assert (reading.way, reading.turns_at) == ("cache", turns_at)
    assert "more than 270 tokens" in notes_on(reading)[-1]
    with torch.inference_mode():
        for n in (turns_at, len(IDS)):
            text = IDS[:n]
            right = model(torch.from_numpy(text[None]).long(), use_cache=False).logits
            found = [output.logits for _, output in read_in_pieces(model, model, reading, text)]
            torch.testing.assert_close(torch.cat(found, 1), right, atol=1e-3, rtol=1e-3)
        assert len(text[: reading.needed(n, 5)]) == turns_at + 1
        running = Continuation(model, model, reading)
        for piece in torch.split(torch.from_numpy(text[None]).long(), [turns_at - 1, 1, 1, 1, n - turns_at - 2], 1):
            last = running.read(piece).logits[0, -1]
            seen = running._ids
            torch.testing.assert_close(last, model(seen, use_cache=False).logits[0, -1], atol=1e-3, rtol=1e-3)
