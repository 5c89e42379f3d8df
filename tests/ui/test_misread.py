"""What learners get wrong, answered on the page with computed numbers."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

import lmloupe as lm
from tests.support.pages import no_exception, open_page
from ui.base import loaders
from ui.base.glossary.entries import WORDS, explained
from ui.state.settings import EMBEDDED_MODEL
from ui.text.misread.claims import CLAIMS, claim_sentence
from ui.text.misread.lookalikes import lookalike_sentence, lookalikes_of, rows_sentence
from ui.text.misread.units import n_characters_of_unicode, units_finding, units_of

LABELS = {"llama-3.1": "Llama 3.1", "phi-3": "Phi-3", "qwen2": "Qwen2", "starcoder2": "StarCoder2"}


def rows_of(text: str) -> dict[str, lm.Encoding]:
    return {name: lm.encode(lm.load_tokenizer(name), text) for name in LABELS}


def said(app: object) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.caption]).replace("\\", "")  # type: ignore[attr-defined]


def test_a_textbook_s_phrase_is_counted_here() -> None:
    sentence = claim_sentence(CLAIMS[0], rows_of(CLAIMS[0]), LABELS)
    assert sentence.startswith("A textbook counts nine tokens in GPT-4 (")
    assert sentence.endswith("Here: 8 (Llama 3.1, Qwen2 and StarCoder2), 10 (Phi-3).")
    assert claim_sentence("another text", rows_of("another text"), LABELS) == ""
    assert claim_sentence(CLAIMS[0], {}, {}) == ""


def test_cooking_is_not_co_and_oking_everywhere() -> None:
    assert claim_sentence("cooking", rows_of("cooking"), LABELS) == (
        "“cooking” is co + oking (Llama 3.1 and Qwen2), cook + ing (Phi-3 and StarCoder2). After a space, as within a "
        "sentence, it is one token for Llama 3.1 and Qwen2."
    )


def test_sentences_on_lookalikes() -> None:
    llama = lm.load_tokenizer("llama-3.1")
    (found,) = lookalikes_of(lm.encode(llama, "<beginOfText>"))
    assert lookalike_sentence(found, "llama-3.1", "Llama 3.1") == (
        "“<beginOfText>” looks like a special token and is none: Llama 3.1 reads it as 5 ordinary tokens. "
        "<|begin_of_text|> is one token."
    )
    (found,) = lookalikes_of(lm.encode(llama, "[INST]"))
    assert lookalike_sentence(found, "llama-3.1", "Llama 3.1").endswith(
        "3 ordinary tokens. It opens a person's turn in the formats of Llama 2 and Mistral."
    )
    (found,) = lookalikes_of(lm.encode(llama, "<|im_end|>"))
    assert lookalike_sentence(found, "llama-3.1", "Llama 3.1").endswith("In Qwen2, it is one token.")
    assert rows_sentence(rows_of("<beginOfText>"), LABELS) == (
        "“<beginOfText>” looks like a special token and is none. Ordinary tokens in its place: 5 (Llama 3.1, Phi-3, "
        "Qwen2 and StarCoder2). In Llama 3.1, <|begin_of_text|> is one token."
    )
    across = rows_sentence(rows_of("<|im_end|>"), LABELS)
    assert across.startswith("“<|im_end|>” looks like a special token and is not one everywhere.")
    assert "Qwen2" not in across
    assert rows_sentence(rows_of("a < b"), LABELS) == ""


def test_words_and_characters_beside_the_tokens() -> None:
    text = "I can't wait 🥥"
    units = {unit.name: unit for unit in units_of(text, rows_of(text), LABELS)}
    assert (units["words"].n_pieces, units["words"].vocabulary) == (4, None)
    assert (units["characters"].n_pieces, units["bytes"].n_pieces) == (14, 17)
    assert units["Llama 3.1"].vocabulary == lm.load_tokenizer("llama-3.1").vocab_size == 128_256
    assert units["Llama 3.1"].n_pieces == len(lm.encode(lm.load_tokenizer("llama-3.1"), text))
    assert units_finding(list(units.values())).startswith("The same text is 4 words, ")
    published = {"14.0.0": 144_697, "15.0.0": 149_186, "15.1.0": 149_813, "16.0.0": 154_998}
    assert n_characters_of_unicode() == published[unicodedata.unidata_version]


@pytest.mark.parametrize("text", [CLAIMS[0], "<beginOfText>", "\n", "नमस्ते"])
def test_tokens_shows_them_and_draws_other_cuts_when_asked(text: str) -> None:
    app = no_exception(open_page("tokens", text=text, show_units="1"))
    assert not app.error
    rows = rows_of(text)
    for sentence in (claim_sentence(text, rows, LABELS), rows_sentence(rows, LABELS)):
        assert sentence in said(app)
    units = units_of(text, rows, LABELS)
    assert units_finding(units) in [header.value.replace("\\", "") for header in app.header]
    table = next(one.value for one in app.dataframe if "Pieces" in one.value)
    assert table["Pieces"].tolist() == [unit.n_pieces for unit in units]
    assert table["Vocabulary size"].tolist()[0] == "no end"


def test_a_chip_shows_a_misspelt_special_token_beside_the_real_one() -> None:
    app = no_exception(open_page("special", text="Hi"))
    next(button for button in app.button if button.label.startswith("Try \\<beginOfText")).click().run()
    assert no_exception(app).text_area(key="text").value == "<beginOfText> <|begin_of_text|>"
    assert app.header[0].value == "Your text is 7 tokens if special tokens are read, 11 if all is plain text"
    assert "Llama 3.1 reads it as 5 ordinary tokens. <|begin_of_text|> is one token." in said(app)
    app.text_area(key="text").set_value("a [INST] b").run()
    assert "It opens a person's turn in the formats of Llama 2 and Mistral." in said(app)


@pytest.mark.model
def test_one_embedding_layer_and_then_this_model_s_blocks(embedded_model_folder: object) -> None:
    app = no_exception(open_page("architecture", quantization="none"))
    described = loaders.engine(EMBEDDED_MODEL, "none").describe()
    n = described.n_layers
    assert np.sum([module.kind == "Embedding" for module in described.modules]) == 1
    assert f"1 embedding layer for tokens, then {n} blocks: where a model is said to have {n} layers" in said(app)
    links = {link.proto.label: link.proto.help for link in app.get("page_link")}
    for key in ("rmsnorm", "rope", "gqa", "swiglu", "tied"):
        assert links[WORDS[key].word] == explained(key)
