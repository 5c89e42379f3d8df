"""Stages: piece by piece the ids of `encode`, for the embedded tokenizers and for every other kind of the library."""

import json

import numpy as np
import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors

import lmloupe as lm
from lmloupe.errors import InvalidTextError
from lmloupe.pipeline.pattern import pattern_matches, pattern_parts, split_alternatives
from lmloupe.pipeline.stage_data import Stages
from lmloupe.pipeline.stages import stages

FAMILIES = lm.embedded_tokenizers()
CHARACTERS = st.characters(exclude_categories=["Cs"])
SPECIALS = ["<|eot_id|>", "</s>", "<|end|>", "<|im_end|>", "<fim_middle>", "<|endoftext|>", "[SEP]", "tea pot", "TEA"]
TEXTS = st.lists(st.one_of(st.text(CHARACTERS, max_size=12), st.sampled_from(SPECIALS)), max_size=6).map("".join)


def tokenizer_of(backend: tokenizers.Tokenizer, name: str = "of this test") -> lm.Tokenizer:
    return lm.Tokenizer(name, "folder", None, backend, None, None, None)


def special(token: AddedToken) -> AddedToken:
    flags = {"single_word": token.single_word, "lstrip": token.lstrip, "rstrip": token.rstrip}
    return AddedToken(token.content, special=True, normalized=token.normalized, **flags)


def word_piece() -> lm.Tokenizer:
    pieces = ["[UNK]", "[CLS]", "[SEP]", "tea", "pot", "##s", "##pot", "a", "b", "##a", "e", "!", "tasse"]
    model = models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")  # noqa: S106
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    backend.add_special_tokens(["[CLS]", "[SEP]"])
    # Found in the normalized text, so "Tea Pot" and "TEA POT" are this token as well.
    backend.add_tokens([AddedToken("Tea Pot", normalized=True, single_word=True, lstrip=True)])
    return tokenizer_of(backend)


def unigram(scheme: str) -> lm.Tokenizer:
    pieces = ["<unk>", "▁", "▁tea", "pot", "t", "e", "a", "</s>", "▁a", "é"]
    backend = tokenizers.Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=0))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(left=False)])
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    backend.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 7)])
    backend.add_special_tokens(["</s>"])
    return tokenizer_of(backend)


def gpt2_like() -> lm.Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    backend.normalizer = normalizers.Lowercase()
    inner = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=False)])
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([inner, byte_level])
    backend.post_processor = processors.ByteLevel(trim_offsets=True)
    backend.add_special_tokens([AddedToken("<|endoftext|>", lstrip=True, rstrip=True)])
    backend.add_tokens(["TEA", AddedToken("</s>", normalized=False)])
    return tokenizer_of(backend)


OTHERS = {
    "WordPiece": word_piece(),
    "Unigram, Metaspace first": unigram("first"),
    "Unigram, Metaspace always": unigram("always"),
    "WordLevel": tokenizer_of(tokenizers.Tokenizer(models.WordLevel({"[UNK]": 0, "tea": 1}, unk_token="[UNK]"))),  # noqa: S106
    "GPT-2": gpt2_like(),
}


def check(tok: lm.Tokenizer, text: str, parse: bool) -> Stages:
    shown = stages(tok, text, True, parse)
    bare = lm.encode(tok, text, False, parse)
    full = lm.encode(tok, text, True, parse)
    assert shown.input_ids.tolist() == bare.input_ids.tolist()
    assert shown.post_processed_ids.tolist() == full.input_ids.tolist()
    np.testing.assert_array_equal(shown.post_processed_offsets, full.offsets)
    assert [i for piece in shown.pieces for i in piece.ids] == bare.input_ids.tolist()
    assert shown.post_processed_ids[~shown.added_mask].tolist() == bare.input_ids.tolist()
    kept = shown.post_processed_ids.tolist()
    n_front, n_behind = len(shown.added_in_front), len(shown.added_behind)
    if bare.input_ids.size:
        assert kept[n_front : len(kept) - n_behind] == bare.input_ids.tolist()
    for before, after in zip(shown.segments, shown.segments[1:], strict=False):
        # A character of which the normalizer made several may be in two: BERT's spaces round a Chinese one.
        assert before.start <= after.start <= before.end <= after.end
    return shown


@pytest.mark.parametrize("parse", [True, False])
@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
@example("")
@example("</s>  \u00a0Hi <|end|>\n<|end|>é\x00 12345 don't DON'T 🤚🏽<|im_end|> \t")
def test_the_pieces_ids_are_those_of_encode(key: str, parse: bool, text: str) -> None:
    tok = lm.load_tokenizer(key)
    shown = check(tok, text, parse)
    np.testing.assert_array_equal(shown.offsets, lm.encode(tok, text, False, parse).offsets)
    if key != "phi-3":
        # Byte-level pieces spell exactly the bytes of the normalized text.
        spelled = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        for segment, parts in by_segment(shown):
            pieces = spelled.pre_tokenize_str(segment)
            assert "".join(parts) == "".join(piece for piece, _ in pieces)


def by_segment(shown: Stages) -> list[tuple[str, list[str]]]:
    pieces = [shown.spelled[i] for i in range(shown.n_pieces)]
    return [
        (segment.normalized, [p for p, s in zip(pieces, shown.piece_segments, strict=True) if s == i])
        for i, segment in enumerate(shown.segments)
        if segment.token_id is None
    ]


@pytest.mark.parametrize("parse", [True, False])
@pytest.mark.parametrize("name", OTHERS)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
@example("")
@example("A Tea Pot</s>  TEA POTs [SEP]ﬁ tea pot TEA 12é! <|endoftext|> tea pot ")
def test_any_other_tokenizer_shows_the_ids_of_encode_too(name: str, parse: bool, text: str) -> None:
    check(OTHERS[name], text, parse)


@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
@example("e\u0301 a\u0301\u0323 ﬁ x")
@example(" ▁ ")
def test_the_changes_turn_the_text_into_the_normalized_text(key: str, text: str) -> None:
    shown = stages(lm.load_tokenizer(key), text, parse_special_tokens=False)
    current = text
    for number in range(len(shown.normalizer)):
        changes = [change for change in shown.changes() if change.step == number]
        # Read from the left, each change finds what it says stood there before.
        done, rest = "", current
        for change in changes:
            place = rest.find(change.before)
            if change.before:
                assert place >= 0
                done, rest = done + rest[:place] + change.after, rest[place + len(change.before) :]
            else:
                assert change.start == change.end
                done, rest = done + change.after, rest
        current = done + rest
    assert current == shown.normalized


def test_added_tokens_go_out_before_anything_else_and_take_the_space_beside_them() -> None:
    shown = stages(lm.load_tokenizer("phi-3"), "Hi<|end|>  there")
    assert [(s.start, s.end, s.token_id, s.normalized) for s in shown.segments] == [
        (0, 2, None, "▁Hi"),
        (2, 11, 32007, "<|end|>"),
        (11, 16, None, "▁there"),
    ]
    assert shown.segments[1].is_special
    plain = stages(lm.load_tokenizer("phi-3"), "Hi<|end|>  there", parse_special_tokens=False)
    assert [s.token_id for s in plain.segments] == [None]


def test_thousands_of_added_tokens_take_no_longer_than_a_few() -> None:
    # Gemma 3 has 6,415. The process that answers is ended after seconds of work, which one call a token took ten times.
    backend = gpt2_like().backend
    backend.add_special_tokens([f"<unused{i}>" for i in range(6000)])
    backend.add_tokens([AddedToken(f"<Word{i}>", normalized=bool(i % 2)) for i in range(400)])
    tok = lm.load_tokenizer_file(backend.to_str().encode(), "many.json")
    text = "a<unused7> <unused5999>b<word3> <Word2><word2>"
    for parse in (True, False):
        if not parse:  # the library's switch leaves out special tokens alone
            backend.add_special_tokens([special(token) for token in backend.get_added_tokens_decoder().values()])
            backend.encode_special_tokens = True
        ids = backend.encode(text, add_special_tokens=False).ids
        assert lm.encode(tok, text, parse_special_tokens=parse).input_ids.tolist() == ids
        assert stages(tok, text, parse_special_tokens=parse).input_ids.tolist() == ids
        assert lm.merge_steps(tok, text, parse).ids.tolist() == ids


def test_each_step_of_the_pre_tokenizer_is_named_with_its_cuts() -> None:
    shown = stages(lm.load_tokenizer("starcoder2"), "ab 12+é🤚")
    digits, byte_level = shown.pre_tokenizer
    assert (digits.step.name, digits.cuts.tolist()) == ("Digits", [3, 4, 5])
    assert (byte_level.step.name, byte_level.cuts.tolist()) == ("ByteLevel", [2, 6, 7])
    assert [digits.pieces[i] for i in range(len(digits.pieces))] == ["ab ", "1", "2", "+é🤚"]
    assert [(p.text, p.spelled) for p in shown.pieces][-2:] == [("é", "Ã©"), ("🤚", "ðŁ¤ļ")]


def test_what_the_post_processor_added_is_told_from_what_the_text_spells() -> None:
    shown = stages(lm.load_tokenizer("llama-3.1"), "<|begin_of_text|>Hi")
    assert shown.post_processed_ids.tolist() == [128000, 128000, 13347]
    assert shown.added_in_front == (128000,)
    assert shown.added_behind == ()
    assert stages(OTHERS["WordPiece"], "tea").added_behind == (2,)
    assert stages(OTHERS["WordPiece"], "tea").added_in_front == (1,)


def test_nfc_is_shown_where_it_changed_something() -> None:
    (change,) = stages(lm.load_tokenizer("qwen2"), "ab e\u0301").changes()
    assert (change.step_name, change.start, change.end, change.before, change.after) == ("NFC", 3, 5, "e\u0301", "é")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidTextError, match="Character 1"):
        stages(lm.load_tokenizer("phi-3"), "a\ud83d")


def test_the_backend_is_left_as_it_was() -> None:
    tok = lm.load_tokenizer("phi-3")
    before = json.loads(tok.backend.to_str())
    stages(tok, "<|end|> Hi", parse_special_tokens=False)
    assert json.loads(tok.backend.to_str()) == before
    assert tok.backend.encode_special_tokens is False


@pytest.mark.parametrize("key", FAMILIES)
def test_every_known_part_matches_its_example_whole(key: str) -> None:
    parts = pattern_parts(lm.load_tokenizer(key))
    assert bool(parts) == (key != "phi-3")
    for part in parts:
        assert part.meaning
        cut = pre_tokenizers.Split(tokenizers.Regex(part.pattern), "removed").pre_tokenize_str(part.example)
        assert cut == []


@pytest.mark.parametrize("key", [key for key in FAMILIES if key != "phi-3"])
def test_the_parts_together_are_the_pattern(key: str) -> None:
    tok = lm.load_tokenizer(key)
    assert tok.backend.pre_tokenizer is not None
    state = json.loads(tok.backend.pre_tokenizer.__getstate__())["pretokenizers"][0]
    of_step = [part.pattern for part in pattern_parts(tok) if part.step == 0]
    assert "|".join(of_step) == (state["pattern"]["Regex"] if state["type"] == "Split" else r"\p{N}")


def test_the_byte_level_pattern_is_the_librarys_own() -> None:
    parts = [part.pattern for part in pattern_parts(lm.load_tokenizer("smollm2")) if part.step_name == "ByteLevel"]
    text = "it's 12 don't  x\t y\n\n é🤚 'LL (a)"
    ours = pre_tokenizers.Split(tokenizers.Regex("|".join(parts)), "isolated").pre_tokenize_str(text)
    theirs = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert [pair for _, pair in ours] == [pair for _, pair in theirs]


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("a|b", ("a", "b")),
        ("", ("",)),
        ("(a|b)|[^]|]+|c", ("(a|b)", "[^]|]+", "c")),
        (r"[[:alpha:]|x]|\(|\[|y", ("[[:alpha:]|x]", r"\(", r"\[", "y")),
        ("(?:a(?=b|c))|[(]|d", ("(?:a(?=b|c))", "[(]", "d")),
    ],
)
def test_alternatives_are_cut_at_the_top_level_only(pattern: str, parts: tuple[str, ...]) -> None:
    assert split_alternatives(pattern) == parts


@pytest.mark.parametrize("key", [key for key in FAMILIES if key != "phi-3"])
@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
@example("It'S don't  12345 \n\n x\t7 é🤚++\r\n   end  ")
def test_every_piece_has_the_part_that_matched_it(key: str, text: str) -> None:
    shown = stages(lm.load_tokenizer(key), text)
    matches = pattern_matches(shown)
    for i, piece in enumerate(shown.pieces):
        part = matches.part(i)
        if piece.added_token:
            assert part is None
        else:
            # Every character belongs to some alternative of these four patterns.
            assert part is not None
            whole = shown.pre_tokenizer[part.step].step
            assert part.pattern in pattern_of(whole.name, whole.settings)
            cut_by = matches.step(i)
            assert cut_by is not None
            assert cut_by <= part.step


def pattern_of(name: str, settings_: object) -> str:
    assert isinstance(settings_, dict)
    if name == "Split":
        return str(settings_["pattern"]["Regex"])
    return (
        r"\p{N}" if name == "Digits" else r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    )
