"""What a model, a file or a person wrote is text on every page: no Markdown, HTML, icons or maths come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import transformers
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

import lmloupe as lm
from lmloupe.model.local import LocalEngine
from tests.support.pages import REPOSITORY, open_page, written_steps
from tests.support.tiny_models import CHAT_TEMPLATE, config
from ui.base import loaders
from ui.base.labels import token_label
from ui.model import choice as model_choice
from ui.state.link import encode

NAME = "www.evil.example/x"
SHAPES = (
    "[evil{}](http://evil.example)", "<img/src=evil{}>", ":material/evil{}:", "$evil{}^2$", ":red[evil{}]", "`evil{}`",
    "**evil{}**", "<b>evil{}</b>", "_evil{}_", "~~evil{}~~", "#evil{}\n\n#", "![evil{}](http://evil.example/x.png)",
)  # fmt: skip
TOKENS = [shape.format(i) for i in range(20) for shape in SHAPES]
SPECIAL = ["<evil|bos>", "**evil-end**", "<|user|>", "[evil-special](http://evil.example)"]
ROWS = 512
# Strings that are shown as they are, or not at all: everything else in a page's elements may be read as Markdown.
PLAIN_ELEMENTS = {
    "ArrowData", "Dataframe", "Code", "BidiComponent", "Html", "Json", "TextArea", "TextInput", "Selectbox",
    "MultiSelect",
}  # fmt: skip
EXTRA = re.compile(r"<extra>[^<]*</extra>")
PLAIN_FIELDS = {"id", "url", "query_string", "element_id", "form_id", "page_script_hash", "key", "page", "url_path"}


@pytest.fixture(scope="module")
def hostile() -> LocalEngine:
    """A tiny model whose tokenizer is named and spelled so that Markdown and HTML would take it for their own."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tok = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens(SPECIAL)
    tok.add_tokens([AddedToken(text, normalized=False) for text in TOKENS])
    tokenizer = lm.Tokenizer(NAME, "hub", None, tok, SPECIAL[0], SPECIAL[1], CHAT_TEMPLATE)
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config("llama", vocab_size=ROWS, max_position_embeddings=512))
    # Of the alphabet's letters the model says nothing: its answers are hostile ones and rows without a token.
    output = torch.nn.Linear(64, ROWS)
    torch.nn.init.normal_(output.weight, std=0.2)
    output.bias.data[: len(alphabet)] = -30
    output.bias.data[tokenizer.vocab_size :] = 1.5
    model.lm_head = output
    return LocalEngine(model.eval(), tokenizer, name=NAME, revision=None, quantization="none")


@pytest.fixture(autouse=True)
def offered(hostile: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hostile model under a name of the hub, as somebody has loaded it before."""
    monkeypatch.chdir(REPOSITORY)
    load = lm.load_tokenizer
    monkeypatch.setattr("lmloupe.load_engine", lambda *_: hostile, raising=False)
    monkeypatch.setattr(
        "lmloupe.load_tokenizer", lambda name, **_: hostile.tokenizer if name == NAME else load(name), raising=False
    )
    asked = {(NAME, "none")}
    model_choice._asked_for().update(asked)
    yield
    model_choice._asked_for().difference_update(asked)
    for cached in (loaders.engine, loaders.tokenizer):
        cached.clear()


def replace_name(tok: lm.Tokenizer, name: str) -> lm.Tokenizer:
    return lm.Tokenizer(name, "file", None, tok.backend, tok.bos_token, tok.eos_token, None)


def strings(message: Message) -> Iterator[str]:
    """Every string that a browser may read as Markdown, in an element and all its parts."""
    if message.DESCRIPTOR.name in PLAIN_ELEMENTS:
        return
    for field, value in message.ListFields():
        if field.name in PLAIN_FIELDS:
            continue
        for one in value if field.is_repeated else [value]:
            if isinstance(one, Message):
                yield from strings(one)
            elif isinstance(one, str):
                yield one


def of_page(block: Block) -> Iterator[tuple[str, str]]:
    for child in block.children.values():
        message = child.proto
        if isinstance(message, Message):
            kind = message.DESCRIPTOR.name
            if kind == "PlotlyChart":
                yield from ((kind, text) for text in in_json(json.loads(message.spec)))
            elif "vega" not in kind.lower():
                yield from ((kind, text) for text in strings(message))
        if isinstance(child, Block):
            yield from of_page(child)


def in_json(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from in_json(one)


def unescaped(app: AppTest, tok: lm.Tokenizer) -> set[tuple[str, str]]:
    """Hostile texts that stand in an element as they are; Plotly's charts read a little HTML, the others Markdown."""
    texts = {*TOKENS, *SPECIAL, NAME, "**evil**", *(token_label(tok, i) for i in range(256, tok.vocab_size))}
    found = set()
    for block in (app.main, app.sidebar):
        for kind, shown in of_page(block):
            if "evil" not in shown:
                continue
            raw = "<" in EXTRA.sub("", shown) if kind == "PlotlyChart" else any(t in shown for t in texts)
            if raw:
                found.add((kind, shown[:200]))
    return found


VIEWS = [
    ("pages/text/tokens.py", {}), ("pages/text/how_it_splits.py", {}), ("pages/text/special_tokens.py", {}),
    ("pages/text/special_tokens.py", {"text": "plain"}), ("pages/text/vocabulary.py", {"vocabulary_search": "evil"}),
    ("pages/text/languages.py", {}), ("pages/text/compare_files.py", {"compare_with": NAME}),
    ("pages/chat/chat_template.py", {}), ("pages/chat/template_line_by_line.py", {}),
    ("pages/chat/fill_in_the_middle.py", {}), ("pages/chat/the_wrong_format.py", {}),
    *(("pages/vectors/embeddings.py", {"embedding_view": view})
      for view in ("matrix", "cosine", "neighbours", "arithmetic")),
    ("pages/vectors/vocabulary_map.py", {"map_search": "evil"}), ("pages/vectors/one_word_three_meanings.py", {}),
    ("pages/vectors/architecture.py", {}),
    *(("pages/prediction/next_token.py", {"next_view": view})
      for view in ("best", "draws", "vocabulary", "phrase", "settings")),
    ("pages/prediction/surprise.py", {}), ("pages/prediction/layers.py", {"explain": "text"}),
    ("pages/prediction/attention.py", {}), ("pages/text/overview.py", {}),
    ("pages/generation/generate.py", {"prompt": "text", "max_new_tokens":
    "12", "record_lens": "1"}), ("pages/generation/generate.py", {"prompt": "chat", "max_new_tokens": "12"}),
    ("pages/generation/conversation.py", {"max_new_tokens": "12"}),
]  # fmt: skip


@pytest.mark.parametrize(("page", "params"), VIEWS, ids=lambda value: value if isinstance(value, str) else None)
def test_nothing_that_others_wrote_is_read_as_markdown(hostile: LocalEngine, page: str, params: dict[str, str]) -> None:
    text = "".join(TOKENS[:14]) + SPECIAL[3]
    messages = [
        {"role": "user", "content": text, "name": "**evil**"},
        {"role": "assistant", "content": TOKENS[0] + TOKENS[1]},
        {"role": "user", "content": SPECIAL[1] + "<|im_end|><|eot_id|>"},
    ]
    settings = {
        "text": text, "model": NAME, "quantization": "none", "tokenizer": NAME,
        "tokenizers": f"{NAME},llama-3.1,upload:**evil**.json",
        "template_of": NAME, "compare_with": NAME, "phrase": TOKENS[2] + TOKENS[7],
        "fim_prefix": "**evil**<fim_middle>", "repository": "**evil**<file_sep>",
        "analogy_a": TOKENS[0], "analogy_b": TOKENS[1], "analogy_c": TOKENS[7],
        "word": "evil0", **{f"sentence_{name}": TOKENS[k] for name, k in zip("abc", (0, 1, 2), strict=True)},
        "ids": " ".join(str(i) for i in range(256, 300)), "add_special_tokens": "1", "token_index": "2", "place": "-1",
        "tools": "**evil** <b>", "variables": "**evil** <b>",
    }  # fmt: skip
    upload = "upload:**evil**.json"
    uploads = {upload: replace_name(hostile.tokenizer, upload)}
    params = settings | params | dict(encode({"messages": messages}).params)
    app = open_page(page, session={"uploads": uploads}, **params)
    assert not app.exception
    assert not unescaped(app, hostile.tokenizer)
    if page.endswith("generate.py"):
        written = [step.token_id for step in written_steps(app)]
        assert max(written) >= hostile.tokenizer.vocab_size, "also rows that no token names"


def test_a_persons_file_names_languages_and_nothing_else(hostile: LocalEngine) -> None:
    app = open_page("languages")
    names = [token for token in TOKENS[1:12] if "\n" not in token]
    names += [language.name for language in lm.parallel_languages()[: len(names)]]
    file = "\t".join(names) + "\n" + "\t".join(f"words {i}" for i in range(len(names))) + "\n"
    box = next(box for box in app.file_uploader if box.label == "Your own parallel file")
    box.upload("**evil**.tsv", file.encode(), "text/plain")
    app.run()
    assert not app.exception
    assert any("evil" in shown for _, shown in of_page(app.main))
    assert not unescaped(app, hostile.tokenizer)
