"""What an engine says about its matrices equals what NumPy, scikit-learn and transformers say about the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from transformers import AutoModelForCausalLM

import lmloupe as lm
from lmloupe.model.embeddings.matrix import VocabularyMatrix
from lmloupe.model.embeddings.undertrained import known_unused_ids, output_cosine_distances
from lmloupe.vocabulary.table import vocabulary_table
from tests.support.tiny_models import build

KINDS = {"untied": {"tie_word_embeddings": False}, "tied": {"tie_word_embeddings": True}}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[lm.Engine, torch.nn.Module]]:
    """Engine and transformers' own model: a llama with two matrices, a qwen2 with one."""

    @cache
    def load(kind: str) -> tuple[lm.Engine, torch.nn.Module]:
        arch = "llama" if kind == "untied" else "qwen2"
        folder = build(arch, tmp_path_factory.mktemp(kind), **KINDS[kind])
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True).eval()
        return lm.load_engine(folder, device="cpu"), model

    return load


def rows_of(model: torch.nn.Module, matrix: str) -> np.ndarray:
    module = model.get_input_embeddings() if matrix == "input" else model.get_output_embeddings()
    return module.weight.detach().numpy().astype(np.float64)


def cosines(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector)
    return np.divide(rows @ vector, lengths, out=np.zeros(len(rows)), where=lengths > 0)


# Neighbours


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_neighbours_equal_brute_force(
    tiny: Callable[[str], tuple[lm.Engine, torch.nn.Module]], data: st.DataObject
) -> None:
    engine, model = tiny(data.draw(st.sampled_from(["untied", "tied"])))
    matrix, metric = data.draw(st.sampled_from(["input", "output"])), data.draw(st.sampled_from(["cosine", "dot"]))
    n = engine.tokenizer.vocab_size
    rows = rows_of(model, matrix)
    exclude = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    k = data.draw(st.integers(1, n + 5))
    if data.draw(st.booleans()):
        asked: int | np.ndarray = data.draw(st.integers(0, len(rows) - 1))
        vector, left_out = rows[asked], {asked, *exclude}
    else:
        numbers = st.floats(-4, 4, width=32)
        asked = np.array(data.draw(st.lists(numbers, min_size=64, max_size=64)), np.float32)
        vector, left_out = asked.astype(np.float64), set(exclude)
    scores = rows[:n] @ vector if metric == "dot" else cosines(rows[:n], vector)
    kept = np.array([i for i in range(n) if i not in left_out])
    expected = np.sort(scores[kept])[::-1][:k]
    found = engine.neighbours(asked, k, metric, matrix, exclude)
    assert (found.ids.dtype, found.similarities.dtype) == (np.int32, np.float32)
    assert len(set(found.ids.tolist())) == len(expected) == len(found.ids)
    assert left_out.isdisjoint(found.ids.tolist())
    np.testing.assert_allclose(found.similarities, expected, atol=2e-4)
    np.testing.assert_allclose(scores[found.ids], expected, atol=2e-4)


def test_the_output_matrix_has_neighbours_of_its_own_where_it_is_not_tied(tiny: Callable) -> None:
    engine, _ = tiny("untied")
    assert engine.neighbours(7, 9).ids.tolist() != engine.neighbours(7, 9, matrix="output").ids.tolist()
    engine, _ = tiny("tied")
    np.testing.assert_array_equal(engine.neighbours(7, 9).ids, engine.neighbours(7, 9, matrix="output").ids)


def test_an_analogy_is_the_neighbours_of_a_minus_b_plus_c(tiny: Callable) -> None:
    engine, model = tiny("untied")
    for matrix in ("input", "output"):
        rows = rows_of(model, matrix)[: engine.tokenizer.vocab_size]
        scores = cosines(rows, rows[20] - rows[30] + rows[40])
        scores[[20, 30, 40]] = -np.inf
        found = engine.analogy(20, 30, 40, 6, matrix=matrix)
        assert found.ids.tolist() == np.argsort(-scores)[:6].tolist()
    with pytest.raises(lm.InvalidIdError, match="9000"):
        engine.analogy(20, 9000, 40)


def test_norms_are_those_of_every_row(tiny: Callable) -> None:
    for kind in KINDS:
        engine, model = tiny(kind)
        for matrix in ("input", "output"):
            norms = engine.embedding_norms(matrix)
            assert norms.dtype == np.float32
            np.testing.assert_allclose(norms, np.linalg.norm(rows_of(model, matrix), axis=1), rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_matrix_of_16_bits_is_read_exactly(dtype: torch.dtype) -> None:
    weight = torch.randn((300, 32), generator=torch.Generator().manual_seed(0)).to(dtype)
    matrix = VocabularyMatrix(weight, 290)
    rows, vector = weight.double().numpy(), torch.randn(32, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(
        matrix.products(vector).numpy(), rows[:290] @ vector.double().numpy(), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(matrix.norms().numpy(), np.linalg.norm(rows, axis=1), rtol=1e-5)
    best = matrix.nearest(vector, 5, "cosine", [3])
    assert best.ids.tolist() == [i for i in np.argsort(-cosines(rows[:290], vector.double().numpy())) if i != 3][:5]


def test_rows_that_are_no_numbers_are_said_and_not_ranked() -> None:
    weight = torch.randn((90, 8), generator=torch.Generator().manual_seed(0))
    weight[4, 2] = torch.nan
    for ask in (lambda m: m.nearest(torch.ones(8), 3, "cosine", []), lambda m: m.axes()):
        with pytest.raises(lm.NotFiniteError, match="NaN or infinite"):
            ask(VocabularyMatrix(weight, 90))


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_matrix_on_the_gpu_is_read_exactly(dtype: torch.dtype) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU that torch can use")
    weight = torch.randn((4096, 256), generator=torch.Generator().manual_seed(0)).to(dtype)
    here, there = VocabularyMatrix(weight, 4000), VocabularyMatrix(weight.cuda(), 4000)
    vector = torch.randn(256, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(there.products(vector).cpu(), here.products(vector), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(there.norms().cpu(), here.norms(), rtol=1e-5)
    np.testing.assert_allclose(there.axes()[2], here.axes()[2], rtol=1e-3)
    ids = np.arange(4000)
    np.testing.assert_allclose(there.coordinates(ids, 2), here.coordinates(ids, 2), atol=0.05)


# Projections


@pytest.mark.parametrize("kind", list(KINDS))
def test_pca_equals_the_singular_value_decomposition(tiny: Callable, kind: str) -> None:
    engine, model = tiny(kind)
    rows = rows_of(model, "output")[: engine.tokenizer.vocab_size]
    centred = rows - rows.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    found = engine.project(n_dimensions=3, matrix="output")
    assert found.ids.tolist() == vocabulary_table(engine.tokenizer).ids.tolist()
    assert (found.points.dtype, found.points.shape) == (np.float32, (len(rows), 3))
    expected = centred @ axes[:3].T
    signs = np.sign((expected * found.points).sum(axis=0))
    np.testing.assert_allclose(found.points, expected * signs, atol=1e-3)
    assert found.explained_variance_ratio is not None
    np.testing.assert_allclose(found.explained_variance_ratio, (values**2 / (values**2).sum())[:3], rtol=1e-4)
    np.testing.assert_allclose(PCA(3).fit(rows).explained_variance_ratio_, found.explained_variance_ratio, rtol=1e-4)
    # Chosen tokens stand where they stand in the picture of all, in the order asked for.
    few = engine.project([9, 5, 9], n_dimensions=2, matrix="output")
    np.testing.assert_allclose(few.points, found.points[[9, 5, 9], :2], atol=1e-5)


def test_tsne_keeps_neighbours_together_and_its_seed_decides() -> None:
    from lmloupe.model.embeddings.projection import tsne_points

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16)) * 3
    rows = (np.repeat(centres, 20, axis=0) + rng.normal(size=(60, 16))).astype(np.float32)
    points = tsne_points(rows, 2, seed=1)
    groups = np.repeat(np.arange(3), 20)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.9
    np.testing.assert_array_equal(points, tsne_points(rows, 2, seed=1))
    assert not np.array_equal(points, tsne_points(rows, 2, seed=2))


def test_tsne_of_an_engine_names_its_tokens_and_its_limits(tiny: Callable) -> None:
    engine, _ = tiny("untied")
    made = engine.project(list(range(10, 40)), "tsne", 3)
    assert (made.points.shape, made.method, made.explained_variance_ratio) == ((30, 3), "tsne", None)
    assert made.ids.tolist() == list(range(10, 40))
    with pytest.raises(lm.InvalidSettingError, match=r"4 tokens.*5 to 2,000"):
        engine.project([1, 2, 3, 4], "tsne")
    for wrong in ({"method": "umap"}, {"n_dimensions": 4}, {"seed": -1}, {"matrix": "middle"}):
        with pytest.raises(lm.InvalidSettingError):
            engine.project([1, 2, 3], **wrong)
    with pytest.raises(lm.InvalidIdError, match="9000"):
        engine.project([9000])


# Under-trained tokens


def plant(folder: Path, *, tied: bool) -> tuple[lm.Engine, list[int]]:
    """A tiny model in which training never met some tokens: their output rows, and the unused ones, are one vector."""
    build("llama", folder, tie_word_embeddings=tied)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    planted = [60, 150, 277]
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        output = model.get_output_embeddings().weight
        unused = torch.randn(output.shape[1], generator=generator) * 0.2
        noise = torch.randn((len(output), output.shape[1]), generator=generator) * 0.005
        rows = [*planted, *range(model_vocabulary(), len(output))]
        output[rows] = unused + noise[rows]
        if not tied:
            model.get_input_embeddings().weight[planted] *= 0.05
    model.save_pretrained(folder)
    return lm.load_engine(folder, device="cpu"), planted


def model_vocabulary() -> int:
    from tests.support.tiny_models import tokenizer

    return tokenizer().get_vocab_size()


@pytest.mark.parametrize("tied", [False, True])
def test_planted_tokens_are_found(tmp_path: Path, tied: bool) -> None:
    engine, planted = plant(tmp_path / "m", tied=tied)
    tok = engine.tokenizer
    found = engine.undertrained_tokens(10)
    assert found.indicator == "output_cosine"
    assert set(planted) <= set(found.ids[:10].tolist())
    assert {i for i in found.ids.tolist() if not found.is_reference[found.ids.tolist().index(i)]} >= set(planted)
    assert (np.diff(found.scores) >= 0).all()
    assert found.scores[found.ids.tolist().index(planted[0])] < found.threshold < found.mean
    assert set(range(tok.vocab_size, 512)) <= set(found.reference_ids.tolist())
    if not tied:
        by_norm = engine.undertrained_tokens(3, "input_norm")
        norms = engine.embedding_norms()
        np.testing.assert_array_equal(by_norm.scores, norms[by_norm.ids])
        assert len(by_norm.reference_ids) == 0
        ordinary = [i for i in range(tok.vocab_size) if norms[i] > 0]
        assert set(planted) == set(sorted(ordinary, key=lambda i: norms[i])[:3])


def test_the_indicator_equals_the_published_steps(tiny: Callable) -> None:
    engine, model = tiny("untied")
    n = engine.tokenizer.vocab_size
    rows = rows_of(model, "output")
    first = PCA(1).fit(rows[:n]).components_[0]
    without = rows - np.outer(rows @ first, first)
    reference = known_unused_ids(engine.tokenizer, len(rows))
    expected = 1 - cosines(without, without[reference].mean(axis=0))
    weight = model.get_output_embeddings().weight
    np.testing.assert_allclose(output_cosine_distances(VocabularyMatrix(weight, n), reference), expected[:n], atol=1e-4)
    found = engine.undertrained_tokens(n)
    assert found.scores.tolist() == pytest.approx(np.sort(expected[:n]).tolist(), abs=1e-4)


def test_every_token_listed_says_what_it_is(tiny: Callable) -> None:
    engine, _ = tiny("untied")
    table = vocabulary_table(engine.tokenizer)
    everything = engine.undertrained_tokens(10**6)
    assert sorted(everything.ids.tolist()) == table.ids.tolist()
    assert [table.kind(i) for i in everything.ids.tolist()] == list(everything.kinds)
    assert "special" in everything.kinds
    # The bytes that UTF-8 never has are known to be unused, and labelled so.
    reference = {i for i, used in zip(everything.ids.tolist(), everything.is_reference, strict=True) if used}
    raw = {engine.tokenizer.token_bytes(i) for i in reference}
    assert raw == {bytes([b]) for b in (0xC0, 0xC1, *range(0xF5, 0x100))}
    texts = engine.undertrained_tokens(20, kinds=("text",))
    assert set(texts.kinds) == {"text"}
    with pytest.raises(lm.InvalidSettingError, match="'word' is not a kind"):
        engine.undertrained_tokens(kinds=("word",))
    with pytest.raises(lm.InvalidSettingError, match="indicator"):
        engine.undertrained_tokens(indicator="feeling")
    given = engine.undertrained_tokens(5, known_unused=[44])
    assert (given.reference_ids.tolist(), given.reference, given.ids[0]) == ([44], "given", 44)


def test_a_token_that_no_merge_makes_is_said_to_be_unreachable(tmp_path: Path) -> None:
    folder = build("llama", tmp_path / "m")
    file = json.loads((folder / "tokenizer.json").read_text())
    left, right = file["model"]["merges"].pop()
    (folder / "tokenizer.json").write_text(json.dumps(file))
    found = lm.load_engine(folder, device="cpu").undertrained_tokens(10**6)
    assert found.ids[found.unreachable].tolist() == [file["model"]["vocab"][left + right]]


# Cosines, and the same word in two texts


def test_cosine_matrix_equals_numpy_and_zero_vectors_give_zero() -> None:
    vectors = np.random.default_rng(3).normal(size=(7, 5))
    vectors[2] = 0
    found = lm.cosine_matrix(vectors)
    assert found.dtype == np.float32
    for i in range(7):
        np.testing.assert_allclose(found[i], cosines(vectors, vectors[i]), atol=1e-6)
    assert not found[2].any()
    assert lm.cosine_matrix(np.empty((0, 4))).shape == (0, 0)
    for wrong in (np.ones(3), np.array([[np.nan, 1.0]])):
        with pytest.raises(lm.InvalidSettingError, match="finite"):
            lm.cosine_matrix(wrong)


@pytest.mark.parametrize("kind", list(KINDS))
def test_contextual_similarity_equals_transformers_hidden_states(tiny: Callable, kind: str) -> None:
    engine, model = tiny(kind)
    a, b = [1, 20, 33, 47, 90], [1, 61, 33]
    with torch.inference_mode():
        states = [
            np.stack(
                [s[0].double().numpy() for s in model(torch.tensor([ids]), output_hidden_states=True).hidden_states]
            )
            for ids in (a, b)
        ]
    x, y = states[0][:, 2], states[1][:, 2]
    expected = (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    found = engine.contextual_similarity(a, 2, b, 2)
    assert (found.shape, found.dtype) == ((engine.describe().n_layers + 1,), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found[0] == pytest.approx(1)  # the same token has one embedding
    z = states[0][:, 4]
    within = (x * z).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(z, axis=1)
    np.testing.assert_allclose(engine.contextual_similarity(a, 2, a, 4), within, atol=1e-4)
    with pytest.raises(lm.InvalidSettingError, match="Position 5"):
        engine.contextual_similarity(a, 5, b, 0)


def test_one_text_twice_is_one_forward(tiny: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = tiny("tied")
    passes: list[int] = []
    # Vectors between the blocks need no output matrix, so the model is read without it.
    handle = engine.loaded.model.base_model.register_forward_pre_hook(
        lambda _module, _args, kwargs: passes.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        engine.contextual_similarity([1, 20, 33, 47, 90], 1, [1, 20, 33, 47, 90], 3)
        assert passes == [4]
        engine.contextual_similarity([1, 20, 33, 47, 90], 1, [1, 20, 33], 2)
        assert passes == [4, 2, 3]
    finally:
        handle.remove()


def test_the_tokens_of_a_word_are_found_by_its_characters(tiny: Callable) -> None:
    engine, _ = tiny("untied")
    text = "The coconut rolls, and the coconut sings 東京."
    tok = engine.tokenizer
    for word in ("coconut", "東京", "sings"):
        start = text.rindex(word)
        positions = lm.word_positions(tok, text, start, start + len(word))
        enc = lm.encode(tok, text, add_special_tokens=True)
        covered = b"".join(enc.token_bytes(int(i)) for i in positions)
        assert word.encode() in covered
        assert len(covered) <= len(word.encode()) + 1  # a space before it at most
        assert positions[-1] < len(engine.input_ids(text))
    for wrong in ((3, 3), (-1, 2), (0, len(text) + 1)):
        with pytest.raises(lm.InvalidSettingError, match="not a part"):
            lm.word_positions(tok, text, *wrong)


@pytest.mark.model
def test_the_embedded_models_rows_mean_something(embedded_model_folder: Path) -> None:
    engine = lm.load_engine(device="cpu")
    tok = engine.tokenizer

    def an_id(text: str) -> int:
        (only,) = lm.encode(tok, text).input_ids.tolist()
        return int(only)

    assert tok.token_bytes(int(engine.analogy(an_id(" king"), an_id(" man"), an_id(" woman"), 1).ids[0])) == b" queen"
    assert tok.token_bytes(int(engine.neighbours(an_id(" Monday"), 1).ids[0])) in {b" Tuesday", b"Monday"}
    # Names out of source files that no model trained on prose has met.
    odd = engine.undertrained_tokens(20, kinds=("text",))
    assert {b"ManagementPlaneProtection", b" InstancePreprocess"} <= {tok.token_bytes(int(i)) for i in odd.ids}
    assert odd.reference.startswith("special tokens")
    a, b, c = "We sat on the bank of the river.", "She keeps her money in the bank.", "He owes money to the bank."

    def last_of_bank(text: str) -> int:
        start = text.index("bank")
        return int(lm.word_positions(tok, text, start, start + 4)[-1])

    apart = engine.contextual_similarity(a, last_of_bank(a), b, last_of_bank(b))
    together = engine.contextual_similarity(b, last_of_bank(b), c, last_of_bank(c))
    assert apart[0] == together[0] == pytest.approx(1)
    assert (apart[10:] < together[10:]).all()
