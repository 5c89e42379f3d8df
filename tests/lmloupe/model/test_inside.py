"""What the engine says from inside the model equals transformers' own, on the four architectures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import lmloupe as lm
from tests.support.tiny_models import ARCHITECTURES

IDS = [5, 17, 42, 99, 3, 200, 17, 8]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def pair(request: pytest.FixtureRequest, tiny_model_folder: Callable[[str], Path]) -> tuple[lm.Engine, Any]:
    folder = tiny_model_folder(request.param)
    reference = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, attn_implementation="eager"
    ).eval()
    return lm.load_engine(folder, device="cpu"), reference


def forward(model: Any, ids: list[int], **options: Any) -> Any:
    with torch.inference_mode():
        return model(torch.tensor([ids]), **options)


def test_score_equals_transformers(pair: tuple) -> None:
    engine, reference = pair
    log_probs = torch.log_softmax(forward(reference, IDS).logits[0, :-1].double(), -1).numpy()
    own = log_probs[np.arange(len(IDS) - 1), IDS[1:]]
    scored = engine.score(IDS, top_k=3)
    assert scored.input_ids.tolist() == IDS
    assert (scored.log_probs.dtype, scored.ranks.dtype, scored.top_ids.dtype) == (np.float32, np.int32, np.int32)
    np.testing.assert_allclose(scored.log_probs, own, atol=1e-4)
    np.testing.assert_allclose(scored.surprisal_bits, -own / np.log(2), atol=2e-4)
    assert scored.ranks.tolist() == (1 + (log_probs > own[:, None]).sum(1)).tolist()
    np.testing.assert_allclose(scored.entropy_bits, -(np.exp(log_probs) * log_probs).sum(1) / np.log(2), atol=1e-4)
    np.testing.assert_allclose(scored.top_log_probs, -np.sort(-log_probs)[:, :3], atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(log_probs, scored.top_ids, 1), scored.top_log_probs, atol=1e-4)
    assert scored.perplexity == pytest.approx(np.exp(-own.mean()), rel=1e-4)


def test_a_text_of_one_token_has_nothing_to_score(pair: tuple) -> None:
    scored = pair[0].score([5])
    assert [len(a) for a in (scored.log_probs, scored.ranks, scored.entropy_bits, scored.surprisal_bits)] == [0] * 4
    assert scored.top_ids.shape == scored.top_log_probs.shape == (0, 5)
    assert np.isnan(scored.perplexity)


def test_hidden_states_equal_transformers(pair: tuple) -> None:
    engine, reference = pair
    states = engine.hidden_states(IDS)
    expected = torch.cat(forward(reference, IDS, output_hidden_states=True).hidden_states).numpy()
    assert states.dtype == np.float32
    assert states.shape == (engine.describe().n_layers + 1, len(IDS), engine.describe().width)
    np.testing.assert_allclose(states, expected, rtol=1e-4, atol=1e-4)


def plain_lens(reference: Any, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Log probabilities and norms at every layer, (n_layers + 1, n, vocab) and (n_layers + 1, n)."""
    base = reference.model
    raw: list[torch.Tensor] = []
    handle = base.layers[-1].register_forward_hook(
        lambda _, __, out: raw.append(out[0] if isinstance(out, tuple) else out)
    )
    out = forward(reference, ids, output_hidden_states=True)
    handle.remove()
    stream = torch.cat([*out.hidden_states[:-1], raw[0]])
    with torch.inference_mode():
        rows = [torch.log_softmax(reference.lm_head(base.norm(s)).double(), -1) for s in stream[:-1]]
    rows.append(torch.log_softmax(out.logits[0].double(), -1))
    return torch.stack(rows).numpy(), stream.norm(dim=-1).numpy()


@pytest.mark.parametrize("ids", [IDS, IDS[:1]], ids=["text", "one token"])
def test_every_row_of_the_lens_equals_a_plain_recomputation(pair: tuple, ids: list[int]) -> None:
    engine, reference = pair
    log_probs, norms = plain_lens(reference, ids)
    lens = engine.logit_lens(ids, top_k=4)
    assert lens.token_ids.shape == lens.log_probs.shape == (*norms.shape, 4)
    np.testing.assert_allclose(lens.log_probs, -np.sort(-log_probs, -1)[..., :4], atol=1e-3)
    np.testing.assert_allclose(np.take_along_axis(log_probs, lens.token_ids, -1), lens.log_probs, atol=1e-3)
    np.testing.assert_allclose(lens.entropy_bits, -(np.exp(log_probs) * log_probs).sum(-1) / np.log(2), atol=1e-3)
    np.testing.assert_allclose(lens.norms, norms, rtol=1e-4)
    final = np.take_along_axis(log_probs, log_probs[-1].argmax(-1)[None, :, None], -1)
    np.testing.assert_allclose(lens.final_log_probs, final[..., 0], atol=1e-3)
    # A rank may differ by the tokens that are as probable as rounding can tell.
    least, most = (log_probs > final + 1e-4).sum(-1), (log_probs > final - 1e-4).sum(-1)
    assert ((1 + least <= lens.final_ranks) & (lens.final_ranks <= most)).all()
    assert (lens.final_ranks[-1] == 1).all()
    np.testing.assert_allclose(lens.log_probs[-1, -1, 0], engine.next_token(ids).log_probs.max(), atol=1e-5)


def test_chosen_rows_of_the_lens_are_rows_of_the_whole(pair: tuple) -> None:
    engine, _ = pair
    whole = engine.logit_lens(IDS, top_k=3)
    rows = list(engine.lens_rows(IDS, layers=[3, 0], positions=[2, 5], top_k=3))
    assert [(row.layer, row.positions.tolist()) for row in rows] == [(3, [2, 5]), (0, [2, 5])]
    for row in rows:
        for name in ("token_ids", "log_probs", "entropy_bits", "final_log_probs", "final_ranks", "norms"):
            np.testing.assert_allclose(getattr(row, name), getattr(whole, name)[row.layer, [2, 5]], atol=1e-4)


def test_the_rows_on_the_screen_take_one_pass_and_can_be_stopped(pair: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = pair
    passes: list[int] = []
    handle = engine.loaded.model.base_model.register_forward_hook(lambda *_: passes.append(1))
    list(engine.lens_rows([7, 8, 9], layers=[3]))
    n_first = len(passes)
    list(engine.lens_rows([7, 8, 9], layers=[1, 0], positions=[0, 2]))
    handle.remove()
    assert len(passes) == n_first
    rows = engine.lens_rows(IDS)
    next(rows)
    rows.close()
    with pytest.raises(StopIteration):
        next(rows)


def test_long_texts_are_read_in_pieces_and_answer_the_same(pair: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = pair
    ids = (np.arange(60) * 7 % 350 + 6).tolist()
    scored, lens = engine.score(ids), engine.logit_lens(ids)
    monkeypatch.setattr("lmloupe.model.passes.residual.PREFILL_CHUNK", {"cpu": 16})
    monkeypatch.setattr("lmloupe.model.passes.logit_facts._BLOCK_BYTES", {"cpu": 5 * 4 * 512})
    other = list(engine.lens_rows([*ids, 3], positions=range(60)))
    pieces = engine.score(ids)
    np.testing.assert_allclose(pieces.log_probs, scored.log_probs, atol=1e-4)
    np.testing.assert_allclose(pieces.entropy_bits, scored.entropy_bits, atol=1e-4)
    np.testing.assert_allclose([row.log_probs for row in other], lens.log_probs, atol=1e-3)


def test_a_text_too_long_to_keep_is_read_again_only_where_it_must_be(
    pair: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = pair
    ids = (np.arange(64) * 11 % 350 + 6).tolist()
    whole = engine.logit_lens(ids, top_k=3)
    described = engine.describe()
    room = 24  # positions whose stream is kept
    monkeypatch.setattr(
        "lmloupe.model.inside.lens._MOST_KEPT_BYTES", room * 4 * (described.n_layers + 1) * described.width
    )
    monkeypatch.setattr("lmloupe.model.passes.residual.PREFILL_CHUNK", {"cpu": 16})
    list(engine.lens_rows([9, 9], positions=[0]))  # another text, so that nothing of this one is kept
    read: list[int] = []
    handle = engine.loaded.model.base_model.register_forward_hook(
        lambda _, __, kwargs, ___: read.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    rows = [row for at in range(0, 64, 8) for row in engine.lens_rows(ids, positions=range(at, at + 8), top_k=3)]
    handle.remove()
    assert read == [16, 8, 16, 16, 16, 16, 16, 16, 16], "three passes, to where each is wanted"
    for row in rows:
        np.testing.assert_allclose(row.log_probs, whole.log_probs[row.layer, row.positions], atol=1e-3)


def test_attention_equals_a_model_loaded_eager_and_leaves_the_model_as_it_was(pair: tuple) -> None:
    engine, reference = pair
    expected = forward(reference, IDS, output_attentions=True).attentions
    before, implementation = engine.next_token(IDS).logits, engine.loaded.model.config._attn_implementation
    for layer, weights in enumerate(expected):
        found = engine.attention(IDS, layer)
        assert found.dtype == np.float32
        assert found.shape == (engine.describe().n_heads, len(IDS), len(IDS))
        np.testing.assert_allclose(found, weights[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert engine.loaded.model.config._attn_implementation == implementation
    np.testing.assert_array_equal(engine.next_token(IDS).logits, before)
    assert engine.attention([5], 0).tolist() == [[[1.0]]] * engine.describe().n_heads


def test_the_summary_of_all_heads_is_that_of_eager_attention_from_one_pass(pair: tuple) -> None:
    engine, reference = pair
    expected = torch.cat(forward(reference, IDS, output_attentions=True).attentions).numpy()  # (layers, heads, n, n)
    passes: list[int] = []
    handle = engine.loaded.model.register_forward_pre_hook(lambda *_: passes.append(1))
    summary = engine.attention_summary(IDS)
    weights = [engine.attention(IDS, layer) for layer in range(len(expected))]
    handle.remove()
    assert len(passes) == 1, "a layer of the same text needs no further pass"
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert summary.layers == tuple(range(len(expected)))
    np.testing.assert_allclose(summary.patterns, expected, atol=1e-5)
    later = np.arange(1, len(IDS))
    np.testing.assert_allclose(summary.first, expected[:, :, 1:, 0].mean(-1), atol=1e-5)
    np.testing.assert_allclose(summary.previous, expected[:, :, later, later - 1].mean(-1), atol=1e-5)
    np.testing.assert_allclose(summary.itself, expected[:, :, later, later].mean(-1), atol=1e-5)
    bits = -(expected * np.log2(np.maximum(expected, 1e-30))).sum(-1)[:, :, 1:].mean(-1)
    np.testing.assert_allclose(summary.entropy_bits, bits, atol=1e-4)
    # Fewer cells than tokens: rows of groups still sum to 1, and a group's keys are summed.
    small = engine.attention_summary(IDS, cells=3)
    assert small.patterns.shape[2:] == (3, 3)
    np.testing.assert_allclose(small.patterns.sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(small.patterns[:, :, 0, 0], expected[:, :, :2, :2].sum(-1).mean(-1), atol=1e-5)
    assert engine.attention_summary([5]).first.tolist() == [[1.0] * expected.shape[1]] * len(expected)
    with pytest.raises(lm.InvalidSettingError):
        engine.attention_summary(IDS, cells=0)


def test_a_summary_keeps_no_more_weights_than_fit(pair: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = pair
    monkeypatch.setattr("lmloupe.model.inside.attention_summary._MOST_KEPT_BYTES", 100)
    ids = [9, *IDS]
    engine.attention_summary(ids)
    passes: list[int] = []
    handle = engine.loaded.model.register_forward_pre_hook(lambda *_: passes.append(1))
    engine.attention(ids, 1)
    handle.remove()
    assert len(passes) == 1


@pytest.mark.parametrize("position", [-1, 3, 0])
def test_attribution_adds_up_to_the_logit(pair: tuple, position: int) -> None:
    engine, reference = pair
    logits = forward(reference, IDS).logits[0, position].numpy()
    for token in (int(logits.argmax()), 17):
        parts = engine.attribution(IDS, token, position)
        assert (parts.token_id, parts.position) == (token, position % len(IDS))
        assert parts.attention.shape == parts.mlp.shape == (engine.describe().n_layers,)
        assert parts.logit == pytest.approx(float(logits[token]), abs=1e-3)
        total = parts.embedding + parts.attention.sum() + parts.mlp.sum() + parts.bias + parts.unexplained
        assert total == pytest.approx(parts.logit, abs=1e-4)
        assert abs(parts.unexplained) < 1e-2
        assert parts.soft_cap == 0.0


def test_attribution_of_the_embedding_is_what_it_would_add_alone(pair: tuple) -> None:
    engine, reference = pair
    base = reference.model
    seen: list[torch.Tensor] = []
    handle = base.norm.register_forward_pre_hook(lambda _, args: seen.append(args[0][0, -1].double()))
    forward(reference, IDS)
    handle.remove()
    x, norm = seen[0], base.norm
    centred = isinstance(norm, torch.nn.LayerNorm)
    eps = norm.eps if centred else norm.variance_epsilon
    start = base.embed_tokens.weight.detach()[IDS[-1]].double()
    if centred:
        scale = torch.rsqrt(x.var(correction=0) + eps)
        start = start - start.mean()
    else:
        scale = torch.rsqrt(x.square().mean() + eps)
    expected = float((start * scale * norm.weight.detach().double()) @ reference.lm_head.weight.detach()[17].double())
    assert engine.attribution(IDS, 17).embedding == pytest.approx(expected, abs=1e-4)


def test_bad_requests_are_one_sentence(pair: tuple) -> None:
    engine, _ = pair
    limit = engine.describe().context_length
    for ask in (engine.score, engine.hidden_states, engine.logit_lens, engine.lens_rows,
                lambda ids: engine.attention(ids, 0), lambda ids: engine.attribution(ids, 5)):  # fmt: skip
        with pytest.raises(lm.ContextLengthError, match=f"{limit + 1:,} tokens"):
            ask([5] * (limit + 1))
        with pytest.raises(lm.InvalidTextError, match="no tokens"):
            ask([])
    for ask in (lambda: engine.score(IDS, top_k=0), lambda: engine.logit_lens(IDS, top_k=0),
                lambda: engine.attention(IDS, 3), lambda: engine.attention(IDS, -1),
                lambda: engine.lens_rows(IDS, layers=[4]), lambda: engine.lens_rows(IDS, positions=[8]),
                lambda: engine.attribution(IDS, 5, 8), lambda: engine.attribution(IDS, 5, -9)):  # fmt: skip
        with pytest.raises(lm.InvalidSettingError):
            ask()
    with pytest.raises(lm.InvalidIdError, match="512"):
        engine.attribution(IDS, 512)
    assert engine.score([5] * limit).ranks.shape == (limit - 1,)


def test_a_model_that_answers_nan_shows_nothing(tiny_model_folder: Callable[[str], Path]) -> None:
    engine = lm.load_engine(tiny_model_folder("llama"), device="cpu")
    broken = engine.loaded.model.model.layers[1].mlp.down_proj.weight
    with torch.no_grad():
        broken.fill_(float("nan"))
    for ask in (engine.next_token, engine.score, engine.logit_lens, lambda ids: next(engine.generate(ids)),
                lambda ids: next(engine.generate(ids, lens=True)), lambda ids: engine.attention(ids, 2),
                lambda ids: engine.attribution(ids, 5)):  # fmt: skip
        with pytest.raises(lm.NotFiniteError, match="not numbers"):
            ask(IDS)
    assert np.isfinite(engine.attention(IDS, 1)).all()  # the layers before it are sound


def test_the_lens_of_a_generation_equals_the_lens_of_its_text(pair: tuple) -> None:
    engine, _ = pair
    engine.logit_lens(IDS)  # finds the model's parts, once, with a pass of its own
    plain = list(engine.generate(IDS, None, max_new_tokens=6, seed=4))
    assert all(step.lens_ids is None and step.lens_log_probs is None for step in plain)
    passes: list[int] = []
    handle = engine.loaded.model.register_forward_hook(lambda *_: passes.append(1))
    steps = list(engine.generate(IDS, None, max_new_tokens=6, seed=4, lens=True))
    handle.remove()
    assert len(passes) == len(steps)
    assert [step.token_id for step in steps] == [step.token_id for step in plain]
    lens = engine.logit_lens([*IDS, *(step.token_id for step in steps)], top_k=1)
    for i, step in enumerate(steps):
        place = len(IDS) - 1 + i
        assert step.lens_ids.dtype == np.int32
        assert step.lens_ids.shape == (engine.describe().n_layers + 1,)
        np.testing.assert_allclose(step.lens_log_probs, lens.log_probs[:, place, 0], atol=1e-3)
        assert step.lens_ids.tolist() == lens.token_ids[:, place, 0].tolist()
        assert (step.lens_ids[-1], step.lens_log_probs[-1]) == (step.top_ids[0], step.top_log_probs[0])
