"""Prompts, templates, configs, scripts, long logs, and texts that nobody would paste."""

from __future__ import annotations

import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmloupe as lm
from lmloupe.diagnose.diagnose import MAX_CHARACTERS
from lmloupe.diagnose.texts.formats import FORMATS

ASKED = [{"role": "user", "content": "Hi"}]


def keys(text: str) -> list[str]:
    return [one.key for one in lm.diagnose(text)]


@pytest.mark.parametrize("family", ["llama-3.1", "phi-3", "qwen2", "smollm2"])
def test_prompts_that_the_families_templates_write(family: str) -> None:
    tok = lm.load_tokenizer(family)
    asks, silent = (lm.render_chat(tok, ASKED, add_generation_prompt=add).text for add in (True, False))
    doubles = lm.doubled_bos(lm.encode(tok, asks, add_special_tokens=True))
    assert keys(asks) == (["doubled_bos"] if doubles else ["prompt_in_order"])
    assert "generation_prompt_lost" in keys(silent)
    if tok.bos_token and asks.startswith(tok.bos_token) and doubles:
        [twice] = lm.diagnose(tok.bos_token + asks)
        assert (twice.key, (tok.bos_token + asks)[twice.start : twice.end]) == ("doubled_bos", tok.bos_token * 2)


def test_marks_of_the_formats_are_the_tokens_of_their_families() -> None:
    for one in FORMATS:
        if one.tokenizer:
            tok = lm.load_tokenizer(one.tokenizer)
            assert {*one.marks, *one.ends} <= tok.special_tokens.keys(), one.key
            asks = lm.render_chat(tok, ASKED, add_generation_prompt=True).text
            assert asks.endswith(one.asks), one.key


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<beginOfText>Hello", ["misspelt_begin_of_text"]),
        ("<|im_start>user\nHi", ["misspelt_im_start"]),
        ("<|im_start|>user\nHi<|eot_id|><|im_start|>assistant\n", ["formats_mixed"]),
        ("assistant\n\nThe capital is Paris.", ["reply_begins_with_assistant"]),
        ("Paris.<|im_end|>\n<|im_start|>user\nAnd Japan?<|im_end|>\n<|im_start|>assistant\nTokyo", ["never_stops"]),
        ("<s><s>[INST] Hi [/INST]", ["doubled_bos"]),
        ("<start_of_turn>user\nHi<end_of_turn>\n", ["generation_prompt_lost"]),
        ("<user>Hi</user> is XML", ["unknown"]),
        ("The train never stops at our village, and the heater does not stop.", ["unknown"]),
        ("import re\n\nEND = '</s>'\n\ndef message(text):\n    return '{%s}' % text\n", ["unknown"]),
        ('{% extends "base.html" %}{% for message in messages %}<li>{{ message }}</li>{% endfor %}', ["unknown"]),
        ("# Readme\n\nIt reads a BitsAndBytesConfig and says in one plain sentence what it really does.", ["unknown"]),
        ("   \n\t", []),
    ],
)
def test_prompts_and_replies(text: str, found: list[str]) -> None:
    assert keys(text) == found


def test_templates_are_rendered() -> None:
    for family in ("llama-3.1", "phi-3", "qwen2"):
        source = lm.load_tokenizer(family).chat_template
        assert source is not None
        assert ("template_drops_tools" in keys(source)) == (family != "llama-3.1")
        assert not {"template_drops_system", "template_never_asks", "template_fails"} & {*keys(source)}
    dropping = (
        "{% for m in messages %}{% if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endif %}{% endfor %}"
    )
    assert keys(dropping) == ["template_drops_system", "template_drops_tools", "template_never_asks"]
    [broken] = lm.diagnose("{# two lines #}\n{% for message in messages %}{{ message.content }}")
    assert (broken.key, broken.library) == ("template_fails", "jinja2")
    assert "endfor" in broken.why
    [endless] = lm.diagnose("{% for m in messages %}{% for i in range(10**9) %}{% for j in range(10**9) %}{% endfor %}"
                            "{% endfor %}{% endfor %}")  # fmt: skip
    assert endless.key == "template_fails"


def test_configs_say_what_explain_quantization_warns_of() -> None:
    text = "config = BitsAndBytesConfig(\n    load_in_4bit=True,\n    bnb_4bit_quanttype='nf4',\n)\n"
    found, warned = lm.diagnose(text), lm.explain_quantization(text).warnings
    assert len(found) == len(warned)
    misspelt = next(one for one in found if one.before)
    assert (misspelt.line, misspelt.before) == (3, "bnb_4bit_quanttype='nf4',")
    assert misspelt.after == "bnb_4bit_quant_type='nf4',"
    [broken] = lm.diagnose('{"quantization_config": {"load_in_4bit": true,}')
    assert broken.key == "config_not_read"
    assert "Line 1" in broken.why


def test_nothing_of_a_pasted_script_is_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = f"""import pathlib
pathlib.Path({str(trap)!r}).touch()
from transformers import BitsAndBytesConfig, TextStreamer
config = BitsAndBytesConfig(load_in_4bit=pathlib.Path({str(trap)!r}).touch() or True)
inputs = tokenizer.apply_chat_template(messages, return_tensors="pt").to("cuda")
model.generate(inputs, streamer=TextStreamer(tokenizer))
text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
again = tokenizer(text, return_tensors="pt")
AutoModelForCausalLM.from_pretrained("microsoft/Phi-3-mini-4k-instruct", trust_remote_code=True)
prompt = "<|im_start|>user\\nHi<|im_end|>"
"""
    before = set(sys.modules)
    found = {one.key: one for one in lm.diagnose(script)}
    assert not trap.exists()
    assert not {"transformers", "torch"} & (set(sys.modules) - before)
    assert {
        "batch_as_tensor", "generation_prompt_lost", "streams_the_prompt", "doubled_bos", "cache_of_old_code",
        "another_family_s_format",
    } <= found.keys()  # fmt: skip
    assert found["batch_as_tensor"].after == "model.generate(**inputs, streamer=TextStreamer(tokenizer))"
    assert found["batch_as_tensor"].line == 6


def test_a_long_log_gives_every_finding_once_with_its_line() -> None:
    step = f"2026-11-26 INFO step loss={'0' * 60}\n"
    log = (
        step * 5000
        + "right-padding was detected\n"
        + step * 5000
        + "right-padding was detected\n"
        + "KeyError: 'shape'"
    )
    error, warning = lm.diagnose("ä\n" + log)
    assert (error.key, error.line, error.times) == ("batch_as_tensor", 10_004, 1)
    assert (warning.key, warning.line, warning.times) == ("right_padding", 5002, 2)


def test_what_is_not_known_says_who_raised_it_and_what_is_installed() -> None:
    text = """Traceback (most recent call last):
  File "/x/site-packages/transformers/trainer.py", line 1, in train
  File "C:\\venv\\Lib\\site-packages\\peft\\tuners\\lora\\model.py", line 3, in f
peft.errors.StrangeError: target modules {'q'} not found
"""
    [one] = lm.diagnose(text)
    assert (one.key, one.library, one.line) == ("unknown", "peft", 4)
    assert "StrangeError" in one.means
    assert "peft/tuners/lora/model.py" in one.why
    assert "transformers 5" in one.why


@pytest.mark.parametrize(
    "piece", ["A100", "<|", "right-padding ", "{%", "(", "KeyError: 'shape'\n", "\ud7ff", "'", "site-packages/"]
)
def test_a_megabyte_of_anything_is_answered(piece: str) -> None:
    text = (piece * (MAX_CHARACTERS // len(piece)))[:MAX_CHARACTERS]
    for one in lm.diagnose(text):  # in quadratic time it would not end
        assert 0 <= one.start <= one.end <= len(text)


def test_too_long_and_half_characters_are_refused() -> None:
    with pytest.raises(lm.InvalidTextError, match="1,000,001 characters"):
        lm.diagnose("a" * (MAX_CHARACTERS + 1))
    with pytest.raises(lm.InvalidTextError, match="surrogate"):
        lm.diagnose("\ud800")


PIECES = [*"<|>{%}'\" \n(:ä", "eot_id", "KeyError", "message", "assistant", "[INST]", "<|im_end|>", "bnb_4bit_"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_places_are_in_the_text(text: str) -> None:
    for one in lm.diagnose(text):
        assert 0 <= one.start <= one.end <= len(text)
        assert one.times >= 1
        assert 1 <= one.line <= text.count("\n") + 1


@given(st.text(string.ascii_letters + string.digits, min_size=20, max_size=40), st.text(max_size=20))
def test_secrets_are_taken_out(secret: str, around: str) -> None:
    around = around.encode("utf-8", "ignore").decode("utf-8")
    for before in ("hf_", "sk-proj-", "ghp_", "Authorization: Bearer ", 'api_key = "'):
        cleaned = lm.without_secrets(f'{around} {before}{secret}" {around}')
        assert secret not in cleaned or secret in around
    kept = 'pad_token="<|endoftext|>" and hf_xet, <|begin_of_text|>'
    assert lm.without_secrets(kept) == kept
