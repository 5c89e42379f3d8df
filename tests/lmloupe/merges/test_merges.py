"""The replay of BPE ends where the tokenizer ends, keeps the string, and uses the vocabulary's own ranks."""

import json
from functools import cache

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import models

import lmloupe as lm
from lmloupe.errors import InvalidIdError, InvalidTextError, NotAvailableError
from lmloupe.merges.ancestry import MergeTree, ancestry
from lmloupe.merges.replay import MergeReplay, merge_steps, replay_words
from lmloupe.merges.word import Word
from lmloupe.pipeline.stages import stages
from lmloupe.tokens.token_bytes import byte_level_alphabet

FAMILIES = lm.embedded_tokenizers()
CHARACTERS = st.characters(exclude_categories=["Cs"])
LETTERS = st.text("abcdeinorst  'ABC01", max_size=30)
SPECIALS = st.sampled_from(["<|eot_id|>", "</s>", "<|end|>", "<|im_end|>", "<fim_middle>"])
TEXTS = st.lists(st.one_of(st.text(CHARACTERS, max_size=15), LETTERS, SPECIALS), max_size=4).map("".join)

each_family = pytest.mark.parametrize("key", FAMILIES)


def tokenizer_of(model: object) -> lm.Tokenizer:
    return lm.Tokenizer("of this test", "folder", None, tokenizers.Tokenizer(model), None, None, None)


@cache
def ranks(key: str) -> dict[tuple[str, str], int]:
    """The merges of the file itself, read the slow way."""
    merges = json.loads(lm.load_tokenizer(key).backend.to_str())["model"]["merges"]
    return {(left, right): rank for rank, (left, right) in enumerate(merges)}


def check_states(replay: MergeReplay, key: str) -> None:
    whole = "".join(replay.symbols0)
    before = replay.symbols0
    for step in replay.steps:
        assert step.rank == ranks(key)[step.left, step.right]
        assert before[step.position : step.position + 2] == (step.left, step.right)
        after = (*before[: step.position], step.merged, *before[step.position + 2 :])
        assert step.symbols_after == after
        assert "".join(after) == whole
        before = after
    assert before == tuple(replay.tokenizer.piece(i) for i in replay.ids.tolist())


@each_family
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
@example("")
@example(" coconut 🤚🏽 हिन्दी \x00 don't 12345 e\u0301 ▁ <unk>   \n\n")
def test_the_replay_of_every_piece_ends_at_its_ids(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    for piece in stages(tok, text).pieces:
        replay = merge_steps(tok, piece)
        assert tuple(replay.ids.tolist()) == piece.ids
        check_states(replay, key)


@each_family
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
@example("The <|eot_id|> coconut")
@example("aaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
def test_the_replay_of_a_text_ends_where_encode_ends(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    for parse in (True, False):
        replay = merge_steps(tok, text, parse_special_tokens=parse)
        assert replay.ids.tolist() == lm.encode(tok, text, False, parse).input_ids.tolist()
    check_states(replay, key)
    check_states(replay.by_merges, key)


def test_coconut_in_starcoder2_by_hand() -> None:
    replay = merge_steps(lm.load_tokenizer("starcoder2"), " coconut")
    assert replay.symbols0 == ("Ġ", "c", "o", "c", "o", "n", "u", "t")
    assert not replay.short_cut
    assert [(step.rank, step.left, step.right, step.position) for step in replay.steps] == [
        (6, "o", "n", 4),
        (20, "Ġ", "c", 0),
        (42, "u", "t", 4),
        (207, "c", "on", 2),
        (1838, "Ġc", "o", 0),
    ]
    assert replay.steps[3].symbols_after == ("Ġc", "o", "con", "ut")
    assert replay.symbols(5) == ("Ġco", "con", "ut")
    assert replay.ids.tolist() == [2118, 487, 322]


def test_coconut_in_llama_is_taken_whole_and_merges_would_agree() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    replay = merge_steps(tok, " coconut")
    assert replay.short_cut
    assert (replay.symbols0, len(replay.steps)) == (("Ġcoconut",), 0)
    assert replay.ids.tolist() == tok.backend.encode(" coconut", add_special_tokens=False).ids
    assert replay.by_merges.symbols0 == ("Ġ", "c", "o", "c", "o", "n", "u", "t")
    assert replay.by_merges.ids.tolist() == replay.ids.tolist()
    assert not replay.short_cut_differs


def test_a_short_cut_that_merges_alone_would_miss_is_said_to_differ() -> None:
    model = models.BPE({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}, [("a", "b")], ignore_merges=True)
    replay = merge_steps(tokenizer_of(model), "abc")
    assert replay.ids.tolist() == [4]
    assert replay.by_merges.ids.tolist() == [3, 2]
    assert replay.short_cut_differs


def test_half_an_emoji_in_llama() -> None:
    replay = merge_steps(lm.load_tokenizer("llama-3.1"), " 🤚")
    assert not replay.short_cut
    assert replay.symbol_bytes(0) == (b" ", b"\xf0", b"\x9f", b"\xa4", b"\x9a")
    assert replay.symbol_bytes(len(replay.steps)) == (b" \xf0\x9f", b"\xa4", b"\x9a")


def test_byte_fallback_names_the_characters_that_the_vocabulary_lacks() -> None:
    replay = merge_steps(lm.load_tokenizer("phi-3"), "é🤚")
    (lost,) = replay.missing
    assert (lost.character, lost.became, lost.index, lost.bytes) == ("🤚", "bytes", 2, "🤚".encode())
    assert replay.symbols0 == ("▁", "é", "<0xF0>", "<0x9F>", "<0xA4>", "<0x9A>")


@pytest.mark.parametrize(("key", "character"), [("starcoder2", "\U00040000"), ("smollm2", "\x04")])
def test_bytes_that_the_vocabulary_lacks_are_said_to_be_dropped(key: str, character: str) -> None:
    tok = lm.load_tokenizer(key)
    lacking = {byte for char, byte in byte_level_alphabet().items() if tok.backend.token_to_id(char) is None}
    replay = merge_steps(tok, character)
    dropped = [byte for byte in character.encode() if byte in lacking]
    assert dropped
    assert [lost.bytes[0] for lost in replay.missing] == dropped
    assert {lost.became for lost in replay.missing} == {"nothing"}
    assert replay.ids.tolist() == lm.encode(tok, character).input_ids.tolist()


MODELS = {
    "unknown": {"unk_token": "?"},
    "unknown fused": {"unk_token": "?", "fuse_unk": True},
    "unknown dropped": {},
    "some bytes": {"unk_token": "?", "byte_fallback": True},
    "some bytes, fused": {"unk_token": "?", "byte_fallback": True, "fuse_unk": True},
    "prefix": {"unk_token": "?", "continuing_subword_prefix": "##"},
    "suffix": {"unk_token": "?", "end_of_word_suffix": "</w>"},
}


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=150, deadline=None)
@given(word=st.text("abc?xyé", max_size=12))
def test_any_bpe_model_is_replayed_to_its_own_answer(name: str, word: str) -> None:
    pieces = ["?", "a", "b", "c", "<0x78>", "<0xC3>", "ab", "bc", "abc", "aa", "?a", "x?"]
    merges = [("b", "c"), ("a", "a"), ("a", "b"), ("a", "bc"), ("ab", "c"), ("?", "a")]
    if name == "prefix":
        pieces += ["##a", "##b", "##bc", "##c"]
        merges = [("##b", "##c"), ("a", "##bc"), ("a", "##b"), ("ab", "##c")]
    if name == "suffix":
        pieces += ["c</w>", "bc</w>", "abc</w>", "a</w>"]
        merges = [("b", "c"), ("b", "c</w>"), ("a", "bc</w>"), ("a", "b")]
    tok = tokenizer_of(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, **MODELS[name]))
    assert replay_words(tok, [Word(word)]).ids.tolist() == [token.id for token in tok.backend.model.tokenize(word)]
    assert merge_steps(tok, word).ids.tolist() == tok.backend.encode(word).ids


def test_pieces_that_look_like_json_merge_like_any_other() -> None:
    pieces = ['"', "]", ",", "[", "\\", '"]', '"],', '"],[', "\\\\", "\n", "\n\n", '\\"']
    merges = [('"', "]"), ('"]', ","), ('"],', "["), ("\\", "\\"), ("\n", "\n"), ("\\", '"')]
    tok = tokenizer_of(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
    for text in ('"],["],["', "\\\\\\", '\n\n\n\\"],', '["\\"],[""]'):
        assert merge_steps(tok, text).ids.tolist() == tok.backend.encode(text).ids


def test_a_step_is_found_from_both_ends_and_a_state_beyond_the_last_is_refused() -> None:
    replay = merge_steps(lm.load_tokenizer("starcoder2"), " coconut")
    assert replay.steps[-1].symbols_after == replay.symbols(len(replay.steps))
    assert [step.index for step in replay.steps[1:3]] == [1, 2]
    with pytest.raises(IndexError):
        replay.symbols(len(replay.steps) + 1)
    with pytest.raises(IndexError):
        replay.steps[len(replay.steps)]


@pytest.mark.parametrize(
    "model",
    [models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"), models.Unigram([("a", 0.0)]), models.WordLevel({"a": 0})],  # noqa: S106
)
def test_other_models_than_bpe_are_refused_in_one_sentence(model: object) -> None:
    with pytest.raises(NotAvailableError, match=f"has a {type(model).__name__} model"):
        merge_steps(tokenizer_of(model), "a")
    with pytest.raises(NotAvailableError, match="BPE"):
        ancestry(tokenizer_of(model), 0)


def test_random_merges_are_refused() -> None:
    with pytest.raises(NotAvailableError, match=r"dropout 0\.5"):
        merge_steps(tokenizer_of(models.BPE({"a": 0}, [], dropout=0.5)), "a")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidTextError):
        merge_steps(lm.load_tokenizer("phi-3"), "\ud83d")


def leaves(tree: MergeTree) -> list[str]:
    return [leaf for part in tree.parts for leaf in leaves(part)] if tree.parts else [tree.piece]


@each_family
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_ancestry_of_a_piece_is_made_of_merges_of_the_vocabulary(key: str, data: st.DataObject) -> None:
    tok = lm.load_tokenizer(key)
    tree = ancestry(tok, data.draw(st.integers(0, tok.vocab_size - 1)))
    assert "".join(leaves(tree)) == tree.piece
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        waiting += node.parts
        if node.rank is not None:
            left, right = node.parts
            assert node.rank == ranks(key)[left.piece, right.piece]
            assert node.piece == left.piece + right.piece


def test_the_ancestry_says_where_merges_never_reach_a_piece() -> None:
    tok = tokenizer_of(
        models.BPE({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "<0x0A>": 5}, [("a", "b")], byte_fallback=True)
    )
    tree = ancestry(tok, 4)
    assert (tree.reachable, tree.rank, [part.piece for part in tree.parts]) == (False, None, ["ab", "c"])
    assert ancestry(tok, 3).reachable
    assert ancestry(tok, 5).parts == ()
    with pytest.raises(InvalidIdError):
        ancestry(tok, 6)


def test_special_tokens_and_bytes_have_no_ancestry() -> None:
    assert ancestry(lm.load_tokenizer("llama-3.1"), 128009).parts == ()
    phi = lm.load_tokenizer("phi-3")
    assert ancestry(phi, phi.backend.token_to_id("<0x0A>")).parts == ()


def test_ten_thousand_characters_of_phi_3_take_memory_for_the_steps_alone() -> None:
    tok = lm.load_tokenizer("phi-3")
    text = ("The coconut palm grows near the sea, 12 m tall. Kokosnüsse 🥥 नारियल.\n" * 200)[:10_000]
    replay = merge_steps(tok, text)
    assert replay.ids.tolist() == lm.encode(tok, text).input_ids.tolist()
    assert len(replay.words) == 1
    middle = len(replay.steps) // 2
    assert "".join(replay.symbols(middle)) == "".join(replay.symbols0)
    assert len(replay.symbols(middle)) == len(replay.symbols0) - middle
    step = replay.steps[middle]
    assert replay.symbols(middle)[step.position : step.position + 2] == (step.left, step.right)
