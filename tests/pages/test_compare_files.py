"""Compare files as AppTest runs it: the numbers of the page are the library's."""

from __future__ import annotations

import lmloupe as lm
from lmloupe.encodings.lines import compare_lines
from tests.support.pages import no_exception, open_page, output_of, sentences
from ui.text.comparison import costs_more

TEXT = "The capital of France\nA coconut 🥥 drifted 4828 km\n"


def test_the_finding_is_the_librarys() -> None:
    app = no_exception(open_page("compare", text=TEXT, tokenizer="llama-3.1", compare_with="phi-3"))
    n_tokens = [len(lm.encode(lm.load_tokenizer(name), TEXT)) for name in ("llama-3.1", "phi-3")]
    extra = n_tokens[1] / n_tokens[0] - 1
    assert app.header[0].value.replace("\\", "") == f"Phi-3 needs {extra:.0%} more tokens than Llama 3.1 for this text"


def test_the_code_prints_the_numbers() -> None:
    app = open_page("compare", text=TEXT, tokenizer="llama-3.1", compare_with="qwen2")
    found = compare_lines(*(lm.encode(lm.load_tokenizer(name), TEXT) for name in ("llama-3.1", "qwen2")))
    first, *lines = output_of(app)
    sizes = [str(len(enc)) for enc in found.encodings]
    assert first.split() == [*sizes, f"{found.agreement:.1%}", f"{found.share_same:.1%}"]
    assert [int(line.split()[0]) for line in lines] == (found.different + 1).tolist()
    assert str(found.ids(1, 1).tolist()) in lines[0]


def test_an_empty_text_says_what_to_do() -> None:
    app = no_exception(open_page("compare", text=""))
    assert "open a file" in sentences(app)


def test_two_that_need_the_same_and_a_difference_under_one_percent() -> None:
    tok = lm.load_tokenizer("llama-3.1")
    one, other = lm.encode(tok, "a" * 4), lm.encode(tok, "a" * 4)
    assert costs_more(compare_lines(one, other), ("A", "B")).startswith("A and B need the same number")
    text = "word " * 500 + "2026"
    found = compare_lines(*(lm.encode(lm.load_tokenizer(name), text) for name in ("llama-3.1", "qwen2")))
    assert "less than 1% more tokens" in costs_more(found, ("A", "B"))
