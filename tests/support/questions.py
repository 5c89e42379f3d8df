"""Every question of an engine once, and whether two answers are the same but for the time that they took."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import lmloupe as lm
from lmloupe.cluster.questions import QUESTIONS

TEXT = "A coconut 🥥 rolls down"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "describe": ("describe", {}),
    "weight_histogram": ("weight_histogram", {"module_name": "model.embed_tokens", "bins": 20}),
    "embed": ("embed", {"ids": [7, 9]}),
    "embedding_norms": ("embedding_norms", {}),
    "neighbours": ("neighbours", {"id_or_vector": np.ones(64, np.float32), "k": 4, "exclude": {8, 9}}),
    "analogy": ("analogy", {"a_id": 10, "b_id": 11, "c_id": 12}),
    "project": ("project", {"ids": range(20, 40)}),
    "undertrained_tokens": ("undertrained_tokens", {"k": 5}),
    "score": ("score", {"text_or_ids": TEXT}),
    "hidden_states": ("hidden_states", {"text_or_ids": TEXT}),
    "contextual_similarity": (
        "contextual_similarity",
        {"text_a": TEXT, "position_a": 2, "text_b": "A hill", "position_b": 1},
    ),
    "logit_lens": ("logit_lens", {"text_or_ids": np.array([7, 8, 9])}),
    "lens_rows": ("lens_rows", {"text_or_ids": TEXT, "layers": [2, 0]}),
    "lens_parts": ("lens_parts", {}),
    "attention": ("attention", {"text_or_ids": TEXT, "layer": 1}),
    "attention_weights": ("attention_weights", {"text_or_ids": TEXT, "layer": 1}),
    "attention_summary": ("attention_summary", {"text_or_ids": TEXT}),
    "attribution": ("attribution", {"text_or_ids": TEXT, "token_id": 9}),
    "kv_cache": ("kv_cache", {"text_or_ids": TEXT}),
    "kv_cache_growth": ("kv_cache_growth", {"text_or_ids": TEXT, "step": 2}),
    "keys_and_values": ("keys_and_values", {"text_or_ids": TEXT, "layer": 0}),
    "with_and_without_cache": ("with_and_without_cache", {"text_or_ids": TEXT, "max_new_tokens": 4}),
    "reuse_cache": ("reuse_cache", {"cached": TEXT, "following": TEXT + " the"}),
    "next_token": ("next_token", {"text_or_ids": TEXT}),
    "generate": ("generate", {"text_or_ids": TEXT, "max_new_tokens": 9, "seed": 3}),
    "generate, all": (
        "generate",
        {
            "text_or_ids": TEXT,
            "sampling": lm.Sampling(1.2, top_p=0.9, dry_breakers=[7]),
            "max_new_tokens": 9,
            "lens": True,
            "stop_ids": {2},
            "constraint": lm.Constraint.regex("[a-z ]{4,30}"),
        },
    ),
    "serving": ("serving", {}),
    "padded_batch": ("padded_batch", {"prompts": [TEXT, [7, 8]]}),
    "beam_search": ("beam_search", {"text_or_ids": TEXT, "num_beams": 3, "max_new_tokens": 5}),
    "contrastive_search": ("contrastive_search", {"text_or_ids": TEXT, "max_new_tokens": 4}),
    "speculate": ("speculate", {"text_or_ids": TEXT, "max_new_tokens": 6}),
    "two_levels": ("two_levels", {"prompt": [{"role": "user", "content": "Hi"}], "max_new_tokens": 3}),
    "gap": ("gap", {"left": "A coconut ", "right": " down the hill", "candidates": ["rolls", "runs"]}),
}
"""By a name, the question and its arguments, for a tiny model."""

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no text": ("next_token", {"text_or_ids": []}),
    "a lone surrogate": ("next_token", {"text_or_ids": "\ud800"}),
    "too long": ("score", {"text_or_ids": [7] * 200}),
    "an id beyond": ("embed", {"ids": [100_000]}),
    "a layer beyond": ("attention", {"text_or_ids": TEXT, "layer": 9}),
    "no tokens asked for": ("generate", {"text_or_ids": TEXT, "max_new_tokens": 0}),
    "a lens row beyond": ("lens_rows", {"text_or_ids": TEXT, "layers": [9]}),
}
"""By a name, a question that every engine refuses."""

assert {name for name, _ in CASES.values()} == set(QUESTIONS)


def answer(engine: lm.Engine, question: str, arguments: Mapping[str, Any]) -> Any:
    """The answer; of what is followed the input and all results."""
    given = getattr(engine, question)(**arguments)
    return (given.input_ids, tuple(given)) if QUESTIONS[question].follows else given


def difference(a: Any, b: Any, where: str = "") -> str:
    """Where two answers differ, else an empty string. Numbers may differ by rounding, times as they like."""
    if where.endswith(("_s", "seconds")):
        return ""
    if type(a) is not type(b):
        return f"{where}: {type(a)} and {type(b)}"
    if isinstance(a, np.ndarray):
        same = a.shape == b.shape and a.dtype == b.dtype
        close = same and (
            np.allclose(a, b, 1e-4, 1e-4, equal_nan=True) if a.dtype.kind == "f" else np.array_equal(a, b)
        )
        return "" if close else f"{where}: {a} and {b}"
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a) if field.compare]
        return next((d for n in names if (d := difference(getattr(a, n), getattr(b, n), f"{where}.{n}"))), "")
    if isinstance(a, Sequence) and not isinstance(a, str | bytes):
        if len(a) != len(b):
            return f"{where}: {len(a)} and {len(b)}"
        pairs = enumerate(zip(a, b, strict=True))
        return next((d for i, (x, y) in pairs if (d := difference(x, y, f"{where}[{i}]"))), "")
    close = abs(a - b) < 1e-4 if isinstance(a, float) and a == a and abs(a) != float("inf") else a == b or a != a
    return "" if close else f"{where}: {a!r} and {b!r}"
