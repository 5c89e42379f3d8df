"""The lines of Python that load a page's model with transformers alone, for the code beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import lmloupe as lm
from ui.state.settings import EMBEDDED_MODEL

__all__ = ["lens_code", "loading_code"]

MAX_IDS = 2000


def loading_code(described: lm.ModelDescription, ids: Sequence[int], *, eager: bool = False) -> str:
    """Lines that define ``model`` and ``ids`` with transformers alone, in the precision that is on the screen.

    The ids stand there as numbers, so that no tokenizer's own ways come between. ``eager`` asks for
    the attention that returns its weights.
    """
    options = [f'device_map={{"": {described.device!r}}}', f"dtype=torch.{described.compute_dtype}"]
    if eager:
        options.append('attn_implementation="eager"')
    imports = "from transformers import AutoModelForCausalLM"
    if described.quantization == "int8":
        options.append("quantization_config=BitsAndBytesConfig(load_in_8bit=True)")
    elif described.quantization != "none":
        settings = f"load_in_4bit=True, bnb_4bit_quant_type={described.quantization!r}"
        settings += f", bnb_4bit_compute_dtype=torch.{described.compute_dtype}"
        options.append(f"quantization_config=BitsAndBytesConfig({settings})")
    if described.quantization != "none":
        imports += ", BitsAndBytesConfig"
    if described.revision is not None:
        options.append(f"revision={described.revision!r}")
    if described.name == EMBEDDED_MODEL:
        folder = "import lmloupe\n\nfolder = lmloupe.ensure_embedded_model()  # any folder or hub id does"
    else:
        folder = f"\nfolder = {described.name!r}"
    listed = repr(list(map(int, ids)))
    if len(ids) > MAX_IDS:
        listed = 'list(map(int, open("ids.txt").read().split()))  # save the ids of the table there first'
    arguments = ",\n    ".join(["folder", *options])
    return (
        f"import torch\n{imports}\n{folder}\n"
        f"model = AutoModelForCausalLM.from_pretrained(\n    {arguments},\n).eval()\nids = {listed}\n"
    )


def lens_code(parts: lm.LensParts, layer: int, n_layers: int, position: int) -> str:
    """Lines that define ``logits``, the lens' at a layer and a position, from ``model`` and ``answer``.

    ``answer`` is the model's output with all hidden states. Of the last layer the logits are the model's own: the last
    of the hidden states is normed already in most models.
    """
    if layer == n_layers:
        return f"logits = answer.logits[0, {position}]  # the last of the hidden states is normed already"
    lines = [
        f"norm, head = model.get_submodule({parts.norm!r}), model.get_submodule({parts.head!r})",
        f"logits = head(norm(answer.hidden_states[{layer}][0, {position}])).float()",
    ]
    if parts.scale != 1:
        lines.append(f"logits = logits * {parts.scale!r}  # as the model does")
    if parts.soft_cap is not None:
        lines.append(f"logits = torch.tanh(logits / {parts.soft_cap!r}) * {parts.soft_cap!r}  # as the model does")
    return "\n".join(lines)
