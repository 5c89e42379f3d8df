"""The settings of the section Precision."""

from __future__ import annotations

from ui.state.checks import precisions, stored_precisions
from ui.state.kinds import Setting, choice, flag, integer, place, real
from ui.state.names import card_key, planned_model, precision_spec
from ui.state.settings.defaults import DEFAULT_CONFIG, DEFAULT_PRECISIONS, LAYER_FORMATS
from ui.state.settings.plain_text import MAX_TEXT_CHARACTERS, plain_text

__all__ = ["AUTO", "precision_settings"]

AUTO = "auto"
MAX_CONFIG_CHARACTERS = 100_000


def precision_settings(embedded_model: str) -> tuple[Setting, ...]:
    """The settings of the section, given the name of the embedded model."""

    def config_text(value: object) -> str:
        text = plain_text(value)
        if len(text) > MAX_CONFIG_CHARACTERS:
            raise ValueError(
                f"it must have at most {MAX_CONFIG_CHARACTERS:,} characters; a config.json has a few thousand"
            )
        return text

    return (
        # One block by hand. The module is the one of Architecture.
        choice("block_format", "nf4", ("nf4", "fp4", "int8", "q4_0", "q8_0", "mxfp4", "nvfp4", "int4_g128")),
        flag("block_double", default=False),
        place("block_row", 0, 100_000_000),
        place("block_number", 0, 100_000_000),
        # The weight whose arithmetic is told, from 0; -1 for the one with the largest error.
        integer("block_weight", -1, -1, 255),
        real("outlier_threshold", 6.0, 0.5, 50.0),
        # Precision: what is compared, with what; the one whose distribution is shown, "" for the furthest away.
        Setting("precisions", DEFAULT_PRECISIONS, precisions, lambda text: text.split(",") if text else [], ",".join),
        choice("baseline", AUTO, (AUTO, "float32", "bfloat16", "float16")),
        Setting("precision_shown", "", lambda value: "" if value == "" else precisions([value])[0]),
        flag("divergence_log", default=False),
        place("divergence_from", 0, MAX_TEXT_CHARACTERS),
        integer("compared_tokens", 40, 0, 200),
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
        Setting("plan_model", "llama-3.1-8b", planned_model(embedded_model)),
        Setting("plan_config", "", config_text, packed=True),
        Setting("plan_precision", "nf4", precision_spec),
        Setting("plan_card", "t4", card_key),
        integer("plan_context", 8192, 1, 100_000_000),
        integer("plan_people", 1, 1, 100_000),
        # Where the axis ends: a little behind the card's memory, or behind the longest bar.
        choice("plan_axis", "card", ("card", "bars")),
        flag("plan_simulated", default=False),
        # How many people: a class, what each of them asks for, and how long an answer may take.
        integer("plan_students", 30, 1, 10_000),
        real("plan_think", 45.0, 0.1, 86_400),
        integer("plan_read", 100, 0, 1_000_000),
        integer("plan_write", 60, 1, 1_000_000),
        real("plan_patience", 20.0, 0.1, 3600),
        integer("plan_replicas", 1, 1, 1000),
        # Tokens a second that are written and read, and the cost of a pass for 32; 0 where the page is to find it.
        real("plan_speed", 0.0, 0, 1_000_000),
        real("plan_read_speed", 0.0, 0, 100_000_000),
        real("plan_cost", 0.0, 0, 32),
        # KV cache.
        place("kv_layer", 12, 1000),
        place("kv_head", 0, 1000),
        place("kv_from", 0, MAX_TEXT_CHARACTERS),
        choice("kv_keys", "kept", ("kept", "back")),
        integer("kv_tokens", 24, 1, 128),
        choice("kv_turns", "served", ("served", "turns")),
        # Explain a config.
        Setting("config_text", DEFAULT_CONFIG, plain_text),
    )
