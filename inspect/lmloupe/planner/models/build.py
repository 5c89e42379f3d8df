"""Any config as a makeup: by transformers' own class on torch's meta device. No code that a config names is run."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import transformers

from lmloupe.errors import InvalidSettingError, LoupeError, UnsupportedError
from lmloupe.model.quiet import quiet_transformers
from lmloupe.model.sources import require_causal
from lmloupe.names import shown
from lmloupe.planner.makeup import Makeup
from lmloupe.planner.measure import makeup_of
from lmloupe.planner.models.already import stored_already
from lmloupe.planner.models.phi3_small import phi3_small
from lmloupe.planner.models.read import require_sizes, require_sound
from lmloupe.planner.storage import Format

__all__ = ["build"]

_DTYPES = ("float32", "bfloat16", "float16")
# They name code or kernels to fetch, or how weights are packed; a count needs none of it.
_LEFT_OUT = (
    "auto_map", "attn_implementation", "_attn_implementation", "_attn_implementation_internal", "use_kernels",
    "experts_implementation", "_experts_implementation", "quantization_config", "compression_config", "torch_dtype",
    "dtype", "custom_pipelines", "transformers_weights", "trust_remote_code", "_name_or_path", "tp_plan",
    "base_model_tp_plan",
)  # fmt: skip


def build(config: Mapping[str, Any], name: str, *, whole: bool) -> tuple[Makeup, Format | None, tuple[str, ...]]:
    """What a config describes, how its weights are quantized already, and what to know of it.

    Args:
        config: a config.json.
        name: hub id or folder, for messages; empty for a config that was pasted.
        whole: refuse it where a size is missing.

    Raises:
        InvalidSettingError: a field is missing or holds what no model can have.
        UnsupportedError: not a causal language model, or one that transformers does not know.
    """
    require_sound(config)
    who = shown(name) if name else "This config"
    try:
        text = json.dumps(_plain(config), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSettingError(
            f"{who} holds something that no JSON could ({error}): give it as config.json has it."
        ) from error
    makeup, notes = _made(text, who, whole=whole)
    dtype, dtype_notes = _dtype(config)
    makeup = replace(makeup, dtype=dtype)
    settings = config.get("quantization_config") or _within(config).get("quantization_config")
    if not isinstance(settings, Mapping) or not settings:
        return makeup, None, (*notes, *dtype_notes)
    makeup, stored = stored_already(settings, makeup)
    return makeup, stored, (*notes, *dtype_notes, f"Its weights are published quantized: {stored.label}.")


@lru_cache(maxsize=32)
def _made(text: str, who: str, *, whole: bool) -> tuple[Makeup, tuple[str, ...]]:
    config: dict[str, Any] = json.loads(text)
    kind = config["model_type"]
    if kind == "phi3small":
        return _phi3_small(config)
    known = transformers.CONFIG_MAPPING
    if kind not in known:
        near = difflib.get_close_matches(kind, list(known), n=1, cutoff=0.7)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UnsupportedError(
            f"transformers {transformers.__version__} does not know the model_type {shown(kind)}{hint}, and LM Loupe "
            "runs no code from a repository: choose a model whose architecture transformers knows."
        )
    notes = _missing(config, known[kind], who) if whole else ()
    try:
        with quiet_transformers():
            made = known[kind].from_dict(config)
            made, more = _text_part(made)
            require_causal(who, made)
            return makeup_of(made), (*notes, *more)
    except LoupeError:
        raise
    except Exception as error:  # a model's own class in transformers may raise anything for settings it does not expect
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise InvalidSettingError(
            f"transformers cannot build a model of this config ({type(error).__name__}: {said}): "
            "check the settings against each other."
        ) from error


def _phi3_small(config: Mapping[str, Any]) -> tuple[Makeup, tuple[str, ...]]:
    for name in (
        "hidden_size", "ff_intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "vocab_size", "max_position_embeddings",
    ):  # fmt: skip
        if type(config.get(name)) is not int:
            raise InvalidSettingError(f"{name} is missing in the config, or is not a whole number.")
    return phi3_small(config), ("transformers has no class for Phi-3 small: counted by its published architecture.",)


def _missing(config: Mapping[str, Any], kind: Any, who: str) -> tuple[str, ...]:
    """Refuse a kind that does not continue texts, and a config that lacks a size; say what is taken from defaults."""
    part = _within(config)
    try:
        with quiet_transformers():
            defaults = kind()
    except Exception:  # a few kinds cannot be made without settings; transformers will say what it lacks
        return ()
    if not part:
        require_causal(who, _text_part(defaults)[0])
    named = {"model_type": config["model_type"], **(part or config)}
    return require_sizes(named, _text_of(defaults), nested=bool(part))


def _text_part(config: Any) -> tuple[Any, tuple[str, ...]]:
    """The config itself; of one that sees or hears and does not continue texts as a whole, that of its text model."""
    text = _text_of(config)
    mapping = transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    if type(config) in mapping or text is config or type(text) not in mapping or config.is_encoder_decoder:
        return config, ()
    return text, (f"Counted is its text model, {text.model_type}: what sees or hears comes on top.",)


def _text_of(config: Any) -> Any:
    try:
        return config.get_text_config()
    except ValueError:  # it has several, as models of music have
        return config


def _within(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of the text model within another, as it stands there; empty without one."""
    part = config.get("text_config") or config.get("llm_config") or config.get("language_config")
    return part if isinstance(part, Mapping) else {}


def _plain(value: Any) -> Any:
    """The settings that say how large anything is."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if key not in _LEFT_OUT}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _dtype(config: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    part = _within(config)
    named = next((at[key] for at in (config, part) for key in ("dtype", "torch_dtype") if at.get(key)), None)
    name = str(named).removeprefix("torch.")
    if name in _DTYPES:
        return name, ()
    said = "names no dtype" if named is None else f"names the dtype {name[:40]}"
    return "bfloat16", (f"The config {said}: counted is bfloat16.",)
