"""Load a causal language model, quantized or not, on the best device there is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, cast, get_args

import torch
import transformers

from lmloupe.errors import InvalidSettingError, NotEnoughMemoryError, UnsupportedError
from lmloupe.loading.stamps import stamp
from lmloupe.model.architecture.describe import published_as
from lmloupe.model.architecture.results import Device, Dtype, Quantization
from lmloupe.model.local import Files, LocalEngine
from lmloupe.model.passes.continuation import Reading
from lmloupe.model.quiet import without_remarks
from lmloupe.model.sources import causal_config, model_sources
from lmloupe.model.weights import in_a_thread_that_ends, read_weights, too_large
from lmloupe.names import EMBEDDED_MODEL, shown
from lmloupe.tokens.tokenizer import Tokenizer

__all__ = ["Origin", "compute_dtype", "load_again", "load_engine", "pick_device"]


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


def _quantization_config(wanted: _Wanted) -> transformers.BitsAndBytesConfig | None:
    if wanted.quantization == "none":
        return None
    settings: Any = transformers.BitsAndBytesConfig
    if wanted.quantization == "int8":
        return cast(transformers.BitsAndBytesConfig, settings(load_in_8bit=True))
    made = settings(
        load_in_4bit=True,
        bnb_4bit_quant_type=wanted.quantization,
        bnb_4bit_compute_dtype=wanted.products,
        bnb_4bit_use_double_quant=wanted.double_quant,
    )
    return cast(transformers.BitsAndBytesConfig, made)


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


def load_engine(
    name: str | os.PathLike[str] = EMBEDDED_MODEL,
    quantization: Quantization = "none",
    device: Device = "auto",
    *,
    double_quant: bool = False,
    dtype: Dtype = "auto",
    compute_dtype: Dtype = "auto",
    revision: str | None = None,
    token: str | bool | None = None,
) -> LocalEngine:
    """Load a model by the embedded key, by folder, or by hub id.

    Weights come from safetensors only and no code of a repository is run (``use_safetensors=True``,
    ``trust_remote_code=False``). Activations are bfloat16 on CUDA cards that support it, float16 on others and on MPS,
    float32 on the CPU, unless ``dtype`` says otherwise. Quantization is bitsandbytes': int8 after Dettmers et al.,
    "LLM.int8()" (2022), nf4 and fp4 after Dettmers et al., "QLoRA" (2023); it leaves embeddings, norms and the output
    matrix as they are.

    Args:
        name: ``"smollm2-135m-instruct"`` (fetched once, see `lmloupe.ensure_embedded_model`), a folder, or a hub id.
        quantization: ``"none"``, ``"int8"``, ``"nf4"`` or ``"fp4"``.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        double_quant: for nf4 and fp4, quantize the scales too (about 0.4 bits less per weight).
        dtype: ``"float32"``, ``"bfloat16"`` or ``"float16"``: of the activations and of the weights that are not
            quantized; ``"auto"`` as said above.
        compute_dtype: of the products with nf4 and fp4 weights (bitsandbytes' ``bnb_4bit_compute_dtype``);
            ``"auto"`` is that of the activations.
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
    wanted = _Wanted.of(device, quantization, double_quant, dtype, compute_dtype)
    return in_a_thread_that_ends(_load, key, wanted, revision, token, None)


@dataclass(frozen=True, slots=True)
class Origin:
    """What it takes to load the model of an engine once more, when the engine itself has been let go.

    Attributes:
        name: embedded key, hub id or folder.
        revision: the hub's commit where known, else None.
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        reading: how the engine was found to read texts, so that the passes of a first load's check are not run again.
        tokenizer: the engine's, which is not read again.
        files: where the engine was read from.
    """

    name: str
    revision: str | None
    device: Device
    reading: Reading
    tokenizer: Tokenizer
    files: Files | None

    @classmethod
    def of(cls, engine: LocalEngine) -> Origin:
        """That of an engine."""
        described, loaded = engine.describe(), engine.loaded
        device = cast(Device, described.device)
        return cls(described.name, described.revision, device, loaded.reading, loaded.tokenizer, engine.files)


def load_again(
    engine: LocalEngine | Origin,
    quantization: Quantization = "none",
    *,
    double_quant: bool = False,
    dtype: Dtype = "auto",
    compute_dtype: Dtype = "auto",
) -> LocalEngine:
    """Load the model of an engine once more, in another precision, on the same device.

    It is read as the engine was found to read texts, so that the passes of a first load's check are not run again.
    Arguments and errors are those of `load_engine`.
    """
    origin = Origin.of(engine) if isinstance(engine, LocalEngine) else engine
    wanted = _Wanted.of(origin.device, quantization, double_quant, dtype, compute_dtype)
    return in_a_thread_that_ends(_load, origin.name, wanted, origin.revision, None, origin)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A precision on a device: ``dtype`` is that of the activations, ``products`` that of 4-bit weights' products."""

    quantization: Quantization
    device: str
    double_quant: bool
    dtype: torch.dtype
    products: torch.dtype

    @classmethod
    def of(
        cls, device: Device, quantization: Quantization, double_quant: bool, dtype: Dtype, compute_dtype: Dtype
    ) -> _Wanted:
        """What `load_engine` is asked for, checked, with the device and the dtypes that ``"auto"`` stands for."""
        chosen = pick_device(device, quantization)
        whole = _chosen_dtype("dtype", dtype, chosen)
        products = whole if compute_dtype == "auto" else _chosen_dtype("compute_dtype", compute_dtype, chosen)
        return cls(quantization, chosen, double_quant, whole, products)


def _chosen_dtype(what: str, dtype: Dtype, device: str) -> torch.dtype:
    if dtype not in get_args(Dtype):
        raise InvalidSettingError(f"{what} {dtype!r} is not known: choose from {', '.join(get_args(Dtype))}.")
    return compute_dtype(device) if dtype == "auto" else cast(torch.dtype, getattr(torch, dtype))


def _load(
    key: str, wanted: _Wanted, revision: str | None, token: str | bool | None, known: Origin | None
) -> LocalEngine:
    quantization = wanted.quantization
    if known is None or known.files is None:
        tokenizer, path, config, options = model_sources(key, revision, token)
    else:
        tokenizer, path, options = known.tokenizer, known.files.path, known.files.options
        config = causal_config(key, path, options)
    if quantization != "none" and getattr(config, "quantization_config", None) is not None:
        raise UnsupportedError(
            f"The weights of {shown(key)} are quantized already: load them with quantization none, "
            f"or choose the repository of the original weights for {quantization}."
        )
    published = published_as(key, config)
    files = Files(path, options, () if "revision" in options else stamp(path))  # before it is read: it may be changed
    without_remarks()
    instead = f"nf4{'' if wanted.device == 'cpu' else ', device cpu'} or "
    model, report = read_weights(
        transformers.AutoModelForCausalLM, key, revision, path, wanted.device, instead,
        config=config, dtype=wanted.dtype, quantization_config=_quantization_config(wanted), **options,
    )  # fmt: skip
    _require_own_head(key, model, report)
    _require_shapes(key, model)
    model.eval()
    try:
        return LocalEngine(
            model,
            tokenizer,
            name=key,
            revision=options.get("revision"),
            quantization=quantization,
            published_as=published,
            reading=None if known is None else known.reading,
            files=files,
        )
    except NotEnoughMemoryError as error:  # its first passes need some too
        raise too_large(key, wanted.device, instead) from error.with_traceback(None)
