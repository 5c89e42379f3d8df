"""The settings of the section Generation, and of the samplers that all pages share."""

from __future__ import annotations

from ui.state.checks import prompts_check, tree_check
from ui.state.kinds import Setting, choice, flag, integer, place, real, samplers, several
from ui.state.settings.defaults import DEFAULT_BATCH, DEFAULT_SCHEMA, DEFAULT_STRATEGIES, STRATEGIES
from ui.state.settings.plain_text import MAX_TEXT_CHARACTERS, plain_text
from ui.state.turns import MessagesCheck, conversation_settings

__all__ = ["generation_settings"]


def generation_settings(messages: MessagesCheck) -> tuple[Setting, ...]:
    """The settings of the section, given the check of the shared conversation."""
    return (
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
        Setting("put_text", " Paris", plain_text),
        Setting("put_token", "", plain_text),
        # Conversation.
        *conversation_settings(messages, plain_text),
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
        Setting("grammar_choices", "positive\nnegative\nneutral", plain_text),
        Setting("grammar_regex", "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", plain_text),
        Setting("grammar_json_schema", DEFAULT_SCHEMA, plain_text),
        choice("grammar_prompt", "question", ("question", "chat", "text")),
        Setting("grammar_question", "When did people first walk on the Moon?", plain_text),
        integer("grammar_tokens", 64, 1, 256),
        flag("grammar_greedy", default=True),
        flag("grammar_whitespace", default=False),
        # The step whose candidates are shown, from 0; -1 for the first at which the grammar overruled the model.
        integer("grammar_step", -1, -1, 100_000),
        # Batch and padding. The id that fills up, -1 for the tokenizer's own; the prompt whose tokens are compared.
        Setting("padding_prompts", list(DEFAULT_BATCH), prompts_check(plain_text), packed=True),
        choice("padding_side", "right", ("right", "left")),
        integer("pad_id", -1, -1, 10_000_000),
        flag("padding_mask", default=True),
        choice("padding_positions", "mask", ("mask", "plain")),
        place("padding_shown", 0, 7),
        # Two levels of API: the prompt, and whether the most probable token is taken or one is drawn.
        choice("levels_prompt", "question", ("question", "chat", "text")),
        Setting("levels_question", "What is the capital of Japan?", plain_text),
        choice("levels_draw", "greedy", ("greedy", "sampling")),
        integer("levels_tokens", 16, 1, 64),
    )
