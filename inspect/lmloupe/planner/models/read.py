"""A config.json as a person pastes it: parsed, and checked before anything is built from it. Needs no torch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lmloupe.errors import InvalidSettingError

__all__ = ["parse_config", "require_sizes", "require_sound"]

_LIMITS: tuple[tuple[str, int], ...] = (
    (r"(n|num)_(hidden_)?layers?|(encoder|decoder)_layers|num_(encoder|decoder)_layers|depth", 512),
    (r"(n|num)_.*heads?(_kv)?|n_head_kv|.*_heads", 1 << 14),
    (r"(hidden|intermediate|embed|ffn).*|.*_(dim|rank|width)|d_model|n_embd|n_inner|.*hidden_size|.*intermediate_size",
     1 << 21),
    (r"(n|num)_.*experts.*", 1 << 14),
    (r"vocab_size|.*_vocab_size.*", 1 << 26),
    (r"max_.*positions?(_embeddings)?|n_positions|n_ctx|max_seq.*|seq_length|context_length|.*sliding_window", 1 << 26),
)  # fmt: skip
"""Names of settings, and the most that a model that anybody built could have: what is beyond is a slip of the pen."""
_ANY = 1 << 40
_ZERO_IS_NONE = re.compile(r".*(sliding_window|experts|shared|first_|rank|head_dim|kv_heads).*")
_CORE = ("hidden_size", "num_hidden_layers")
_SIZES = (*_CORE, "vocab_size", "num_attention_heads", "intermediate_size")
_ALSO = ("num_key_value_heads", "head_dim", "max_position_embeddings")
_OTHER_NAMES = {
    "hidden_size": ("n_embd", "n_embed", "d_model", "model_dim", "hidden_dim"),
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers", "decoder_layers", "num_decoder_layers"),
    "vocab_size": ("padded_vocab_size",),
    "num_attention_heads": ("n_head", "n_heads", "num_heads", "decoder_attention_heads"),
    "intermediate_size": ("n_inner", "ffn_dim", "ffn_hidden_size", "d_ff", "decoder_ffn_dim", "ff_intermediate_size"),
    "num_key_value_heads": ("num_kv_heads", "n_head_kv", "multi_query"),
    "max_position_embeddings": ("n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length"),
    "head_dim": ("kv_channels", "d_kv", "attention_head_dim"),
}


def parse_config(text: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        InvalidSettingError: not valid JSON (with line and column), or not an object.

    >>> parse_config('{"model_type": "llama"}')
    {'model_type': 'llama'}
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidSettingError(
            f"The config is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}. "
            "Paste the whole config.json."
        ) from error
    except (RecursionError, ValueError) as error:  # nested without end, or a number of thousands of digits
        raise InvalidSettingError(
            "The config is nested too deeply or has a number that is too long: paste the config.json of a model."
        ) from error
    if not isinstance(found, dict):
        raise InvalidSettingError(
            f"The config is {_kind(found)}, and a config.json is an object of settings: paste it from {{ to }}."
        )
    return found


def require_sound(config: Mapping[str, Any]) -> None:
    """Refuse numbers that no model has, before a model is built from them.

    Raises:
        InvalidSettingError: the field and its value.
    """
    if not isinstance(config.get("model_type"), str) or not config["model_type"]:
        said = f"is {_kind(config['model_type'])}" if "model_type" in config else "is missing"
        raise InvalidSettingError(
            f"model_type {said} in the config: it names the architecture, "
            'such as "llama", and without it nothing can be counted.'
        )
    names = config.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise InvalidSettingError('architectures is not a list of names in the config, such as ["LlamaForCausalLM"].')
    settings = config.get("quantization_config") or {}
    if not isinstance(settings, Mapping):
        raise InvalidSettingError(f"quantization_config is {_kind(settings)} in the config; it must be an object.")
    for path, value in _numbers("", config):
        name = path.rsplit(".", 1)[-1]
        limit = next((most for pattern, most in _LIMITS if re.fullmatch(pattern, name)), None)
        if isinstance(value, float) and not math.isfinite(value):
            continue  # an epsilon or a clip that is infinite changes no size
        if abs(value) > (limit or _ANY):
            raise InvalidSettingError(
                f"{path} is {_shown(value)} in the config, more than any model has (at most {limit or _ANY:,}): "
                "check the number."
            )
        if limit is None or value > 0:
            continue
        if (value < 0 and value != -1) or name in _names(_SIZES):
            raise InvalidSettingError(f"{path} is {_shown(value)} in the config; it must be at least 1.")


def require_sizes(config: Mapping[str, Any], defaults: Any, *, nested: bool) -> tuple[str, ...]:
    """Refuse a config that leaves a size out; and say which others transformers takes from its defaults.

    Args:
        config: of a text model.
        defaults: transformers' own config of that kind, with nothing set.
        nested: it stands within another config, where transformers leaves out what is as by default.

    Returns:
        A sentence for each size that is taken from the defaults.

    Raises:
        InvalidSettingError: a size is missing, or is not a whole number.
    """
    taken = []
    also = getattr(defaults, "attribute_map", {})
    fields = getattr(type(defaults), "__dataclass_fields__", None)
    for name in (*_SIZES, *_ALSO):
        given = next((each for each in (name, also.get(name), *_OTHER_NAMES[name]) if each in config), None)
        # What is computed from other settings is None in the class and a number in what it makes.
        known = None if fields is None else fields.get(name) or fields.get(also.get(name))
        default = getattr(defaults, name, None) if fields is None else getattr(known, "default", None)
        if given is not None:
            _require_whole(given, config[given], optional=default is None or name in _ALSO)
        elif default is None or not isinstance(default, int):
            continue
        elif name in _ALSO or (nested and name not in _CORE):
            taken.append(f"{name} is not in the config: transformers takes {default:,}.")
        else:
            where = "text_config" if nested else "the config"
            raise InvalidSettingError(
                f"{name} is missing in {where}: every config.json of a model_type {config['model_type']!r} names it, "
                "so paste the whole file."
            )
    return tuple(taken)


def _require_whole(name: str, value: object, *, optional: bool) -> None:
    values: Sequence[object] = value if isinstance(value, list) and value else [value]
    for each in values:  # some models have a width for each layer
        if each is None and optional:
            continue
        if isinstance(each, bool) and name == "multi_query":
            continue
        if isinstance(each, bool) or not isinstance(each, int):
            raise InvalidSettingError(f"{name} is {_shown(each)} in the config; it must be a whole number.")


def _names(names: Sequence[str]) -> set[str]:
    return {each for name in names for each in (name, *_OTHER_NAMES[name])}


def _numbers(path: str, value: Any) -> Iterator[tuple[str, int | float]]:
    """All numbers with their paths; a path holds names only, so that a list's numbers have its own."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(path, item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) < 10**24 else f"a number of {len(str(abs(value)))} digits"
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
