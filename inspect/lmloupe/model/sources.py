"""Find a model: its tokenizer, config and weights, all on this machine, checked before anything large is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import transformers

from lmloupe.errors import SourceNotFoundError, UnsafeWeightsError, UnsupportedError
from lmloupe.loading.embedded_model.folder import ensure_embedded_model
from lmloupe.loading.hub_errors import loading, reading
from lmloupe.loading.hub_files import HubRepo, open_repo, weight_files
from lmloupe.loading.tokenizer import load_tokenizer
from lmloupe.model.passes.config_sizes import layer_count
from lmloupe.model.quiet import quiet_transformers
from lmloupe.names import EMBEDDED_MODEL, local_folder, shown
from lmloupe.tokens.embedded import embedded_tokenizers
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = [
    "OPTIONS",
    "ReadConfig",
    "causal_config",
    "masked_config",
    "model_sources",
    "repo_config",
    "require_causal",
    "require_folder",
    "require_masked",
    "require_model",
]

OPTIONS: Mapping[str, Any] = {"trust_remote_code": False, "token": False, "local_files_only": True}
"""How transformers reads what is on this machine: it runs no code of a repository and asks nobody."""


ReadConfig: TypeAlias = Callable[[str, str, Mapping[str, Any]], transformers.PreTrainedConfig]
"""Reads and checks a config: `causal_config` or `masked_config`."""


def causal_config(name: str, path: str, options: Mapping[str, Any]) -> transformers.PreTrainedConfig:
    """The model's config, once it is one of a causal model that LM Loupe can show."""
    return _config(name, path, options, require_causal)


def masked_config(name: str, path: str, options: Mapping[str, Any]) -> transformers.PreTrainedConfig:
    """The model's config, once it is one of a masked model that LM Loupe can show."""
    return _config(name, path, options, require_masked)


def _config(
    name: str, path: str, options: Mapping[str, Any], require: Callable[[str, transformers.PreTrainedConfig], None]
) -> transformers.PreTrainedConfig:
    with loading(name, options.get("revision"), "model"), quiet_transformers():
        config: transformers.PreTrainedConfig = transformers.AutoConfig.from_pretrained(path, **options)
    require(shown(name), config)
    explicit = getattr(config, "transformers_weights", None)
    if explicit is not None and not str(explicit).endswith((".safetensors", ".safetensors.index.json")):
        raise UnsafeWeightsError(
            f"The config of {shown(name)} names {explicit!r} as its weights, and LM Loupe opens safetensors only: "
            "save the model again with save_pretrained."
        )
    return config


def require_causal(who: str, config: transformers.PreTrainedConfig) -> None:
    """Refuse the config of a model that does not continue a text; ``who`` is its name in the message.

    Raises:
        UnsupportedError: an encoder-decoder, another kind of model, or one without layers.
    """
    architectures = _architectures(who, config)
    if config.is_encoder_decoder:
        raise UnsupportedError(
            f"{who} is {architectures}, an encoder-decoder: its decoder goes by what an encoder has read, so "
            "a text alone has no next token. Choose a model that only continues a text."
        )
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UnsupportedError(
            f"{who} is {architectures}, not a causal language model, so it has no next token: choose a model "
            "that transformers' AutoModelForCausalLM loads."
        )
    if not layer_count(config.get_text_config()):
        raise UnsupportedError(
            f"The config of {who} names 0 layers, so there is no model between its embedding and its output: "
            "choose a model with layers."
        )


def require_masked(who: str, config: transformers.PreTrainedConfig) -> None:
    """Refuse the config of a model that fills no masks; ``who`` is its name in the message.

    Raises:
        UnsupportedError: an encoder-decoder, or another kind of model.
    """
    architectures = _architectures(who, config)
    if config.is_encoder_decoder or type(config) not in transformers.MODEL_FOR_MASKED_LM_MAPPING:
        causal = type(config) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING and not config.is_encoder_decoder
        reads = ": it reads from left to right and was never trained to fill a mask" if causal else ""
        raise UnsupportedError(
            f"{who} is {architectures}, not a masked language model{reads}. Choose one that transformers' "
            "AutoModelForMaskedLM loads, such as google-bert/bert-base-uncased."
        )


def _architectures(who: str, config: transformers.PreTrainedConfig) -> str:
    names = config.architectures or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise UnsupportedError(
            f"architectures in the config.json of {who} is not a list of names: save or download it again."
        )
    return ", ".join(names) or str(config.model_type)


def require_folder(folder: Path) -> None:
    """Check what can be told from names and from config.json, so that the message names the file."""
    with reading(str(folder)):
        files = [path.name for path in folder.iterdir()]
        written = (folder / "config.json").read_bytes() if "config.json" in files else b""
    if "config.json" not in files:
        adapter = " but an adapter" if "adapter_config.json" in files else ""
        raise SourceNotFoundError(
            f"The folder {shown(str(folder))} has no config.json{adapter}: choose one that save_pretrained wrote."
        )
    try:
        config = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise UnsupportedError(
            f"config.json in {shown(str(folder))} is not valid JSON: save or download it again."
        ) from error
    if not isinstance(config, dict):
        raise UnsupportedError(f"config.json in {shown(str(folder))} is not a JSON object: save or download it again.")
    weight_files(f"The folder {shown(str(folder))}", files)


def require_model(key: str) -> None:
    """Raise SourceNotFoundError for the key of an embedded tokenizer, which has no model."""
    if key in embedded_tokenizers():
        raise SourceNotFoundError(
            f"{key} is an embedded tokenizer without a model: "
            f"take the embedded model {EMBEDDED_MODEL}, a hub id or a folder."
        )


def repo_config(key: str, repo: HubRepo, read: ReadConfig = causal_config) -> transformers.PreTrainedConfig:
    """The config of a repository, fetched and checked; nothing else of it."""
    if not (repo.fetch_config() / "config.json").is_file():
        raise SourceNotFoundError(f"{shown(key)} has no config.json: choose a repository of a transformers model.")
    return read(key, key, {**OPTIONS, "revision": repo.commit})


def model_sources(
    key: str, revision: str | None, token: str | bool | None, read: ReadConfig = causal_config
) -> tuple[Tokenizer, str, transformers.PreTrainedConfig, dict[str, Any]]:
    """Tokenizer, place of the weights, config, and options for transformers; everything is on this machine then.

    ``read`` checks the config, before anything large is fetched.
    """
    options = dict(OPTIONS)
    if key == EMBEDDED_MODEL:
        path = str(ensure_embedded_model())
        return load_tokenizer("smollm2"), path, read(key, path, options), options
    require_model(key)
    folder = local_folder(key)
    if folder is not None:
        require_folder(folder)
    # The tokenizer before the weights: it is small, and a wrong name fails before gigabytes are on their way.
    tokenizer = load_tokenizer(key, revision=revision, token=token)
    if folder is not None:
        return tokenizer, str(folder), read(key, str(folder), options), options
    repo = open_repo(key, revision, token)
    options["revision"] = repo.commit
    config = repo_config(key, repo, read)
    repo.fetch_weights()
    return tokenizer, key, config, options
