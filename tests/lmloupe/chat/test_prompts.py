"""What follows from rendering: going on from the last message, stop tokens, prefixes, replies, templates from files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmloupe as lm
from tests.support.chats import FAMILIES, WEATHER, Messages, conversations, reference, text_of, user

BEGUN = [user("Capital?"), {"role": "assistant", "content": "The capital of France is "}]


def assistant(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


@cache
def transformers_of(key: str) -> Any:
    return reference(lm.load_tokenizer(key))


def outcome(work: Callable[[], str]) -> str | None:
    """A text, or None for the error that both give as a ValueError."""
    try:
        return work()
    except ValueError:
        return None


# --- Going on from the last message ---------------------------------------------------------------


@pytest.mark.parametrize("key", FAMILIES)
def test_the_prompt_ends_with_the_text_to_go_on_from(key: str) -> None:
    text = text_of(key, BEGUN, continue_final_message=True)
    assert text.endswith("The capital of France is" + ("" if key == "llama-3.1" else " "))
    ref = transformers_of(key)
    assert text == ref.apply_chat_template(BEGUN, continue_final_message=True, tokenize=False)
    chat = lm.render_chat(lm.load_tokenizer(key), BEGUN, continue_final_message=True)
    assert chat.encoding.input_ids.tolist() == ref.apply_chat_template(BEGUN, continue_final_message=True)["input_ids"]
    assert chat.spans[-1].end == chat.segments[-1].end == len(chat.text)
    assert (chat.spans[-1].part, chat.spans[-1].message) == ("content", 1)
    assert chat.assistant_mask[-1]


@settings(max_examples=60, deadline=None)
@given(conversations, st.sampled_from(FAMILIES), st.booleans())
def test_going_on_equals_transformers_where_that_works(messages: Messages, key: str, untrusted: bool) -> None:
    ref, template = transformers_of(key), lm.load_tokenizer(key).chat_template
    theirs = outcome(lambda: ref.apply_chat_template(messages, continue_final_message=True, tokenize=False))
    # Of a blank text that the template trims, transformers takes away the header's line ends as well.
    if theirs is not None and messages[-1]["content"].strip():
        own = {"template": template + " "} if untrusted else {}
        assert text_of(key, messages, continue_final_message=True, **own) == theirs


@pytest.mark.parametrize(
    ("template", "content", "ends"),
    [
        ("{{ m.content | trim }}|", "  ", "<a>"),
        ("{% if m.content %}{{ m.content }}|{% endif %}", "", "<a>"),
        ("{{ m.content | tojson }}|", 'Say "x" ', '<a>"Say \\"x\\" '),
        ("{{ m.content | upper }}|", "Yo", "<a>YO"),
        ("{{ m.content }}|{{ m.role }}", [{"type": "text", "text": "one "}, {"type": "image"}], "'one "),
        ("{{ m.content.split('</think>')[-1] }}|", "<think>hm</think>So ", "<a>So "),
    ],
)
def test_the_end_is_found_through_what_templates_do(template: str, content: Any, ends: str) -> None:
    source = "{% for m in messages %}{% if loop.last %}<a>" + template + "{% endif %}{% endfor %}end"
    text = text_of("qwen2", [user("a"), assistant(content)], template=source, continue_final_message=True)
    assert text.endswith(ends)


def test_going_on_within_the_reasoning() -> None:
    source = "{% for m in messages %}<think>{{ m.reasoning_content }}</think>{{ m.content }}{% endfor %}"
    talk = [assistant("So", thinking="hm ")]
    for field, expected in (("reasoning_content", "<think>hm "), (True, "<think>hm </think>So")):
        assert text_of("qwen2", talk, template=source, continue_final_message=field) == expected
        ref = transformers_of("qwen2")
        options: dict[str, Any] = {"continue_final_message": field, "chat_template": source, "tokenize": False}
        assert ref.apply_chat_template(talk, **options) == expected


@pytest.mark.parametrize(
    ("messages", "options", "words"),
    [
        (BEGUN, {"add_generation_prompt": True}, "exclude each other"),
        (
            [user("a"), {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}],
            {},
            "no text under 'content'",
        ),
        ([user("a"), {"role": "tool", "content": "4"}], {}, r"\(tool\) cannot be gone on from"),
        (BEGUN, {"template": "{{ messages[-1].content[:5] }}"}, "does not write the end of its text"),
    ],
)
def test_what_cannot_be_gone_on_from(messages: Messages, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        text_of("phi-3", messages, continue_final_message=True, **options)
    assert isinstance(caught.value, lm.LoupeError)


# --- What ends a reply ----------------------------------------------------------------------------


def stops(tok: lm.Tokenizer, **options: Any) -> dict[str, tuple[tuple[str, ...], bool]]:
    return {s.content: (s.sources, s.is_trained) for s in lm.stop_tokens(tok, **options).tokens}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("llama-3.1", {"<|end_of_text|>": False, "<|eom_id|>": False, "<|eot_id|>": True}),
        ("phi-3", {"<|endoftext|>": False, "<|assistant|>": False, "<|end|>": True}),
        ("qwen2", {"<|endoftext|>": False, "<|im_end|>": True}),
        ("smollm2", {"<|im_end|>": True}),
        ("starcoder2", {"<|endoftext|>": False}),
    ],
)
def test_each_familys_stops_and_which_of_them_train(key: str, expected: dict[str, bool]) -> None:
    found = stops(lm.load_tokenizer(key))
    assert {content: trained for content, (_, trained) in found.items()} == expected
    assert all("generation_config" in sources for sources, _ in found.values())
    assert all(("template" in sources) == trained for sources, trained in found.values())


def test_stops_of_another_template_and_of_a_loaded_model() -> None:
    tok = lm.load_tokenizer("qwen2")
    source = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% generation %}{{ m.content }}{% endgeneration %}<|endoftext|>{% endfor %}"
    )
    found = {s.content: s for s in lm.stop_tokens(tok, template=source, generation_ids=[151645]).tokens}
    assert found["<|im_end|>"].sources == ("tokenizer", "generation_config")
    assert found["<|endoftext|>"].sources == ("template",)
    assert not found["<|endoftext|>"].ends_generation
    assert (found["<|endoftext|>"].is_trained, found["<|endoftext|>"].is_marked) == (True, False)
    refused = lm.stop_tokens(tok, template="{{ raise_exception('Only pictures.') }}")
    assert "Only pictures." in str(refused.template_error)
    assert {s.content for s in refused.tokens} == {"<|im_end|>", "<|endoftext|>"}


def test_a_folder_says_where_its_model_stops(tiny_model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    import transformers

    folder = Path(shutil.copytree(tiny_model_folder("llama"), tmp_path / "model"))
    theirs = transformers.GenerationConfig.from_pretrained(folder).eos_token_id
    assert lm.load_tokenizer(folder).stop_ids == ((theirs,) if isinstance(theirs, int) else tuple(theirs or ()))
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 5, -1, 2]}')
    assert lm.load_tokenizer(folder).stop_ids == (2, 5)
    engine = lm.load_engine(folder)
    assert engine.describe().stop_ids == (2, 5)
    assert {2, 5} <= {stop.token_id for stop in lm.stop_tokens(engine.tokenizer).tokens}
    for written, words in (("{", "is not valid JSON"), ('{"eos_token_id": "two"}', "must be a whole number")):
        (folder / "generation_config.json").write_text(written)
        with pytest.raises(lm.UnsupportedError, match=rf"generation_config.json of .* {words}"):
            lm.load_tokenizer(folder)


# --- Prefixes -------------------------------------------------------------------------------------

TALK = [user("A"), assistant("B"), user("C"), assistant("D"), user("E")]


def test_which_families_are_prefix_stable() -> None:
    for key in ("qwen2", "llama-3.1", "smollm2"):
        assert lm.prefix_stability(lm.load_tokenizer(key), TALK).is_stable
    found = lm.prefix_stability(lm.load_tokenizer("phi-3"), TALK)
    assert [step.n_lost for step in found.turns] == [1, 1, 1, 1]
    assert [step.n_lost for step in found.served] == [0, 0]
    step, tok = found.turns[1], lm.load_tokenizer("phi-3")
    assert step.position == step.n_cached - 1
    assert [tok.piece(i) for i in (*step.cached_ids, step.next_ids[0])] == ["<|endoftext|>", "<|user|>"]


@settings(max_examples=20, deadline=None)
@given(conversations, st.sampled_from(FAMILIES))
def test_prefixes_are_those_of_transformers_ids(messages: Messages, key: str) -> None:
    ref = transformers_of(key)
    found = lm.prefix_stability(lm.load_tokenizer(key), messages)
    for n, step in enumerate(found.turns, start=1):
        one, two = (ref.apply_chat_template(messages[:m])["input_ids"] for m in (n, n + 1))
        kept = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(map(len, (one, two))))
        assert (step.n_cached, step.n_next, step.n_kept) == (len(one), len(two), kept)
        assert (step.position is None) == (two[: len(one)] == one)


def test_a_server_loses_what_a_template_drops_or_cuts_otherwise() -> None:
    tok = lm.load_tokenizer("qwen2")
    # The reasoning of earlier turns is dropped, as Qwen3 does it.
    source = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content and loop.last %}"
        "<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    talk = [user("A"), assistant("B", reasoning_content="long thoughts"), user("C")]
    found = lm.prefix_stability(tok, talk, template=source)
    (step,) = found.served
    prompt = lm.render_chat(tok, talk[:1], None, True, source).encoding.input_ids
    written = lm.encode(tok, "<think>long thoughts</think>B<|im_end|>").input_ids
    assert (step.n_cached, step.n_kept) == (len(prompt) + len(written), len(prompt))
    assert found.turns[1].n_lost > 0
    # A reply that begins with line ends: written after the header's own they are other tokens than in one text.
    (step,) = lm.prefix_stability(tok, [user("A"), assistant("\n\nB"), user("C")]).served
    assert step.n_lost > 0


def test_a_part_that_the_template_refuses_is_said_and_the_rest_compared() -> None:
    source = "{% if messages[-1].role == 'assistant' %}{{ raise_exception('Ends with a reply.') }}{% endif %}x"
    found = lm.prefix_stability(lm.load_tokenizer("qwen2"), TALK, template=source)
    assert all("Ends with a reply." in str(step.error) for step in (*found.turns, *found.served))
    assert found.is_stable
    with pytest.raises(lm.NoChatTemplateError):
        lm.prefix_stability(lm.load_tokenizer("starcoder2"), TALK)
    with pytest.raises(lm.TemplateTimeoutError):
        lm.prefix_stability(
            lm.load_tokenizer("qwen2"), TALK, template="{% for i in range(99999) %}{% for j in range(99999) %}"
            "{% endfor %}{% endfor %}",
        )  # fmt: skip


# --- Replies rendered again -----------------------------------------------------------------------


@pytest.mark.parametrize("key", FAMILIES)
@pytest.mark.parametrize("go_on", [False, True])
def test_a_reply_in_the_tokenizers_own_words_comes_back(key: str, go_on: bool) -> None:
    tok = lm.load_tokenizer(key)
    talk = [user("Hi"), assistant("One two")] if go_on else [user("Hi")]
    end = {"llama-3.1": "<|eot_id|>", "phi-3": "<|end|>"}.get(key, "<|im_end|>")
    prompt = lm.render_chat(tok, talk, None, not go_on, continue_final_message=go_on)
    words = " three, four." if go_on else "One, two."
    ids = lm.encode(tok, prompt.text + words + end).input_ids[len(prompt.encoding) :].tolist()
    found = lm.compare_reply(tok, talk, ids, continue_final_message=go_on)
    assert found.comes_back
    assert found.rendered.text.count(words.strip()) == 1
    assert found.written_ids.tolist() == [*prompt.encoding.input_ids.tolist(), *ids]


def test_a_reply_to_parts_is_put_at_the_last_text() -> None:
    source = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
        "{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    )
    tok, talk = lm.load_tokenizer("qwen2"), [user("Hi"), assistant([{"type": "text", "text": "One"}])]
    ids = [*lm.encode(tok, " two").input_ids, 151645]
    found = lm.compare_reply(tok, talk, ids, template=source, continue_final_message=True)
    assert found.comes_back
    assert found.rendered.text.endswith("One two<|im_end|>\n")
    assert talk[1]["content"][0]["text"] == "One"


def test_where_a_reply_does_not_come_back() -> None:
    tok = lm.load_tokenizer("qwen2")
    ids = [*(lm.encode(tok, part).input_ids[0] for part in ("It", " is", " c", "oco", "nut")), 151645]
    found = lm.compare_reply(tok, [user("Hi")], ids)
    assert found.text == "It is coconut"
    assert found.position is not None
    assert found.position - found.n_prompt == 2
    assert found.n_lost == 4
    # Phi-3 may stop at <|endoftext|>; a turn ends with <|end|>.
    tok = lm.load_tokenizer("phi-3")
    found = lm.compare_reply(tok, [user("Hi")], [15043, 32000])
    assert found.n_lost == 1
    # A row of the matrix that no token has, and half of a character.
    assert not lm.compare_reply(tok, [user("Hi")], [15043, 32050]).comes_back
    found = lm.compare_reply(lm.load_tokenizer("llama-3.1"), [user("Hi")], np.array([11410, 97]))
    assert "\ufffd" in found.text
    assert not found.comes_back


# --- Templates from files -------------------------------------------------------------------------

NAMED = [
    {"name": "default", "template": "D {{ bos_token }}{{ messages[0].content }}"},
    {"name": "tool_use", "template": "T {{ tools | length }} {{ messages[0].content }}"},
]


def test_a_folder_is_read_as_transformers_reads_it(tiny_model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    import transformers

    folder = Path(shutil.copytree(tiny_model_folder("llama"), tmp_path / "model"))
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text()) | {"chat_template": NAMED}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tok = lm.load_tokenizer(folder)

    def both(tools: Any) -> str:
        ref = transformers.AutoTokenizer.from_pretrained(folder)
        mine = lm.render_chat(tok, [user("Hi")], tools, template=lm.load_chat_templates(folder)).text
        assert mine == ref.apply_chat_template([user("Hi")], tools=tools, tokenize=False)
        return mine

    assert both([WEATHER]) == "T 1 Hi"
    assert both(None).startswith("D ")
    source = (
        "{{ pad_token }}|{{ unk_token }}|{{ bos_token }}|{{ sep_token is defined }}|{{ image_token }}|{{ boi }}\r\n"
    )
    (folder / "chat_template.jinja").write_bytes(source.encode())
    extra = {"pad_token": "[PAD]", "bos_token": None, "extra_special_tokens": {"image_token": "<i>", "boi": "<b>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | extra))
    assert both(None).startswith("[PAD]|")
    assert both([WEATHER]).endswith("|False|<i>|<b>")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("T2")
    assert both([WEATHER]) == "T2"


def test_single_files_names_and_special_tokens(tmp_path: Path) -> None:
    tok = lm.load_tokenizer("qwen2")
    (tmp_path / "mine.jinja").write_text("{{ eos_token }}{{ messages[0].content }}")
    own = lm.load_chat_templates(tmp_path / "mine.jinja")
    assert own.special_tokens is None
    assert lm.render_chat(tok, [user("Hi")], template=own).text == "<|im_end|>Hi"
    config = json.dumps({"eos_token": {"content": "<end>", "special": True}, "add_bos_token": True}).encode()
    both = lm.read_chat_templates({"mine.jinja": b"{{ eos_token }}", "tokenizer_config.json": config}, "both")
    assert both.special_tokens == {"eos_token": "<end>"}
    assert lm.render_chat(tok, [user("Hi")], template=both).text == "<end>"
    named = lm.read_chat_templates({"c.json": json.dumps({"chat_template": NAMED[1:]}).encode()}, "c.json")
    assert lm.render_chat(tok, [user("Hi")], [], template=named).text == "T 0 Hi"
    with pytest.raises(lm.NoChatTemplateError, match="no default chat template, but these: 'tool_use'"):
        lm.render_chat(tok, [user("Hi")], template=named)
    assert lm.render_chat(tok, [user("Hi")], [], template=named.only("tool_use")).text == "T 0 Hi"
    with pytest.raises(lm.NoChatTemplateError, match="choose from 'tool_use'"):
        named.only("rag")


@pytest.mark.parametrize(
    ("name", "data", "kind", "words"),
    [
        ("tokenizer_config.json", b"{", lm.LoadError, "not valid JSON at line 1, column 2"),
        ("tokenizer_config.json", b"[" * 100_000, lm.LoadError, "not valid JSON"),
        ("tokenizer_config.json", b"[1]", lm.UnsupportedError, "not a JSON object"),
        ("tokenizer_config.json", b"{}", lm.SourceNotFoundError, "has no chat_template"),
        ("tokenizer_config.json", b'{"chat_template": 4}', lm.UnsupportedError, "must be a text, or a list"),
        ("tokenizer_config.json", b'{"chat_template": []}', lm.UnsupportedError, "must be a text, or a list"),
        ("tokenizer_config.json", b'{"chat_template": [{"name": "a"}]}', lm.UnsupportedError, "must be a text, or a"),
        ("tokenizer_config.json", b'{"chat_template": "a", "eos_token": 4}', lm.UnsupportedError, "eos_token of"),
        ("tokenizer_config.json", b'{"chat_template": "\\ud800"}', lm.LoadError, "half of a surrogate pair"),
        ("chat_template.jinja", b" " * 500_001, lm.LoadError, "has 500,001 characters"),
        ("chat_template.jinja", b"\xff\xfe", lm.LoadError, "not UTF-8 text"),
        ("chat_template.jinja", b" " * (10 << 20) + b" ", lm.LoadError, "larger than 10 MB"),
    ],
)
def test_bad_files_get_one_sentence(
    tmp_path: Path, name: str, data: bytes, kind: type[lm.LoupeError], words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(kind, match=words):
            lm.load_chat_templates(path)


def test_no_such_folder_and_nothing_in_it(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no", "no file or folder"), (tmp_path, "has no chat_template")):
        with pytest.raises(lm.SourceNotFoundError, match=words):
            lm.load_chat_templates(path)
