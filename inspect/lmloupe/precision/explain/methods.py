"""Ways of quantizing that are not bitsandbytes': what a config of theirs means, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CLASSES", "METHODS", "method_words", "setting_words"]

METHODS: Mapping[str, str] = {
    "gptq": "GPTQ: the checkpoint's weights are stored in whole numbers of few bits, found layer by layer with sample "
    "texts so that each layer's outputs change little; a scale and a zero point for each group.",
    "awq": "AWQ: the checkpoint's weights are stored in 4-bit whole numbers; before rounding, channels that meet large "
    "activations were scaled up, so that they lose less.",
    "fp8": "FP8: weights are stored as 8-bit floats (E4M3) with a scale for each block, and activations are rounded to "
    "8-bit floats as they come.",
    "mxfp4": "MXFP4: weights are stored as 4-bit floats (E2M1), 32 of which share a scale that is a power of two: "
    "4.25 bits a weight.",
    "torchao": "torchao: PyTorch's own library stores the weights; which format, its quant_type says.",
    "hqq": "HQQ: weights are rounded to few bits while the model loads, with no sample texts; zero points are found by "
    "an optimization of each group.",
    "compressed-tensors": "compressed-tensors: a checkpoint of llm-compressor; which modules are stored in how many "
    "bits, its config_groups say.",
    "gguf": "GGUF: blocks of llama.cpp's formats. transformers leaves them packed where it has a kernel for them, and "
    "else multiplies them out to plain numbers, which take the memory of plain numbers.",
    "quanto": "Quanto: weights are stored in 8, 4 or 2 bits, or as 8-bit floats, while the model loads.",
    "auto-round": "AutoRound: the checkpoint's weights were rounded up or down as a short training found best.",
    "fbgemm_fp8": "FBGEMM FP8: weights are stored as 8-bit floats with a scale for each row, activations are rounded "
    "to 8-bit floats row by row.",
    "nvfp4": "NVFP4: weights are stored as 4-bit floats (E2M1), 16 of which share an 8-bit float scale: 4.5 bits a "
    "weight.",
    "bitnet": "BitNet: every weight is -1, 0 or 1; the model was trained so.",
    "aqlm": "AQLM: groups of weights are stored as sums of entries of learnt code books.",
    "eetq": "EETQ: weights are stored in 8 bits with a scale for each row, while the model loads.",
    "higgs": "HIGGS: weights are rotated and stored as entries of a fixed grid of few bits.",
    "spqr": "SpQR: weights are stored in few bits, but for the few that matter most, which stay in 16.",
    "vptq": "VPTQ: short vectors of weights are stored as entries of learnt code books.",
}
"""A sentence for each ``quant_method``, as transformers names it."""

CLASSES: Mapping[str, str] = {
    "GPTQConfig": "gptq", "AwqConfig": "awq", "FineGrainedFP8Config": "fp8", "Mxfp4Config": "mxfp4",
    "TorchAoConfig": "torchao", "HqqConfig": "hqq", "CompressedTensorsConfig": "compressed-tensors",
    "GgufConfig": "gguf", "QuantoConfig": "quanto", "AutoRoundConfig": "auto-round", "FbgemmFp8Config": "fbgemm_fp8",
    "NVFP4Config": "nvfp4", "BitNetQuantConfig": "bitnet", "AqlmConfig": "aqlm", "EetqConfig": "eetq",
    "HiggsConfig": "higgs", "SpQRConfig": "spqr", "VptqConfig": "vptq",
}  # fmt: skip
"""The ``quant_method`` of transformers' other classes of configs."""

_SETTINGS: Mapping[str, str] = {
    "quant_method": "Which library stores the weights and multiplies with them.",
    "bits": "Bits of one weight's code, without its share of the scales.",
    "nbits": "Bits of one weight's code, without its share of the scales.",
    "w_bit": "Bits of one weight's code, without its share of the scales.",
    "group_size": "Weights of a row that share a scale; -1 is the whole row.",
    "q_group_size": "Weights of a row that share a scale; -1 is the whole row.",
    "block_size": "Weights that share a scale.",
    "weight_block_size": "Rows and columns of the block of weights that shares a scale.",
    "desc_act": "Columns are taken in the order of how large their activations were: closer, and slower to read.",
    "sym": "True: codes lie evenly on both sides of zero, so that no zero point is stored.",
    "zero_point": "True: a zero point is stored for each group, so that its codes need not lie evenly around zero.",
    "damp_percent": "A small number on the diagonal of GPTQ's matrix, for a stable inverse; of the making alone.",
    "dataset": "The sample texts that the rounding was fitted to; of the making alone.",
    "activation_scheme": "How activations are rounded: dynamic measures their range as they come.",
    "modules_to_not_convert": "These modules stay as they are.",
    "ignore": "These modules stay as they are.",
    "config_groups": "Which modules are stored in how many bits, and how activations are treated.",
    "dequantize": "True: the weights are multiplied out to plain numbers when they are loaded.",
    "quant_type": "The format that the weights are stored in.",
    "weights": "The format that the weights are stored in.",
    "format": "How the codes are packed in the file.",
    "version": "Which of the method's kernels the codes are packed for.",
    "backend": "Which kernels multiply.",
}


def method_words(method: str) -> str:
    """A sentence about a method; a plain one for a name that is not known here.

    >>> method_words("awq")[:4]
    'AWQ:'
    """
    return METHODS.get(method) or f"{method[:60]}: a way of quantizing that LM Loupe has no sentence for."


def setting_words(name: str) -> str:
    """What a setting of another method does; a plain sentence for one that is not known here."""
    return _SETTINGS.get(name, "A setting of that method.")
