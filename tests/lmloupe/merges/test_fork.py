"""Two merge trees of one word: each is the tokenizer's own, and what is said of the fork is in the merges."""

import itertools
import json
from functools import cache

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers

import lmloupe as lm
from lmloupe.merges.fork import compare_merges
from lmloupe.merges.side import merge_side
from lmloupe.pipeline.words import begins_text, words_of

PAIRS = list(itertools.combinations(lm.embedded_tokenizers(), 2))
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.text("abdeinorst' 01é🥥к", min_size=1, max_size=14),
)
PARTS = ["a", " ", "  ", "\n", "(", " coconut", "the", "'s", "12", "é", "🥥", "к"]
NAMES = ("Llama 3.1", "Phi-3")


@cache
def merges(key: str) -> dict[tuple[str, str], int]:
    """The merges of the file itself."""
    listed = json.loads(lm.load_tokenizer(key).backend.to_str())["model"]["merges"]
    return {(left, right): rank for rank, (left, right) in enumerate(listed)}


def said(word: str, a: str = "llama-3.1", b: str = "phi-3", *, at_start: bool = False) -> str:
    toks = lm.load_tokenizer(a), lm.load_tokenizer(b)
    return compare_merges(*toks, word, at_start=at_start).sentence(*NAMES)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (" coconut", "Llama 3.1 learned con + ut as merge 72,303; Phi-3 never did."),
        (" tokenization", "Llama 3.1 and Phi-3 both end with the same 2 tokens."),
        (" the", "Llama 3.1 and Phi-3 both end with one token."),
    ],
)
def test_the_sentence_has_the_real_ranks(word: str, sentence: str) -> None:
    assert said(word) == sentence


def test_a_pair_that_another_went_before_is_said_with_all_four_ranks() -> None:
    llama, smol = merges("llama-3.1"), merges("smollm2")
    assert said("coconut", b="smollm2") == (
        f"In Llama 3.1, c + on (merge {llama['c', 'on']}) goes before o + c (merge {llama['o', 'c']}); "
        f"in Phi-3, o + c (merge {smol['o', 'c']}) goes before c + on (merge {smol['c', 'on']})."
    )


def test_cuts_bytes_and_a_space_in_front_are_told_apart() -> None:
    assert "cuts between the two before it merges anything" in said("4828", b="qwen2")
    assert "byte by byte" in said("🥥")
    # Phi-3 begins a text with a space, which is no letter of the word.
    both = compare_merges(lm.load_tokenizer("llama-3.1"), lm.load_tokenizer("phi-3"), "the")
    assert (both.fork, both.sides[1].in_front, both.sides[1].tokens) == (None, 1, ((-1, 3),))
    assert said("don't") == said("don't", at_start=True)


@pytest.mark.parametrize(("a", "b"), PAIRS)
@settings(max_examples=15, deadline=None)
@given(word=WORDS)
@example(" unbelievable")
@example("Кокосовая")
@example("e\u0301 \x16🥥")
def test_what_is_said_of_a_fork_is_true(a: str, b: str, word: str) -> None:
    toks = lm.load_tokenizer(a), lm.load_tokenizer(b)
    both = compare_merges(*toks, word)
    for tok, side in zip(toks, both.sides, strict=True):
        assert list(side.token_ids) == lm.encode(tok, word, False, False).input_ids.tolist()
        spelled = [side.spelled[low + side.in_front : high + side.in_front] for low, high in side.tokens]
        assert spelled == [tok.token_bytes(i) for i in side.token_ids]
        for node in side.nodes:
            left, right = tok.piece(node.left_id), tok.piece(node.right_id)
            assert merges(tok.name)[left, right] == node.rank
            assert tok.token_bytes(node.token_id).decode(errors="replace") == side.spelled[
                node.start + side.in_front : node.end + side.in_front
            ].decode(errors="replace")
    fork = both.fork
    assert both.sentence().endswith(".")
    if fork is None or fork.node is None:
        ends = [{(low, high) for low, high in side.tokens if high > 0 and low >= 0} for side in both.sides]
        assert fork is not None or sum(map(len, map(set.difference, ends, reversed(ends)))) <= 1
        return
    mine, its = both.sides[fork.side], both.sides[1 - fork.side]
    assert fork.node in mine.nodes
    assert fork.node.span not in {node.span for node in its.nodes}
    if fork.reason == "never" and not its.in_front and not mine.in_front and {a, b}.isdisjoint({"phi-3"}):
        pair = mine.tokenizer.piece(fork.node.left_id), mine.tokenizer.piece(fork.node.right_id)
        assert pair not in merges(its.tokenizer.name)
    if fork.reason == "order":
        assert fork.rival in its.nodes
        assert fork.other_rank is not None


@pytest.mark.parametrize("key", lm.embedded_tokenizers())
@settings(max_examples=20, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(["a", " ", "  ", "\n", "(", " coconut", "the", "'s", "12", "é", "🥥", "к"]), max_size=9
    )
)
@example(["<|end|>", "coconut"])
def test_a_word_by_itself_has_the_tokens_that_it_has_in_the_text(key: str, text: list[str]) -> None:
    tok = lm.load_tokenizer(key)
    shown = lm.stages(tok, "".join(text), add_special_tokens=False)
    words = words_of(shown, 1000)
    assert [i for word in words for i in range(word.first_token, word.last_token)] == list(range(len(shown.input_ids)))
    for word in words:
        ids = shown.input_ids[word.first_token : word.last_token].tolist()
        if not word.added:
            side = merge_side(tok, shown.text[word.start : word.end], at_start=begins_text(shown, word))
            assert list(side.token_ids) == ids


def test_models_without_merges_and_other_texts_are_said() -> None:
    vocabulary = {"[UNK]": 0, "coco": 1, "##nut": 2}
    backend = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    piece = lm.Tokenizer("pieces", "folder", None, backend, None, None, None)
    llama = lm.load_tokenizer("llama-3.1")
    both = compare_merges(piece, llama, "coconut")
    assert both.sentence("Mine", "Llama 3.1").startswith("Mine merges no pairs: its model is WordPiece, so it takes")
    assert both.sides[0].nodes == ()
    small = tokenizers.Tokenizer.from_str(llama.backend.to_str())
    small.normalizer = normalizers.Lowercase()
    lower = lm.Tokenizer("lower", "folder", None, small, None, None, None)
    assert compare_merges(lower, llama, "COCO").sentence() == (
        "The two do not merge the same text: lower “coco” and llama-3.1 “COCO”."
    )


def test_a_word_taken_whole_is_shown_by_its_merges() -> None:
    side = merge_side(lm.load_tokenizer("llama-3.1"), " coconut")
    assert (side.takes_whole, side.takes_other, len(side.nodes), side.tokens) == (True, False, 7, ((0, 8),))
