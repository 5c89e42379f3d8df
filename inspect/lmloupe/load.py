"""Load a causal language model, quantized or not, on the best device there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import torch
import transformers

from lmloupe.embedded_model import EMBEDDED_MODEL, ensure_embedded_model
from lmloupe.engine import Device, Quantization
from lmloupe.errors import InvalidSettingError, UnsupportedError
from lmloupe.hub_errors import loading
from lmloupe.local_engine import LocalEngine
from lmloupe.tokenizer import load_tokenizer

__all__ = ["load_engine", "pick_device"]


def pick_device(device: Device = "auto", quantization: Quantization = "none") -> str:
    """The device that ``auto`` stands for here: CUDA, else Apple's MPS, else the CPU.

    bitsandbytes does not quantize on MPS, so there ``auto`` takes the CPU for a quantized model.

    Raises:
        InvalidSettingError: a device that this machine lacks, an unknown name, or a quantized model on MPS.
    """
    if device not in get_args(Device) or quantization not in get_args(Quantization):
        raise InvalidSettingError(
            f"device {device!r} with quantization {quantization!r}: device must be one of {', '.join(get_args(Device))}, "
            f"quantization one of {', '.join(get_args(Quantization))}."
        )
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return "cuda" if has_cuda else "mps" if has_mps and quantization == "none" else "cpu"
    if (device == "cuda" and not has_cuda) or (device == "mps" and not has_mps):
        raise InvalidSettingError(f"This machine has no {device} device that torch can use: choose auto or cpu.")
    if device == "mps" and quantization != "none":
        raise InvalidSettingError("bitsandbytes does not quantize on MPS: choose quantization none, or device cpu.")
    return device


def _dtype(device: str) -> torch.dtype:
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.float16 if device == "mps" else torch.float32


def _quantization_config(
    quantization: Quantization, dtype: torch.dtype, *, double_quant: bool
) -> transformers.BitsAndBytesConfig | None:
    if quantization == "none":
        return None
    if quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_use_double_quant=double_quant,
    )


def _require_causal(name: str, config: transformers.PreTrainedConfig) -> None:
    architectures = config.architectures or []
    causal = any("CausalLM" in a or "LMHead" in a for a in architectures)
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING or (architectures and not causal):
        raise UnsupportedError(
            f"{name} is {', '.join(architectures) or config.model_type}, not a causal language model, so it has no next token: "
            "choose a model whose architecture ends in ForCausalLM."
        )


def _require_complete(name: str, report: dict[str, Any]) -> None:
    # transformers fills what is missing with random numbers and only warns.
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise UnsupportedError(
            f"The weights of {name} lack {len(missing)} tensors that its config asks for ({missing[0]}, ...): "
            "what is missing would be random, so LM Loupe does not show it."
        )


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
    float32 on the CPU. Quantization is bitsandbytes': int8 after Dettmers et al., "LLM.int8()" (2022), nf4 and fp4 after
    Dettmers et al., "QLoRA" (2023); it leaves embeddings, norms and the output matrix as they are.

    Args:
        name: ``"smollm2-135m-instruct"`` (fetched once, see `lmloupe.ensure_embedded_model`), a folder, or a hub id.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        double_quant: for nf4 and fp4, quantize the scales too (about 0.4 bits less per weight).
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        LoadError: see its kinds in `lmloupe.errors`.
        InvalidSettingError: a device that is not here, or a quantization that it cannot do.
    """
    key = os.fspath(name).strip()
    chosen = pick_device(device, quantization)
    embedded = key == EMBEDDED_MODEL
    path = str(ensure_embedded_model()) if embedded else key
    # The tokenizer first: it is small, and a wrong name fails before gigabytes are on their way.
    tokenizer = load_tokenizer("smollm2") if embedded else load_tokenizer(key, revision=revision, token=token)
    path = str(Path(path).expanduser()) if tokenizer.source != "hub" else path
    dtype = _dtype(chosen)
    options: dict[str, Any] = {"trust_remote_code": False, "token": token, "revision": revision or "main"}
    with loading(key, revision, "model"):
        config = transformers.AutoConfig.from_pretrained(path, **options)
        _require_causal(key, config)
        try:
            model, report = transformers.AutoModelForCausalLM.from_pretrained(
                path,
                config=config,
                dtype=dtype,
                device_map={"": chosen},
                use_safetensors=True,
                quantization_config=_quantization_config(quantization, dtype, double_quant=double_quant),
                output_loading_info=True,
                **options,
            )
        except torch.OutOfMemoryError as error:
            raise UnsupportedError(
                f"{key} does not fit into this {chosen} device's memory: choose nf4, a smaller model, or device cpu."
            ) from error
    _require_complete(key, report)
    model.eval()
    return LocalEngine(model, tokenizer, name=key, revision=revision, quantization=quantization)
