"""Text scored, Layers, Attention and Generate with the embedded model: what is shown is what transformers computes."""

from __future__ import annotations

import ast
import io
import re
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import no_exception, open_page, output_of, sentences, written_steps
from ui.base.downloads import npy_bytes, table_csv
from ui.base.labels import token_label
from ui.base.loaders import engine as engine_of
from ui.base.words import probability
from ui.components.model_views import LensCell, LensRow
from ui.pages import page
from ui.prediction.attention_table import attended
from ui.prediction.attention_view import head_of, heads_finding, nearest_layer, squares_of
from ui.prediction.lens.files import lens_arrays, lens_table
from ui.prediction.lens.run import LensRequest, LensRun, Part, lens_run
from ui.prediction.lens.stream import draw_rows
from ui.prediction.lens.view import grid, half_drawn
from ui.prediction.score_view import BUCKETS, bucket_of, score_shades

TEXT = "The capital of France is Paris, and the capital of Japan is"
SCORE, LAYERS, ATTENTION = "surprise", "layers", "attention"

RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@pytest.fixture
def engine(embedded_engine: LocalEngine) -> LocalEngine:
    return embedded_engine


def full(path: str, token: int | None = None, **params: str) -> AppTest:
    if token is not None:
        params["token_index"] = str(token)
    return no_exception(open_page(path, quantization="none", **{"text": TEXT} | params))


def test_ranks_fall_into_the_buckets_that_their_words_say() -> None:
    ranks = np.array([1, 2, 10, 11, 100, 101, 1000, 1001, 49152])
    assert [BUCKETS[i][1] for i in bucket_of(ranks)] == [
        "first guess", "2nd to 10th", "2nd to 10th", "11th to 100th", "11th to 100th", "101st to 1,000th",
        "101st to 1,000th", "beyond 1,000th", "beyond 1,000th",
    ]  # fmt: skip


def test_an_array_and_a_table_come_back_from_their_files() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    back = np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    weights = np.tril(np.full((3, 3), 0.5, np.float32))
    weights[2] = [0.2, 0.5, 0.3]
    table = attended(weights, ["a", "b", "c,d"], 2)
    assert table["Token"].tolist() == ["b", "c,d", "a"]
    assert table_csv(table).decode("utf-8-sig").splitlines()[2] == '3,"c,d",0.3'


def test_the_half_drawn_lens_escapes_tokens() -> None:
    rows = [LensRow("1", 1, (LensCell("<img src=x>", 0.5, "", True),))]
    drawn = half_drawn(rows, ["<b>"])
    assert "<img" not in drawn
    assert "<b>" not in drawn


@pytest.mark.model
def test_surprise_shows_the_models_own_numbers_and_its_code_prints_them(engine: LocalEngine) -> None:
    app = full(SCORE, token=4)
    score = engine.score(TEXT)
    table = next(frame.value for frame in app.dataframe if "Surprisal (bits)" in frame.value.columns)
    ids = engine.input_ids(TEXT)
    assert table["Id"].tolist() == ids[1:].tolist()
    sentence = next(block.value for block in app.markdown if block.value.startswith("Perplexity"))
    assert f"**{score.perplexity:,.2f}** per token" in sentence
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Surprisal"] == f"{score.surprisal_bits[3]:.2f} bits"
    assert metrics["Rank"] == f"{score.ranks[3]:,}"
    assert metrics["Probability"] == probability(float(np.exp(score.log_probs[3])))
    most = int(score.surprisal_bits.argmax()) + 1
    (found,) = (header.value.replace("\\", "") for header in app.header)
    assert found.startswith(f"“{token_label(engine.tokenizer, int(ids[most]))}” surprised the model most")
    assert f"{score.perplexity:,.1f}" in found
    np.testing.assert_allclose(table["Probability"], 100 * np.exp(score.log_probs), rtol=1e-4)
    assert score_shades(score, "rank")[0] is None, "nothing is known of the first token"
    own, theirs, *tokens = output_of(app)
    assert float(own.split()[1]) == pytest.approx(float(theirs.split()[1]), rel=1e-4)
    assert float(own.split()[1]) == pytest.approx(score.perplexity, rel=1e-5)
    printed = np.array([[float(number) for number in line.split()] for line in tokens])
    np.testing.assert_allclose(printed[:, 1], table["Rank"])
    np.testing.assert_allclose(printed[:, 2], table["Surprisal (bits)"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(printed[:, 3], table["Entropy (bits)"], rtol=1e-3, atol=1e-4)


@given(st.floats(0, 1))
def test_no_probability_is_written_as_another_one(p: float) -> None:
    written = probability(p)
    assert (written == "0%") == (p == 0)
    assert (written == "100%") == (p == 1)
    number = written.removeprefix(">").removesuffix("%").replace(" × 10", "e").translate(RAISED)
    assert float(number) == pytest.approx(100 * p, rel=0.51, abs=0), "the first digit is right"
    assert float(number) <= 100


@pytest.mark.model
def test_what_is_all_but_impossible_has_a_probability(engine: LocalEngine) -> None:
    text = "The capital of France is coconut"
    app = full(SCORE, text=text)
    score = engine.score(text)
    least = float(np.exp(score.log_probs.min()))
    assert 0 < least < 1e-6
    (found,) = (header.value.replace("\\", "") for header in app.header)
    assert probability(least) in found
    shown = " ".join([found, *(metric.value for metric in app.metric), sentences(app)])
    assert not re.search(r"(?<![\d.])0(\.0+)?%", shown)


@pytest.mark.model
def test_a_reply_of_other_settings_is_grey_and_says_so(engine: LocalEngine) -> None:
    app = full("generate", prompt="text", max_new_tokens="4", temperature="0")
    assert not app.warning
    app.number_input(key="top_k").set_value(3)
    no_exception(app.run())
    assert "other settings" in app.warning[0].value
    assert any(".st-key-stale_run" in block.proto.body for block in app.get("html"))
    assert all(button.disabled for button in app.button if button.key == "generation_tree_on")
    app.number_input(key="top_k").set_value(0)
    assert not no_exception(app.run()).warning


@pytest.mark.model
def test_the_last_row_of_the_lens_is_the_models_answer_and_its_code_prints_a_cell(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    lens_rows = LocalEngine.lens_rows

    def counted(self: LocalEngine, *arguments: Any, **options: Any) -> Any:
        if not options.get("background"):
            asked.append(arguments)
        return lens_rows(self, *arguments, **options)

    monkeypatch.setattr(LocalEngine, "lens_rows", counted)
    app = full(LAYERS, lens_layer="20")
    n_layers, ids = engine.describe().n_layers, tuple(engine.input_ids(TEXT).tolist())
    run = lens_run(LensRequest("smollm2-135m-instruct", "none", ids))
    positions = range(len(ids) - 12, len(ids))
    assert run.has(n_layers, positions)
    last = run.cells[n_layers, len(ids) - 1]
    answer = engine.next_token(TEXT)
    assert last.token_ids[0] == answer.logits.argmax()
    np.testing.assert_allclose(last.log_probs, np.sort(answer.log_probs)[::-1][:10], atol=1e-4)
    assert all(run.cells[n_layers, position].final_rank == 1 for position in positions)
    app.segmented_control(key="lens_by").set_value("rank")
    no_exception(app.run())
    assert len(asked) == 1, "another colour is not another pass"
    printed = [ast.literal_eval(line.replace("] [", "], [")) for line in output_of(app)]
    cell = run.cells[20, len(ids) - 1]
    for token_ids, log_probs in printed:
        assert token_ids == cell.token_ids.tolist()
        np.testing.assert_allclose(log_probs, cell.log_probs, atol=1e-3)
    assert len(printed) == 2
    metrics = {metric.label: float(metric.value) for metric in app.metric if metric.label != "Token"}
    parts = sum(value for name, value in metrics.items() if name != "Logit")
    assert parts == pytest.approx(metrics["Logit"], abs=0.01)
    assert metrics["Logit"] == pytest.approx(float(answer.logits.max()), abs=0.01)
    tok = engine.tokenizer
    assert len(lens_table(run, n_layers, positions, tok, list("x" * len(ids)))) == (n_layers + 1) * 12
    assert lens_arrays(run, n_layers, positions)["lens_token_ids"][0]().shape == (n_layers + 1, 12, 10)
    shares = [cell.share for row in grid(run, n_layers, positions, "entropy", tok, 49152) for cell in row.cells]
    assert all(share is not None and 0 <= share <= 1 for share in shares)


@pytest.mark.model
def test_attention_is_that_of_transformers(engine: LocalEngine) -> None:
    app = full(ATTENTION, attention_layer="5", attention_head="4", token=4)
    table = next(frame.value for frame in app.dataframe if "Weight" in frame.value.columns)
    assert table["Weight"].sum() == pytest.approx(100, abs=1e-3)
    own, theirs = (np.array(ast.literal_eval(line)) for line in output_of(app))
    np.testing.assert_allclose(own, theirs, atol=1e-5)
    np.testing.assert_allclose(100 * own[table["Position"] - 1], table["Weight"], atol=1e-4)
    assert "eager" in sentences(app)
    assert "not explanation" in sentences(app)
    heads = next(frame.value for frame in app.dataframe if "On the first token" in frame.value.columns)
    described = engine.describe()
    assert len(heads) == described.n_layers * described.n_heads
    weights = engine.attention(TEXT, 5)
    own = heads[(heads["Layer"] == 6) & (heads["Head"] == 5)].iloc[0]
    assert own["On the first token"] == pytest.approx(weights[4, 1:, 0].mean(), abs=1e-5)
    most = int((heads["On the first token"] > 0.5).sum())
    assert (
        app.header[0].value == f"{most} of {len(heads)} heads put more than half of their attention on the first token"
    )


@pytest.mark.model
def test_the_first_page_of_attention_takes_one_pass(engine: LocalEngine) -> None:
    text = "Another text for one pass"
    loaded = engine_of("smollm2-135m-instruct", "none")
    loaded.next_token(text)
    passes: list[int] = []
    handle = loaded.loaded.model.register_forward_pre_hook(lambda *_: passes.append(1))  # type: ignore[attr-defined]
    app = full(ATTENTION, text=text)
    full(ATTENTION, text=text, attention_layer="3")
    handle.remove()
    assert len(passes) == 1, "all heads and the chosen one, and then another layer's"
    assert not app.error


@pytest.mark.model
def test_a_text_too_long_for_attention_offers_its_end(engine: LocalEngine) -> None:
    app = full(ATTENTION, text="coconut palm " * 300)
    assert "at most 512" in sentences(app)
    next(button for button in app.button if button.label == "Take the last 256 tokens").click()
    no_exception(app.run())
    assert not app.error
    assert len(app.dataframe)


def test_what_is_not_drawn_of_a_head_is_counted() -> None:
    weights = np.tril(np.ones((2, 8, 8), np.float32))
    weights /= weights.sum(-1, keepdims=True)
    read = lm.AttentionWeights(np.arange(8, dtype=np.int32), 3, weights, None, "attn", (3,))
    head = head_of(read, window=range(5, 8), labels=list("abcdefgh"), n_kv_heads=1, head=1, token=6)
    np.testing.assert_allclose(head.weights.sum(-1) + head.to_first + head.before, 1, atol=1e-6)
    np.testing.assert_allclose(head.to_first[0], 1 / np.arange(6, 9), atol=1e-6)
    assert (head.first_token, list(head.tokens)) == ("a", ["f", "g", "h"])
    whole = head_of(read, window=range(8), labels=list("abcdefgh"), n_kv_heads=1, head=0, token=6)
    np.testing.assert_allclose(whole.weights.sum(-1), 1, atol=1e-6)
    assert not whole.before.any()


def test_blocks_without_attention_are_empty_squares_and_the_nearest_block_is_read() -> None:
    numbers = np.full((3, 2), np.nan, np.float32)
    numbers[2] = [0.25, 0.75]
    patterns = np.zeros((3, 2, 1, 1), np.float32)
    summary = lm.AttentionSummary(np.arange(2, dtype=np.int32), numbers, numbers, numbers, numbers, patterns, (2,))
    squares = squares_of(summary, "first", 1)
    assert squares.says[0] == ["", ""]
    assert squares.says[2][1] == "Layer 3, head 2: 75% on the first token, 75% on the token before, entropy 0.8 bits"
    assert [nearest_layer(summary, layer) for layer in range(3)] == [2, 2, 2]
    assert heads_finding(summary) == "1 of 2 heads put more than half of their attention on the first token"


@pytest.mark.model
@pytest.mark.parametrize("path", [SCORE, LAYERS, ATTENTION])
def test_bad_texts_get_one_sentence(engine: LocalEngine, path: str) -> None:
    app = full(path, text="")
    assert "no tokens" in sentences(app)
    app.text_area(key="text").set_value("a" if path == SCORE else "coconut " * 8192)
    no_exception(app.run())
    said = [box.value.replace("\\", "") for box in app.error]
    assert len(said) == 1
    assert "at least two tokens" in said[0] if path == SCORE else "at most 8,192" in said[0]
    assert not app.dataframe
    app.text_area(key="text").set_value("coconut palm")
    no_exception(app.run())
    assert not app.error


@pytest.mark.model
def test_one_token_has_a_lens_and_attention(engine: LocalEngine) -> None:
    for path in (LAYERS, ATTENTION):
        assert not full(path, text="a").error


@pytest.mark.model
def test_a_place_left_by_tokens_is_taken_up_by_the_models_pages(engine: LocalEngine) -> None:
    place = TEXT.index("Paris")
    app = full(SCORE, place=str(place))
    enc = lm.encode(engine.tokenizer, TEXT)
    index = next(i for i, (start, end) in enumerate(enc.offsets.tolist()) if start <= place < end)
    assert any(f"token {index + 1} of {len(enc)}" in block.value for block in app.markdown)
    app.switch_page(page(ATTENTION).path)
    app.query_params.clear()
    no_exception(app.run())
    assert any(f"token {index + 1} of {len(enc)}" in block.value for block in app.markdown)


@pytest.mark.model
@pytest.mark.parametrize("path", [SCORE, LAYERS, ATTENTION, "pages/vectors/embeddings.py"])
def test_the_card_that_a_page_leads_to_is_of_its_own_token(engine: LocalEngine, path: str) -> None:
    text = "Pa\U0001f965 is"
    enc = lm.encode(engine.tokenizer, text)
    for index in range(2, len(enc)):  # 1 is the default, for which these pages show the last token
        app = full(path, text=text, token_index=str(index))
        link = next(found for found in app.get("page_link") if found.proto.label == "Card")
        params = {key: value[0] for key, value in parse_qs(link.proto.query_string).items()}
        card = no_exception(open_page("pages/text/tokens.py", **params))
        heads = [head.value.replace("\\", "") for head in card.header]
        assert f"Token {index + 1} of {len(enc)} in SmolLM2" in heads, "also among the parts of one emoji"
        facts = next(block.proto.body for block in card.get("html") if "Piece as stored" in block.proto.body)
        assert f"{int(enc.input_ids[index]):,}" in facts
        assert "smollm2" not in card.multiselect(key="tokenizers").value


@pytest.mark.model
def test_blocks_and_positions_are_counted_from_one_and_old_links_mean_what_they_meant(engine: LocalEngine) -> None:
    long = " ".join(["word"] * 100)
    app = full(ATTENTION, attention_layer="5", attention_head="4", attention_from="10", token=19, text=long)
    first = app.slider(key="attention_from")
    assert (first.value, first.min, first.max) == (11, 1, 41)
    assert any("in head 5 of layer 6" in block.value for block in app.header)
    assert "layer=5" in app.code[-1].value, "the library counts as Python does"
    assert app.query_params["attention_layer"] == "5"


class _Rows:
    """A lens that goes on for ever; it remembers whether it was closed."""

    closed = False

    def __init__(self, layers: list[int]) -> None:
        self.layers = iter(layers)

    def poll(self, timeout_s: float) -> lm.LensRow | None:
        layer = next(self.layers, None)
        if layer is None:
            return None
        one = np.zeros(1, np.float32)
        ids = np.zeros((1, 10), np.int32)
        return lm.LensRow(layer, np.zeros(1, np.int32), ids, ids - 1.0, one, one, one.astype(np.int32) + 1, one + 1)

    def close(self) -> None:
        self.closed = True


class _Left(Exception):  # noqa: N818 - what Streamlit raises in a script that shall end is not an error
    pass


class _Screen:
    """A place on a page whose person leaves at the third drawing."""

    drawn = 0

    def html(self, _: str) -> None:
        self.drawn += 1
        if self.drawn == 3:
            raise _Left


@pytest.mark.model
def test_leaving_the_page_stops_the_lens_and_keeps_its_rows(engine: LocalEngine) -> None:
    rows: list[_Rows] = []

    class Slow:
        tokenizer, describe = engine.tokenizer, engine.describe

        def lens_rows(self, ids: object, layers: list[int], *_: object) -> _Rows:
            rows.append(_Rows(layers[:2]))
            return rows[-1]

    run = LensRun(LensRequest("smollm2-135m-instruct", "none", (1,)))
    n_layers = engine.describe().n_layers
    for begun in (1, 2):
        with pytest.raises(_Left):
            draw_rows(run, Slow(), range(1), "probability", ["a"], _Screen())  # type: ignore[arg-type]
        assert rows[-1].closed
        assert len(run.cells) == 2 * begun, "the second time it asks for the layers that are missing"
    assert run.part(n_layers, range(1)) == Part(list(range(n_layers - 4, -1, -1)), [0])


@pytest.mark.model
def test_generate_records_the_lens_and_its_code_prints_the_log_probabilities(engine: LocalEngine) -> None:
    app = full("pages/generation/generate.py", prompt="text", max_new_tokens="6", temperature="0", record_lens="1")
    steps = written_steps(app)
    table = next(frame.value for frame in app.dataframe if "Said" in frame.value.columns)
    assert len(table) == engine.describe().n_layers + 1
    assert table["Said"][0] == "✓", "greedy: the output layer's first token is the one that was said"
    printed = output_of(app)
    assert len(printed) == 2 * len(steps)
    for step, line in zip(steps, printed[len(steps) :], strict=True):
        assert int(line.split()[0]) == step.token_id
        assert float(line.split()[1]) == pytest.approx(step.log_prob, abs=1e-3)
