"""The pages of Vectors, Next token's views, and the choice of a model, as AppTest runs them."""

from __future__ import annotations

import json
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import no_exception, open_page, output_of, payload_of, sentences
from tests.support.tiny_models import tiny_model_folder
from ui.base.errors import escape_markdown
from ui.base.labels import token_label
from ui.base.words import probability as probability_of
from ui.components.distribution_view import RULES, distribution_bars, rolled_by, token_picked_in
from ui.model.choice import OFFERED
from ui.prediction.sampling_code import warpers_code
from ui.prediction.sampling_frames import best_ids
from ui.state import link
from ui.state.settings import SETTINGS
from ui.vectors import architecture_parts, map_view
from ui.vectors.architecture_view import histogram_chart, histogram_title
from ui.vectors.block_diagram import block_svg
from ui.vectors.map_names import FEWEST, LIFT, SHARE, place_names

__all__ = ["tiny_model_folder"]

model = pytest.mark.model


@pytest.fixture
def engine(embedded_engine: LocalEngine) -> lm.Engine:
    return embedded_engine


# The bars


SAMPLINGS = st.builds(
    lm.Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    top_k=st.integers(0, 12),
    top_p=st.floats(0.1, 1.0),
    min_p=st.floats(0.0, 0.5),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), SAMPLINGS)
def test_the_bars_lose_nothing_that_a_rule_removed_and_name_the_rule(seed: int, sampling: lm.Sampling) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, 20).astype(np.float32)
    stages = lm.sampling_stages(logits, sampling, np.array([3, 4]))
    bars = distribution_bars(stages, sampling, range(20), [str(i) for i in range(20)], np.arange(20))
    np.testing.assert_array_equal([bar.own for bar in bars], stages[0].probs)
    np.testing.assert_array_equal([bar.drawn for bar in bars], stages[-1].probs)
    assert [bar.count for bar in bars] == list(range(20))
    assert {bar.id for bar in bars if bar.removed_by} == set(np.flatnonzero(~stages[-1].kept).tolist())
    for stage in stages[1:]:
        rule = f"{RULES[stage.name]} {getattr(sampling, stage.name):g}"
        assert sum(bar.before for bar in bars if bar.removed_by == rule) == pytest.approx(stage.removed_mass)
    assert all((bar.before > 0) == bool(bar.removed_by) for bar in bars)


@pytest.mark.parametrize(
    "sent",
    [None, {}, {"picked": 3}, {"picked": {"id": "3", "of": "a"}}, {"picked": {"id": True, "of": "a"}}, {"rolled": []}],
)
def test_what_a_browser_sends_of_the_bars_is_not_believed(sent: object) -> None:
    assert token_picked_in(sent, "a") is None
    assert rolled_by(sent, "a") is None


def test_a_click_on_an_older_picture_chooses_nothing() -> None:
    assert token_picked_in({"picked": {"id": 3, "of": "a"}}, "a") == 3
    assert token_picked_in({"picked": {"id": 3, "of": "a"}}, "b") is None
    assert rolled_by({"rolled": {"n": 10, "of": "a"}}, "a") == 10


@pytest.mark.parametrize(
    "sampling",
    [
        lm.Sampling(),
        lm.Sampling(temperature=0),
        lm.Sampling(temperature=0.7, top_k=7, top_p=0.8, min_p=0.05, repetition_penalty=1.3),
    ],
)
def test_the_code_of_the_settings_is_transformers_own(sampling: lm.Sampling) -> None:
    import torch

    logits = torch.from_numpy(np.random.default_rng(1).normal(0, 3, (1, 50)).astype(np.float32))
    ids = torch.tensor([[3, 4, 4]])
    names: dict[str, list[object]] = {}
    exec(warpers_code(sampling), names)  # noqa: S102 - the code that the page tells people to run
    scores = logits
    for warper in names["warpers"]:
        scores = warper(ids, scores)  # type: ignore[operator]
    ours = lm.sampling_stages(logits[0].numpy(), sampling, ids[0].numpy())[-1].probs
    np.testing.assert_allclose(torch.softmax(scores, -1)[0].numpy(), ours, atol=1e-6)


# Next token


@model
def test_every_view_of_next_token_comes_from_one_forward(engine: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    forward = LocalEngine.next_token

    def counted(self: LocalEngine, ids: object) -> lm.NextToken:
        calls.append(1)
        return forward(self, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalEngine, "next_token", counted)
    monkeypatch.setattr(LocalEngine, "score", lambda *_, **__: pytest.fail("a slider ran the model"))
    text = "The sun rises in the"
    app = open_page("next_token", text=text, temperature="0.8", min_p="0.01", next_view="vocabulary")
    answer = forward(engine, text)  # type: ignore[arg-type]
    stages = lm.sampling_stages(answer.logits, lm.Sampling(temperature=0.8, min_p=0.01), answer.input_ids)
    whole = app.dataframe[0].value
    assert sorted(whole["Id"]) == list(range(len(answer.logits)))
    np.testing.assert_array_equal(whole["Logit"], answer.logits[whole["Id"]])
    np.testing.assert_allclose(whole["Drawn with"], 100 * stages[-1].probs[whole["Id"]])  # in percent
    assert ((whole["Removed by"] == "min-p") == ~stages[-1].kept[whole["Id"]]).all()
    assert set(whole["Removed by"]) == {"", "min-p"}

    app.segmented_control(key="next_view").set_value("stages")
    rules = app.run().dataframe[0].value
    assert rules["Tokens left"].tolist() == [int(stage.kept.sum()) for stage in stages]
    np.testing.assert_allclose(rules["Removed"], [100 * stage.removed_mass for stage in stages])
    assert rules["Setting"].tolist() == ["", "off", "0.8", "off", "off", "0.01"]

    app.segmented_control(key="next_view").set_value("settings")
    app.run()
    app.number_input(key="top_k_b").set_value(2)
    rows, both = (frame.value for frame in app.run().dataframe[:2])
    second = lm.sampling_stages(answer.logits, lm.Sampling(1.5, 2, 0.9), answer.input_ids)[-1]
    np.testing.assert_allclose(both["Second"], 100 * second.probs[both["Id"]])
    np.testing.assert_allclose(both["First"], 100 * stages[-1].probs[both["Id"]])
    assert rows["Tokens left"].tolist() == [int(stages[-1].kept.sum()), int(second.kept.sum())]

    app.button(key="preset_Top-k 5").click()
    assert "5 tokens left" in sentences(app.run())
    assert app.slider(key="temperature").value == 1.0
    assert app.number_input(key="top_k_b").value == 2
    assert not app.exception
    assert len(calls) == 1


@model
def test_the_die_is_reproducible_its_draws_go_on_and_the_code_prints_them(engine: lm.Engine) -> None:
    text = "My favorite color is"
    app = no_exception(open_page("next_token", text=text, temperature="0.8", rolls="50", seed="7", next_view="draws"))
    answer = engine.next_token(text)
    probs = lm.sampling_stages(answer.logits, lm.Sampling(temperature=0.8), answer.input_ids)[-1].probs
    draws = lm.roll(probs, 50, 7)
    table = app.dataframe[0].value
    assert table["Rolled"].tolist() == [int((draws.ids == i).sum()) for i in table["Id"]]
    printed = [line for line in output_of(app) if line.startswith("[")]
    assert printed == [str(draws.ids.tolist())] * 2, "by lmloupe, and by transformers and NumPy alone"
    again = no_exception(open_page("next_token", text=text, temperature="0.8", rolls="50", seed="7", next_view="draws"))
    assert again.dataframe[0].value["Rolled"].tolist() == table["Rolled"].tolist()
    assert lm.roll(probs, 60, 7).ids[:50].tolist() == draws.ids.tolist()
    plain = no_exception(open_page("next_token", text=text))
    assert "lm.roll" not in plain.code[-1].value


@model
def test_rules_that_are_off_are_chips_and_prompts_are_a_press_away(engine: lm.Engine) -> None:
    app = no_exception(open_page("next_token", text="One two", top_p="0.9"))
    assert {slider.key for slider in app.slider} == {"temperature", "top_p"}
    app.button(key="open_top_k").click()
    no_exception(app.run())
    assert app.number_input(key="top_k").value == 5
    app.number_input(key="top_k").set_value(0)
    assert no_exception(app.run()).number_input(key="top_k").value == 0, "it stays under the person's hand"
    app.button(key="preset_All off").click()
    no_exception(app.run())
    assert [slider.key for slider in app.slider] == ["temperature"]
    assert app.button(key="open_top_k").label == "Top-k off"
    app.button(key="prompt_2 + 2 =").click()
    assert no_exception(app.run()).text_area(key="text").value == "2 + 2 ="


@model
def test_a_phrase_has_the_product_of_its_tokens(engine: lm.Engine) -> None:
    app = open_page("next_token", text="The capital of France is", next_view="phrase", phrase=" Paris.")
    table = app.dataframe[0].value
    ids = list(engine.next_token("The capital of France is").input_ids)
    product = 1.0
    for token_id, probability in zip(table["Id"], table["Probability"], strict=True):
        own = np.exp(engine.next_token(ids).log_probs[token_id])
        assert probability == pytest.approx(100 * own, rel=1e-3)
        product *= own
        ids.append(token_id)
    assert len(table) == 2
    assert app.metric[0].value == probability_of(product)
    app.text_input(key="phrase").set_value("")
    assert "Write a token" in app.run().info[0].value


# Embeddings


@model
def test_embeddings_arithmetic_shows_the_analogy(engine: lm.Engine) -> None:
    app = open_page("embeddings", embedding_view="arithmetic", neighbours="6")
    a, b, c = (int(lm.encode(engine.tokenizer, word).input_ids[0]) for word in (" king", " man", " woman"))
    found = engine.analogy(a, b, c, 6)
    table = app.dataframe[0].value
    assert table["Id"].tolist() == found.ids.tolist()
    np.testing.assert_allclose(table["Similarity"], found.similarities, atol=1e-6)
    rows = engine.embed([a, b, c])
    nearest = engine.neighbours(rows[0] - rows[1] + rows[2], 1)
    assert any(f"({nearest.similarities[0]:.3f})" in caption.value for caption in app.caption)
    app.text_input(key="analogy_b").set_value(" incomprehensibilities")
    app.run()
    assert "must be one" in app.error[0].value.replace("\\", "")
    assert app.text_input(key="analogy_b").value == " incomprehensibilities"
    app.text_input(key="analogy_b").set_value(" man")
    app.segmented_control(key="metric").set_value("dot")
    again = app.run().dataframe[0].value
    assert again["Id"].tolist() == engine.analogy(a, b, c, 6, "dot").ids.tolist()


@model
def test_the_most_alike_of_a_text_are_two_different_tokens(engine: lm.Engine) -> None:
    app = open_page("embeddings", text="the cat the dog the cat", embedding_view="cosine")
    tok = engine.tokenizer
    ids = lm.encode(tok, "the cat the dog the cat").input_ids
    cosines = lm.cosine_matrix(engine.embed(ids))
    cosines[ids[:, None] == ids] = -1
    i, j = divmod(int(cosines.argmax()), len(ids))
    said = f"Most alike in this text: “{token_label(tok, int(ids[i]))}” and “{token_label(tok, int(ids[j]))}”"
    assert app.header[0].value.replace("\\", "") == f"{said}, cosine {cosines[i, j]:.3f}"


@model
def test_a_special_token_is_marked_and_dimensions_count_from_one(engine: lm.Engine) -> None:
    app = open_page("embeddings", text="a<|im_start|>b", dimensions="12", dimension_from="12", token_index="1")  # noqa: S106
    sent = payload_of(app, "embedding_strip")
    assert (sent["tokens"], sent["special"]) == (["a", "<|im_start|>", "b"], [False, True, False])
    assert app.slider(key="dimension_from").value == 13
    shown = app.dataframe[0].value
    row = engine.embed(lm.encode(engine.tokenizer, "a<|im_start|>b").input_ids)[:, 12:24]
    np.testing.assert_array_equal(shown[[f"dim {i}" for i in range(13, 25)]], row)


# The map, one word with three meanings, architecture


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(1, 45))
def test_the_best_ids_are_those_of_a_full_sort(scores: list[int], n: int) -> None:
    values = np.array(scores, float)
    assert best_ids(values, n).tolist() == np.argsort(-values, kind="stable")[:n].tolist()


@model
def test_the_map_places_the_vocabulary_and_lists_what_looks_under_trained(
    engine: lm.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("map", map_search="coconut")
    near, marked, suspects = (frame.value for frame in app.dataframe)
    found = lm.search_vocabulary(engine.tokenizer, "coconut", ignore_case=True).ids
    near_the_first = engine.neighbours(int(found[0]), 8)
    assert near["Id"].tolist() == near_the_first.ids.tolist()
    np.testing.assert_allclose(near["Similarity"], near_the_first.similarities, atol=1e-6)
    assert sorted(marked["Id"]) == sorted(found.tolist())
    odd = engine.undertrained_tokens(40, kinds=("text",))
    assert suspects["Id"].tolist() == odd.ids.tolist()
    np.testing.assert_allclose(suspects["Score"], odd.scores, atol=1e-6)
    assert suspects["No text becomes it"].tolist() == odd.unreachable.tolist()
    placed = engine.project(None, "pca", 2)
    share = placed.explained_variance_ratio
    assert share is not None
    assert app.header[0].value == f"Flattened from 576 numbers to 2, the map keeps {share.sum():.0%} of the variance"
    assert f"{len(found):,} tokens contain the search text" in sentences(app)
    sent = sent_map(app)
    assert sent["lit"] == {"found": found.tolist(), "picked": int(found[0]), "near": near_the_first.ids.tolist()}
    order = np.argsort(sent["ids"])
    assert (sent["ids"][order] == placed.ids).all()
    drawn, points = sent["points"][order], placed.points
    scale = np.ptp(drawn[:, 0]) / np.ptp(points[:, 0])
    np.testing.assert_allclose(drawn - drawn.mean(0), (points - points.mean(0)) * scale, atol=1e-4)
    tok = engine.tokenizer
    assert [sent["labels"][i] for i in order[300:400]] == [token_label(tok, int(i)) for i in placed.ids[300:400]]
    assert sent["labels"][0] == token_label(tok, min(i for i in placed.ids.tolist() if tok.piece(i) == "\u0120t"))
    monkeypatch.setattr("lmloupe.load_engine", lambda *_, **__: engine, raising=False)
    printed = [line.split() for line in output_of(app)]
    assert len(printed) == 40
    for place in (0, 20):  # LM Loupe, then transformers and torch alone
        points, scores = printed[place : place + 10], printed[place + 10 : place + 20]
        assert [int(line[0]) for line in points] == placed.ids[:10].tolist()
        numbers = [[float(number) for number in line[1:]] for line in points]
        np.testing.assert_allclose(numbers, placed.points[:10], rtol=1e-3, atol=1e-4)
        assert [int(line[0]) for line in scores] == odd.ids[:10].tolist()
        np.testing.assert_allclose([float(line[1]) for line in scores], odd.scores[:10], rtol=1e-3, atol=1e-4)


def sent_map(app: AppTest) -> dict[str, Any]:
    """What the map was given, read as its scripts do."""
    payload = next(one.proto.bytes for one in app.get("bidi_component") if one.proto.id.endswith(f"-{map_view.MAP}"))
    (length,) = struct.unpack("<I", payload[16:20])
    header = json.loads(payload[20 : 20 + length])
    body = payload[20 + length :]
    read = {}
    for name in ("x", "y", "ids", "groups"):
        start, n, kind = header[name]
        read[name] = np.frombuffer(body, f"<{kind}", n, start)
    return header | read | {"points": np.stack([read["x"], read["y"]], axis=1) / 65535}


@model
def test_a_few_found_tokens_are_placed_among_many_by_t_sne(engine: lm.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    placed_ids: list[list[int]] = []

    def by_hand(self: LocalEngine, ids: list[int], *_: object) -> lm.Projection:
        placed_ids.append(ids)
        return lm.Projection(
            np.int32(ids), np.random.default_rng(0).random((len(ids), 2), np.float32), None, "tsne", "input"
        )

    monkeypatch.setattr(LocalEngine, "project", by_hand)
    map_view.points.clear()
    app = open_page("map", map_method="tsne", map_search="coconut", map_token="99999999")  # noqa: S106
    found = lm.search_vocabulary(engine.tokenizer, "coconut", ignore_case=True).ids
    (ids,) = placed_ids
    assert set(found.tolist()) <= set(ids)
    assert len(ids) >= 700, "no map of a few unlabelled dots"
    sent = sent_map(app)
    assert len(sent["labels"]) == len(ids)
    assert sent["lit"]["picked"] == found[0], "a link with an id that no token has"
    assert "In t-SNE only neighbourhoods mean something, not distances or cluster sizes." in sentences(app)
    map_view.points.clear()


PLACED = st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([(), ("-ing",), ("numbers",)]))


@given(st.lists(PLACED, max_size=90))
def test_a_place_is_named_after_what_most_of_its_tokens_have(tokens: list[tuple[int, int, tuple[str, ...]]]) -> None:
    points = np.array([(x, y) for x, y, _ in tokens], np.float32).reshape(-1, 2)
    traits = [own for *_, own in tokens]
    names = place_names(points, traits)
    assert len({place.name for place in names}) == len(names)
    for place in names:
        rate = sum(place.name in own for own in traits) / len(traits)
        assert place.share >= max(SHARE, LIFT * rate) - 1e-9
        assert FEWEST <= place.n <= len(traits)


@model
def test_one_word_parts_ways_with_itself(engine: lm.Engine) -> None:
    app = open_page("three_meanings")
    table = app.dataframe[0].value
    at = {}
    for name in "abc":
        text = str(SETTINGS[f"sentence_{name}"].default)
        start = text.index("bank")
        at[name] = engine.input_ids(text), int(lm.word_positions(engine.tokenizer, text, start, start + 4)[-1])
    unlike, alike = (engine.contextual_similarity(*at["a"], *at[other]) for other in "bc")
    other = engine.contextual_similarity(*at["b"], *at["c"])
    assert len(table) == engine.describe().n_layers + 1
    np.testing.assert_allclose(table["A and B"], unlike, atol=1e-4)
    np.testing.assert_allclose(table["A and C"], alike, atol=1e-4)
    gaps = alike - np.maximum(unlike, other)
    layer = int(gaps.argmax())
    first = layer - int(np.argmin(gaps[layer::-1] >= 0.02)) + 1
    said = app.header[0].value.replace("\\", "")
    assert said.startswith(f"From layer {first} to ")
    assert f"“bank” in A and C is more alike than with B, most after layer {layer}: cosine {alike[layer]:.2f}" in said
    app.text_area(key="word").set_value("river")
    app.run()
    assert "Sentence B does not contain the word" in app.error[0].value.replace("\\", "")
    next(button for button in app.button if button.label.startswith("Back to")).click()
    app.run()
    assert app.text_area(key="word").value == "bank"
    assert not app.error


@model
def test_architecture_counts_every_module_and_its_weights(engine: lm.Engine) -> None:
    app = open_page("architecture", module="model.layers.3.mlp.down_proj")
    bins, stored, modules = (frame.value for frame in app.dataframe)
    described = engine.describe()
    assert stored["Parameters"].sum() == modules["Parameters"][0] == described.n_parameters
    assert stored["MB"].sum() * 1e6 == pytest.approx(described.bytes)
    counted = engine.weight_histogram("model.layers.3.mlp.down_proj")
    assert bins["Weights"].tolist() == counted.counts.tolist()
    said = sentences(app)
    assert f"mean {counted.mean:.5f}, standard deviation {counted.std:.5f}, least {counted.min:.4f}" in said
    assert app.selectbox(key="module").value == "model.layers.3.mlp.down_proj"
    app.toggle(key="all_blocks").set_value(True)
    table = app.run().dataframe[2].value
    assert table["Path"].tolist() == [node.name for node in described.tree]
    assert table["Parameters"].tolist() == [node.n_parameters for node in described.tree]


@model
def test_the_boxes_of_architecture_are_the_models_own_weights(engine: lm.Engine) -> None:
    described = engine.describe()
    app = open_page("architecture", module="model.layers.3.mlp.down_proj")
    sent = payload_of(app, "architecture_picture")
    assert sum(part["weights"] for part in sent["whole"]) == described.n_parameters
    assert (sent["block"], sent["blocks"], sent["chosen"]) == (4, 30, "model.layers.3.mlp.down_proj")
    boxes = {box["module"]: box for half in sent["halves"] for box in half["boxes"]}
    infos = {info.name: info for info in described.modules}
    assert [boxes[name]["weights"] for name in boxes] == [infos[name].n_parameters for name in boxes]
    assert {name.rsplit(".", 1)[-1] for name in boxes} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    }  # fmt: skip
    assert not any(box["quantized"] for box in boxes.values())
    embedding = infos["model.embed_tokens"].n_parameters / described.n_parameters
    first = app.header[0].value.replace("\\", "")
    assert first == f"{1 - embedding:.0%} of the 134.5 million weights are in the 30 blocks, 21% in the embedding"
    explained = " ".join(block.value for block in app.markdown)
    for half in sent["halves"]:
        for term, about in half["steps"]:
            assert about
            assert escape_markdown(term) in explained, "each term is explained in the text, too"
    start = open_page("architecture", module="no.such.module")
    assert start.selectbox(key="module").value in infos


def test_boxes_name_their_model_in_the_singular_and_mark_what_is_quantized(
    tiny_model_folder: Callable[[str], Path],
) -> None:
    described = lm.load_engine(str(tiny_model_folder("phi3")), quantization="nf4").describe()
    one = replace(described, n_layers=1, block=replace(described.block, n_kv_heads=1, n_heads=4))
    said = " ".join(f"{part.label} {part.size} {part.about}" for part in architecture_parts.whole(one))
    assert "1 block " in said
    assert "1 blocks" not in said
    said = architecture_parts.layers_sentence(one)
    assert said.startswith("1 embedding layer for tokens, then 1 block: where a model is said to have 1 layer,")
    positions = replace(described.modules[0], name="model.positions", shape=(64, 32))
    with_positions = replace(described, modules=(positions, *described.modules))
    said = architecture_parts.layers_sentence(with_positions)
    assert said.startswith(
        f"1 embedding layer for tokens and 1 embedding layer for positions, then {described.n_layers} blocks"
    )
    assert "1 heads" not in " ".join(about for _, about in architecture_parts.terms(one, 1))
    boxes = [box for half in architecture_parts.halves(described, 1) for box in half.boxes]
    assert [box.label for box in boxes] == ["O", "QKV", "gate + up", "down"]
    assert all(box.quantized and "Stored in nf4" in box.about for box in boxes)
    histogram = lm.load_engine(str(tiny_model_folder("phi3")), quantization="nf4").weight_histogram(boxes[0].module)
    assert "16 levels" in histogram_title(histogram, "o_proj")
    chart = histogram_chart(histogram)
    assert len(chart.data[0]["y"]) == 16, "a bar for each level, not a comb of bins"
    assert chart.layout.xaxis.tickformat == ".0%", "the axis counts as the bars' labels do"


@model
def test_the_drawing_of_a_block_has_the_models_own_numbers(engine: lm.Engine) -> None:
    described = engine.describe()
    words = " ".join(ET.fromstring(block_svg(described)).itertext())  # noqa: S314 - our own drawing
    for said in ("q_proj  576→576", "k_proj  576→192", "down_proj  1536→576", "9 query heads of 64, 3 key-value heads",
                 "RMSNorm", "θ = 100,000", "SwiGLU", "grouped-query"):  # fmt: skip
        assert said in words, said
    odd = replace(described, block=replace(described.block, activation="<b>&", norm_kind=None, rope_theta=None))
    assert "<b>&" in " ".join(ET.fromstring(block_svg(odd)).itertext())  # noqa: S314 - our own drawing


# The choice of a model


def an_estimate(*, fits: bool) -> lm.MemoryEstimate:
    return lm.MemoryEstimate(
        name="owner/model", quantization="nf4", device="cpu", context=2048, n_parameters=8_000_000_000,
        weights_bytes=5_600_000_000, kv_cache_bytes=1, overhead_bytes=1, total_bytes=5_600_000_002,
        available_bytes=8_000_000_000 if fits else 1, fits=fits, disk_bytes=16_000_000_000,
        download_bytes=16_000_000_000, sentence="Takes about 5.6 GB.",
    )  # fmt: skip


@pytest.mark.parametrize("fits", [True, False])
def test_a_model_of_the_hub_is_loaded_at_a_press_of_the_button_alone(
    monkeypatch: pytest.MonkeyPatch, *, fits: bool
) -> None:
    loads: list[str] = []

    def load(name: str, *_: object) -> lm.Engine:
        loads.append(name)
        raise lm.UnreachableError("The hub did not answer.")

    monkeypatch.setattr("lmloupe.load_engine", load, raising=False)
    monkeypatch.setattr("lmloupe.memory_estimate", lambda *_: an_estimate(fits=fits), raising=False)
    app = open_page("next_token", model=f"owner/model-{fits}")
    assert loads == []
    (said,) = app.info if fits else app.warning
    assert "Takes about 5\\.6 GB" in said.value
    (button,) = (button for button in app.button if button.label == "Download and load")
    assert button.disabled is not fits
    (link,) = (one for one in app.get("page_link") if one.proto.page == "planner")
    asked = parse_qs(link.proto.query_string)
    assert (asked["plan_model"], asked["plan_card"]) == ([f"owner/model-{fits}"], ["here"])
    if fits:
        button.click()
        app.run()
        assert loads == ["owner/model-True"]
        assert "The hub did not answer" in app.error[0].value
    assert set(OFFERED) <= set(app.selectbox(key="model").options) | {"smollm2-135m-instruct"}


def test_a_folder_as_the_model_is_loaded_at_the_button(tiny_model_folder: Callable[[str], Path]) -> None:
    folder = tiny_model_folder("qwen2")
    app = open_page("next_token", text="coconut", quantization="none", model=str(folder))
    assert app.selectbox(key="model").value == str(folder)
    assert app.info[0].value.replace("\\", "").startswith(f"{folder}: Takes about")
    next(button for button in app.button if button.label == "Load").click()
    app.run()
    assert not app.exception
    assert not app.error
    assert "3 layers of width 64" in app.caption[0].value
    assert link.decode(dict(app.query_params))[0]["model"] == str(folder)


def model_box() -> None:
    from ui.state import store as state
    from ui.state.session import one_run

    with one_run("only"):
        state.text_input("model", "Model")  # AppTest cannot type into a selectbox what it does not offer


@pytest.mark.parametrize("typed", ["no slash", "//elsewhere/share/model", "file:///tmp", "a/b/c"])
def test_a_model_that_is_refused_says_so_and_what_the_page_goes_on_with(typed: str) -> None:
    app = AppTest.from_function(model_box).run()
    app.text_input(key="model").set_value(typed).run()
    said = app.error[0].value.replace("\\", "")
    assert said.startswith("The model was not taken over: it must be")
    assert said.endswith("The page goes on with smollm2-135m-instruct.")
    assert app.text_input(key="model").value == typed
