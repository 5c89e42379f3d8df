"""Fertility: counts equal `encode`'s, the project's own texts are complete, a person's file is read or explained."""

import json
import math
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.languages.fertility import count_words, fertility
from lmloupe.languages.language_names import is_language
from lmloupe.languages.parallel_texts import MAX_PARALLEL_BYTES, code_samples, load_parallel, parallel_languages
from lmloupe.vocabulary.writing_systems import UNSPACED_SCRIPTS, script_of

FAMILIES = lm.embedded_tokenizers()


@pytest.mark.parametrize("key", FAMILIES)
def test_counts_are_those_of_encode(key: str) -> None:
    tok = lm.load_tokenizer(key)
    found = fertility(tok)
    english = [language.code for language in found.languages].index("en")
    for i, language in enumerate(found.languages):
        tokens = sum(len(lm.encode(tok, text, parse_special_tokens=False)) for text in language.sentences)
        assert found.n_tokens[i] == tokens
        assert found.relative[i] == tokens / found.n_tokens[english]
        assert found.tokens_per_char[i] == tokens / sum(map(len, language.sentences))
        assert found.tokens_per_byte[i] == tokens / len("".join(language.sentences).encode())
        assert math.isnan(found.tokens_per_word[i]) == (not language.spaced)
    # Every family pays several times for Hindi's and Burmese's neighbours, and reads English best or nearly so.
    burmese = [language.code for language in found.languages].index("my")
    assert found.relative[english] == 1.0
    assert found.relative[burmese] > 4
    assert 1.0 <= found.tokens_per_word[english] < 1.5


def test_the_projects_sentences_are_complete() -> None:
    languages = parallel_languages()
    codes = [language.code for language in languages]
    assert len(set(codes)) == len(languages) >= 44
    assert {"hi", "my", "ar", "he", "zh-Hans", "ja", "am", "yo", "en"} <= set(codes)
    for language in languages:
        text = "".join(language.sentences)
        assert len(language.sentences) == len(set(language.sentences)) == 10, language.code
        assert unicodedata.is_normalized("NFC", text), language.code
        assert all(sentence == sentence.strip() for sentence in language.sentences), language.code
        assert script_of(text) == language.script, language.code
        assert language.spaced == (language.script not in UNSPACED_SCRIPTS), language.code
        assert 0.25 < len(text) / 426 < 1.6, language.code


def test_the_programs_are_the_same_task() -> None:
    samples = code_samples()
    assert len({sample.name for sample in samples}) == len(samples) >= 10
    found = fertility(lm.load_tokenizer("starcoder2"), samples, baseline="Python")
    assert found.baseline == "python"
    assert all("Sum of the even numbers" in sample.sentences[0] for sample in samples)
    assert np.isnan(found.tokens_per_word).all()
    assert (found.relative > 0.3).all()


def test_words_are_what_spaces_part() -> None:
    assert count_words("") == 0
    assert count_words("Bonjour ! Tu as 2 clés – ok") == 6
    assert count_words("नमस्ते दुनिया") == 2


def test_texts_that_cannot_be_compared_are_named() -> None:
    tok = lm.load_tokenizer("phi-3")
    with pytest.raises(lm.InvalidSettingError, match="B has 1 sentences and A 2"):
        fertility(tok, {"A": ["x", "y"], "B": ["x"]})
    with pytest.raises(lm.InvalidSettingError, match="no language 'Klingon'"):
        fertility(tok, {"A": ["x"]}, baseline="Klingon")
    with pytest.raises(lm.InvalidSettingError, match="no texts"):
        fertility(tok, {})
    with pytest.raises(lm.InvalidTextError):
        fertility(tok, {"A": ["\ud800"]})
    assert fertility(tok, {"A": ["one"], "english": ["one two"]}).baseline == "english"
    assert np.isnan(fertility(tok, {"A": [""], "B": ["x"]}).relative[1])


# A person's own file

CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\t"), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_all_three_kinds_of_file_give_the_same(rows: list[tuple[str, str]]) -> None:
    rows = [(f"x{a}".strip(), f"y{b}".strip()) for a, b in rows]
    as_json = json.dumps({"en": [a for a, _ in rows], "fr": [b for _, b in rows]})
    as_objects = json.dumps([{"en": a, "fr": b} for a, b in rows], ensure_ascii=False)
    as_tsv = "en\tfr\n" + "".join(f"{a}\t{b}\n" for a, b in rows)
    as_csv = '"en","fr"\r\n' + "".join('"{}","{}"\r\n'.format(*(c.replace('"', '""') for c in row)) for row in rows)
    for text in (as_json, as_objects, as_tsv, as_csv):
        for data in (text, text.encode(), b"\xef\xbb\xbf" + text.encode()):
            languages = load_parallel(data)
            assert [language.name for language in languages] == ["en", "fr"]
            assert list(zip(*(language.sentences for language in languages), strict=True)) == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xef\xbb\xbfen,fr\nyes,oui\nno,\xff\n", "Byte 20 of the file, in line 3, is 0xff"),
        (b"en,fr\nyes,oui\nno,\xff\n", "Byte 17 of the file, in line 3, is 0xff, which is not UTF-8"),
        ("en,fr\nyes,oui\nno,\n", "Line 3 .*no sentence in 'fr'"),
        ("en,fr\nyes\n", "Line 2 .*no sentence in 'fr'"),
        ("en\tfr\nyes\toui\tja\n", "Line 2 .*3 cells for 2 languages"),
        ("en,en\nyes,oui\n", "'en' twice or empty"),
        ("en,\nyes,oui\n", "'' twice or empty"),
        ("en\nyes\n", "fewer than two languages"),
        ("", "fewer than two languages"),
        ("en,fr\n", "no sentences"),
        ('en,fr\n"yes,oui\n', "Line 2 .*cannot be read as a table"),
        ('{\n"en": [}', "Line 2 .*is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"en": ["a"], "fr": []}', "'fr' has 0 sentences"),
        ('{"en": ["a"], "fr": [1]}', "Sentence 1 of 'fr' is not text"),
        ('{"en": "a"}', "not a parallel text"),
        ("[1, 2]", "not a parallel text"),
        ('[{"en": "a", "fr": "b"}, {"en": "a"}]', "Entry 2 .*other languages"),
        ('{"en": ["a"], "fr": ["\\ud83d"]}', "surrogate"),
        (b"a" * (MAX_PARALLEL_BYTES + 1), "2,000,001 bytes"),
        (",".join(f"l{i}" for i in range(301)) + "\n" + ",".join("x" * 301) + "\n", "301 languages"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(data: str | bytes, message: str) -> None:
    with pytest.raises(lm.InputError, match=message):
        load_parallel(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("id,name,price\n1,Apple,0.5\n2,Pear,0.6\n", "'name', 'price' are not languages"),
        ("date,temperature\n2026-01-01,3.5\n", "'date', 'temperature' are not languages"),
        ("name,city\nAnna,Paris\n", "'name', 'city' are not languages"),
        ("en,id\nApple,1\nPear,2\n", "most cells of 'id' have no letters"),
        ('[{"text": "a", "label": "b"}]', "'text', 'label' are not languages"),
    ],
)
def test_a_table_of_anything_else_is_refused_in_one_sentence_that_says_what_is_needed(data: str, message: str) -> None:
    with pytest.raises(lm.InputError, match=message) as caught:
        load_parallel(data)
    assert str(caught.value).endswith("Give one column for each language, its name in the first line, and the same "
                                      "sentences in every column.")  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        "en\tfr",
        "English\tDeutsch",
        "eng_Latn\tmya_Mymr",
        "pt-BR\tPortuguese (Portugal)",
        "Python\tC++",
        "English\tDothraki",
    ],
)
def test_languages_may_be_named_in_many_ways(names: str) -> None:
    assert [language.name for language in load_parallel(f"{names}\nyes\tsim\n")] == names.split("\t")


def test_every_language_of_the_product_is_known() -> None:
    for language in parallel_languages():
        assert is_language(language.name), language.name
        assert is_language(language.code), language.code


def test_a_persons_languages_are_seen_from_their_script() -> None:
    languages = load_parallel("English\tไทย\nGood evening.\tสวัสดีตอนเย็น\n")
    assert [(language.script, language.spaced) for language in languages] == [("Latin", True), ("Thai", False)]
    found = fertility(lm.load_tokenizer("qwen2"), languages)
    assert found.baseline == "English"
