"""The headings of the charts are true of unusual results too: ties, one token, none, all alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lmloupe as lm
from lmloupe.encodings.alignment import align
from lmloupe.encodings.lines import compare_lines
from tests.support.pages import open_page
from ui.chat.wrong_format.cost import Scored, headline
from ui.generation.tree.view import path_finding
from ui.prediction.lens.view import lens_finding
from ui.text.comparison import costs_more
from ui.text.languages.chart import as_many
from ui.text.token_analysis import counts_finding, ruler_finding
from ui.text.vocabulary.findings import lengths_sentence
from ui.vectors.meanings import parting, place_of


def lens_of(*ranks: int) -> Any:
    """A run whose answer has these ranks in its layers, from the embedding up."""
    cells = {(layer, 0): SimpleNamespace(final_rank=r, log_probs=[-1.0]) for layer, r in enumerate(ranks)}
    return SimpleNamespace(cells=cells)


def test_a_guess_that_was_there_before_and_comes_back_is_not_only_in_the_last_layer() -> None:
    assert "only in the last layer, 3" in lens_finding(lens_of(9, 4, 2, 1), 3, 0, "a", "b")
    assert "again in the last layer, 3" in lens_finding(lens_of(9, 1, 2, 1), 3, 0, "a", "b")


def test_a_character_in_several_tokens_is_not_in_one_piece() -> None:
    two = [lm.encode(lm.load_tokenizer(name), "🥥") for name in ("llama-3.1", "phi-3")]
    assert ruler_finding(align(two)) == "Both tokenizers cut this text nowhere between two characters"
    one = [lm.encode(lm.load_tokenizer(name), "a") for name in ("llama-3.1", "phi-3")]
    assert ruler_finding(align(one)) == "Both tokenizers leave this text in one piece"


def test_a_token_more_in_a_thousand_is_not_0_percent() -> None:
    counts = pd.DataFrame({"Tokenizer": ["A", "B"], "Tokens": [1000, 1001]})
    assert counts_finding(counts) == "B needs less than 1% more tokens than A: 1,001 tokens against 1,000"


def test_a_tokenizer_that_makes_no_token_is_no_divisor() -> None:
    enc = lm.encode(lm.load_tokenizer("llama-3.1"), "a b")
    found: Any = SimpleNamespace(encodings=[enc, ()])
    assert costs_more(found, ("A", "B")) == "A needs 2 tokens for this text, B none"
    assert costs_more(compare_lines(enc, enc), ("A", "B")) == "A and B need the same number of tokens: 2"


def test_most_tokens_of_one_length_are_not_half_of_the_tokens() -> None:
    stats: Any = SimpleNamespace(char_length_counts=np.array([0, 90, 10]))
    assert lengths_sentence(stats) == "90% of the tokens have at most 1 character"


def test_one_format_is_not_every_format() -> None:
    only = Scored(("A",), (1,), np.array([1.0], np.float32), True)
    assert headline([only]) == "Only A can write this conversation: 1.00 bits per token"


def test_a_sentence_between_two_others_is_said_to_be_between_them() -> None:
    table = pd.DataFrame({"Layer": [0, 1], "A and B": [1, 0.9], "A and C": [1, 0.9], "B and C": [1, 0.2]})
    sentence, pair = parting(table, "bank")
    assert sentence.startswith("“bank” in A is as near to B as to C, which are further apart, most after layer 1")
    assert pair is None


def test_a_reply_of_one_token_was_not_least_sure_of_it() -> None:
    branch: Any = SimpleNamespace(steps=[SimpleNamespace(token_id=0, entropy_bits=0.0, log_prob=0.0)], forced=())
    assert (
        path_finding(branch, lm.load_tokenizer("llama-3.1")) == "The model wrote one token, “!”, with probability 100%"
    )


@pytest.mark.parametrize("times", [0.001, 0.03, 1.04, 0.97])
def test_a_ratio_is_never_0_or_1_point_0_times(times: float) -> None:
    assert "0.0 times" not in as_many(times)
    assert "1.0 times" not in as_many(times)


@pytest.mark.parametrize(
    ("page", "params", "said"),
    [
        ("embeddings", {"text": " a a a"}, "All rows are the row of ␣a"),
        ("embeddings", {"text": " a a", "embedding_view": "cosine"}, "“␣a” is every token here"),
        ("surprise", {"text": " a a"}, "“␣a” after “␣a” surprises the model"),
    ],
)
def test_equal_tokens_and_a_single_score_have_no_extremes(page: str, params: dict[str, str], said: str) -> None:
    heads = [head.value.replace("\\", "") for head in open_page(page, **params).header]
    assert any(head.startswith(said) for head in heads), heads


def test_a_link_full_of_nonsense_takes_one_box() -> None:
    app = open_page("special", temperature="x", top_k="-1", seed="y", text="a")
    assert [box.value for box in app.warning] == [
        "`temperature` in the link was ignored: it must be a number from 0 to 2."
    ]
    folded = next(box for box in app.expander if "of the link" in box.label)
    assert folded.label == "2 more settings of the link were ignored"
    assert "`seed`" in folded.markdown[0].value


def test_no_word_is_not_a_word_that_a_sentence_lacks() -> None:
    with pytest.raises(lm.InvalidTextError, match="no word to compare"):
        place_of(lm.load_tokenizer("smollm2"), "A", "a bank", "")
