"""Characters that are in no token, and white space that a special token takes: said on their pages."""

from __future__ import annotations

import json

import lmloupe as lm
from tests.support.pages import no_exception, open_page
from ui.text.removed_text import removed_sentence
from ui.text.token_files import tokens_json


def test_the_sentence_names_every_character() -> None:
    enc = lm.encode(lm.load_tokenizer("smollm2"), "a\x16! é")
    assert enc.removed.tolist() == [[1, 2]]
    assert removed_sentence(enc).startswith("1 character is in no token: U+0016 (character 2). ")
    assert removed_sentence(lm.encode(lm.load_tokenizer("llama-3.1"), "a\x16!")) == ""
    many = lm.encode(lm.load_tokenizer("smollm2"), "\x16" * 12)
    assert removed_sentence(many).startswith("12 characters are in no token: U+0016 (character 1), ")
    assert "(character 8) and 4 more." in removed_sentence(many)
    assert json.loads(tokens_json({"smollm2": enc}))["removed"] == {"smollm2": [[1, 2]]}


def test_the_pages_say_it() -> None:
    app = no_exception(open_page("pages/text/tokens.py", tokenizers="llama-3.1,smollm2", text="a\x16! b"))
    (said,) = [caption.value for caption in app.caption if "in no token" in caption.value]
    assert said.replace("\\", "").startswith("SmolLM2: 1 character is in no token: U+0016 (character 2). ")
    app = no_exception(open_page("pages/text/special_tokens.py", tokenizer="phi-3", text="a<|end|>   b"))
    (said,) = [caption.value for caption in app.caption if "does not see" in caption.value]
    assert "takes characters 9–11." in said
