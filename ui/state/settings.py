"""Every setting that the pages share: its name, its default, and what counts as a value of it.

A value can come from a widget or from a link, and a stranger can write either, so both go through
``Setting.check``. Nothing in this module knows Streamlit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import lmloupe as lm
from lmloupe import embedded_tokenizers
from ui.state.checks import files_check, messages_check, precisions, stored_precisions, templates_check
from ui.state.names import model_check, planned_model, precision_spec, tokenizer_name, tokenizer_names

__all__ = ["AUTO", "EMBEDDED_MODEL", "LAYER_FORMATS", "MAX_TEXT_CHARACTERS", "SETTINGS", "Setting"]

EMBEDDED_MODEL = "smollm2-135m-instruct"
AUTO = "auto"
MAX_TEXT_CHARACTERS = 2_000_000
LAYER_FORMATS = (
    "nf4", "nf4+double", "fp4", "fp4+double", "int8", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128", "bfloat16",
)  # fmt: skip
"""What Layer by layer rounds to, as `lmloupe.Precision.spec`."""
MAX_CONFIG_CHARACTERS = 100_000

# For the tokenizers a long word, an emoji, a number, code and two more scripts; for the model a line to go on from.
DEFAULT_TEXT = (
    "A coconut 🥥 drifted 4828 km across the sea.\n"
    "for nut in range(10): print(nut)\n"
    "Кокосовая пальма, ココナッツ\n"
    "The capital of France is"
)
# A misspelt setting, which transformers drops without a word: four bits, but not nf4.
DEFAULT_CONFIG = """import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

config = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quanttype="nf4",
    bnb_4bit_compute_dtype=torch.bfloat16,
    bnb_4bit_use_double_quant=True,
)
"""
# " 🤚!" in Llama 3.1: three ids for one emoji.
DEFAULT_MESSAGES = (
    {"role": "system", "content": "You answer in one short sentence."},
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "The capital of France is Paris."},
    {"role": "user", "content": "And of Japan?"},
)

DEFAULT_FIM_PREFIX = 'def average(numbers):\n    """The mean of a list."""\n'
DEFAULT_FIM_SUFFIX = "\n    return total / len(numbers)\n"
DEFAULT_FILES = (
    {"path": "trees.py", "text": "class Tree:\n    def __init__(self, height):\n        self.height = height\n"},
    {"path": "main.py", "text": "from trees import Tree\n\npalm = Tree("},
)


DEFAULT_PRECISIONS = ("bfloat16", "int8", "fp4", "nf4", "nf4+double")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``check`` returns the value in its own type or raises ``ValueError`` with "must be ..." words."""

    name: str
    default: object
    check: Callable[[object], object]
    parse: Callable[[str], object] = str
    format: Callable[..., str] = str
    low: float | None = None
    high: float | None = None
    options: tuple[str, ...] = ()
    shown_from: int = 0
    """What a widget calls the value 0: 1 where people count from 1 and the arrays, and so the links, from 0."""
    names_tokenizers: bool = False
    """True where the value is the name of a tokenizer, or several names, so that an upload may be among them."""
    packed: bool = False
    """True where the value would be unreadable in a link anyway, so that it always goes there compressed."""


def _integer(name: str, default: int, low: int, high: int) -> Setting:
    def check(value: object) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(value)  # type: ignore[call-overload, no-any-return]

    def parse(text: str) -> object:
        return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text) else text

    return Setting(name, default, check, parse, str, low, high)


def _place(name: str, default: int, high: int) -> Setting:
    """A position or a block: from 0 here, as in the library's arrays, from 1 in its widget."""
    return replace(_integer(name, default, 0, high), shown_from=1)


def _real(name: str, default: float, low: float, high: float) -> Setting:
    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"it must be a number from {low:g} to {high:g}")
        return float(value)  # type: ignore[arg-type]

    def parse(text: str) -> object:
        return float(text) if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,20})?(e-?[0-9]{1,3})?", text) else text

    def shortest(value: float) -> str:
        return str(int(value)) if value.is_integer() else repr(value)

    return Setting(name, default, check, parse, shortest, low, high)


def _flag(name: str, default: bool) -> Setting:
    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError("it must be 1 (on) or 0 (off)")
        return value

    def parse(text: str) -> object:
        return {"1": True, "0": False}.get(text, text)

    return Setting(name, default, check, parse, lambda value: "1" if value else "0")


def _choice(name: str, default: str, options: tuple[str, ...]) -> Setting:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            raise ValueError(f"it must be one of {', '.join(options)}")
        return value

    return Setting(name, default, check, options=options)


def _tokenizer(name: str, default: str) -> Setting:
    return Setting(name, default, tokenizer_name, options=embedded_tokenizers(), names_tokenizers=True)


def _tokenizers(name: str, default: tuple[str, ...]) -> Setting:
    def parse(text: str) -> object:
        return text.split(",") if text else []

    options = embedded_tokenizers()
    return Setting(name, default, tokenizer_names, parse, ",".join, options=options, names_tokenizers=True)


def _plain_text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"it must be text of at most {MAX_TEXT_CHARACTERS:,} characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("it must be text without lone surrogates, which have no UTF-8 bytes") from None
    return value


def _config_text(value: object) -> str:
    text = _plain_text(value)
    if len(text) > MAX_CONFIG_CHARACTERS:
        raise ValueError(f"it must have at most {MAX_CONFIG_CHARACTERS:,} characters; a config.json has a few thousand")
    return text


_messages = messages_check(MAX_TEXT_CHARACTERS)


_TABLE = (
    Setting("text", DEFAULT_TEXT, _plain_text),
    _tokenizers("tokenizers", ("llama-3.1", "phi-3", "qwen2", "starcoder2")),
    _flag("add_special_tokens", default=False),
    _flag("parse_special_tokens", default=True),
    _tokenizer("tokenizer", "llama-3.1"),
    Setting("ids", "", _plain_text),
    Setting("vocabulary_search", "coconut", _plain_text),
    _choice("search_by", "text", ("text", "bytes", "regex", "ids")),
    _tokenizer("compare_with", "phi-3"),
    # How it splits: the piece that is looked into, -1 for the one that shows most; merges done, all of them by default.
    _integer("piece", -1, -1, MAX_TEXT_CHARACTERS),
    _integer("merge_step", 1000, 0, 1000),
    _choice("merge_speed", "1", ("0.5", "1", "2", "4")),
    _integer("context_length", 8192, 1, 100_000_000),
    _real("price_per_million", 1.0, 0.0, 100_000.0),
    _integer("cut_at", 32, 0, MAX_TEXT_CHARACTERS),
    _flag("show_whitespace", default=False),
    _place("ruler_from", 0, MAX_TEXT_CHARACTERS),
    _choice("colour_by", "position", ("position", "id", "length")),
    _flag("only_different", default=False),
    _choice("languages_as", "common", ("common", "tokens", "own")),
    Setting("language", "", _plain_text),
    _place("sentence", 0, 4999),
    _choice("show_tokens", "text", ("text", "ids", "both")),
    Setting("messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    # While a lesson is in `messages` and `tools`, what a person had there before; see ui/chat/lessons.py.
    _choice("lesson", "", ("", "question", "turns", "system", "tools", "injected")),
    Setting("own_messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    Setting("own_tools", "", _plain_text),
    _choice("chat_layer", "roles", ("roles", "tokens", "loss")),
    _flag("add_generation_prompt", default=True),
    _flag("continue_final_message", default=False),
    Setting("tools", "", _plain_text),
    Setting("date_string", "", _plain_text),
    _flag("tools_in_user_message", default=True),
    Setting("variables", "", _plain_text),
    _tokenizer("template_of", "llama-3.1"),
    Setting("templates", {}, templates_check(tokenizer_name, _plain_text), packed=True),
    _tokenizer("fim_model", "starcoder2"),
    Setting("fim_prefix", DEFAULT_FIM_PREFIX, _plain_text),
    Setting("fim_suffix", DEFAULT_FIM_SUFFIX, _plain_text),
    Setting("repository", "coconut/trees", _plain_text),
    Setting("repository_files", [dict(file) for file in DEFAULT_FILES], files_check(_plain_text), packed=True),
    Setting("model", EMBEDDED_MODEL, model_check(EMBEDDED_MODEL), options=(EMBEDDED_MODEL,)),
    # "auto" until somebody chooses: the machine's own, which takes torch to know, and not every page loads torch.
    _choice("quantization", AUTO, (AUTO, "none", "int8", "nf4", "fp4")),
    _place("token_index", 1, MAX_TEXT_CHARACTERS),
    # A character of the text whose token the next page shall show; -1 for none. See ui/thread.py.
    _integer("place", -1, -1, MAX_TEXT_CHARACTERS),
    # The token that the card of Tokens shows where another page's link opened it: "" for the first row's at `place`.
    Setting("card_of", "", lambda value: "" if value == "" else tokenizer_name(value), names_tokenizers=True),
    _integer("card_id", -1, -1, 2**31 - 1),
    _integer("card_nth", 0, 0, MAX_TEXT_CHARACTERS),
    _flag("injected", default=False),
    _choice("score_by", "rank", ("rank", "surprisal", "entropy")),
    _choice("lens_by", "probability", ("probability", "entropy", "rank")),
    _flag("lens_changes", default=False),
    # Beyond the last layer and the last window: a widget shows the nearest, which is the last.
    _integer("lens_layer", 1000, 0, 1000),
    _place("lens_from", MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS),
    _choice("explain", "answer", ("answer", "text", "cell")),
    # In the middle of most models are heads that visibly read one place.
    _place("attention_layer", 12, 1000),
    _integer("attention_head", 0, 0, 1000),
    _place("attention_from", MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS),
    _choice("attention_as", "arcs", ("arcs", "matrix")),
    # Draw what goes to the first token as a stub with its share, not as arcs.
    _flag("skip_first", default=True),
    _choice("attention_squares", "pattern", ("pattern", "first", "previous", "entropy")),
    _integer("neighbours", 10, 1, 50),
    _choice("metric", "cosine", ("cosine", "dot")),
    _real("temperature", 1.0, 0.0, 2.0),
    _integer("top_k", 0, 0, 1000),
    _real("top_p", 1.0, 0.05, 1.0),
    _real("min_p", 0.0, 0.0, 1.0),
    _real("repetition_penalty", 1.0, 1.0, 2.0),
    _choice("next_view", "best", ("best", "stages", "draws", "vocabulary", "phrase", "settings", "scores")),
    # Where the axis of the bars ends, in percent: a choice, never the largest bar.
    _choice("axis_end", "100", ("100", "20", "5")),
    _integer("rolls", 0, 0, 2000),
    Setting("phrase", " Paris, of course", _plain_text),
    # The second of two settings side by side.
    _real("temperature_b", 1.5, 0.0, 2.0),
    _integer("top_k_b", 0, 0, 1000),
    _real("top_p_b", 0.9, 0.05, 1.0),
    _real("min_p_b", 0.0, 0.0, 1.0),
    _real("repetition_penalty_b", 1.0, 1.0, 2.0),
    _choice("embedding_view", "matrix", ("matrix", "cosine", "neighbours", "arithmetic")),
    _choice("dimensions", "all", ("all", "64", "12")),
    _place("dimension_from", 0, 1_000_000),
    _place("matrix_from", 0, MAX_TEXT_CHARACTERS),
    _choice("matrix", "input", ("input", "output")),
    Setting("analogy_a", " king", _plain_text),
    Setting("analogy_b", " man", _plain_text),
    Setting("analogy_c", " woman", _plain_text),
    _choice("map_method", "pca", ("pca", "tsne")),
    _choice("map_space", "2", ("2", "3")),
    _choice("map_colour", "kind", ("kind", "script", "length", "norm")),
    Setting("map_search", "nut", _plain_text),
    _integer("map_token", -1, -1, 2**31 - 1),
    Setting("word", "bank", _plain_text),
    Setting("sentence_a", "They walked along the river and sat on the bank", _plain_text),
    Setting("sentence_b", "He went to town to put his money in the bank", _plain_text),
    Setting("sentence_c", "They fished in the lake from the bank", _plain_text),
    Setting("module", "", _plain_text),
    _choice("prompt", "chat", ("chat", "text")),
    _integer("seed", 0, 0, 2**31 - 1),
    _integer("max_new_tokens", 64, 1, 512),
    _flag("record_lens", default=False),
    _flag("present", default=False),
    # Precision.
    # One block by hand. The module is the one of Architecture.
    _choice("block_format", "nf4", ("nf4", "fp4", "int8", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128")),
    _flag("block_double", default=False),
    _place("block_row", 0, 100_000_000),
    _place("block_number", 0, 100_000_000),
    # The weight whose arithmetic is told, from 0; -1 for the one with the largest error.
    _integer("block_weight", -1, -1, 255),
    _real("outlier_threshold", 6.0, 0.5, 50.0),
    # Precision: what is compared, with what; the precision whose distribution is shown, "" for the one furthest away.
    Setting("precisions", DEFAULT_PRECISIONS, precisions, lambda text: text.split(",") if text else [], ",".join),
    _choice("baseline", AUTO, (AUTO, "float32", "bfloat16", "float16")),
    Setting("precision_shown", "", lambda value: "" if value == "" else precisions([value])[0]),
    _flag("divergence_log", default=False),
    _place("divergence_from", 0, MAX_TEXT_CHARACTERS),
    _integer("compared_tokens", 40, 0, 200),
    # One block by hand.
    # Layer by layer. The matrix that is looked at is `module`.
    _choice("layers_format", "nf4", LAYER_FORMATS),
    _choice("layers_mode", "only", ("only", "all_but")),
    _choice("layers_order", "layer", ("layer", "effect")),
    # Whether the shades begin at an error of zero or at the least one.
    _choice("layers_shade", "zero", ("zero", "least")),
    # Bytes and speed.
    Setting(
        "speed_precisions",
        ("float32", "bfloat16", "int8", "fp4", "nf4", "nf4+double"),
        stored_precisions,
        lambda text: text.split(",") if text else [],
        ",".join,
    ),
    _integer("speed_prompt", 128, 1, 4096),
    _integer("speed_tokens", 16, 1, 256),
    _integer("speed_rounds", 3, 1, 20),
    # Planner.
    Setting("plan_model", "llama-3.1-8b", planned_model(EMBEDDED_MODEL)),
    Setting("plan_config", "", _config_text, packed=True),
    Setting("plan_precision", "nf4", precision_spec),
    _choice("plan_card", "t4", tuple(card.key for card in lm.known_cards())),
    _integer("plan_context", 8192, 1, 100_000_000),
    _integer("plan_people", 1, 1, 100_000),
    # Where the axis ends: a little behind the card's memory, or behind the longest bar.
    _choice("plan_axis", "card", ("card", "bars")),
    _flag("plan_simulated", default=False),
    # KV cache.
    _place("kv_layer", 12, 1000),
    _place("kv_head", 0, 1000),
    _place("kv_from", 0, MAX_TEXT_CHARACTERS),
    _choice("kv_keys", "kept", ("kept", "back")),
    _integer("kv_tokens", 24, 1, 128),
    _choice("kv_turns", "served", ("served", "turns")),
    # Explain a config.
    Setting("config_text", DEFAULT_CONFIG, _plain_text),
)
SETTINGS: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _TABLE})
"""Setting by name, in the order in which a link names them."""
