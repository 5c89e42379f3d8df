"""Special tokens: every one explained, found where a text spells it, doubled bos and lost text named with the place."""

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

import lmloupe as lm
from lmloupe.encodings.special_tokens import doubled_bos, round_trip, special_in_text, special_token_purpose
from ui.text.special_table import special_table
from ui.text.token_card import _kind

FAMILIES = lm.embedded_tokenizers()


@pytest.mark.parametrize("key", FAMILIES)
def test_every_special_token_of_every_family_has_a_purpose(key: str) -> None:
    assert [name for name in lm.load_tokenizer(key).special_tokens if not special_token_purpose(name)] == []


@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_special_token_is_found_where_it_stands(key: str, data: st.DataObject) -> None:
    tok = lm.load_tokenizer(key)
    name = data.draw(st.sampled_from(list(tok.special_tokens)))
    before = data.draw(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=8))
    found = special_in_text(tok, f"{before}{name}x")
    assert [(special.content, special.token_id) for special in found] == [(name, tok.special_tokens[name])]
    assert f"{before}{name}x"[found[0].start : found[0].end] == name


def test_white_space_that_a_token_swallows_is_said_apart() -> None:
    (found,) = special_in_text(lm.load_tokenizer("phi-3"), "a<|end|>   b")
    assert (found.start, found.end, found.swallowed) == (1, 8, ((8, 11),))
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))  # noqa: S106
    backend.normalizer = tokenizers.normalizers.Lowercase()
    both = tokenizers.AddedToken("<End>", normalized=True, lstrip=True, rstrip=True, special=True)
    backend.add_special_tokens([both, "<unk>"])
    tok = lm.Tokenizer("mine", "folder", None, backend, None, None, None)
    # It is found in the normalized text, however it is spelled; the unknown letters are not text <unk>.
    (found,) = special_in_text(tok, "b  <eNd> c")
    assert (found.content, found.start, found.end, found.swallowed) == ("<End>", 3, 8, ((1, 3), (8, 9)))


def test_a_doubled_bos_is_only_that() -> None:
    llama = lm.load_tokenizer("llama-3.1")
    chat = lm.render_chat(llama, [{"role": "user", "content": "Hi"}])
    assert doubled_bos(lm.encode(llama, chat.text, add_special_tokens=True))
    assert not doubled_bos(chat.encoding)
    assert not doubled_bos(lm.encode(llama, "", add_special_tokens=True))
    assert not doubled_bos(lm.encode(lm.load_tokenizer("qwen2"), "<|im_start|><|im_start|>"))


@pytest.mark.parametrize("key", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_the_place_where_a_text_is_lost_is_the_first_difference(key: str, text: str) -> None:
    tok = lm.load_tokenizer(key)
    enc = lm.encode(tok, text, parse_special_tokens=False)
    trip = round_trip(enc, n_shown=1000)
    assert trip.survives == enc.round_trips
    if trip.position is not None:
        decoded = lm.decode(tok, enc.input_ids)
        assert text[: trip.position] == decoded[: trip.position]
        assert (trip.before, trip.after) == (text[trip.position :], decoded[trip.position :])
        assert trip.before[:1] != trip.after[:1]


# Added tokens that are not special: <think> and <tool_call> of Qwen3


@pytest.fixture(scope="module")
def like_qwen3() -> tuple[lm.Tokenizer, lm.Tokenizer]:
    """The same tokenizer in a process of its own and in this one."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|im_end|>"])
    backend.add_tokens([AddedToken("<think>", normalized=False), AddedToken("<Tool>", normalized=True), "   "])
    data = backend.to_str().encode()
    template = "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}"
    apart, here = (
        lm.load_tokenizer_file(data, "like-qwen3"),
        lm.Tokenizer("here", "file", None, backend, None, None, None),
    )
    object.__setattr__(apart, "chat_template", template)
    return apart, here


def test_added_tokens_are_found_with_their_kind(like_qwen3: tuple[lm.Tokenizer, lm.Tokenizer]) -> None:
    text = "a<think>b <|im_end|><tool>   "
    for tok in like_qwen3:
        assert list(tok.added_tokens) == ["<think>", "<Tool>", "   "]
        found = special_in_text(tok, text)
        assert [(text[token.start : token.end], token.content, token.kind) for token in found] == [
            ("<think>", "<think>", "added"),
            ("<|im_end|>", "<|im_end|>", "special"),
            ("<tool>", tok.piece(tok.added_tokens["<Tool>"]), "added"),
        ]
        enc = lm.encode(tok, text)
        assert [token.id for token in enc.tokens if token.is_added] == list(tok.added_tokens.values())
        assert [token.piece for token in enc.tokens if token.is_special] == ["<|im_end|>"]
        assert int(enc.special_tokens_mask.sum()) == 1  # as transformers has it


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from(["<think>", "<tool>", "<Tool>", "<|im_end|>", "   ", "a", " ", "é"]), max_size=6))
def test_plain_text_keeps_them_plain_and_white_space_as_it_was(
    like_qwen3: tuple[lm.Tokenizer, lm.Tokenizer], parts: list[str]
) -> None:
    text = "".join(parts)
    for tok in like_qwen3:
        enc = lm.encode(tok, text, parse_special_tokens=False)
        assert [tok.piece(i) for i in enc.input_ids.tolist() if tok.is_added(i)] == ["   "] * text.count("   ")
        assert not enc.special_tokens_mask.any()
        assert b"".join(enc.token_bytes(i) for i in range(len(enc))).decode() == text.lower()
        for parse in (True, False):
            shown = lm.stages(tok, text, parse_special_tokens=parse)
            assert shown.input_ids.tolist() == lm.encode(tok, text, False, parse).input_ids.tolist()


def test_a_message_that_spells_one_is_warned_of(like_qwen3: tuple[lm.Tokenizer, lm.Tokenizer]) -> None:
    tok = like_qwen3[0]
    talk = [{"role": "user", "content": "say <think> <tOOl>"}, {"role": "assistant", "content": "<think>fine"}]
    warning, other = lm.check_chat(lm.render_chat(tok, talk), tok, talk)
    assert (warning.kind, warning.message, warning.as_special) == ("added_token", 0, (tok.added_tokens["<think>"],))
    assert warning.as_text == tuple(lm.encode(tok, "<think>", parse_special_tokens=False).input_ids)
    assert "<think>" in warning.sentence
    assert (other.as_special, "<tOOl>" in other.sentence) == ((tok.added_tokens["<Tool>"],), True)


def test_no_added_token_counts_as_unreachable(like_qwen3: tuple[lm.Tokenizer, lm.Tokenizer]) -> None:
    tok = like_qwen3[0]
    assert not set(lm.vocabulary_stats(tok).unreachable_ids.tolist()) & set(tok.added_tokens.values())


def test_the_tables_and_rows_show_the_kind(like_qwen3: tuple[lm.Tokenizer, lm.Tokenizer]) -> None:
    tok = like_qwen3[0]
    table = special_table(tok).set_index("Token")["Kind"].to_dict()
    assert table == {"<|im_end|>": "special", "<think>": "always one token", "<Tool>": "always one token",
                     "   ": "always one token"}  # fmt: skip
    enc = lm.encode(tok, "a<think>")
    assert "always read as one token" in _kind(enc, 1)
    assert "ordinary" in _kind(enc, 0)
