"""A gap in a sentence: the causal model's scores against plain passes, the masked model's against fill-mask."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmloupe as lm
from tests.support import tiny_masked
from tests.support.hub_server import Hub, Repo

LEFT, RIGHT = "A coconut rolls down the ", " and the children run after it."
WORDS = st.text("abcdehlnorst ü", min_size=1, max_size=6).filter(lambda word: word.strip())


@pytest.fixture(scope="module")
def causal(tiny_model_folder: Callable[[str], Path]) -> tuple[lm.Engine, transformers.PreTrainedModel]:
    folder = tiny_model_folder("llama")
    return lm.load_engine(folder), transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def masked(tiny_masked_folder: Callable[[str], Path]) -> Callable[[str], lm.MaskedModel]:
    models = {kind: lm.load_masked_model(tiny_masked_folder(kind)) for kind in tiny_masked.KINDS}
    return models.__getitem__


def log_prob(model: transformers.PreTrainedModel, ids: np.ndarray) -> float:
    """The log-probability of ids but the first, by one plain pass in float64."""
    rows = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.inference_mode():
        logits = model(rows).logits[0, :-1].double().log_softmax(-1)
    return float(logits.gather(1, rows[0, 1:, None]).sum())


def test_the_scores_at_the_gap_are_the_same_whatever_comes_after_it(causal: tuple) -> None:
    engine, model = causal
    others = [" and nobody sees it.", ".", " of the model " * 6]
    found = engine.gap(LEFT, RIGHT, other_rights=others, top_k=0)
    assert [one.text for one in found.rights] == [RIGHT, *others]
    for one in found.rights:
        rows = torch.from_numpy(one.input_ids.astype(np.int64))[None]
        with torch.inference_mode():
            theirs = model(rows).logits[0, len(found.input_ids) - 1].numpy()
        np.testing.assert_allclose(one.logits, theirs, atol=1e-5)
        np.testing.assert_allclose(one.logits, found.logits, atol=1e-5)
        assert one.input_ids[: len(found.input_ids)].tolist() == found.input_ids.tolist()
        assert one.off <= found.tolerance
    assert not found.right_side_is_seen
    assert found.largest_change < 1e-6
    same_length = engine.gap("the model", " reads", other_rights=[" guess", " token"], top_k=0)
    lengths = {len(one.input_ids) for one in same_length.rights}
    if len(lengths) == 1:  # of one shape a pass adds up in one order: equal bit by bit
        assert len({one.logits.tobytes() for one in same_length.rights}) == 1


def test_a_model_that_did_see_the_right_side_would_be_found_out(causal: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = causal
    answer = engine.loaded.model.forward

    def peeking(input_ids: torch.Tensor, **options: object) -> object:
        found = answer(input_ids=input_ids, **options)
        found.logits = found.logits + input_ids.float().mean() * torch.linspace(-1, 1, found.logits.shape[-1])
        return found

    monkeypatch.setattr(engine.loaded.model, "forward", peeking)
    assert engine.gap(LEFT, RIGHT, other_rights=["."], top_k=0).right_side_is_seen


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=WORDS, candidate=WORDS, right=WORDS)
def test_candidates_are_scored_by_the_whole_text_as_the_tokenizer_cuts_it(
    causal: tuple, left: str, candidate: str, right: str
) -> None:
    engine, model = causal
    found = engine.gap(left, right, [candidate], top_k=0).candidates[0]
    whole = lm.encode(engine.tokenizer, left + candidate + right, add_special_tokens=True)
    part = lm.encode(engine.tokenizer, left + candidate, add_special_tokens=True)
    assert found.whole_log_prob == pytest.approx(log_prob(model, whole.input_ids), abs=1e-3)
    assert found.left_log_prob == pytest.approx(log_prob(model, part.input_ids), abs=1e-3)
    held = [
        token.id for token in whole.tokens
        if token.start < len(left + candidate) and token.end > len(left) + len(candidate) - len(candidate.lstrip())
    ]  # fmt: skip
    assert list(found.token_ids) == held


def test_tokens_that_the_edge_of_the_gap_cuts_are_said(causal: tuple) -> None:
    engine, _ = causal
    assert engine.gap("A coc", "ut rolls", ["on"], top_k=0).candidates[0].merges  # " coconut" is one token
    assert not engine.gap("A ", " rolls", ["coconut"], top_k=0).candidates[0].merges


def test_the_models_own_tokens_are_candidates_that_fit_as_the_sentence_is_written(causal: tuple) -> None:
    engine, _ = causal
    found = engine.gap(LEFT, RIGHT, ["reads"], top_k=4)
    own = [one.text for one in found.candidates if one.origin == "model"]
    assert len(own) == len(set(own)) == 4
    assert found.candidates[0].origin == "given"
    order = np.argsort(-found.logits, kind="stable")
    texts = [engine.tokenizer.token_bytes(int(i)) for i in order if engine.tokenizer.has(int(i))]
    spelled = [text.decode(errors="replace") for text in texts]
    fitting = [text[1:] for text in spelled if text.startswith(" ") and text.strip() and "\ufffd" not in text]
    assert own == [text for text in fitting if text != "reads"][:4]
    assert found.left_shares.sum() == pytest.approx(1)
    assert found.whole_shares.sum() == pytest.approx(1)


@pytest.mark.model
def test_the_right_side_decides_when_the_whole_sentence_counts(embedded_engine: lm.Engine) -> None:
    for right, best in ((" is Paris.", "France"), (" is Rome.", "Italy")):
        found = embedded_engine.gap("The capital of ", right, ["France", "Italy"], top_k=1)
        assert found.candidates[int(found.whole_shares.argmax())].text == best
    assert found.candidates[int(found.left_shares.argmax())].text == "the"


@pytest.mark.parametrize("kind", tiny_masked.KINDS)
def test_the_scores_at_a_mask_are_those_of_fill_mask(
    kind: str, masked: Callable[[str], lm.MaskedModel], tiny_masked_folder: Callable[[str], Path]
) -> None:
    model, folder = masked(kind), tiny_masked_folder(kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.pipeline(
        "fill-mask", model=transformers.AutoModelForMaskedLM.from_pretrained(folder), tokenizer=tokenizer
    )
    for left, right in ((LEFT, RIGHT), ("", " reads tokens"), ("the model ", "")):
        found = model.gap(left, right)
        expected = theirs(left + tokenizer.mask_token + right, top_k=8)
        best = np.argsort(-found.logits, kind="stable")[:8]
        assert best.tolist() == [one["token"] for one in expected]
        np.testing.assert_allclose(np.exp(found.log_probs[best]), [one["score"] for one in expected], rtol=1e-4)
        assert found.input_ids.tolist() == tokenizer(left + tokenizer.mask_token + right)["input_ids"]
    # A candidate of one token has the pipeline's score for it.
    single = next(one for one in found.candidates or model.gap(LEFT, RIGHT, ["a", "the", "."]).candidates)
    score = theirs(LEFT + tokenizer.mask_token + RIGHT, targets=[tokenizer.convert_ids_to_tokens(single.token_ids[0])])
    assert np.exp(single.log_prob) == pytest.approx(score[0]["score"], rel=1e-4)


def test_a_candidate_of_several_tokens_takes_masks_from_left_to_right(
    masked: Callable[[str], lm.MaskedModel], tiny_masked_folder: Callable[[str], Path]
) -> None:
    model, folder = masked("roberta"), tiny_masked_folder("roberta")
    plain = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    found = model.gap(LEFT, RIGHT, ["coconut model"]).candidates[0]
    assert len(found.token_ids) > 1
    ids = lm.encode(model.tokenizer, LEFT + "coconut model" + RIGHT, add_special_tokens=True).input_ids.astype(np.int64)
    start = next(
        i for i in range(len(ids)) if ids[i : i + len(found.token_ids)].tolist() == list(found.token_ids)
    )  # fmt: skip
    mask_id, expected = model.describe().mask_id, []
    for i, token_id in enumerate(found.token_ids):
        rows = torch.from_numpy(ids.copy())[None]
        rows[0, start + i : start + len(found.token_ids)] = mask_id
        with torch.inference_mode():
            expected.append(float(plain(rows).logits[0, start + i].log_softmax(-1)[token_id]))
    np.testing.assert_allclose(found.token_log_probs, expected, atol=1e-4)
    assert found.log_prob == pytest.approx(sum(expected), abs=1e-3)


@pytest.mark.parametrize("kind", tiny_masked.KINDS)
def test_a_masked_model_sees_the_right_side_and_reads_up_to_its_limit(
    kind: str, masked: Callable[[str], lm.MaskedModel]
) -> None:
    model = masked(kind)
    one, other = model.gap(LEFT, RIGHT), model.gap(LEFT, " of the city.")
    assert np.abs(np.exp(one.log_probs) - np.exp(other.log_probs)).max() > 1e-3
    limit = model.describe().context_length
    assert limit == (64 if kind == "roberta" else 66)
    word = " ." if kind == "bert" else "."
    room = limit - len(model.gap("", "").input_ids)
    assert len(model.gap("", word * room).input_ids) == limit  # the last place works
    with pytest.raises(lm.ContextLengthError, match=f"reads at most {limit} at once"):
        model.gap("", word * (room + 1))


def test_what_is_no_gap_is_said_in_one_sentence(causal: tuple, masked: Callable[[str], lm.MaskedModel]) -> None:
    engine, _ = causal
    with pytest.raises(lm.InvalidTextError, match="Nothing stands after the gap"):
        engine.gap(LEFT, "")
    with pytest.raises(lm.InvalidTextError, match="Candidate 2 of 2 is empty"):
        engine.gap(LEFT, RIGHT, ["hill", " "])
    with pytest.raises(lm.InvalidSettingError, match="top_k is 33"):
        engine.gap(LEFT, RIGHT, top_k=33)
    with pytest.raises(lm.InvalidSettingError, match="at most 32 texts"):
        engine.gap(LEFT, RIGHT, [str(i) for i in range(33)])
    with pytest.raises(lm.InvalidTextError, match=r"spells \[MASK\], which stands for the gap itself"):
        masked("bert").gap("A [MASK] and ", RIGHT)
    with pytest.raises(lm.InvalidTextError, match="Candidate 1 of 1 is empty"):
        masked("bert").gap(LEFT, RIGHT, [""])


def test_without_a_token_before_the_gap_there_is_nothing_to_read(
    tiny_model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "no-bos"
    shutil.copytree(tiny_model_folder("llama"), folder)
    fast = transformers.PreTrainedTokenizerFast
    from tests.support import tiny_models

    fast(tokenizer_object=tiny_models.tokenizer(add_bos=False)).save_pretrained(folder)
    engine = lm.load_engine(folder)
    with pytest.raises(lm.InvalidTextError, match="Nothing stands before the gap"):
        engine.gap("", RIGHT)
    with pytest.raises(lm.InvalidTextError, match="the first token is another one"):
        engine.gap(" coc", " rolls", ["onut"])  # " coconut" is one token


def test_a_causal_model_is_no_masked_one_and_the_reverse(
    tiny_model_folder: Callable[[str], Path], tiny_masked_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(lm.UnsupportedError, match="LlamaForCausalLM, not a masked language model: it reads from left"):
        lm.load_masked_model(tiny_model_folder("llama"))
    with pytest.raises(lm.UnsupportedError, match="not a masked language model"):
        lm.load_masked_model("smollm2-135m-instruct")
    with pytest.raises(lm.UnsupportedError, match=r"is not causal.*load_masked_model"):
        lm.load_engine(tiny_masked_folder("bert"))
    decoder = tiny_masked.build("bert", tmp_path / "decoder", is_decoder=True)
    with pytest.raises(lm.UnsupportedError, match="reads from left to right only"):
        lm.load_masked_model(decoder)
    body = tiny_masked.build("bert", tmp_path / "classes", save="SequenceClassification")
    with pytest.raises(lm.UnsupportedError, match="random numbers"):
        lm.load_masked_model(body)


def test_a_tokenizer_without_a_mask_is_refused(tiny_masked_folder: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "no-mask"
    shutil.copytree(tiny_masked_folder("bert"), folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(lm.UnsupportedError, match="names no mask token"):
        lm.load_masked_model(folder)


def test_a_masked_model_of_the_hub_is_fetched_by_the_same_rules(
    hub: Hub, tiny_masked_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    hub.repos["tiny/bert"] = Repo(tiny_masked_folder("bert"))
    estimate = lm.masked_memory_estimate("tiny/bert")
    assert estimate.fits
    assert estimate.download_bytes == (tiny_masked_folder("bert") / "model.safetensors").stat().st_size
    assert not [path for path in hub.paths() if path.endswith(".safetensors")]
    model = lm.load_masked_model("tiny/bert")
    assert model.describe().bytes == estimate.weights_bytes
    assert model.describe().n_parameters == estimate.n_parameters
    assert lm.masked_memory_estimate("tiny/bert").download_bytes == 0
    with pytest.raises(lm.UnsupportedError, match="not a masked language model"):
        lm.masked_memory_estimate("smollm2-135m-instruct")
    assert model.describe().revision == hub.repos["tiny/bert"].commit
    assert model.gap(LEFT, RIGHT, ["hill"]).candidates[0].text == "hill"
    hub.repos["tiny/gated"] = Repo(tiny_masked_folder("bert"), "gated")
    with pytest.raises(lm.GatedError):
        lm.load_masked_model("tiny/gated")
    pickled = tmp_path / "pickled"
    shutil.copytree(tiny_masked_folder("bert"), pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    hub.repos["tiny/pickled"] = Repo(pickled)
    with pytest.raises(lm.UnsafeWeightsError):
        lm.load_masked_model("tiny/pickled")
    with pytest.raises(lm.SourceNotFoundError):
        lm.load_masked_model("tiny/absent")
