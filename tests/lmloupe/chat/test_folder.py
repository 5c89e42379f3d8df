"""Templates and special tokens that a folder brings: which template is taken, and what it finds, as in transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

import lmloupe as lm
from tests.support import tiny_models
from tests.support.chats import WEATHER, user

TALK = [user("Hi")]
TOKENS = ("bos", "eos", "unk", "sep", "pad", "cls", "mask", "image")
PRINTS_TOKENS = "{{ messages[0].content }}" + "".join(
    f"|{{{{ {name}_token if {name}_token is defined else '-' }}}}" for name in TOKENS
)
NAMED = [
    {"name": "default", "template": "D {{ messages[0].content }}"},
    {"name": "tool_use", "template": "T {{ tools | length }} {{ messages[0].content }}"},
    {"name": "rag", "template": "R"},
]

Made = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Made:
    """A folder with a tokenizer whose tokenizer_config.json has these settings beside its own."""

    def make(**settings: Any) -> Path:
        transformers.PreTrainedTokenizerFast(tokenizer_object=tiny_models.tokenizer()).save_pretrained(tmp_path)
        config = tmp_path / "tokenizer_config.json"
        tokens = {"bos_token": "<|begin|>", "eos_token": "<|end|>"}
        config.write_text(json.dumps(json.loads(config.read_text()) | tokens | settings))
        return tmp_path

    return make


def check_as_in_transformers(folder: Path, *, tools: Any = None, template: str | None = None) -> str:
    expected = transformers.AutoTokenizer.from_pretrained(folder).apply_chat_template(
        TALK, tools=tools, chat_template=template, tokenize=False
    )
    text = lm.render_chat(lm.load_tokenizer(folder), TALK, tools, template=template).text
    assert text == expected
    return text


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pad_token": "<|pad|>", "unk_token": "<|pad|>"},
        {"sep_token": "<|end|>", "cls_token": "<|begin|>", "mask_token": "<|system|>"},
        {"extra_special_tokens": {"image_token": "<|user|>"}},
        {"extra_special_tokens": ["<|user|>"]},
        {"image_token": "<|user|>"},
    ],
)
def test_a_template_finds_all_named_special_tokens(folder: Made, settings: dict[str, Any]) -> None:
    text = check_as_in_transformers(folder(**settings, chat_template=PRINTS_TOKENS))
    assert text.startswith("Hi|<|begin|>|<|end|>|")


@pytest.mark.parametrize("tools", [None, [], [WEATHER]])
def test_tools_choose_among_named_templates(folder: Made, tools: Any) -> None:
    path = folder(chat_template=NAMED)
    assert check_as_in_transformers(path, tools=tools) == ("D Hi" if tools is None else f"T {len(tools)} Hi")
    assert check_as_in_transformers(path, tools=tools, template="rag") == "R"
    assert check_as_in_transformers(path, tools=tools, template="{{ 1 }}") == "1"


def test_an_empty_list_of_tools_that_makes_a_difference_is_said(folder: Made) -> None:
    tok = lm.load_tokenizer(folder(chat_template=NAMED))
    kinds = [[w.kind for w in lm.check_chat(lm.render_chat(tok, TALK, t), tok, TALK)] for t in (None, [], [WEATHER])]
    assert kinds == [[], ["empty_tools"], ["dropped"]]


def test_only_named_templates_are_named(folder: Made) -> None:
    path = folder(chat_template=NAMED[1:])
    assert check_as_in_transformers(path, tools=[WEATHER]) == "T 1 Hi"
    tok = lm.load_tokenizer(path)
    assert tok.chat_template is None
    with pytest.raises(lm.NoChatTemplateError, match=r"names: 'rag', 'tool_use'\. Give one .*, or give tools\."):
        lm.render_chat(tok, TALK)


def test_template_files_come_before_the_settings(folder: Made) -> None:
    path = folder(chat_template="settings")
    (path / "chat_template.jinja").write_text("file {{ messages[0].content }}")
    assert check_as_in_transformers(path) == "file Hi"
    (path / "additional_chat_templates").mkdir()
    (path / "additional_chat_templates" / "tool_use.jinja").write_text("T {{ tools | length }}")
    assert check_as_in_transformers(path) == "file Hi"
    assert check_as_in_transformers(path, tools=[WEATHER]) == "T 1"
    assert sorted(lm.load_tokenizer(path).chat_templates) == ["default", "tool_use"]


def test_the_template_of_a_processor_is_taken_where_there_is_no_other(folder: Made) -> None:
    path = folder()
    (path / "chat_template.json").write_text(json.dumps({"chat_template": "P {{ messages[0].content }}"}))
    assert lm.render_chat(lm.load_tokenizer(path), TALK).text == "P Hi"
    (path / "chat_template.jinja").write_text("file")
    assert check_as_in_transformers(path) == "file"
