"""Every setting that the pages share: its name, its default, and what counts as a value of it.

A value can come from a widget or from a link, and a stranger can write either, so both go through
``Setting.check``. Nothing in this module knows Streamlit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lmloupe import embedded_tokenizers
from ui.state.checks import (
    files_check,
    messages_check,
    precisions,
    prompts_check,
    stored_precisions,
    templates_check,
    tree_check,
)
from ui.state.kinds import Setting, choice, flag, integer, place, real, samplers, several
from ui.state.names import card_key, model_check, planned_model, precision_spec, tokenizer_name, tokenizer_names
from ui.state.settings.defaults import (
    DEFAULT_BATCH,
    DEFAULT_CONFIG,
    DEFAULT_FILES,
    DEFAULT_FIM_PREFIX,
    DEFAULT_FIM_SUFFIX,
    DEFAULT_MESSAGES,
    DEFAULT_PRECISIONS,
    DEFAULT_SCHEMA,
    DEFAULT_STRATEGIES,
    DEFAULT_TEXT,
    LAYER_FORMATS,
    STRATEGIES,
)
from ui.state.turns import conversation_settings

__all__ = ["AUTO", "EMBEDDED_MODEL", "LAYER_FORMATS", "MAX_TEXT_CHARACTERS", "SETTINGS", "Setting"]

EMBEDDED_MODEL = "smollm2-135m-instruct"
AUTO = "auto"
MAX_TEXT_CHARACTERS = 2_000_000
MAX_CONFIG_CHARACTERS = 100_000


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
    flag("add_special_tokens", default=False),
    flag("parse_special_tokens", default=True),
    _tokenizer("tokenizer", "llama-3.1"),
    Setting("ids", "", _plain_text),
    Setting("vocabulary_search", "coconut", _plain_text),
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
    Setting("language", "", _plain_text),
    place("sentence", 0, 4999),
    choice("show_tokens", "text", ("text", "ids", "both")),
    Setting("messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    # While a lesson is in `messages` and `tools`, what a person had there before; see ui/chat/lessons.py.
    choice("lesson", "", ("", "question", "turns", "system", "tools", "injected")),
    Setting("own_messages", _messages(DEFAULT_MESSAGES), _messages, packed=True),
    Setting("own_tools", "", _plain_text),
    choice("chat_layer", "roles", ("roles", "tokens", "loss")),
    flag("add_generation_prompt", default=True),
    flag("continue_final_message", default=False),
    Setting("tools", "", _plain_text),
    Setting("date_string", "", _plain_text),
    flag("tools_in_user_message", default=True),
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
    Setting("phrase", " Paris, of course", _plain_text),
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
    Setting("analogy_a", " king", _plain_text),
    Setting("analogy_b", " man", _plain_text),
    Setting("analogy_c", " woman", _plain_text),
    choice("map_method", "pca", ("pca", "tsne")),
    choice("map_space", "2", ("2", "3")),
    choice("map_colour", "kind", ("kind", "script", "length", "norm")),
    Setting("map_search", "nut", _plain_text),
    integer("map_token", -1, -1, 2**31 - 1),
    Setting("word", "bank", _plain_text),
    Setting("sentence_a", "They walked along the river and sat on the bank", _plain_text),
    Setting("sentence_b", "He went to town to put his money in the bank", _plain_text),
    Setting("sentence_c", "They fished in the lake from the bank", _plain_text),
    Setting("module", "", _plain_text),
    choice("prompt", "chat", ("chat", "text")),
    integer("seed", 0, 0, 2**31 - 1),
    integer("max_new_tokens", 64, 1, 512),
    flag("record_lens", default=False),
    flag("present", default=False),
    # Precision.
    # One block by hand. The module is the one of Architecture.
    choice("block_format", "nf4", ("nf4", "fp4", "int8", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128")),
    flag("block_double", default=False),
    place("block_row", 0, 100_000_000),
    place("block_number", 0, 100_000_000),
    # The weight whose arithmetic is told, from 0; -1 for the one with the largest error.
    integer("block_weight", -1, -1, 255),
    real("outlier_threshold", 6.0, 0.5, 50.0),
    # Precision: what is compared, with what; the precision whose distribution is shown, "" for the one furthest away.
    Setting("precisions", DEFAULT_PRECISIONS, precisions, lambda text: text.split(",") if text else [], ",".join),
    choice("baseline", AUTO, (AUTO, "float32", "bfloat16", "float16")),
    Setting("precision_shown", "", lambda value: "" if value == "" else precisions([value])[0]),
    flag("divergence_log", default=False),
    place("divergence_from", 0, MAX_TEXT_CHARACTERS),
    integer("compared_tokens", 40, 0, 200),
    # One block by hand.
    # Layer by layer. The matrix that is looked at is `module`.
    choice("layers_format", "nf4", LAYER_FORMATS),
    choice("layers_mode", "only", ("only", "all_but")),
    choice("layers_order", "layer", ("layer", "effect")),
    # Whether the shades begin at an error of zero or at the least one.
    choice("layers_shade", "zero", ("zero", "least")),
    # Bytes and speed.
    Setting(
        "speed_precisions",
        ("float32", "bfloat16", "int8", "fp4", "nf4", "nf4+double"),
        stored_precisions,
        lambda text: text.split(",") if text else [],
        ",".join,
    ),
    integer("speed_prompt", 128, 1, 4096),
    integer("speed_tokens", 16, 1, 256),
    integer("speed_rounds", 3, 1, 20),
    # Planner.
    Setting("plan_model", "llama-3.1-8b", planned_model(EMBEDDED_MODEL)),
    Setting("plan_config", "", _config_text, packed=True),
    Setting("plan_precision", "nf4", precision_spec),
    Setting("plan_card", "t4", card_key),
    integer("plan_context", 8192, 1, 100_000_000),
    integer("plan_people", 1, 1, 100_000),
    # Where the axis ends: a little behind the card's memory, or behind the longest bar.
    choice("plan_axis", "card", ("card", "bars")),
    flag("plan_simulated", default=False),
    # KV cache.
    place("kv_layer", 12, 1000),
    place("kv_head", 0, 1000),
    place("kv_from", 0, MAX_TEXT_CHARACTERS),
    choice("kv_keys", "kept", ("kept", "back")),
    integer("kv_tokens", 24, 1, 128),
    choice("kv_turns", "served", ("served", "turns")),
    # Explain a config.
    Setting("config_text", DEFAULT_CONFIG, _plain_text),
    # Samplers, for every page that draws tokens; "_b" is the second of two settings side by side.
    *samplers(),
    *samplers("_b"),
    # Generate: how it streams, the tree.
    flag("hold_back", default=False),
    # The branches, how each is made, and the prompt that they belong to; the one that is looked at, and its step.
    Setting("tree", {}, tree_check, packed=True),
    place("tree_branch", 0, 63),
    integer("tree_step", -1, -1, MAX_TEXT_CHARACTERS),
    # What a person puts into a text that a model writes.
    choice("put_at", "here", ("here", "end")),
    choice("put_as", "text", ("text", "token")),
    Setting("put_text", " Paris", _plain_text),
    Setting("put_token", "", _plain_text),
    # Conversation.
    *conversation_settings(_messages, _plain_text),
    # Strategies.
    # Strategies. A step of -1 is the one that shows most.
    several("strategies", DEFAULT_STRATEGIES, STRATEGIES),
    choice("strategies_prompt", "text", ("text", "chat")),
    integer("strategies_tokens", 24, 1, 256),
    integer("num_beams", 4, 1, 16),
    real("length_penalty", 1.0, -5.0, 5.0),
    choice("early_stopping", "no", ("no", "yes", "never")),
    real("penalty_alpha", 0.6, 0.0, 1.0),
    integer("contrastive_k", 4, 1, 20),
    choice("spec_draws", "greedy", ("greedy", "sampling")),
    integer("beam_step", -1, -1, 255),
    integer("contrastive_step", -1, -1, 255),
    # Strategies: speculative decoding. The early layer is at most the last but one, 0 for half of them.
    integer("spec_drafted", 5, 1, 16),
    integer("spec_ngram", 3, 1, 8),
    integer("spec_layer", 0, 0, 999),
    # Constrained.
    choice("grammar", "regex", ("choices", "regex", "json_schema")),
    Setting("grammar_choices", "positive\nnegative\nneutral", _plain_text),
    Setting("grammar_regex", "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", _plain_text),
    Setting("grammar_json_schema", DEFAULT_SCHEMA, _plain_text),
    choice("grammar_prompt", "question", ("question", "chat", "text")),
    Setting("grammar_question", "When did people first walk on the Moon?", _plain_text),
    integer("grammar_tokens", 64, 1, 256),
    flag("grammar_greedy", default=True),
    flag("grammar_whitespace", default=False),
    # The step whose candidates are shown, from 0; -1 for the first at which the grammar overruled the model.
    integer("grammar_step", -1, -1, 100_000),
    # Batch and padding. The id that fills up, -1 for the tokenizer's own; the prompt whose tokens are compared.
    Setting("padding_prompts", list(DEFAULT_BATCH), prompts_check(_plain_text), packed=True),
    choice("padding_side", "right", ("right", "left")),
    integer("pad_id", -1, -1, 10_000_000),
    flag("padding_mask", default=True),
    choice("padding_positions", "mask", ("mask", "plain")),
    place("padding_shown", 0, 7),
)
SETTINGS: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in _TABLE})
"""Setting by name, in the order in which a link names them."""
