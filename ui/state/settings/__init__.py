"""Every setting that the pages share: its name, its default, and what counts as a value of it.

A value can come from a widget or from a link, and a stranger can write either, so both go through
``Setting.check``. Nothing in this module knows Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lmloupe import embedded_tokenizers
from ui.state.checks import files_check, messages_check, templates_check
from ui.state.kinds import Setting, choice, flag, integer, place, real
from ui.state.names import model_check, tokenizer_name, tokenizer_names
from ui.state.settings.defaults import (
    DEFAULT_FILES,
    DEFAULT_FIM_PREFIX,
    DEFAULT_FIM_SUFFIX,
    DEFAULT_MESSAGES,
    DEFAULT_TEXT,
    LAYER_FORMATS,
)
from ui.state.settings.generation import generation_settings
from ui.state.settings.learn import LEARN_SETTINGS
from ui.state.settings.plain_text import MAX_TEXT_CHARACTERS, plain_text
from ui.state.settings.precision import AUTO, precision_settings
from ui.state.settings.prediction import prediction_settings

__all__ = ["AUTO", "EMBEDDED_MODEL", "LAYER_FORMATS", "MAX_TEXT_CHARACTERS", "SETTINGS", "Setting"]

EMBEDDED_MODEL = "smollm2-135m-instruct"


def _tokenizer(name: str, default: str) -> Setting:
    return Setting(name, default, tokenizer_name, options=embedded_tokenizers(), names_tokenizers=True)


def _tokenizers(name: str, default: tuple[str, ...]) -> Setting:
    def parse(text: str) -> object:
        return text.split(",") if text else []

    options = embedded_tokenizers()
    return Setting(name, default, tokenizer_names, parse, ",".join, options=options, names_tokenizers=True)


_messages = messages_check(MAX_TEXT_CHARACTERS)


_TABLE = (
    Setting("text", DEFAULT_TEXT, plain_text),
    _tokenizers("tokenizers", ("llama-3.1", "phi-3", "qwen2", "starcoder2")),
    flag("add_special_tokens", default=False),
    flag("parse_special_tokens", default=True),
    _tokenizer("tokenizer", "llama-3.1"),
    Setting("ids", "", plain_text),
    Setting("vocabulary_search", "coconut", plain_text),
    choice("search_by", "text", ("text", "bytes", "regex", "ids")),
    _tokenizer("compare_with", "phi-3"),
    # How it splits: the piece that is looked into, -1 for the one that shows most; merges done, all of them by default.
    integer("piece", -1, -1, MAX_TEXT_CHARACTERS),
    integer("merge_step", 1000, 0, 1000),
    choice("merge_speed", "1", ("0.5", "1", "2", "4")),
    integer("context_length", 8192, 1, 100_000_000),
    real("price_per_million", 1.0, 0.0, 100_000.0),
    integer("cut_at", 32, 0, MAX_TEXT_CHARACTERS),
    flag("show_whitespace", default=False),
    place("ruler_from", 0, MAX_TEXT_CHARACTERS),
    choice("colour_by", "position", ("position", "id", "length")),
    flag("only_different", default=False),
    choice("languages_as", "common", ("common", "tokens", "own")),
    Setting("language", "", plain_text),
    place("sentence", 0, 4999),
    choice("show_tokens", "text", ("text", "ids", "both")),
    flag("show_units", default=False),
    Setting("messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    # While a lesson is in `messages` and `tools`, what a person had there before; see ui/chat/lessons.py.
    choice("lesson", "", ("", "question", "turns", "system", "tools", "injected")),
    Setting("own_messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    Setting("own_tools", "", plain_text),
    choice("chat_layer", "roles", ("roles", "tokens", "loss")),
    flag("add_generation_prompt", default=True),
    flag("continue_final_message", default=False),
    Setting("tools", "", plain_text),
    Setting("date_string", "", plain_text),
    flag("tools_in_user_message", default=True),
    Setting("variables", "", plain_text),
    _tokenizer("template_of", "llama-3.1"),
    Setting("templates", {}, templates_check(tokenizer_name, plain_text), packed=True),
    _tokenizer("fim_model", "starcoder2"),
    Setting("fim_prefix", DEFAULT_FIM_PREFIX, plain_text),
    Setting("fim_suffix", DEFAULT_FIM_SUFFIX, plain_text),
    Setting("repository", "coconut/trees", plain_text),
    Setting("repository_files", [dict(file) for file in DEFAULT_FILES], files_check(plain_text), packed=True),
    Setting("model", EMBEDDED_MODEL, model_check(EMBEDDED_MODEL), options=(EMBEDDED_MODEL,)),
    # "auto" until somebody chooses: the machine's own, which takes torch to know, and not every page loads torch.
    choice("quantization", AUTO, (AUTO, "none", "int8", "nf4", "fp4")),
    place("token_index", 1, MAX_TEXT_CHARACTERS),
    # A character of the text whose token the next page shall show; -1 for none. See ui/thread.py.
    integer("place", -1, -1, MAX_TEXT_CHARACTERS),
    # The token that the card of Tokens shows where another page's link opened it: "" for the first row's at `place`.
    Setting("card_of", "", lambda value: "" if value == "" else tokenizer_name(value), names_tokenizers=True),
    integer("card_id", -1, -1, 2**31 - 1),
    integer("card_nth", 0, 0, MAX_TEXT_CHARACTERS),
    flag("injected", default=False),
    choice("score_by", "rank", ("rank", "surprisal", "entropy")),
    choice("lens_by", "probability", ("probability", "entropy", "rank")),
    flag("lens_changes", default=False),
    # Beyond the last layer and the last window: a widget shows the nearest, which is the last.
    integer("lens_layer", 1000, 0, 1000),
    place("lens_from", MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS),
    choice("explain", "answer", ("answer", "text", "cell")),
    # In the middle of most models are heads that visibly read one place.
    place("attention_layer", 12, 1000),
    integer("attention_head", 0, 0, 1000),
    place("attention_from", MAX_TEXT_CHARACTERS, MAX_TEXT_CHARACTERS),
    choice("attention_as", "arcs", ("arcs", "matrix")),
    # Draw what goes to the first token as a stub with its share, not as arcs.
    flag("skip_first", default=True),
    choice("attention_squares", "pattern", ("pattern", "first", "previous", "entropy")),
    integer("neighbours", 10, 1, 50),
    choice("metric", "cosine", ("cosine", "dot")),
    real("temperature", 1.0, 0.0, 2.0),
    integer("top_k", 0, 0, 1000),
    real("top_p", 1.0, 0.05, 1.0),
    real("min_p", 0.0, 0.0, 1.0),
    real("repetition_penalty", 1.0, 1.0, 2.0),
    choice("next_view", "best", ("best", "stages", "draws", "vocabulary", "phrase", "settings", "scores")),
    # Where the axis of the bars ends, in percent: a choice, never the largest bar.
    choice("axis_end", "100", ("100", "20", "5")),
    integer("rolls", 0, 0, 2000),
    Setting("phrase", " Paris, of course", plain_text),
    # The second of two settings side by side.
    real("temperature_b", 1.5, 0.0, 2.0),
    integer("top_k_b", 0, 0, 1000),
    real("top_p_b", 0.9, 0.05, 1.0),
    real("min_p_b", 0.0, 0.0, 1.0),
    real("repetition_penalty_b", 1.0, 1.0, 2.0),
    choice("embedding_view", "matrix", ("matrix", "cosine", "neighbours", "arithmetic")),
    choice("dimensions", "all", ("all", "64", "12")),
    place("dimension_from", 0, 1_000_000),
    place("matrix_from", 0, MAX_TEXT_CHARACTERS),
    choice("matrix", "input", ("input", "output")),
    Setting("analogy_a", " king", plain_text),
    Setting("analogy_b", " man", plain_text),
    Setting("analogy_c", " woman", plain_text),
    choice("map_method", "pca", ("pca", "tsne")),
    choice("map_space", "2", ("2", "3")),
    choice("map_colour", "kind", ("kind", "script", "length", "norm")),
    Setting("map_search", "nut", plain_text),
    integer("map_token", -1, -1, 2**31 - 1),
    Setting("word", "bank", plain_text),
    Setting("sentence_a", "They walked along the river and sat on the bank", plain_text),
    Setting("sentence_b", "He went to town to put his money in the bank", plain_text),
    Setting("sentence_c", "They fished in the lake from the bank", plain_text),
    Setting("module", "", plain_text),
    choice("prompt", "chat", ("chat", "text")),
    integer("seed", 0, 0, 2**31 - 1),
    integer("max_new_tokens", 64, 1, 512),
    flag("record_lens", default=False),
    replace(flag("present", default=False), of_frame=True),
    *precision_settings(EMBEDDED_MODEL),
    *generation_settings(_messages),
    *prediction_settings(),
    *LEARN_SETTINGS,
)
SETTINGS: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _TABLE})
"""Setting by name, in the order in which a link names them."""
