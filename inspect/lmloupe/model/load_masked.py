"""Load a masked language model, by the same rules as a causal one."""

from __future__ import annotations

import os

import transformers

from lmloupe.errors import NotEnoughMemoryError
from lmloupe.model.architecture.results import Device
from lmloupe.model.gap.masked import LocalMaskedModel
from lmloupe.model.load import compute_dtype, pick_device
from lmloupe.model.sources import masked_config, model_sources, require_masked
from lmloupe.model.weights import in_a_thread_that_ends, read_weights, too_large
from lmloupe.names import EMBEDDED_MODEL, shown

__all__ = ["load_masked_model"]


def load_masked_model(
    name: str | os.PathLike[str],
    device: Device = "auto",
    *,
    revision: str | None = None,
    token: str | bool | None = None,
) -> LocalMaskedModel:
    """Load a masked language model (BERT, RoBERTa and their kin) by folder or by hub id.

    As for `load_engine`, weights come from safetensors only, no code of a repository is run, and the tokenizer's rules
    work in a process of their own. The numbers are bfloat16 or float16 on a GPU and float32 on the CPU.

    Args:
        name: a folder, or a hub id such as ``google-bert/bert-base-uncased``.
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        revision: branch, tag or commit; hub ids only.
        token: hub token; None takes the environment's or the hub login's. Not kept.

    Raises:
        SourceNotFoundError, GatedError, UnreachableError, UnsafeWeightsError, InvalidSettingError: as for
            `load_engine`.
        UnsupportedError: a causal model or another kind, no mask token, damaged or incomplete files, or too large for
            the device.
    """
    key = os.fspath(name).strip()
    chosen = pick_device(device)
    return in_a_thread_that_ends(_load, key, chosen, revision, token)


def _load(key: str, device: str, revision: str | None, token: str | bool | None) -> LocalMaskedModel:
    if key == EMBEDDED_MODEL:  # without fetching it first
        require_masked(shown(key), transformers.LlamaConfig(architectures=["LlamaForCausalLM"]))
    tokenizer, path, config, options = model_sources(key, revision, token, masked_config)
    model, _ = read_weights(
        transformers.AutoModelForMaskedLM, key, revision, path, device, "",
        config=config, dtype=compute_dtype(device), **options,
    )  # fmt: skip
    model.eval()
    try:
        return LocalMaskedModel(model, tokenizer, name=key, revision=options.get("revision"))
    except NotEnoughMemoryError as error:  # its first passes need some too
        raise too_large(key, device, "") from error.with_traceback(None)
