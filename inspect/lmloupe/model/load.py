"""Load a causal language model, quantized or not, on the best device there is."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast, get_args

import torch
import transformers

from lmloupe.errors import InvalidSettingError, SourceNotFoundError, UnsafeWeightsError, UnsupportedError
from lmloupe.loading.embedded_model.folder import ensure_embedded_model
from lmloupe.loading.hub_errors import loading, reading
from lmloupe.loading.hub_files import open_repo, weight_files
from lmloupe.loading.tokenizer import load_tokenizer
from lmloupe.model.architecture.describe import published_as
from lmloupe.model.architecture.results import Device, Quantization
from lmloupe.model.local import LocalEngine
from lmloupe.model.passes.config_sizes import layer_count
from lmloupe.model.quiet import quiet_transformers, without_int8_remark
from lmloupe.names import EMBEDDED_MODEL, local_folder, shown
from lmloupe.tokens.embedded import embedded_tokenizers
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["causal_config", "compute_dtype", "load_engine", "pick_device", "require_folder"]


def pick_device(device: Device = "auto", quantization: Quantization = "none") -> str:
    """The device that ``auto`` stands for here: CUDA, else Apple's MPS, else the CPU.

    Quantization on MPS is not tested with LM Loupe (bitsandbytes lists a Metal backend since 0.50), so there ``auto``
    takes the CPU for a quantized model.

    Raises:
        InvalidSettingError: a device that this machine lacks, an unknown name, or a quantized model on MPS.
    """
    if device not in get_args(Device) or quantization not in get_args(Quantization):
        raise InvalidSettingError(
            f"Device {device!r} with quantization {quantization!r} is not known: "
            f"choose from {', '.join(get_args(Device))}, and from {', '.join(get_args(Quantization))}."
        )
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return "cuda" if has_cuda else "mps" if has_mps and quantization == "none" else "cpu"
    if (device == "cuda" and not has_cuda) or (device == "mps" and not has_mps):
        raise InvalidSettingError(f"This machine has no {device} device that torch can use: choose auto or cpu.")
    if device == "mps" and quantization != "none":
        raise InvalidSettingError(
            f"Quantization {quantization} on MPS is not tested with LM Loupe: choose quantization none, or device cpu."
        )
    return device


def compute_dtype(device: str) -> torch.dtype:
    """The dtype of activations and of unquantized weights on a device."""
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device == "mps" else torch.float32


def _quantization_config(
    quantization: Quantization, dtype: torch.dtype, *, double_quant: bool
) -> transformers.BitsAndBytesConfig | None:
    if quantization == "none":
        return None
    settings: Any = transformers.BitsAndBytesConfig
    if quantization == "int8":
        return cast(transformers.BitsAndBytesConfig, settings(load_in_8bit=True))
    made = settings(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=double_quant,
    )
    return cast(transformers.BitsAndBytesConfig, made)


def causal_config(name: str, path: str, options: dict[str, Any]) -> transformers.PreTrainedConfig:
    """The model's config, once it is one that LM Loupe can show."""
    with loading(name, options.get("revision"), "model"), quiet_transformers():
        config: transformers.PreTrainedConfig = transformers.AutoConfig.from_pretrained(path, **options)
    names = config.architectures or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise UnsupportedError(
            f"architectures in the config.json of {shown(name)} is not a list of names: save or download it again."
        )
    architectures = ", ".join(names) or str(config.model_type)
    if config.is_encoder_decoder:
        raise UnsupportedError(
            f"{shown(name)} is {architectures}, an encoder-decoder: its decoder goes by what an encoder has read, so "
            "a text alone has no next token. Choose a model that only continues a text."
        )
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UnsupportedError(
            f"{shown(name)} is {architectures}, not a causal language model, so it has no next token: choose a model "
            "that transformers' AutoModelForCausalLM loads."
        )
    if not layer_count(config.get_text_config()):
        raise UnsupportedError(
            f"The config of {shown(name)} names 0 layers, so there is no model between its embedding and its output: "
            "choose a model with layers."
        )
    explicit = getattr(config, "transformers_weights", None)
    if explicit is not None and not str(explicit).endswith((".safetensors", ".safetensors.index.json")):
        raise UnsafeWeightsError(
            f"The config of {shown(name)} names {explicit!r} as its weights, and LM Loupe opens safetensors only: "
            "save the model again with save_pretrained."
        )
    return config


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


def _require_complete(name: str, report: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers and only warns.
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UnsupportedError(
            f"The weights of {shown(name)} lack {missing[0]}{others}, which its config asks for: they would be random "
            "numbers, so LM Loupe does not show them."
        )


def _require_own_head(name: str, model: Any, report: dict[str, Any]) -> None:
    """Refuse weights of a class with another head (a classifier, a reward model): transformers leaves that one out."""
    named = model.config.architectures or []
    left_out = sorted(
        key for key in report["unexpected_keys"] if not key.startswith((f"{model.base_model_prefix}.", "model."))
    )
    if named and type(model).__name__ not in named and left_out:
        raise UnsupportedError(
            f"{shown(name)} is {', '.join(named)}: its weights end in {left_out[0]}, which gives no next token. Choose "
            "a causal language model."
        )


def _require_shapes(name: str, model: torch.nn.Module) -> None:
    # transformers compares the shapes of plain weights, but not of those that it quantizes on the way.
    for path, module in model.named_modules():
        weight = getattr(module, "weight", None)
        state = getattr(weight, "quant_state", None)
        if weight is None or (state is None and type(weight).__name__ != "Int8Params"):
            continue
        shape, asked = tuple((weight if state is None else state).shape), (module.out_features, module.in_features)
        if shape != asked:
            raise UnsupportedError(
                f"{path}.weight of {shown(name)} has the shape {shape}, but its config.json asks for {asked}: "
                "take config and weights from the same model."
            )


def _sources(
    key: str, revision: str | None, token: str | bool | None
) -> tuple[Tokenizer, str, transformers.PreTrainedConfig, dict[str, Any]]:
    """Tokenizer, place of the weights, config, and options for transformers; everything is on this machine then."""
    options: dict[str, Any] = {"trust_remote_code": False, "token": False, "local_files_only": True}
    if key == EMBEDDED_MODEL:
        path = str(ensure_embedded_model())
        return load_tokenizer("smollm2"), path, causal_config(key, path, options), options
    if key in embedded_tokenizers():
        raise SourceNotFoundError(
            f"{key} is an embedded tokenizer without a model: "
            f"take the embedded model {EMBEDDED_MODEL}, a hub id or a folder."
        )
    folder = local_folder(key)
    if folder is not None:
        require_folder(folder)
    # The tokenizer before the weights: it is small, and a wrong name fails before gigabytes are on their way.
    tokenizer = load_tokenizer(key, revision=revision, token=token)
    if folder is not None:
        return tokenizer, str(folder), causal_config(key, str(folder), options), options
    repo = open_repo(key, revision, token)
    options["revision"] = repo.commit
    if not (repo.fetch_config() / "config.json").is_file():
        raise SourceNotFoundError(f"{shown(key)} has no config.json: choose a repository of a transformers model.")
    config = causal_config(key, key, options)
    repo.fetch_weights()
    return tokenizer, key, config, options


def load_engine(
    name: str | os.PathLike[str] = EMBEDDED_MODEL,
    quantization: Quantization = "none",
    device: Device = "auto",
    *,
    double_quant: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
) -> LocalEngine:
    """Load a model by the embedded key, by folder, or by hub id.

    Weights come from safetensors only and no code of a repository is run (``use_safetensors=True``,
    ``trust_remote_code=False``). Activations are bfloat16 on CUDA cards that support it, float16 on others and on MPS,
    float32 on the CPU. Quantization is bitsandbytes': int8 after Dettmers et al., "LLM.int8()" (2022), nf4 and fp4
    after Dettmers et al., "QLoRA" (2023); it leaves embeddings, norms and the output matrix as they are.

    Args:
        name: ``"smollm2-135m-instruct"`` (fetched once, see `lmloupe.ensure_embedded_model`), a folder, or a hub id.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        double_quant: for nf4 and fp4, quantize the scales too (about 0.4 bits less per weight).
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        SourceNotFoundError: no such folder, hub id or revision, or nothing in it that could be a model.
        GatedError: the hub asks for an accepted licence or a login.
        UnreachableError: the hub did not answer within five seconds and its cache lacks the model.
        UnsafeWeightsError: pickled weights only.
        UnsupportedError: not a causal language model, damaged or incomplete files, or too large for the device.
        InvalidSettingError: a device that is not here, or a quantization that it cannot do.
    """
    key = os.fspath(name).strip()
    chosen = pick_device(device, quantization)
    # In a thread that ends: torch leaves a pool of its own in a thread that quantizes, and on two cores a second
    # pool in a live thread slows the worker's products by a tenth to a quarter.
    with ThreadPoolExecutor(1, "lmloupe-load") as loader:
        return loader.submit(_load, key, quantization, chosen, double_quant, revision, token).result()


def _load(
    key: str,
    quantization: Quantization,
    chosen: str,
    double_quant: bool,
    revision: str | None,
    token: str | bool | None,
) -> LocalEngine:
    dtype = compute_dtype(chosen)
    tokenizer, path, config, options = _sources(key, revision, token)
    if quantization != "none" and getattr(config, "quantization_config", None) is not None:
        raise UnsupportedError(
            f"The weights of {shown(key)} are quantized already: load them with quantization none, "
            f"or choose the repository of the original weights for {quantization}."
        )
    published = published_as(key, config)
    without_int8_remark()
    auto: Any = transformers.AutoModelForCausalLM
    settings = _quantization_config(quantization, dtype, double_quant=double_quant)
    with loading(key, revision, "model"):
        try:
            with quiet_transformers():
                model, report = auto.from_pretrained(
                    path,
                    config=config,
                    dtype=dtype,
                    device_map={"": chosen},
                    use_safetensors=True,
                    quantization_config=settings,
                    output_loading_info=True,
                    **options,
                )
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise UnsupportedError(
                f"{shown(key)} does not fit into the memory of this {chosen} device: "
                f"choose nf4{'' if chosen == 'cpu' else ', device cpu'} or a smaller model."
            ) from error
    _require_complete(key, report)
    _require_own_head(key, model, report)
    _require_shapes(key, model)
    model.eval()
    return LocalEngine(
        model,
        tokenizer,
        name=key,
        revision=options.get("revision"),
        quantization=quantization,
        published_as=published,
    )
