"""LM Loupe: see what a language model really does to text, with the model's own numbers.

Names load at first use, so that ``import lmloupe`` costs milliseconds and loads neither torch nor
transformers; only the functions that run a model do.

>>> import lmloupe as lm
>>> tok = lm.load_tokenizer("llama-3.1")
>>> lm.encode(tok, "Hello!").input_ids.tolist()
[9906, 0]
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmloupe.alignment import Alignment, align
    from lmloupe.architecture_questions import BlockFacts, Histogram, ModuleNode
    from lmloupe.bpe import MissingCharacter
    from lmloupe.budget import Cut, context_share, cut, price
    from lmloupe.chat import RenderedChat, Segment, Span, render_chat
    from lmloupe.chat_check import ChatWarning, check_chat
    from lmloupe.chat_choice import choose_template
    from lmloupe.chat_dropped import DroppedPart
    from lmloupe.chat_json import messages_from_json, messages_to_json
    from lmloupe.chat_prefix import PrefixStability, PrefixStep, prefix_stability
    from lmloupe.chat_reply import ReplyComparison, compare_reply
    from lmloupe.chat_stops import StopSet, StopToken, stop_tokens
    from lmloupe.chat_template_file import ChatTemplates, load_chat_templates, read_chat_templates
    from lmloupe.code_prompts import CodePrompt, CodeSpan, fim_prompt, repository_prompt
    from lmloupe.cosine import cosine_matrix, word_positions
    from lmloupe.embedded_model import Progress, cache_folder, embedded_model_folder, ensure_embedded_model
    from lmloupe.embedding_questions import Neighbours, Projection, Undertrained
    from lmloupe.encoding import Encoding, Token, decode, encode, spell
    from lmloupe.engine import (
        Device,
        Engine,
        Generation,
        ModelDescription,
        ModuleInfo,
        NextToken,
        Quantization,
        Step,
    )
    from lmloupe.errors import (
        AnswerTimeoutError,
        ContextLengthError,
        FetchError,
        GatedError,
        InputError,
        InvalidIdError,
        InvalidMessagesError,
        InvalidSettingError,
        InvalidTextError,
        LoadError,
        LoadTimeoutError,
        LoupeError,
        NoChatTemplateError,
        NotAvailableError,
        NotFiniteError,
        QuestionError,
        SourceNotFoundError,
        TemplateError,
        TemplateTimeoutError,
        TokenizerFailedError,
        TokenizerTimeoutError,
        UnreachableError,
        UnsafeWeightsError,
        UnsupportedError,
    )
    from lmloupe.inside_questions import AttentionWeights, Attribution, LensParts, LensRow, LensRows, LogitLens, Scored
    from lmloupe.language_fertility import Fertility, fertility
    from lmloupe.load import load_engine
    from lmloupe.machine import MachineDefaults, machine_defaults
    from lmloupe.memory_fit import MemoryEstimate, memory_estimate
    from lmloupe.merge_tree import MergeTree, ancestry
    from lmloupe.merges import MergeReplay, MergeStep, merge_steps
    from lmloupe.parallel import Language, code_samples, load_parallel, parallel_languages
    from lmloupe.pattern import PatternPart, pattern_parts
    from lmloupe.sampling import Sampling, Stage, sampling_stages
    from lmloupe.special_tokens import doubled_bos, round_trip, special_in_text, special_token_purpose
    from lmloupe.text_stages import Stages, stages
    from lmloupe.tokenizer import Tokenizer, embedded_tokenizers, load_tokenizer
    from lmloupe.uploaded import load_tokenizer_file
    from lmloupe.vocabulary import VocabularyMatches, search_vocabulary
    from lmloupe.vocabulary_counts import VocabularyStats, vocabulary_stats
    from lmloupe.vocabulary_overlap import Spelling, VocabularyOverlap, overlap, same_text_elsewhere
    from lmloupe.vocabulary_rows import VocabularyTable, vocabulary_table

__all__ = [
    "Alignment",
    "AnswerTimeoutError",
    "AttentionWeights",
    "Attribution",
    "BlockFacts",
    "ChatTemplates",
    "ChatWarning",
    "CodePrompt",
    "CodeSpan",
    "ContextLengthError",
    "Cut",
    "Device",
    "DroppedPart",
    "Encoding",
    "Engine",
    "Fertility",
    "FetchError",
    "GatedError",
    "Generation",
    "Histogram",
    "InputError",
    "InvalidIdError",
    "InvalidMessagesError",
    "InvalidSettingError",
    "InvalidTextError",
    "Language",
    "LensParts",
    "LensRow",
    "LensRows",
    "LoadError",
    "LoadTimeoutError",
    "LogitLens",
    "LoupeError",
    "MachineDefaults",
    "MemoryEstimate",
    "MergeReplay",
    "MergeStep",
    "MergeTree",
    "MissingCharacter",
    "ModelDescription",
    "ModuleInfo",
    "ModuleNode",
    "Neighbours",
    "NextToken",
    "NoChatTemplateError",
    "NotAvailableError",
    "NotFiniteError",
    "PatternPart",
    "PrefixStability",
    "PrefixStep",
    "Progress",
    "Projection",
    "Quantization",
    "QuestionError",
    "RenderedChat",
    "ReplyComparison",
    "Sampling",
    "Scored",
    "Segment",
    "SourceNotFoundError",
    "Span",
    "Spelling",
    "Stage",
    "Stages",
    "Step",
    "StopSet",
    "StopToken",
    "TemplateError",
    "TemplateTimeoutError",
    "Token",
    "Tokenizer",
    "TokenizerFailedError",
    "TokenizerTimeoutError",
    "Undertrained",
    "UnreachableError",
    "UnsafeWeightsError",
    "UnsupportedError",
    "VocabularyMatches",
    "VocabularyOverlap",
    "VocabularyStats",
    "VocabularyTable",
    "align",
    "ancestry",
    "cache_folder",
    "check_chat",
    "choose_template",
    "code_samples",
    "compare_reply",
    "context_share",
    "cosine_matrix",
    "cut",
    "decode",
    "doubled_bos",
    "embedded_model_folder",
    "embedded_tokenizers",
    "encode",
    "ensure_embedded_model",
    "fertility",
    "fim_prompt",
    "load_chat_templates",
    "load_engine",
    "load_parallel",
    "load_tokenizer",
    "load_tokenizer_file",
    "machine_defaults",
    "memory_estimate",
    "merge_steps",
    "messages_from_json",
    "messages_to_json",
    "overlap",
    "parallel_languages",
    "pattern_parts",
    "prefix_stability",
    "price",
    "read_chat_templates",
    "render_chat",
    "repository_prompt",
    "round_trip",
    "same_text_elsewhere",
    "sampling_stages",
    "search_vocabulary",
    "special_in_text",
    "special_token_purpose",
    "spell",
    "stages",
    "stop_tokens",
    "vocabulary_stats",
    "vocabulary_table",
    "word_positions",
]

# No module is called like a function of the face: importing it would put it in the function's place.
_MODULES = {
    "alignment": (
        "Alignment",
        "align",
    ),
    "architecture_questions": (
        "BlockFacts",
        "Histogram",
        "ModuleNode",
    ),
    "bpe": ("MissingCharacter",),
    "budget": (
        "Cut",
        "context_share",
        "cut",
        "price",
    ),
    "chat": (
        "RenderedChat",
        "Segment",
        "Span",
        "render_chat",
    ),
    "chat_check": (
        "ChatWarning",
        "check_chat",
    ),
    "chat_choice": ("choose_template",),
    "chat_dropped": ("DroppedPart",),
    "chat_json": (
        "messages_from_json",
        "messages_to_json",
    ),
    "chat_prefix": (
        "PrefixStability",
        "PrefixStep",
        "prefix_stability",
    ),
    "chat_reply": (
        "ReplyComparison",
        "compare_reply",
    ),
    "chat_stops": (
        "StopSet",
        "StopToken",
        "stop_tokens",
    ),
    "chat_template_file": (
        "ChatTemplates",
        "load_chat_templates",
        "read_chat_templates",
    ),
    "code_prompts": (
        "CodePrompt",
        "CodeSpan",
        "fim_prompt",
        "repository_prompt",
    ),
    "cosine": (
        "cosine_matrix",
        "word_positions",
    ),
    "embedded_model": (
        "Progress",
        "cache_folder",
        "embedded_model_folder",
        "ensure_embedded_model",
    ),
    "embedding_questions": (
        "Neighbours",
        "Projection",
        "Undertrained",
    ),
    "encoding": (
        "Encoding",
        "Token",
        "decode",
        "encode",
        "spell",
    ),
    "engine": (
        "Device",
        "Engine",
        "Generation",
        "ModelDescription",
        "ModuleInfo",
        "NextToken",
        "Quantization",
        "Step",
    ),
    "errors": (
        "AnswerTimeoutError",
        "ContextLengthError",
        "FetchError",
        "GatedError",
        "InputError",
        "InvalidIdError",
        "InvalidMessagesError",
        "InvalidSettingError",
        "InvalidTextError",
        "LoadError",
        "LoadTimeoutError",
        "LoupeError",
        "NoChatTemplateError",
        "NotAvailableError",
        "NotFiniteError",
        "QuestionError",
        "SourceNotFoundError",
        "TemplateError",
        "TemplateTimeoutError",
        "TokenizerFailedError",
        "TokenizerTimeoutError",
        "UnreachableError",
        "UnsafeWeightsError",
        "UnsupportedError",
    ),
    "inside_questions": (
        "AttentionWeights",
        "Attribution",
        "LensParts",
        "LensRow",
        "LensRows",
        "LogitLens",
        "Scored",
    ),
    "language_fertility": (
        "Fertility",
        "fertility",
    ),
    "load": ("load_engine",),
    "machine": (
        "MachineDefaults",
        "machine_defaults",
    ),
    "memory_fit": (
        "MemoryEstimate",
        "memory_estimate",
    ),
    "merge_tree": (
        "MergeTree",
        "ancestry",
    ),
    "merges": (
        "MergeReplay",
        "MergeStep",
        "merge_steps",
    ),
    "parallel": (
        "Language",
        "code_samples",
        "load_parallel",
        "parallel_languages",
    ),
    "pattern": (
        "PatternPart",
        "pattern_parts",
    ),
    "sampling": (
        "Sampling",
        "Stage",
        "sampling_stages",
    ),
    "special_tokens": (
        "doubled_bos",
        "round_trip",
        "special_in_text",
        "special_token_purpose",
    ),
    "text_stages": (
        "Stages",
        "stages",
    ),
    "tokenizer": (
        "Tokenizer",
        "embedded_tokenizers",
        "load_tokenizer",
    ),
    "uploaded": ("load_tokenizer_file",),
    "vocabulary": (
        "VocabularyMatches",
        "search_vocabulary",
    ),
    "vocabulary_counts": (
        "VocabularyStats",
        "vocabulary_stats",
    ),
    "vocabulary_overlap": (
        "Spelling",
        "VocabularyOverlap",
        "overlap",
        "same_text_elsewhere",
    ),
    "vocabulary_rows": (
        "VocabularyTable",
        "vocabulary_table",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__version__ = "0.1.0"

# Threads of a matrix product that wait for each other by spinning take the cores from whoever they wait for: with one
# other busy process on two cores a forward pass took up to 25 times as long. OpenMP reads this as torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
