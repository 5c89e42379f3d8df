"""The embedded model's GGUF file made into a folder that transformers and lmloupe load in a second.

Run as ``python -m lmloupe.loading.embedded_model._convert model.gguf FOLDER`` by
`lmloupe.loading.embedded_model.folder`: in a process of its own the work can be stopped at once, and the gigabytes
and the settings of torch that it needs do not stay in the caller's.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["convert", "save_tokenizer", "save_weights"]

# As published for SmolLM2-135M-Instruct; the ids are those of the GGUF file's own metadata.
_UNK, _BOS, _EOS = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_BOS_ID, _EOS_ID = 1, 2


def convert(gguf: Path, folder: Path) -> None:
    """Write weights, configuration and tokenizer of the embedded model into a folder.

    Args:
        gguf: the quantized model file, Llama architecture.
        folder: made if it is not there; gets ``model.safetensors`` (float32, the quantized values multiplied out),
            ``config.json``, ``generation_config.json`` and what `save_tokenizer` writes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(gguf, folder)
    save_tokenizer(folder)


def save_weights(gguf: Path, folder: Path) -> None:
    """Dequantize a GGUF file with transformers and save it as float32 safetensors.

    transformers' own GGUF path does the renaming and undoes the permutation of the query and key rows that the
    format has for rotary embeddings. It takes about 20 s, nearly all of it in reading the vocabulary twice.
    """
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, trust_remote_code=False
    )
    packed = [name for name, value in model.named_parameters() if value.dtype != torch.float32]
    if packed:
        raise RuntimeError(f"transformers left {len(packed)} tensors quantized, {packed[0]} among them")
    # With these still there, the saved folder claims to be GGUF, and transformers refuses to load or to quantize it.
    del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    # The internal name of a training run, which is in the GGUF file's metadata.
    vars(model.config).pop("_model_name_or_path", None)
    settings: Any = GenerationConfig  # its signature has no types
    model.generation_config = settings(bos_token_id=_BOS_ID, eos_token_id=_EOS_ID, pad_token_id=_EOS_ID)
    model.save_pretrained(folder)
    # safetensors makes files that their owner alone can read; a cache shared by a class has other readers.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")


def save_tokenizer(folder: Path) -> None:
    """Write lmloupe's embedded ``smollm2`` tokenizer and chat template as transformers reads them.

    The tokenizer that transformers makes from the GGUF file is not used: it lacks the step that splits
    digits one by one, so that numbers get other ids than the model was trained on.
    """
    package = resources.files("lmloupe")
    vocabulary = gzip.decompress((package / "data" / "smollm2.json.gz").read_bytes())
    template = (package / "templates" / "smollm2.jinja").read_bytes()
    settings = {
        # The plain class takes tokenizer.json as it is; a model's own class rebuilds the pre-tokenizer.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _BOS,
        "eos_token": _EOS,
        "pad_token": _EOS,
        "unk_token": _UNK,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 8192,
    }
    (folder / "tokenizer.json").write_bytes(vocabulary)
    (folder / "chat_template.jinja").write_bytes(template)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
